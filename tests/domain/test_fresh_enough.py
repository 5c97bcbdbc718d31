"""What a grant demands of a sign-in: how recent, and by what means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keylease.domain.access import Allow, Deny, Grant, Principal, Who, fresh_enough, who_is
from keylease.errors import SignInTooOld

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HALF_DAY = timedelta(hours=12)
PLAIN = Grant(
    name="media",
    who=Who(groups=frozenset({"media"})),
    permission_sets=frozenset({"archive"}),
    accounts=frozenset({"main"}),
    max_ttl=timedelta(weeks=4),
)
FRESH = replace(PLAIN, max_sign_in_age=HALF_DAY)
STRONG = replace(PLAIN, mfa=True)
BOTH = replace(FRESH, mfa=True)


def who(age: timedelta | None = None, *methods: str) -> Principal:
    at = None if age is None else NOW - age
    return Principal(issuer="dir", subject="mara", name="Mara", authenticated_at=at, methods=frozenset(methods))


@pytest.mark.parametrize(
    ("grant", "principal", "says"),
    [
        (PLAIN, who(), None),
        (PLAIN, who(timedelta(days=90)), None),
        (FRESH, who(HALF_DAY), None),
        (FRESH, who(HALF_DAY + timedelta(seconds=1)), "no older than 12h"),
        (FRESH, who(), "no older than 12h"),
        (FRESH, who(None, "mfa"), "no older than 12h"),
        (STRONG, who(None, "mfa"), None),
        (STRONG, who(timedelta()), "second factor"),
        (STRONG, who(timedelta(), "pwd", "c1", "MFA"), "second factor"),
        (BOTH, who(HALF_DAY, "pwd", "mfa"), None),
        (BOTH, who(HALF_DAY, "pwd"), "second factor"),
        (BOTH, who(timedelta(days=1), "mfa"), "no older than 12h"),
    ],
)
def test_a_sign_in_is_as_recent_and_as_strong_as_the_grant_demands(
    grant: Grant, principal: Principal, says: str | None
) -> None:
    decision = fresh_enough(principal, grant, NOW)
    if says is None:
        assert decision == Allow(grant)
        return
    assert isinstance(decision, Deny)
    assert isinstance(decision.reason, SignInTooOld)
    assert says in decision.reason.sentence
    assert (decision.reason.max_age, decision.reason.mfa) == (grant.max_sign_in_age, grant.mfa)


def test_an_id_is_taken_apart_as_it_was_put_together() -> None:
    for issuer, subject in (("dir", "mara"), ("https://login.example.com/x/v2.0", "a#b"), ("dir", "")):
        assert who_is(Principal(issuer=issuer, subject=subject, name="x").id) == (issuer, subject)
