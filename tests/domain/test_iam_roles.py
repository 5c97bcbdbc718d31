from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from keylease.domain import iam
from keylease.domain.outlive import Verdict, denied
from keylease.domain.role_policy import (
    horizon_of_role,
    session_policy,
    session_role_policy,
    trust_policy,
    weaknesses_of_launch_role,
    weaknesses_of_role,
)

HORIZON = datetime(2027, 1, 5, tzinfo=UTC)
ISSUER = "arn:aws:iam::123456789012:role/keylease-issuer"
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
READ = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
GOOD = session_role_policy([ALL], horizon=HORIZON)


def weaknesses(
    documents: list[dict[str, Any]],
    ceiling: dict[str, Any] | None,
    trust: dict[str, Any] | None = None,
    *,
    share: bool = False,
) -> list[str]:
    trust = trust_policy(ISSUER) if trust is None else trust
    return weaknesses_of_role(documents, trust, issuer_arn=ISSUER, ceiling=ceiling, share=share)


def test_a_session_role_as_keylease_writes_it_has_no_weakness() -> None:
    shared = session_role_policy([ALL], horizon=HORIZON, share=True)

    assert weaknesses([GOOD], GOOD) == []
    assert weaknesses([shared], shared, share=True) == []
    assert horizon_of_role(GOOD) == HORIZON


def test_a_session_role_fits_into_one_managed_policy() -> None:
    assert iam.size(iam.canonical(GOOD)) < iam.FENCE_LIMIT


def test_denials_in_a_role_s_own_policies_alone_are_none_since_the_remover_may_write_those() -> None:
    give, take = iam.policy([READ]), session_role_policy([], horizon=HORIZON)

    assert len(weaknesses([give, take], iam.policy([READ]))) > 1
    assert weaknesses([give], session_role_policy([READ], horizon=HORIZON)) == []


def test_a_role_without_a_ceiling_and_one_with_a_wider_one_are_told() -> None:
    (sentence,) = weaknesses([GOOD], None)
    assert "cannot be refused" in sentence
    (sentence,) = weaknesses([session_role_policy([READ], horizon=HORIZON)], GOOD)
    assert "allows what the role does not" in sentence


def test_a_role_that_wants_an_external_id_trusts_only_who_says_it() -> None:
    with_id = trust_policy(ISSUER, external_id="of-this-company")

    assert with_id["Statement"][0]["Condition"]["StringEquals"] == {"sts:ExternalId": "of-this-company"}
    assert len(weaknesses([GOOD], GOOD, with_id)) == 1
    found = weaknesses_of_role([GOOD], with_id, issuer_arn=ISSUER, ceiling=GOOD, external_id="of-this-company")
    assert found == []


def without(number: int) -> dict[str, Any]:
    return iam.policy(statement for place, statement in enumerate(GOOD["Statement"]) if place != number)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "no horizon"),
        (2, "account-access:*, account:A*"),
        (3, "deny iam:PassRole"),
        (4, "apigateway:UpdateRe*"),
        (5, "deny kms:CreateGrant"),
    ],
)
def test_each_missing_denial_is_said(number: int, words: str) -> None:
    (sentence,) = weaknesses([GOOD], without(number))

    assert words in sentence


@pytest.mark.parametrize(
    "trust",
    [
        {},
        trust_policy("arn:aws:iam::123456789012:root"),
        {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}},
        {"Statement": [*trust_policy(ISSUER)["Statement"], *trust_policy("arn:aws:iam::1:user/bob")["Statement"]]},
        {"Statement": {"Effect": "Allow", "Principal": {"AWS": ISSUER}, "Action": "sts:AssumeRole"}},
    ],
)
def test_any_other_trust_is_a_weakness(trust: dict[str, Any]) -> None:
    (sentence,) = weaknesses([GOOD], GOOD, trust)

    assert ISSUER in sentence


def test_a_horizon_is_the_very_denial_of_everything() -> None:
    assert horizon_of_role(iam.policy([iam.deny("s3:*", iam.since(HORIZON))])) is None
    assert horizon_of_role(iam.policy([ALL])) is None


def test_a_session_policy_is_canonical_and_denies_of_the_core_what_leads_to_other_credentials() -> None:
    document = json.loads(session_policy(HORIZON))
    essential = [
        pattern for pattern in denied(Verdict.CORE) if pattern.partition(":")[0] in {"iam", "sts", "signin"}
    ]

    assert iam.canonical(document) == session_policy(HORIZON)
    assert document["Statement"][2]["Action"] == essential


def test_what_a_session_policy_denies_in_the_last_hours_a_fence_denies_too() -> None:
    last = {*denied(Verdict.LAST_12), *denied(Verdict.LAST_1)}

    assert set(denied("session")) <= last


@pytest.mark.parametrize(
    ("statements", "names"),
    [
        ([READ], []),
        ([ALL], ["IAM", "STS", "iam:PassRole"]),
        ([ALL, *iam.core_denials()], ["iam:PassRole"]),
        ([ALL, *iam.core_denials(), iam.deny("iam:PassRole")], []),
        ([{**READ, "Action": ["iam:Get*", "iam:List*", "sts:GetCallerIdentity"]}], []),
        ([{**READ, "Action": "sts:AssumeRole"}], ["STS"]),
        ([{**READ, "Action": "IAM:Create*"}], ["IAM"]),
        ([{**READ, "Action": "iam:Pass*"}], ["iam:PassRole"]),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], ["STS"]),
    ],
)
def test_a_launch_role_must_hold_no_iam_no_sts_and_no_passrole(
    statements: list[dict[str, Any]], names: list[str]
) -> None:
    found = weaknesses_of_launch_role([iam.policy(statements)])

    assert [
        sentence.split("may use ")[1].split(":" if "Pass" not in sentence else ": what")[0] for sentence in found
    ] == names
