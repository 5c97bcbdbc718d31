"""The address that opens AWS's console in a browser with a session's credentials.

AWS's federation endpoint gives a sign-in token for the credentials; the address that holds it is good for a quarter
of an hour and for whoever has it, so it is opened or shown and never kept (AWS, "Enable custom identity broker
access to the AWS console"). Each partition has hosts of its own. No `SessionDuration` is asked for, since AWS
refuses it for credentials that a role obtained; the console's session ends with the credentials.
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

import httpx

from keylease.agent.partitions import PARTITIONS
from keylease.agent.session import Session
from keylease.domain.partition import partition
from keylease.domain.secret import Secret
from keylease.errors import AwsFailed, AwsUnreachable

SECONDS = 20
REFUSED = "Has the session just ended? Try again; AWS's answer said no more."


def address(session: Session, *, issuer: str, federation: str | None = None) -> Secret:
    """The address that signs a browser in. `issuer`: where AWS sends somebody whose session has ended.

    `federation` is the endpoint to ask, else the partition's own. Raises `AwsUnreachable` and `AwsFailed`.
    """
    hosts = PARTITIONS[partition(session.region)]
    endpoint = federation or hosts.sign_in_at(session.region)
    token = _sign_in_token(endpoint, session)
    query = {
        "Action": "login",
        "Issuer": issuer,
        "Destination": hosts.console_at(session.region),
        "SigninToken": token.reveal(),
    }
    return Secret(f"{endpoint}?{urlencode(query)}")


def _sign_in_token(endpoint: str, session: Session) -> Secret:
    held = {
        "sessionId": session.access_key_id,
        "sessionKey": session.secret_access_key.reveal(),
        "sessionToken": session.session_token.reveal(),
    }
    query = {"Action": "getSigninToken", "SessionType": "json", "Session": json.dumps(held)}
    try:
        answer = httpx.get(endpoint, params=query, timeout=SECONDS)
    except httpx.HTTPError:
        raise AwsUnreachable("AWS's sign-in endpoint does not answer.") from None
    try:
        return Secret(answer.json()["SigninToken"])
    except (ValueError, KeyError, TypeError):
        refused = f"AWS's sign-in endpoint gave no sign-in token (status {answer.status_code})."
        raise AwsFailed(refused, hint=REFUSED) from None
