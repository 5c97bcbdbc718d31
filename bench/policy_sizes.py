"""policy_sizes: how many characters each document has, of those that AWS takes.

AWS does not count the white space of a managed policy, but that of a session policy. What differs by account and
partition is rendered for long names. The group's policy is an example, the sandbox's own (read, add and delete
files in one bucket); an administrator's may be longer, and has the room that is left. As an inline policy it
would have to share 5,120 characters with the group's others.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bench.result import Result
from keylease.domain import iam, ready_sets
from keylease.domain.broker_policy import issuer_policy, remover_policy
from keylease.domain.group_policy import group_policy
from keylease.domain.organization_policy import LIMIT, Denials, for_boundary, service_control_policies
from keylease.domain.people_policy import boundary_policy
from keylease.domain.role_policy import session_policy
from keylease.sandbox.account import BUCKET, gives

UNTIL = datetime(2026, 12, 8, 17, tzinfo=UTC)
"""Every instant is written in as many characters."""
READY = {
    "read-only": ready_sets.read_only(),
    "billing": ready_sets.billing_reader(),
    "databases": ready_sets.database_administrator(),
    "power-user": ready_sets.power_user(),
}
PARTITION, ACCOUNT = "aws-us-gov", "123456789012"


def measure() -> Iterator[Result]:
    """One line a document: `value` and `limit` in characters, `free` what is left of it."""
    group = group_policy(gives(BUCKET), horizon=UNTIL)
    issuer = issuer_policy(horizon=UNTIL, partition=PARTITION, account=ACCOUNT)
    remover = remover_policy(partition=PARTITION, account=ACCOUNT)
    yield _managed("fence", iam.fence(UNTIL).document)
    yield _managed("fence, share", iam.fence(UNTIL, share=True).document)
    yield _result("session policy", len(session_policy(UNTIL)), iam.SESSION_POLICY_LIMIT)
    yield _managed("group policy, an example", iam.canonical(group))
    yield _managed("issuer", iam.canonical(issuer))
    yield _managed("remover", iam.canonical(remover))
    yield from _guardrails()


def _guardrails() -> Iterator[Result]:
    """The baseline's: an organization's denials, the same as a boundary, the groups of the ready sets."""
    denials = Denials(regions=("eu-central-1", "eu-west-1"))
    for name, document in service_control_policies(denials).items():
        yield _result(name, len(iam.canonical(document)), LIMIT)
    yield _managed("keylease-boundary", iam.canonical(boundary_policy(for_boundary(denials))))
    for name, statements in READY.items():
        yield _managed(f"group, {name}", iam.canonical(group_policy(statements, horizon=UNTIL)))


def _managed(case: str, document: str) -> Result:
    return _result(case, iam.size(document), iam.FENCE_LIMIT)


def _result(case: str, characters: int, limit: int) -> Result:
    return Result(
        name="policy_sizes",
        case=case,
        value=characters,
        unit="characters",
        against=f"the {limit:,} that AWS takes",
        ratio=round(characters / limit, 3),
        more={"limit": limit, "free": limit - characters},
    )
