"""Who may lease what, and who may decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from keylease.domain.access import Allow, Catalogue, Deny, Grant, Principal, Request, Who, decide, may_decide
from keylease.errors import KeyleaseError, NotApprover, NotGranted, OwnRequest, TooLong

DAY = timedelta(days=1)
MARA = Principal(issuer="dir", subject="mara", name="Mara", groups=frozenset({"media"}))
LEAD = Principal(issuer="dir", subject="lead", name="Lead", groups=frozenset({"leads"}))
ASK = Request(account="main", permission_set="archive", ttl=DAY)
GRANT = Grant(
    name="media",
    who=Who(groups=frozenset({"media"})),
    permission_sets=frozenset({"archive"}),
    accounts=frozenset({"main"}),
    max_ttl=7 * DAY,
    approvers=Who(groups=frozenset({"leads"})),
)


@pytest.mark.parametrize(
    ("grants", "request_", "refusal"),
    [
        ([], ASK, NotGranted),
        ([replace(GRANT, who=Who())], ASK, NotGranted),
        ([replace(GRANT, accounts=frozenset())], ASK, NotGranted),
        ([replace(GRANT, permission_sets=frozenset())], ASK, NotGranted),
        ([GRANT], replace(ASK, account="other"), NotGranted),
        ([GRANT], replace(ASK, permission_set="other"), NotGranted),
        ([GRANT], replace(ASK, ttl=7 * DAY + timedelta(seconds=1)), TooLong),
        (
            [replace(GRANT, permission_sets=frozenset({"other"}), max_ttl=90 * DAY), GRANT],
            replace(ASK, ttl=8 * DAY),
            TooLong,
        ),
    ],
    ids=[
        "nothing",
        "nobody",
        "no account",
        "no set",
        "other account",
        "other set",
        "too long",
        "a longer grant elsewhere",
    ],
)
def test_what_no_grant_allows_is_denied(
    grants: list[Grant], request_: Request, refusal: type[KeyleaseError]
) -> None:
    decision = decide(MARA, request_, grants)
    assert isinstance(decision, Deny)
    assert type(decision.reason) is refusal


def test_the_first_grant_that_allows_the_length_counts() -> None:
    short, long = replace(GRANT, name="short", max_ttl=DAY / 2), replace(GRANT, name="long")
    assert decide(MARA, ASK, [short, long, GRANT]) == Allow(long)


def test_a_named_person_needs_no_group() -> None:
    by_name = replace(GRANT, who=Who(subjects=frozenset({"mara"})))
    assert decide(replace(MARA, groups=frozenset()), ASK, [by_name]) == Allow(by_name)


@pytest.mark.parametrize(
    ("approver", "owner", "grant", "refusal"),
    [
        (LEAD, LEAD.id, GRANT, OwnRequest),
        (MARA, "dir#other", GRANT, NotApprover),
        (LEAD, MARA.id, None, NotApprover),
        (LEAD, MARA.id, replace(GRANT, approvers=Who()), NotApprover),
    ],
    ids=["own request", "no approver", "grant is gone", "nobody approves"],
)
def test_who_may_not_decide(
    approver: Principal, owner: str, grant: Grant | None, refusal: type[KeyleaseError]
) -> None:
    decision = may_decide(approver, owner, grant)
    assert isinstance(decision, Deny)
    assert type(decision.reason) is refusal


def test_an_approver_may_decide_on_somebody_elses_request() -> None:
    assert may_decide(LEAD, MARA.id, GRANT) == Allow(GRANT)


def test_the_same_subject_of_another_directory_is_another_principal() -> None:
    assert replace(MARA, issuer="elsewhere").id != MARA.id


def test_an_empty_catalogue_allows_nobody_anything() -> None:
    empty = Catalogue()
    assert isinstance(decide(MARA, ASK, empty.grants), Deny)
    assert not empty.may_audit(MARA)
