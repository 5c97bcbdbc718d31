"""Cyberduck's and Mountain Duck's files: a connection profile and a bookmark, as property lists.

The profile's `Context` is the agent's address, which Cyberduck asks for credentials by itself, with neither a key
nor a question; the bookmark names the profile by its `Vendor`. Where no agent's address is known the bookmark goes
through the AWS config file instead (Cyberduck 9.5.3 and newer run `credential_process`), and for an access key it
is a plain bookmark whose secret Cyberduck asks for once and keeps in the system's keychain.

Which keys are read, and that a bookmark's values are all texts, is from Cyberduck's source (HostDictionary,
AWSSessionCredentialsRetriever) and documentation. Cyberduck itself was not run with these files.
"""

from __future__ import annotations

import plistlib
import uuid
from collections.abc import Mapping

from keylease.agent.connection import Connection, s3_host
from keylease.errors import BadRequest

_NAMESPACE = uuid.UUID("8f2f53f0-5d1c-4d0e-9d44-6f0a1f9f7c11")
"""Ours; with it a lease's bookmark has the same id each time and takes the place of an older one."""
THROUGH_CONFIG = "s3-cli"
"""Cyberduck's own profile for the AWS config file."""
FIXED = ("Hostname", "Port", "Username", "Password", "Token", "Anonymous")


def vendor(to: Connection) -> str:
    """The profile's name for bookmarks; each lease has one."""
    return f"keylease-{to.lease_id.removeprefix('L-')}"


def profile(to: Connection) -> bytes:
    """The connection profile. Raises `BadRequest` where no agent's address is known."""
    if to.context_url is None:
        raise BadRequest(
            "Only the person's own machine knows its agent's address.", hint="There: `keylease connect cyberduck`."
        )
    host = s3_host(to.region)
    return _plist(
        {
            "Protocol": "s3",
            "Vendor": vendor(to),
            "Description": f"{to.profile} (keylease)",
            "Default Nickname": to.profile,
            "Default Hostname": host,
            "Region": to.region,
            "Context": to.context_url,
            **{f"{what} Configurable": False for what in FIXED},
        }
    )


def bookmark(to: Connection) -> bytes:
    """The bookmark."""
    return _plist(
        {
            "Protocol": "s3",
            **_way(to),
            "Nickname": f"{to.profile} (until {to.expires_at[:10]})",
            "UUID": str(uuid.uuid5(_NAMESPACE, to.lease_id)),
            "Hostname": s3_host(to.region),
            "Port": "443",
            "Path": f"/{to.path}" if to.path else "/",
            "Comment": to.words,
        }
    )


def _way(to: Connection) -> dict[str, str]:
    if not to.is_session:
        return {"Username": to.access_key_id or ""}
    if to.context_url is None:
        return {"Provider": THROUGH_CONFIG, "Username": to.profile}
    return {"Provider": vendor(to)}


def _plist(values: Mapping[str, str | bool]) -> bytes:
    return plistlib.dumps(dict(values), sort_keys=False)
