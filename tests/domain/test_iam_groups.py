from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keylease.domain.group_policy import (
    LEASED_USERS,
    group_policy,
    horizon_of,
    move_horizon,
    weaknesses_of_group,
)

HORIZON = datetime(2027, 1, 5, tzinfo=UTC)
READ = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}
LATER = "2027-06-01T00:00:00Z"
EARLIER = "2026-12-24T00:00:00Z"


def condition(**own: Any) -> Any:
    (statement,) = group_policy([{**READ, "Condition": own}], horizon=HORIZON)["Statement"]
    return statement["Condition"]


def test_every_allow_gets_both_conditions_and_denials_stay_as_they_are() -> None:
    document = group_policy([READ, DENY, {**READ, "Sid": "Two"}], horizon=HORIZON)
    both = {
        "ArnLike": {"aws:PrincipalArn": LEASED_USERS},
        "DateLessThan": {"aws:CurrentTime": "2027-01-05T00:00:00Z"},
    }

    assert document["Statement"] == [{**READ, "Condition": both}, DENY, {**READ, "Sid": "Two", "Condition": both}]
    assert weaknesses_of_group(document) == []
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
    assert weaknesses_of_group({"Statement": {**READ, "Condition": own}}) == found


def test_a_policy_that_aws_manages_has_both_weaknesses_by_name() -> None:
    found = weaknesses_of_group({"Statement": [{**READ, "Sid": "Read"}, DENY]})

    assert [sentence.split(" allows")[0] for sentence in found] == ["Statement Read", "Statement Read"]
