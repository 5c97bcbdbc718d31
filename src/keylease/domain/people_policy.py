"""The policies of people who administer an account, and the one that asks for MFA.

The MFA policy lets everybody set up MFA of their own and denies everything else without it. It comes in two forms:

- *strict* (`BoolIfExists`): what carries no word on MFA is denied too. An access key never carries one, so the
  scripts and tools of whoever is in the group stop: Cyberduck, Terraform, backups.
- *spares keys* (`Bool`): only what says that there was no MFA is denied, so sign-ins to the console. Where an AWS
  service calls on for somebody it says false, so those calls are spared as well.

Never attach either to leased users or to people who come by federation: AWS does not know of MFA there. Leased
users are spared by their path, whatever group they are in. The list of what is open without MFA must not hold
`DeactivateMFADevice` or `DeleteVirtualMFADevice` of others: with them a thief would take the MFA away first.

Nothing here calls AWS. Source of the list: IAM user guide, "AWS: Allows MFA-authenticated IAM users to manage their
own MFA device"; with ChangePassword, without which nobody gets past a first password.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from keylease.domain.group_policy import LEASED_USERS
from keylease.domain.iam import policy

Mfa = Literal["strict", "spares-keys"]

_OWN = "arn:{partition}:iam::*:user/${{aws:username}}"
_OWN_UNDER_PATH = "arn:{partition}:iam::*:user/*/${{aws:username}}"
OPEN_WITHOUT_MFA = (
    "iam:ChangePassword",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:GetAccountPasswordPolicy",
    "iam:GetUser",
    "iam:ListMFADevices",
    "iam:ListVirtualMFADevices",
    "iam:ResyncMFADevice",
    "sts:GetCallerIdentity",
    "sts:GetSessionToken",
)


def administrator_policy() -> dict[str, Any]:
    """Everything, billing included, for whoever has signed in with MFA."""
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    return policy([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": mfa}])


def mfa_policy(*, form: Mfa, partition: str = "aws") -> dict[str, Any]:
    """Set up MFA of one's own; everything else is denied without it, in one of the two forms."""
    own = [one.format(partition=partition) for one in (_OWN, _OWN_UNDER_PATH)]
    return policy(
        [
            _allow(["iam:GetAccountPasswordPolicy", "iam:ListVirtualMFADevices"], "*"),
            _allow("iam:CreateVirtualMFADevice", f"arn:{partition}:iam::*:mfa/*"),
            _allow(
                [
                    "iam:ChangePassword",
                    "iam:EnableMFADevice",
                    "iam:GetUser",
                    "iam:ListMFADevices",
                    "iam:ResyncMFADevice",
                ],
                own,
            ),
            _without_mfa(form),
        ]
    )


def _without_mfa(form: Mfa) -> dict[str, Any]:
    operator = "BoolIfExists" if form == "strict" else "Bool"
    condition: dict[str, Any] = {
        operator: {"aws:MultiFactorAuthPresent": "false"},
        "ArnNotLike": {"aws:PrincipalArn": LEASED_USERS},
    }
    if form == "spares-keys":
        condition["BoolIfExists"] = {"aws:ViaAWSService": "false"}
    return {"Effect": "Deny", "NotAction": list(OPEN_WITHOUT_MFA), "Resource": "*", "Condition": condition}


def break_glass_trust(trusted: Iterable[str]) -> dict[str, Any]:
    """Who may become the break-glass role: these identities, with MFA, not older than an hour."""
    fresh = {
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
        "NumericLessThanEquals": {"aws:MultiFactorAuthAge": "3600"},
    }
    principal = {"AWS": list(trusted)}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": fresh}
    return policy([statement])


def broker_trust(trusted: Iterable[str], *, external_id: str | None = None) -> dict[str, Any]:
    """Who may be the issuer or the remover: whoever runs keylease."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": list(trusted)}, "Action": "sts:AssumeRole"}
    known = {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}} if external_id else {}
    return policy([statement | known])


def service_trust(service: str) -> dict[str, Any]:
    """The trust of a role that an AWS service takes."""
    return policy([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}])


def boundary_policy(denials: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What a company denies everywhere, as a permissions boundary where there is no organization to do it."""
    return policy([{"Effect": "Allow", "Action": "*", "Resource": "*"}, *(dict(one) for one in denials)])


def _allow(actions: list[str] | str, resource: list[str] | str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def everything() -> dict[str, Any]:
    """Everything, without a condition: for the break-glass role, whose trust asks for MFA."""
    return policy([_allow("*", "*")])
