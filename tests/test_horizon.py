"""The plan of a horizon's move: which dates change, that nothing else does, and what is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_facts import NOW, READS, named
from keylease.aws.inspector import NamedPolicy
from keylease.domain import ahead, iam
from keylease.domain.broker_policy import issuer_policy
from keylease.domain.group_policy import group_policy
from keylease.domain.role_policy import session_role_policy
from keylease.domain.until import Until
from keylease.errors import InThePast
from keylease.horizon import Bearer, Kind, Left, plan

OLD, NEW = NOW + timedelta(weeks=2), NOW + timedelta(weeks=26)
LISTS = {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::media", "Sid": "Lists"}
FROM_HOME = {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}, "Bool": {"aws:SecureTransport": "true"}}
NOT_YET = {"DateGreaterThan": {"aws:CurrentTime": "2026-12-01T00:00:00Z"}}
STATEMENTS: list[dict[str, Any]] = [
    READS,
    LISTS,
    {**READS, "Condition": FROM_HOME},
    {**READS, "Condition": NOT_YET},
    {**READS, "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:user/keylease/mara-*"}}},
    iam.deny("s3:DeleteBucket"),
    iam.deny("s3:DeleteObject", iam.since(OLD)),
]


def group(*policies: NamedPolicy, name: str = "readers") -> Bearer:
    return Bearer(kind="group", entity="group", name=name, policies=policies)


def bearer(kind: Kind, *documents: dict[str, Any]) -> Bearer:
    return Bearer(kind=kind, entity="role", name="keylease-issuer", policies=tuple(map(named, documents)))


giving = st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=6).filter(
    lambda chosen: any(one["Effect"] == "Allow" for one in chosen)
)


@given(giving)
def test_a_moved_group_is_what_it_would_be_with_that_horizon(of: list[dict[str, Any]]) -> None:
    planned = plan([group(named(group_policy(of, horizon=OLD)))], to=NEW)
    assert planned.left == ()
    [move] = planned.moves
    assert (move.old, move.new) == (OLD, NEW)
    assert move.before == group_policy(of, horizon=OLD)
    assert move.after == group_policy(of, horizon=NEW)


@pytest.mark.parametrize("ahead_", [False, True])
def test_a_moved_issuer_is_what_it_would_be_with_that_horizon(*, ahead_: bool) -> None:
    [move] = plan([bearer("issuer", issuer_policy(horizon=OLD, fences_ahead=ahead_))], to=NEW).moves
    assert move.after == issuer_policy(horizon=NEW, fences_ahead=ahead_)


def test_a_moved_session_role_is_what_it_would_be_with_that_horizon() -> None:
    [move] = plan([bearer("session role", session_role_policy([READS], horizon=OLD))], to=NEW).moves
    assert move.after == session_role_policy([READS], horizon=NEW)
    assert (move.of, move.place.entity) == (("session role keylease-issuer",), "role")


def test_a_statement_s_name_stays() -> None:
    document = iam.policy([{**iam.end_of_all(OLD), "Sid": "Horizon"}])
    [move] = plan([bearer("issuer", document)], to=NEW).moves
    assert move.after == iam.policy([{**iam.end_of_all(NEW), "Sid": "Horizon"}])


def test_there_is_nothing_to_change_a_second_time() -> None:
    documents = group_policy([READS], horizon=OLD), issuer_policy(horizon=OLD)
    first = plan([group(named(documents[0])), bearer("issuer", documents[1])], to=NEW)
    again = plan([group(named(dict(first.moves[0].after))), bearer("issuer", dict(first.moves[1].after))], to=NEW)
    assert (len(first.moves), again.moves, again.left) == (2, (), ())


def test_a_horizon_may_be_moved_nearer() -> None:
    [move] = plan([group(named(group_policy([READS], horizon=NEW)))], to=OLD).moves
    assert move.after == group_policy([READS], horizon=OLD)


def test_one_policy_on_two_groups_is_changed_once() -> None:
    shared = named(group_policy([READS], horizon=OLD), "readers", "arn:aws:iam::123456789012:policy/readers")
    [move] = plan([group(shared), group(shared, name="writers")], to=NEW).moves
    assert move.of == ("group readers", "group writers")


def test_two_inline_policies_of_one_name_are_two() -> None:
    document = named(group_policy([READS], horizon=OLD))
    assert len(plan([group(document), group(document, name="writers")], to=NEW).moves) == 2


def test_policies_that_only_deny_need_no_horizon() -> None:
    denies = named(iam.policy([iam.deny("s3:DeleteBucket")]), "denies")
    planned = plan([group(named(group_policy([READS], horizon=OLD)), denies)], to=NEW)
    assert ([move.place.policy for move in planned.moves], planned.left) == (["keylease"], ())


OPEN = iam.policy([{**READS, "Condition": iam.before(OLD)}])
SOUND = group_policy([READS], horizon=OLD)
TWO = iam.policy([*SOUND["Statement"], *group_policy([LISTS], horizon=NEW)["Statement"]])


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (group(named(OPEN)), "would not make it defend the group"),
        (group(named({**SOUND, "Version": "2008-10-17"})), "would not make it defend the group"),
        (group(named({**SOUND, "Id": "mine"})), "would not make it defend the group"),
        (group(named(TWO)), "more than one"),
        (group(named(iam.policy([READS]))), "has no horizon"),
        (
            group(named(iam.policy([READS]), "ReadOnlyAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess")),
            "AWS manages",
        ),
        (group(named(iam.policy([iam.deny("s3:*")]))), "has no horizon"),
        (group(), "has no horizon"),
        (bearer("issuer", iam.policy([READS])), "has no horizon"),
        (bearer("session role", iam.policy([iam.deny("s3:*", iam.since(OLD))])), "has no horizon"),
    ],
)
def test_what_cannot_be_moved_by_its_date_alone_is_left_and_told(of: Bearer, why: str) -> None:
    planned = plan([of], to=NEW)
    assert planned.moves == ()
    [left] = planned.left
    assert isinstance(left, Left)
    assert why in left.sentence
    assert left.of == of.title


def test_the_digest_is_of_all_that_is_changed_and_into_what() -> None:
    one, other = group(named(SOUND)), group(named(SOUND), name="writers")
    digests = {plan(of, to=to).digest for of in ([one], [other], [one, other]) for to in (NEW, NEW + ahead.DAY)}
    assert len(digests) == 6
    assert plan([one], to=NEW).digest == plan([one], to=NEW).digest


@pytest.mark.parametrize(
    ("until", "horizon"),
    [
        (timedelta(weeks=26), datetime(2027, 5, 25, tzinfo=UTC)),
        (timedelta(hours=12), datetime(2026, 11, 25, tzinfo=UTC)),
        (datetime(2027, 1, 1, 17, 30, tzinfo=UTC), datetime(2027, 1, 1, 17, 30, tzinfo=UTC)),
    ],
)
def test_a_length_ends_on_its_last_midnight_and_an_instant_where_it_is(until: Until, horizon: datetime) -> None:
    assert ahead.horizon(until, NOW) == horizon


@pytest.mark.parametrize("until", [timedelta(hours=11, minutes=59), NOW, NOW - timedelta(days=1)])
def test_a_horizon_that_is_over_is_refused(until: Until) -> None:
    with pytest.raises(InThePast):
        ahead.horizon(until, NOW)
