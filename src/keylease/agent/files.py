"""What connects a tool to a lease: a file for each tool that takes one, made from values alone.

`file_for` is pure, for the command line and for a lease's web page alike. Each file uses what the tool takes of
keylease's ways: a profile whose credentials renew themselves, where it reads AWS's config; the agent's address,
for Cyberduck; a section that the agent keeps fresh, where it reads the credentials file alone. No file holds
credentials. Cyberduck's profile holds the secret of the agent's address, which opens one lease on one machine.

A tool that takes nothing but an access key that lasts gets no file for a lease of kind session: `TakesNoSession`.
docs/how-to/clients.md says of each tool what was tried and what was only read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from keylease.agent import cyberduck
from keylease.agent.connection import Connection, s3_host
from keylease.errors import BadRequest, TakesNoSession

TEXT, JSON = "text/plain", "application/json"
ONLY_ACCESS_KEYS: Mapping[str, str] = {
    "filezilla": "FileZilla Pro",
    "transmit": "Transmit",
    "jenkins": "Jenkins",
}
"""Tools without a place for a session token that somebody else renews."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file for a person to take along."""

    name: str
    media_type: str
    content: bytes


def file_for(tool: str, to: Connection) -> File:
    """The file that connects a tool. Raises `TakesNoSession`, and `BadRequest` for a tool that is not known."""
    if tool in ONLY_ACCESS_KEYS and to.is_session:
        raise TakesNoSession(f"{ONLY_ACCESS_KEYS[tool]} takes nothing but an access key that lasts.")
    if tool not in FILES:
        raise BadRequest(f"There is no file for {tool}.", hint=f"There are files for {', '.join(sorted(FILES))}.")
    return FILES[tool](to)


def section_for(profile: str) -> str:
    """The section of the credentials file that stands for a profile where a tool reads no other file."""
    return f"{profile}-file"


def _cyberduck_profile(to: Connection) -> File:
    return File(
        name=f"{to.profile}.cyberduckprofile",
        media_type="application/x-cyberduck-profile",
        content=cyberduck.profile(to),
    )


def _cyberduck_bookmark(to: Connection) -> File:
    return File(
        name=f"{to.profile}.duck", media_type="application/x-cyberduck-bookmark", content=cyberduck.bookmark(to)
    )


def _rclone(to: Connection) -> File:
    lines = [
        f"# {to.words}; put this into rclone.conf, then: rclone ls {to.profile}:{to.path}",
        f"[{to.profile}]",
        "type = s3",
        "provider = AWS",
        "env_auth = true",
        f"profile = {to.profile}",
        f"region = {to.region}",
    ]
    return _text("rclone.conf", lines)


def _s3cmd(to: Connection) -> File:
    how = (
        f"# s3cmd takes credentials from its environment: keylease exec {to.profile} -- s3cmd --config=THIS-FILE ls"
        if to.is_session
        else "# s3cmd takes the access key from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )
    host = s3_host(to.region, regional=True)
    lines = [
        "[default]",
        f"# {to.words}",
        how,
        f"bucket_location = {to.region}",
        f"host_base = {host}",
        f"host_bucket = %(bucket)s.{host}",
        "use_https = True",
    ]
    return _text("s3cfg", lines)


def _winscp(to: Connection) -> File:
    section = section_for(to.profile) if to.is_session else to.profile
    lines = [
        f"[Sessions\\{quote(to.profile)}]",
        f"HostName={s3_host(to.region)}",
        "PortNumber=443",
        "FSProtocol=7",
        "Ftps=1",
        "S3CredentialsEnv=1",
        f"S3Profile={section}",
        f"S3DefaultRegion={to.region}",
        *([f"RemoteDirectory=/{quote(to.path)}"] if to.path else []),
    ]
    return _text("winscp.ini", lines, ending="\r\n")


def _terraform(to: Connection) -> File:
    lines = [
        f"# {to.words}",
        'provider "aws" {',
        f"  profile = {json.dumps(to.profile)}",
        f"  region  = {json.dumps(to.region)}",
        "}",
    ]
    return _text("keylease.tf", lines)


def _dbeaver(to: Connection) -> File:
    lines = [
        f"# {to.words}",
        "# Properties of a connection with Amazon's JDBC driver for Athena, version 3 (DBeaver: Driver properties)",
        "CredentialsProvider=ProfileCredentials",
        f"ProfileName={to.profile}",
        f"Region={to.region}",
    ]
    return _text("athena.properties", lines)


def _vscode(to: Connection) -> File:
    settings = {"aws.profile": f"profile:{to.profile}"}
    return File(name="settings.json", media_type=JSON, content=(json.dumps(settings, indent=2) + "\n").encode())


def _text(name: str, lines: list[str], *, ending: str = "\n") -> File:
    return File(name=name, media_type=TEXT, content=(ending.join([*lines, ""])).encode())


FILES: Mapping[str, Callable[[Connection], File]] = {
    "cyberduck-bookmark": _cyberduck_bookmark,
    "cyberduck-profile": _cyberduck_profile,
    "dbeaver": _dbeaver,
    "rclone": _rclone,
    "s3cmd": _s3cmd,
    "terraform": _terraform,
    "vscode": _vscode,
    "winscp": _winscp,
}
"""Every tool that a file connects."""
