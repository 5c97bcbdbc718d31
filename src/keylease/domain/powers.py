"""What a permission set lets people do, in plain words, made from its policies.

It says rather too much than too little: conditions are ignored, a wildcard counts for all that it may match, and a
name that is not known to only look counts as one that changes something. A Deny counts where it holds for
everything, always. Each line names one service, what may be done in it and where: `List, read and delete in S3:
media-archive`.

`overclaims` holds the words that people read, a title or a sentence, against the policies: a permission set that
says it reads, and can write, is found.

Not here: what no fence can stop (domain/outlive.py tells it), and whether AWS would allow one request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any

from keylease.domain.statement import always_denied, as_list, covers, statements

Document = Mapping[str, Any]


class Power(IntEnum):
    """What an action does, the harmless first."""

    LIST = 0
    READ = 1
    CHANGE = 2
    DELETE = 3


_BEGINS: Mapping[Power, tuple[str, ...]] = {
    Power.LIST: ("List", "Describe"),
    Power.READ: ("BatchGet", "Detect", "Filter", "Get", "Head", "Lookup", "Query", "Scan", "Search", "View"),
    Power.DELETE: ("BatchDelete", "Delete", "Purge", "Remove", "Terminate"),
}
"""How the names of actions begin. Any other one changes something; a test holds this against AWS's own levels."""
_GIVES = re.compile(r"token|credential|password|presigned|upload|loginurl", re.IGNORECASE)
"""Names that begin like a read and hand out what changes things."""
LIKE_A_READ = frozenset(
    {
        "appfabric:BatchGetUserAccessTasks",
        "athena:GetSessionEndpoint",
        "backup:SearchRecoveryPoint",
        "cognito-identity:GetId",
        "lakeformation:GetDataAccess",
        "lightsail:GetInstanceAccessDetails",
        "social-messaging:GetWhatsAppMessageMedia",
        "states:GetActivityTask",
    }
)
"""Actions that change something although their names begin like a read."""
LIKE_A_CHANGE = frozenset({"kms:Decrypt", "logs:StartQuery", "logs:StopQuery"})
"""Actions that only read although their names do not say so."""
_SERVICES = {
    "cloudwatch": "CloudWatch",
    "dynamodb": "DynamoDB",
    "ec2": "EC2",
    "ecr": "ECR",
    "iam": "IAM",
    "kms": "KMS",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "rds": "RDS",
    "route53": "Route 53 (DNS)",
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "Systems Manager",
    "sts": "STS",
}
_WORDS = {Power.LIST: ["list"], Power.READ: ["read"], Power.CHANGE: ["add", "change"], Power.DELETE: ["delete"]}
ALL, ANYWHERE = "*", "everywhere in the account"
MOST_PLACES = 4
"""Places that a line names; further ones are counted."""

_READS = re.compile(r"\b(read(?:s|ing)?|view(?:s|ing)?|look(?:s|ing)?|list(?:s|ing)?|see|browse)\b", re.IGNORECASE)
_WRITES = re.compile(
    r"\b(add|admin\w*|change|control|copy|create|delete|deploy|edit|full access|launch|make|manage|operate"
    r"|publish|put|remove|replace|run|send|start|stop|store|update|upload|use|write)(?:s|d|ing)?\b",
    re.IGNORECASE,
)


def power(action: str) -> frozenset[Power]:
    """What an action, or a pattern of some, may do: `s3:GetObject` reads, `s3:*` does everything."""
    name = action.partition(":")[2] or ALL
    if action in LIKE_A_CHANGE:
        return frozenset({Power.READ})
    if action in LIKE_A_READ or _GIVES.search(name):
        return frozenset({Power.CHANGE})
    fixed = re.split(r"[*?]", name, maxsplit=1)[0]
    for kind, beginnings in _BEGINS.items():
        if any(fixed.lower().startswith(begin.lower()) for begin in beginnings):
            return frozenset({kind})
    if fixed == name:
        return frozenset({Power.CHANGE})
    may_be = {kind for kind, beginnings in _BEGINS.items() if any(_may_begin(fixed, one) for one in beginnings)}
    return frozenset({*may_be, Power.CHANGE})


def _may_begin(fixed: str, beginning: str) -> bool:
    return beginning.lower().startswith(fixed.lower())


def can(documents: Iterable[Document]) -> tuple[str, ...]:
    """What these policies together let people do, a line for each service and set of places."""
    found: dict[str, dict[str, set[Power]]] = {}
    for service, place, powers in _allowed(tuple(documents)):
        found.setdefault(service, {}).setdefault(place, set()).update(powers)
    return tuple(line for service in sorted(found) for line in _lines(service, found[service]))


def changes(documents: Iterable[Document]) -> bool:
    """Whether these policies let anything be added, changed or deleted."""
    return any(max(powers) >= Power.CHANGE for _, _, powers in _allowed(tuple(documents)))


def overclaims(words: str, documents: Iterable[Document]) -> str | None:
    """What is wrong with the words that people read of these policies; None where they hold."""
    if _READS.search(words) and not _WRITES.search(words) and changes(documents):
        return f"“{words}” speaks of reading alone, and its policies let things be changed."
    return None


def _allowed(documents: tuple[Document, ...]) -> Iterator[tuple[str, str, frozenset[Power]]]:
    every = [statement for document in documents for statement in statements(document)]
    denied = tuple(always_denied(every))
    for statement in every:
        if statement.get("Effect") != "Allow":
            continue
        actions = [ALL] if "NotAction" in statement else [str(one) for one in as_list(statement.get("Action"))]
        where = [ALL] if "NotResource" in statement else [str(one) for one in as_list(statement.get("Resource"))]
        for action in actions:
            if any(covers(pattern, action) for pattern in denied):
                continue
            for resource in where:
                yield action.partition(":")[0].lower(), _place(resource), power(action)


def _place(resource: str) -> str:
    """What people call it: the last part of an ARN, without what stands for everything in it."""
    if resource == ALL:
        return ANYWHERE
    parts = resource.split(":", 5)
    name = parts[5] if len(parts) > 5 else resource
    return re.sub(r"[:/]\*$", "", name) or ANYWHERE


def _lines(service: str, places: Mapping[str, set[Power]]) -> Iterator[str]:
    if service == ALL:
        yield "Do everything in the account that is not denied"
        return
    alike: dict[tuple[Power, ...], list[str]] = {}
    for place, powers in places.items():
        alike.setdefault(tuple(sorted(powers)), []).append(place)
    for kinds, names in sorted(alike.items()):
        yield f"{_verbs(kinds)} in {_SERVICES.get(service, service)}: {_named(names)}"


def _verbs(powers: tuple[Power, ...]) -> str:
    words = [word for one in powers for word in _WORDS[one]]
    text = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return text.capitalize()


def _named(places: list[str]) -> str:
    shown = sorted(places)[:MOST_PLACES]
    rest = len(places) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
