"""Whom roles trust that people take who come from the company's directory.

- By SAML: whoever the provider vouches for, with the audience that AWS's own sign-in has. The assertion names the
  role; who gets which is the directory's to say. The person's name goes along as source identity and cannot change
  afterwards, and no tags are taken but `keylease:` ones.
- By OpenID Connect: whoever has a token for this application (`aud`), and where they are named, these people alone
  (`sub`, which the directory makes for each application). Nothing else of a token counts for AWS: no groups, no
  roles, no tenant. So an application is needed for each role, and the directory says who may use it.

AWS knows nothing of MFA here: a condition on MFA would lock everybody out. The directory asks for it.

Nothing here calls AWS. Sources: IAM user guide, "Available keys for AWS OIDC federation", "... SAML-based
federation"; for the audience, "Configure a relying party".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keylease.domain.iam import policy

AUDIENCES = {
    "aws": "https://signin.aws.amazon.com/saml",
    "aws-cn": "https://signin.amazonaws.cn/saml",
    "aws-us-gov": "https://signin.amazonaws-us-gov.com/saml",
}
_OWN_TAGS = {"ForAllValues:StringLike": {"aws:TagKeys": "keylease:*"}}


def saml_trust(provider_arn: str, *, partition: str = "aws") -> dict[str, Any]:
    """Whoever comes with an assertion of this provider that is meant for AWS."""
    federated = {"Effect": "Allow", "Principal": {"Federated": provider_arn}}
    audience = {"StringEquals": {"SAML:aud": AUDIENCES.get(partition, AUDIENCES["aws"])}}
    return policy(
        [
            {**federated, "Action": "sts:AssumeRoleWithSAML", "Condition": audience},
            {**federated, "Action": "sts:SetSourceIdentity"},
            {**federated, "Action": "sts:TagSession", "Condition": _OWN_TAGS},
        ]
    )


def oidc_trust(provider_arn: str, *, client_ids: Sequence[str], subjects: Sequence[str] = ()) -> dict[str, Any]:
    """Whoever comes with a token of this issuer for one of these applications; of these people where named."""
    issuer = provider_arn.split(":oidc-provider/", 1)[1]
    meant = {f"{issuer}:aud": list(client_ids)}
    people = {f"{issuer}:sub": list(subjects)} if subjects else {}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {**meant, **people}},
    }
    return policy([statement])
