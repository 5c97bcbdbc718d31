"""Who could be adopted: every user with an access key, its owner as far as anybody can tell, and what uses the key.

The owner comes from the first that says so: a file that people wrote, the user's tags, the user's own name where
it is an address, whoever CloudTrail says made the user or its key. Keys of machines are told apart by what
CloudTrail saw of their last calls, else by their names; a machine gets advice instead of a date.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from keylease.adopt.adoption import PREFIX
from keylease.audit.snapshot import Bearer, Credentials, Snapshot, seen
from keylease.audit.wording import active, is_leased, owner


class Kind(StrEnum):
    """What uses a key."""

    PERSON = "person"
    INSTANCE = "instance"
    CI = "ci"
    SERVER = "server"


ADVICE: Mapping[Kind, str] = {
    Kind.INSTANCE: "It runs in AWS: give the instance, function or task a role, then end the key.",
    Kind.CI: "It is a build: let its provider's tokens assume a role (OIDC), then end the key.",
    Kind.SERVER: "It is a server elsewhere: IAM Roles Anywhere gives it sessions, then end the key.",
}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_AGENTS: Sequence[tuple[Kind, re.Pattern[str]]] = (
    (
        Kind.INSTANCE,
        re.compile(r"exec-env/(?:EC2|AWS_ECS|AWS_Lambda)|\.amazonaws\.com$|amazon-ssm-agent", re.IGNORECASE),
    ),
    (
        Kind.CI,
        re.compile(r"github|gitlab|jenkins|circleci|buildkite|bitbucket|teamcity|terraform cloud", re.IGNORECASE),
    ),
)
_NAMES: Sequence[tuple[Kind, re.Pattern[str]]] = (
    (
        Kind.CI,
        re.compile(
            r"(?:^|[-_./])(?:ci|cicd|github|gitlab|jenkins|circleci|build|deploy(?:er)?)(?:$|[-_./0-9])",
            re.IGNORECASE,
        ),
    ),
    (
        Kind.SERVER,
        re.compile(
            r"(?:^|[-_./])(?:svc|service|server|backup|bot|ses|smtp|sync|cron|app)(?:$|[-_./0-9])", re.IGNORECASE
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One call that CloudTrail saw with a key."""

    agent: str
    address: str
    service: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What CloudTrail and people say: who made a user or its key, the uses of each key, written owners."""

    made_by: Mapping[str, str] = field(default_factory=dict)
    uses: Mapping[str, Sequence[Use]] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A user with access keys. `said_by`: where its owner comes from; `why`: by what its kind was told."""

    name: str
    keys: tuple[str, ...]
    owner: str | None
    said_by: str
    kind: Kind
    why: str
    last_used: datetime | None
    has_console: bool
    adopted: bool
    is_caller: bool = False

    @property
    def advice(self) -> str:
        """What to do instead of a date; empty for a person."""
        return ADVICE.get(self.kind, "")


def candidates(at: Snapshot, traces: Traces, *, caller: str) -> Iterator[Candidate]:
    """All users with an active access key that keylease did not make. `caller`: whose credentials ask."""
    users = {user.name: user for user in seen(at.iam).users}
    ids: dict[str, list[str]] = {}
    for key in seen(at.keys):
        if key.active:
            ids.setdefault(key.user, []).append(key.id)
    rows = {row.user: row for row in seen(at.report)}
    for name, keys in sorted(ids.items()):
        user = users.get(name)
        if user is not None and not is_leased(user.arn):
            yield _candidate(user, tuple(keys), rows.get(name), traces, caller=caller)


def _candidate(
    user: Bearer, keys: tuple[str, ...], row: Credentials | None, traces: Traces, *, caller: str
) -> Candidate:
    whose, said_by = _owner(user, traces)
    uses = [use for key in keys for use in traces.uses.get(key, ())]
    kind, why = classify(user.name, uses, has_console=bool(row and row.password))
    used = [key.used for key in active(row) if key.used] if row else []
    return Candidate(
        name=user.name,
        keys=keys,
        owner=whose,
        said_by=said_by,
        kind=kind,
        why=why,
        last_used=max(used, default=None),
        has_console=bool(row and row.password),
        adopted=f"{PREFIX}ends" in user.tags,
        is_caller=user.arn == caller,
    )


def _owner(user: Bearer, traces: Traces) -> tuple[str | None, str]:
    tagged = owner(user, ("keylease:owner", "owner", "contact", "email", "responsible"))
    if user.name in traces.owners:
        return traces.owners[user.name], "the file of owners"
    if tagged:
        return tagged, "its tags"
    if _ADDRESS.fullmatch(user.name):
        return user.name, "its name"
    if user.name in traces.made_by:
        return traces.made_by[user.name], "CloudTrail: made it"
    return None, ""


def classify(name: str, uses: Sequence[Use], *, has_console: bool) -> tuple[Kind, str]:
    """What uses a key, and by what that was told. Calls say more than names."""
    for use in uses:
        for kind, pattern in _AGENTS:
            if pattern.search(use.agent) or pattern.search(use.address):
                return kind, f"CloudTrail: {use.agent[:60]} from {use.address}"
        if _is_private(use.address):
            return Kind.INSTANCE, f"CloudTrail: from {use.address}, inside a VPC"
    if not has_console and not _ADDRESS.fullmatch(name):
        for kind, pattern in _NAMES:
            if pattern.search(name):
                return kind, "its name"
    return Kind.PERSON, "nothing says otherwise"


def _is_private(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False
