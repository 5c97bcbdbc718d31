"""Every action of the list, laid before the judge behind a fence, before, at and after each of its instants."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keylease.domain import clock, iam
from keylease.domain.outlive import GRANT, Judged, Verdict, judged
from keylease.domain.statement import covers
from oracle.judge import Judge

END = datetime(2026, 12, 8, 17, tzinfo=UTC)
HOUR = 3600
INSTANTS = (-20 * HOUR, -12 * HOUR - 1, -12 * HOUR, -HOUR - 1, -HOUR, -1, 0, 1)
FREE_UNTIL = {
    Verdict.CORE: -10 * 365 * 24 * HOUR,
    Verdict.SHARE: -10 * 365 * 24 * HOUR,
    Verdict.LAST_12: -12 * HOUR,
    Verdict.LAST_1: -HOUR,
    Verdict.TELL: 0,
    Verdict.ACCEPT: 0,
}
UNSTOPPABLE = {"sts:GetCallerIdentity"}
"""AWS allows it whatever the policies say, and the judge knows that."""

LAUNCH_ROLE = "arn:aws:iam::123456789012:role/keylease/launch/worker"


@pytest.fixture(scope="module")
def actions(judge: Judge) -> list[tuple[Judged, str]]:
    """Each record with every published action that it speaks of."""
    published = judge.actions()
    return [(record, action) for record in judged() for action in _meant(record.action, published)]


def _meant(pattern: str, published: list[str]) -> list[str]:
    return [action for action in published if covers(pattern, action)] if "*" in pattern else [pattern]


def request(action: str, at: int, *, share: bool) -> dict[str, Any]:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    asked = {
        "action": action,
        "principal": "arn:aws:iam::123456789012:user/keylease/anna",
        "identity": [iam.policy([everything])],
        "boundary": json.loads(iam.fence(END, share=share).document),
        "context": {"aws:CurrentTime": clock.to_text(END + timedelta(seconds=at))},
    }
    if action.startswith("kms:"):  # a key's own policy must let IAM decide
        asked["resourcePolicy"] = iam.policy(
            [{**everything, "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}]
        )
    if action == "iam:PassRole":
        asked["resource"] = LAUNCH_ROLE
    return asked


def expected(record: Judged, action: str, at: int, *, share: bool) -> bool:
    if action in UNSTOPPABLE:
        return True
    if action == "sts:GetSessionToken":  # caught by sts:GetSe*, which AWS does not heed
        return at < -12 * HOUR
    until = 0 if share and record.verdict is Verdict.SHARE else FREE_UNTIL[record.verdict]
    return at < until


def instants(record: Judged) -> tuple[int, ...]:
    """A pattern stands for many actions of the core: two instants are enough for each."""
    return (-20 * HOUR, -1) if "*" in record.action else INSTANTS


def wrong(judge: Judge, actions: list[tuple[Judged, str]], *, share: bool) -> list[str]:
    cases = [(record, action, at) for record, action in actions for at in instants(record)]
    verdicts = judge(request(action, at, share=share) for _, action, at in cases)
    return [
        f"{action} ({record.verdict}) {at} s: {verdict.result}"
        for (record, action, at), verdict in zip(cases, verdicts, strict=True)
        if verdict.allowed != expected(record, action, at, share=share)
    ]


def test_each_action_is_allowed_just_as_long_as_its_verdict_says(
    judge: Judge, actions: list[tuple[Judged, str]]
) -> None:
    assert len(actions) > 800
    assert wrong(judge, actions, share=False) == []


def test_where_sharing_is_let_through_it_ends_with_the_lease(
    judge: Judge, actions: list[tuple[Judged, str]]
) -> None:
    sharing = [(record, action) for record, action in actions if record.verdict is Verdict.SHARE]

    assert len(sharing) > 80
    assert wrong(judge, sharing, share=True) == []


def test_only_what_is_marked_as_unlisted_is_judged_without_validation(
    judge: Judge, actions: list[tuple[Judged, str]]
) -> None:
    verdicts = judge(request(action, 0, share=False) for _, action in actions)
    blind = {action for (_, action), verdict in zip(actions, verdicts, strict=True) if not verdict.validated}

    unlisted = {record.action for record in judged() if not record.listed}
    alike = {"ec2-instance-connect:OpenTunnel", "mediapackagev2:PutChannelPolicy"}
    assert blind - unlisted <= alike, "whose two resource types look the same"
    assert GRANT not in blind
