from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keylease.domain import clock, iam, outlive
from keylease.domain.group_policy import (
    LEASED_USERS,
    as_leased,
    group_policy,
    horizon_of,
    move_horizon,
    weaknesses_of_group,
    weaknesses_of_policy,
)
from keylease.domain.outlive import Verdict, denied
from keylease.domain.statement import allows, always_denied, covers
from keylease.sandbox.account import BUCKET, gives

HORIZON = datetime(2027, 1, 5, tzinfo=UTC)
READ = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}
LATER = "2027-06-01T00:00:00Z"
EARLIER = "2026-12-24T00:00:00Z"


def condition(**own: Any) -> Any:
    first, *_ = group_policy([{**READ, "Condition": own}], horizon=HORIZON)["Statement"]
    return first["Condition"]


def test_every_allow_gets_both_conditions_and_denials_stay_as_they_are() -> None:
    document = group_policy([READ, DENY, {**READ, "Sid": "Two"}], horizon=HORIZON)
    both = {
        "ArnLike": {"aws:PrincipalArn": LEASED_USERS},
        "DateLessThan": {"aws:CurrentTime": "2027-01-05T00:00:00Z"},
    }

    assert document["Statement"][:3] == [
        {**READ, "Condition": both},
        DENY,
        {**READ, "Sid": "Two", "Condition": both},
    ]
    assert weaknesses_of_policy(document) == weaknesses_of_group([document]) == []
    assert horizon_of(document) == HORIZON


def test_conditions_that_are_there_must_hold_as_well() -> None:
    assert condition(Bool={"aws:SecureTransport": "true"})["Bool"] == {"aws:SecureTransport": "true"}
    own_arn = condition(ArnLike={"aws:PrincipalArn": "arn:aws:iam::*:user/*/anna", "aws:SourceArn": "arn:x"})
    assert own_arn["ArnLike"] == {"aws:PrincipalArn": "arn:aws:iam::*:user/*/anna", "aws:SourceArn": "arn:x"}
    assert own_arn["ArnEquals"] == {"aws:PrincipalArn": LEASED_USERS}


@pytest.mark.parametrize(
    ("own", "date"),
    [
        (EARLIER, EARLIER),
        (LATER, "2027-01-05T00:00:00Z"),
        ([EARLIER, "2026-12-01T00:00:00Z"], EARLIER),
        ([EARLIER, LATER], "2027-01-05T00:00:00Z"),
    ],
)
def test_of_two_dates_the_earlier_counts_and_of_alternatives_the_last(own: Any, date: str) -> None:
    assert condition(DateLessThan={"AWS:currenttime": own})["DateLessThan"] == {"aws:CurrentTime": date}


@pytest.mark.parametrize(
    "own",
    [
        {"DateLessThan": {"aws:CurrentTime": "soon"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/x"}, "ArnEquals": {"aws:PrincipalArn": "arn:y"}},
    ],
)
def test_what_cannot_be_guarded_is_refused(own: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="statement"):
        condition(**own)


def test_what_goes_in_is_not_changed() -> None:
    statement = {**READ, "Condition": {"DateLessThan": {"aws:CurrentTime": LATER}}}
    group_policy([statement], horizon=HORIZON)

    assert statement["Condition"] == {"DateLessThan": {"aws:CurrentTime": LATER}}


def test_the_horizon_moves_forward_and_nothing_else_changes() -> None:
    document = group_policy([READ, DENY, {**READ, "Condition": {"Bool": {"a": "true"}}}], horizon=HORIZON)
    later = HORIZON + timedelta(weeks=8)
    moved = move_horizon(document, horizon=later)

    assert clock.to_text(later - timedelta(hours=12)) in iam.canonical(moved)
    assert clock.to_text(HORIZON - timedelta(hours=12)) not in iam.canonical(moved)
    assert moved == group_policy([READ, DENY, {**READ, "Condition": {"Bool": {"a": "true"}}}], horizon=later)
    assert move_horizon(moved, horizon=HORIZON) == document


@pytest.mark.parametrize("own", [{}, {"DateLessThan": {"aws:CurrentTime": EARLIER}}])
def test_the_horizon_of_a_policy_with_dates_of_its_own_is_not_moved(own: dict[str, Any]) -> None:
    good = group_policy([READ], horizon=HORIZON)["Statement"]

    with pytest.raises(ValueError, match="horizon"):
        move_horizon({"Statement": [*good, {**READ, "Condition": own}]}, horizon=HORIZON)


def test_the_horizon_of_a_policy_is_its_earliest_end_and_none_where_something_has_none() -> None:
    guarded = group_policy(
        [READ, {**READ, "Condition": {"DateLessThan": {"aws:CurrentTime": EARLIER}}}], horizon=HORIZON
    )

    assert horizon_of(guarded) == datetime(2026, 12, 24, tzinfo=UTC)
    assert horizon_of({"Statement": [*guarded["Statement"], READ]}) is None
    assert horizon_of({"Statement": DENY}) is None
    assert horizon_of({"Statement": {**READ, "Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}}}) is None


GOOD_DATE = {"DateLessThan": {"aws:CurrentTime": LATER}}
FOR_OTHERS = "Statement 1 allows for whoever is put into the group, not for leased users alone."
ENDLESS = "Statement 1 allows without a horizon: behind an endless fence it never ends."


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ({}, [FOR_OTHERS, ENDLESS]),
        (GOOD_DATE, [FOR_OTHERS]),
        ({"ArnLike": {"aws:PrincipalArn": LEASED_USERS}}, [ENDLESS]),
        ({"ArnLike": {"aws:PrincipalArn": [LEASED_USERS, "arn:aws:iam::*:user/*"]}, **GOOD_DATE}, [FOR_OTHERS]),
        ({"ArnLike": {"aws:PrincipalArn": []}, **GOOD_DATE}, [FOR_OTHERS]),
        ({"ArnLike": {"aws:PrincipalArn": "*"}, **GOOD_DATE}, [FOR_OTHERS]),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:*"}, **GOOD_DATE}, [FOR_OTHERS]),
        ({"StringLike": {"aws:PrincipalArn": LEASED_USERS}, **GOOD_DATE}, [FOR_OTHERS]),
        ({"ArnNotLike": {"aws:PrincipalArn": LEASED_USERS}, **GOOD_DATE}, [FOR_OTHERS]),
        ({"ArnLikeIfExists": {"aws:PrincipalArn": LEASED_USERS}, **GOOD_DATE}, [FOR_OTHERS]),
        ({"ArnLike": {"aws:SourceArn": LEASED_USERS}, **GOOD_DATE}, [FOR_OTHERS]),
        ({"ArnLike": {"aws:principalarn": "arn:aws:iam::1:user/keylease/anna"}, **GOOD_DATE}, []),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:aws-cn:iam::*:user/keylease/*"}, **GOOD_DATE}, []),
        ({"ArnLike": {"aws:PrincipalArn": LEASED_USERS}, "DateGreaterThan": {"aws:CurrentTime": LATER}}, [ENDLESS]),
    ],
)
def test_weaknesses_are_said_in_sentences(own: dict[str, Any], found: list[str]) -> None:
    assert weaknesses_of_policy({"Statement": {**READ, "Condition": own}}) == found


def test_a_policy_that_aws_manages_has_both_weaknesses_by_name() -> None:
    found = weaknesses_of_policy({"Statement": [{**READ, "Sid": "Read"}, DENY]})

    assert [sentence.split(" allows")[0] for sentence in found] == ["Statement Read", "Statement Read"]


@pytest.mark.parametrize("share", [True, False])
def test_a_group_denies_leased_users_and_no_others_the_core_and_unless_it_shares_the_opening_of_data(
    share: bool,  # noqa: FBT001 - a case
) -> None:
    document = group_policy([READ], horizon=HORIZON, share=share)
    own = [statement for statement in document["Statement"] if statement["Effect"] == "Deny"]
    always = list(always_denied(as_leased(document)["Statement"]))
    shared = [pattern for pattern in denied(Verdict.SHARE) if any(covers(mine, pattern) for mine in always)]

    assert all(statement["Condition"]["ArnLike"] == {"aws:PrincipalArn": LEASED_USERS} for statement in own)
    assert list(always_denied(own)) == [], "whoever is no leased user is denied nothing"
    assert set(denied(Verdict.CORE)) <= set(always)
    assert bool(shared) != share
    assert weaknesses_of_group([document], share=True) == []
    assert bool(weaknesses_of_group([document], share=False)) == share


def test_a_group_policy_leaves_a_managed_policy_room_and_an_inline_one_little() -> None:
    size = iam.size(iam.canonical(group_policy(gives(BUCKET), horizon=HORIZON)))

    assert iam.FENCE_LIMIT - size >= 1000
    assert size > 5120, "an inline policy would do: say so where the group's policy is described"


WHOLE = group_policy([READ], horizon=HORIZON)
GUARDED, DENIALS = iam.policy(WHOLE["Statement"][:1]), group_policy([], horizon=HORIZON)


def without(number: int) -> dict[str, Any]:
    return iam.policy(statement for place, statement in enumerate(WHOLE["Statement"]) if place != number)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, ["account-access:*, account:A*, account:C*, account:D*, account:E* and more"]),
        (2, ["iam:PassRole"]),
        (3, ["kms:CreateGrant"]),
        (4, ["what gives credentials, from twelve hours before the horizon on"]),
    ],
)
def test_each_denial_that_a_group_lacks_is_said(number: int, words: list[str]) -> None:
    assert weaknesses_of_group([without(number)]) == [f"It does not deny {word}." for word in words]


def test_the_denials_may_stand_in_another_policy_of_the_group_and_an_empty_group_needs_none() -> None:
    assert weaknesses_of_group([GUARDED, DENIALS]) == []
    assert weaknesses_of_group([DENIALS, GUARDED]) == []
    assert weaknesses_of_group([]) == weaknesses_of_group([iam.policy([DENY])]) == []
    assert len(weaknesses_of_group([GUARDED])) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Allow"},
        {"Resource": "arn:aws:iam::*:user/keylease/anna"},
        {"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/keylease/anna"}}},
        {"Condition": {"ArnLike": {"aws:PrincipalArn": LEASED_USERS}, "Bool": {"aws:SecureTransport": "false"}}},
        {"Condition": {"ArnNotLike": {"aws:PrincipalArn": LEASED_USERS}}},
        {"Condition": 7},
    ],
)
def test_a_denial_for_some_or_at_times_is_none(changes: dict[str, Any]) -> None:
    core = {**DENIALS["Statement"][0], **changes}

    assert weaknesses_of_group([iam.policy([GUARDED["Statement"][0], core, *DENIALS["Statement"][1:]])]) != []


def test_a_denial_for_everybody_is_one_for_leased_users() -> None:
    everybody = as_leased(DENIALS)["Statement"]

    assert weaknesses_of_group([iam.policy([*GUARDED["Statement"], *everybody])]) == []


@pytest.mark.parametrize(("hours", "enough"), [(-1, True), (0, True), (1, False)])
def test_the_last_hours_begin_twelve_hours_before_the_horizon_or_sooner(hours: int, enough: bool) -> None:  # noqa: FBT001 - a case
    later = group_policy([], horizon=HORIZON + timedelta(hours=hours))

    assert (weaknesses_of_group([GUARDED, later]) == []) == enough


def test_the_denials_alone_carry_the_horizon_of_their_group_and_move_with_it() -> None:
    later = HORIZON + timedelta(weeks=8)

    assert horizon_of(DENIALS) == HORIZON
    assert move_horizon(DENIALS, horizon=later) == group_policy([], horizon=later)
    assert horizon_of({"Statement": {**DENY, "Condition": iam.since(HORIZON)}}) is None
    assert horizon_of({"Statement": {**DENY, "Sid": iam.LAST_HOURS, "Condition": {}}}) is None
    odd = {**DENY, "Sid": iam.LAST_HOURS, "Condition": {"DateGreaterThanEquals": {"aws:CurrentTime": "soon"}}}
    assert horizon_of({"Statement": odd}) is None


def test_an_administrators_own_dates_are_not_moved() -> None:
    own = {**DENY, "Condition": iam.since(HORIZON - timedelta(hours=12))}
    moved = move_horizon(group_policy([READ, own], horizon=HORIZON), horizon=HORIZON + timedelta(weeks=8))

    assert own in moved["Statement"]


def test_what_a_group_denies_is_not_told_of_it() -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    closed, open_ = (as_leased(group_policy([everything], horizon=HORIZON, share=share)) for share in (False, True))

    assert not allows([closed], "iam:CreateUser")
    assert allows([closed], "iam:PassRole"), "launch roles may be passed"
    assert outlive.SHARED not in outlive.tells([closed], share=True)
    assert outlive.SHARED in outlive.tells([open_], share=True)
