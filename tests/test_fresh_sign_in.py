"""A grant that demands a fresh sign-in with a second factor, at each of the acts that it speaks of."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from keylease.domain.access import MFA, Principal
from keylease.domain.lease import State
from keylease.errors import OwnRequest, SignInTooOld
from world import CATALOGUE, MARA, PRIYA, World

STRICT = replace(CATALOGUE.grants[0], mfa=True, max_sign_in_age=timedelta(hours=1))
HOUR = timedelta(hours=1)


@pytest.fixture
def strict() -> World:
    return World(catalogue=replace(CATALOGUE, grants=(STRICT,)))


def signed_in(person: Principal, at: datetime, *methods: str) -> Principal:
    return replace(person, authenticated_at=at, methods=frozenset(methods or {MFA}))


def stale(person: Principal, world: World) -> Principal:
    return signed_in(person, world.clock.now() - HOUR - timedelta(seconds=1))


def test_all_goes_well_with_fresh_sign_ins(strict: World) -> None:
    lease = strict.requested(by=signed_in(MARA, strict.clock.now()))
    strict.broker.approve(signed_in(PRIYA, strict.clock.now()), lease.id)
    strict.clock.pass_time(hours=1)
    collected = strict.broker.collect(signed_in(MARA, strict.clock.now() - HOUR), lease.id)
    assert collected.lease.state is State.ISSUING


def test_a_request_needs_a_fresh_sign_in(strict: World) -> None:
    for person in (MARA, stale(MARA, strict), signed_in(MARA, strict.clock.now(), "pwd")):
        with pytest.raises(SignInTooOld) as refused:
            strict.requested(by=person)
        assert (refused.value.max_age, refused.value.mfa) == (HOUR, True)
    assert list(strict.store.events()) == []


def test_an_approval_needs_the_approvers_own(strict: World) -> None:
    lease = strict.requested(by=signed_in(MARA, strict.clock.now()))
    for person in (PRIYA, stale(PRIYA, strict)):
        with pytest.raises(SignInTooOld):
            strict.broker.approve(person, lease.id)
    assert strict.store.get(lease.id).state is State.REQUESTED
    with pytest.raises(OwnRequest):
        strict.broker.approve(MARA, lease.id)


def test_saying_no_needs_none(strict: World) -> None:
    lease = strict.requested(by=signed_in(MARA, strict.clock.now()))
    assert strict.broker.deny(PRIYA, lease.id, reason="Not now").state is State.DENIED


def test_a_collection_needs_one_too_and_makes_nothing_without(strict: World) -> None:
    lease = strict.requested(by=signed_in(MARA, strict.clock.now()))
    strict.broker.approve(signed_in(PRIYA, strict.clock.now()), lease.id)
    with pytest.raises(SignInTooOld):
        strict.broker.collect(stale(MARA, strict), lease.id)
    assert (strict.store.get(lease.id).state, strict.cloud.users) == (State.APPROVED, {})


def test_giving_back_needs_none(strict: World) -> None:
    lease = strict.requested(by=signed_in(MARA, strict.clock.now()))
    assert strict.broker.revoke(MARA, lease.id).state is State.WITHDRAWN


def test_a_renewal_is_a_request(strict: World) -> None:
    lease = strict.requested(by=signed_in(MARA, strict.clock.now()))
    with pytest.raises(SignInTooOld):
        strict.broker.renew(MARA, lease.id)
