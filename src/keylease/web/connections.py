"""What a lease's page offers to connect programs with: the files of `keylease connect`, and lines for a shell.

The server does not know the agent's address on the person's machine, so Cyberduck gets the bookmark that goes
through the AWS config file, and `keylease connect cyberduck` is named as the better way. A file names the profile
that `keylease configure` writes, as long as nothing of that name was there; none holds credentials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keylease.agent import profiles
from keylease.agent.connection import Connection
from keylease.agent.files import ONLY_ACCESS_KEYS, TEXT, File, file_for, section_for
from keylease.agent.shells import SHELLS, lines
from keylease.app import App
from keylease.domain.lease import Kind
from keylease.domain.status import Status
from keylease.errors import LeaseOver, NoSuchLease, NotApproved
from keylease.web.wire import LeaseOut

TOOLS = {
    "cyberduck-bookmark": "Cyberduck, Mountain Duck",
    "winscp": "WinSCP",
    "rclone": "rclone",
    "s3cmd": "s3cmd",
    "terraform": "Terraform, OpenTofu",
    "dbeaver": "DBeaver",
    "vscode": "VS Code",
}
"""In the order of the page. Cyberduck's connection profile is made on the person's machine alone."""
ENDINGS = {"sh": "sh", "fish": "fish", "powershell": "ps1", "cmd": "cmd"}
WORKS = frozenset({Status.APPROVED, Status.COLLECTING, Status.ACTIVE, Status.ENDING_SOON})


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One file of a lease's page, and how it is used where that does not go without saying."""

    tool: str
    words: str
    use: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What a lease's page offers. `refused`: programs that take nothing but an access key, in words."""

    profile: str
    files: Sequence[Download]
    shells: Sequence[Download]
    refused: str


def offered(app: App, lease: LeaseOut) -> Offered | None:
    """What this lease can be connected with now; None where it gives nothing, or has no name for a profile."""
    profile = lease.permission_set
    has_something = lease.kind is Kind.SESSION or lease.access_key_id is not None
    if lease.status not in WORKS or not has_something or not profiles.is_fit(profile):
        return None
    if lease.account not in app.clouds:
        return None
    uses = _uses(lease, profile)
    return Offered(
        profile=profile,
        files=[Download(tool=tool, words=words, use=uses.get(tool, "")) for tool, words in TOOLS.items()],
        shells=[Download(tool=f"env-{shell}", words=shell) for shell in SHELLS],
        refused=", ".join(ONLY_ACCESS_KEYS.values()) if lease.kind is Kind.SESSION else "",
    )


def file_of(app: App, lease: LeaseOut, tool: str) -> File:
    """One of them. Raises `NotApproved`, `LeaseOver`, `NoSuchLease`, `TakesNoSession` and `BadRequest`."""
    if lease.status is Status.REQUESTED:
        raise NotApproved(f"Nobody has approved {lease.id} yet.")
    if lease.status not in WORKS:
        raise LeaseOver(f"{lease.id} has ended.")
    if lease.account not in app.clouds:
        raise NoSuchLease(f"The account of {lease.id} is not among those of this server.")
    region = app.clouds[lease.account].region
    to = Connection.to_lease(lease.model_dump(mode="json"), profile=lease.permission_set, region=region)
    shell = tool.removeprefix("env-")
    return _lines(to, shell) if tool.startswith("env-") and shell in SHELLS else file_for(tool, to)


def _lines(to: Connection, shell: str) -> File:
    written = lines(shell, {"AWS_PROFILE": to.profile, "AWS_REGION": to.region})
    ending = "\r\n" if shell in {"powershell", "cmd"} else "\n"
    name = f"{to.profile}.{ENDINGS[shell]}"
    return File(name=name, media_type=TEXT, content=ending.join([*written, ""]).encode())


def _uses(lease: LeaseOut, profile: str) -> dict[str, str]:
    """The commands that a tool needs beside its file."""
    if lease.kind is not Kind.SESSION:
        return {}
    return {
        "cyberduck-bookmark": f"keylease connect cyberduck {profile}",
        "winscp": f"keylease agent --write-profile {section_for(profile)}={lease.id}",
        "s3cmd": f"keylease exec {profile} -- s3cmd --config=s3cfg ls",
    }
