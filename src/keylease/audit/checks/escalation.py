"""Who can raise their own rights to an administrator's."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.escalation import Way, open_to
from keylease.audit.finding import Check, Found, Severity
from keylease.audit.rights import Rights, everybody
from keylease.audit.snapshot import Snapshot

SHOWN = 5


def find(at: Snapshot) -> Iterator[Found]:
    """One finding for each user and role, with all the ways; administrators have no need to."""
    rights = Rights(at)
    for bearer in everybody(rights.iam):
        if rights.administers(bearer):
            continue
        ways = list(open_to(bearer, rights))
        if ways:
            names = ", ".join(dict.fromkeys(way.path.id for way in ways))
            yield Found(
                kind=bearer.kind,
                subject=bearer.name,
                arn=bearer.arn,
                sentence=f"{bearer.name} can raise its own rights to {ways[0].target}.",
                evidence=(("ways", names), *(_evidence(way) for way in ways[:SHOWN])),
            )


def _evidence(way: Way) -> tuple[str, str]:
    by: dict[str, list[str]] = {}
    for action, source in way.sources:
        by.setdefault(source, []).append(action)
    said = ", ".join(f"{' + '.join(actions)} by {source}" for source, actions in by.items())
    return way.path.id, f"{said}; leads to {way.target}"


CHECK = Check(
    id="escalation",
    title="Somebody can raise their own rights",
    severity=Severity.HIGH,
    why="What looks like a few harmless permissions is an administrator's in two calls.",
    mend="Take away one action of each way, or narrow the resources: a path for `iam:PassRole`, "
    "`user/${aws:username}` for keys.",
    parts=("iam",),
    find=find,
)
