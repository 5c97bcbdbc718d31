"""Sessions of session roles, as the issuer asks STS for them.

One call each. Whether the issuer's own credentials are a role's is seen by their token: then AWS gives no session
of more than an hour and refuses who asks for it (STS: role chaining), so it is asked for no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keylease.aws import tags as tag_values
from keylease.aws.clients import Clients
from keylease.aws.failures import ask
from keylease.domain.clock import utc
from keylease.domain.secret import Secret
from keylease.domain.session import CHAINED, SessionTerms
from keylease.ports import Credentials

if TYPE_CHECKING:
    from types_boto3_sts.type_defs import AssumeRoleRequestTypeDef, CredentialsTypeDef


def assume(clients: Clients, terms: SessionTerms) -> Credentials:
    """A session on these terms, an hour at most where the issuer is a role itself."""
    length = min(terms.length, CHAINED) if clients.are_temporary() else terms.length
    request: AssumeRoleRequestTypeDef = {
        "RoleArn": clients.account.session_role_arn(terms.role),
        "RoleSessionName": terms.name,
        "SourceIdentity": terms.source_identity,
        "DurationSeconds": int(length.total_seconds()),
        "Policy": terms.policy,
        "Tags": [{"Key": key, "Value": tag_values.encode(value)} for key, value in sorted(terms.tags.items())],
    }
    if clients.account.session_external_id is not None:
        request["ExternalId"] = clients.account.session_external_id
    return _credentials(ask(clients.sts().assume_role, **request)["Credentials"])


def _credentials(given: CredentialsTypeDef) -> Credentials:
    return Credentials(
        access_key_id=given["AccessKeyId"],
        secret_access_key=Secret(given["SecretAccessKey"]),
        session_token=Secret(given["SessionToken"]),
        expiration=utc(given["Expiration"]),
    )
