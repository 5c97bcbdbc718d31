"""Leases that give sessions: from the first one to the end, to whom they go, and what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from keylease.broker import Ask
from keylease.domain.access import Catalogue
from keylease.domain.event import verify
from keylease.domain.lease import EndReason, Kind, State
from keylease.errors import (
    AwsDenied,
    AwsUnreachable,
    BeyondHorizon,
    ChainBroken,
    ChangedMeanwhile,
    KeyleaseError,
    LeaseOver,
    NoSuchLease,
    NotApproved,
    NotGranted,
    NotYours,
    OtherKind,
    RateLimited,
    RoleMissing,
    SetChanged,
    SignInTooOld,
    TooLong,
    WrongMachine,
)
from keylease.ports import GroupFacts
from keylease.testing import away, fail_at
from session_world import LAPTOP, MEDIA, OTHER, SESSIONS, SessionWorld
from world import MARA, PRIYA, STRANGER, TOMAS

HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> SessionWorld:
    return SessionWorld()


def test_a_lease_gives_one_session_after_another_until_its_end(world: SessionWorld) -> None:
    lease = world.granted(timedelta(hours=3))
    taken = [world.take(lease)]
    assert taken[0].lease.state is State.ACTIVE
    while world.clock.pass_time(minutes=50) < lease.expires_at:
        taken.append(world.take(lease))
        assert world.serves(taken[-1])
    assert len(taken) == 4
    world.clock.move_to(lease.expires_at)
    assert not any(map(world.serves, taken))
    with pytest.raises(LeaseOver):
        world.take(lease)


def test_a_session_costs_one_call_and_one_record(world: SessionWorld) -> None:
    lease = world.granted()
    world.cloud.calls.clear()
    for _ in range(3):
        records = len(list(world.store.events()))
        world.take(lease)
        world.clock.pass_time(minutes=50)
        assert len(list(world.store.events())) == records + 1
    assert world.cloud.calls == Counter(AssumeRole=3)


def test_near_the_end_aws_gives_a_quarter_of_an_hour_and_the_lease_still_ends_it(world: SessionWorld) -> None:
    taken = world.running(timedelta(minutes=3))
    session = world.cloud.roles.sessions[taken.credentials.access_key_id]
    assert session.expiration == world.clock.now() + timedelta(minutes=15)
    assert taken.credentials.expiration == taken.lease.expires_at, "what is told is never later than the end"
    world.clock.move_to(taken.lease.expires_at - timedelta(seconds=1))
    assert world.serves(taken)
    world.clock.pass_time(seconds=1)
    assert not world.serves(taken)


def test_a_session_is_no_longer_than_was_wanted_or_the_set_allows(world: SessionWorld) -> None:
    lease, now = world.granted(), world.clock.now()
    assert world.take(lease, wanted=timedelta(minutes=20)).credentials.expiration == now + timedelta(minutes=20)
    now = world.clock.pass_time(minutes=1)
    assert world.take(lease, wanted=timedelta(hours=12)).credentials.expiration == now + HOUR
    assert world.store.get(lease.id).sessions_until == now + HOUR


def test_the_audit_trail_says_which_session_went_where_and_holds_no_secret(world: SessionWorld) -> None:
    taken = world.running()
    [event] = [link.event for link in world.store.events() if link.event.action == "session-issued"]
    given = taken.credentials
    assert event.actor == "dir#mara"
    assert {
        name: event.details[name] for name in ("expiration", "source_identity", "access_key_id", "machine")
    } == {
        "expiration": "2026-11-24T13:00:00Z",
        "source_identity": f"keylease-{taken.lease.id}",
        "access_key_id": given.access_key_id,
        "machine": LAPTOP,
    }
    written = (
        repr([link.event for link in world.store.events()]) + repr(world.store.get(taken.lease.id)) + repr(taken)
    )
    for secret in (given.secret_access_key.reveal(), given.session_token.reveal()):
        assert secret not in written
    verify(world.store.events())


def test_a_set_with_a_group_and_a_role_gives_what_was_asked_for(world: SessionWorld) -> None:
    assert world.asked(permission_set="both").kind is Kind.ACCESS_KEY
    session = world.asked(permission_set="both", kind=Kind.SESSION)
    assert (session.kind, session.role, session.group) == (Kind.SESSION, "media", "")
    assert world.broker.renew(MARA, session.id).kind is Kind.SESSION
    with pytest.raises(NotGranted, match="session only"):
        world.asked(kind=Kind.ACCESS_KEY)


def with_catalogue(**changes: object) -> Callable[[SessionWorld], object]:
    def act(world: SessionWorld) -> object:
        lease = world.granted()
        world.catalogue = replace(SESSIONS, **changes)  # type: ignore[arg-type] - a table of fields
        world.start()
        return world.take(lease)

    return act


def stuck_in_the_past(world: SessionWorld) -> object:
    lease = world.granted(HOUR)
    world.clock.move_to(lease.expires_at)
    return world.take(lease)


def twice_in_a_second(world: SessionWorld) -> object:
    lease = world.granted()
    world.take(lease)
    return world.take(lease)


def denied(world: SessionWorld) -> object:
    lease = world.asked()
    world.broker.deny(PRIYA, lease.id, reason="Not now")
    return world.take(lease)


def given_back(world: SessionWorld) -> object:
    lease = world.running().lease
    world.broker.revoke(MARA, lease.id)
    return world.take(lease)


def on_another_machine(world: SessionWorld) -> object:
    lease = world.running().lease
    world.clock.pass_time(minutes=1)
    return world.take(lease, machine=OTHER)


def changed_by_hand(world: SessionWorld) -> object:
    lease = world.granted()
    world.store.leases[lease.id] = replace(lease, expires_at=lease.expires_at + HOUR)  # type: ignore[attr-defined]
    return world.take(lease)


REFUSED: list[tuple[str, Callable[[SessionWorld], object], type[KeyleaseError]]] = [
    ("somebody else's", lambda w: w.take(w.granted(), by=PRIYA), NotYours),
    ("a stranger's", lambda w: w.take(w.granted(), by=STRANGER), NoSuchLease),
    ("not approved", lambda w: w.take(w.asked()), NotApproved),
    ("denied", denied, NotApproved),
    ("its time is up", stuck_in_the_past, LeaseOver),
    ("given back", given_back, LeaseOver),
    ("an access key's", lambda w: w.take(w.approved()), OtherKind),
    ("collected", lambda w: w.broker.collect(MARA, w.granted().id), OtherKind),
    ("another machine", on_another_machine, WrongMachine),
    ("twice in a second", twice_in_a_second, RateLimited),
    ("the set is gone", with_catalogue(permission_sets={}), NotGranted),
    ("another role", with_catalogue(permission_sets={"uploads": SESSIONS.permission_sets["archive"]}), SetChanged),
    ("the grant is gone", with_catalogue(grants=()), NotGranted),
    ("the grant gives less", with_catalogue(grants=(replace(MEDIA, max_ttl=HOUR),)), TooLong),
    ("no longer in the group", lambda w: w.take(w.granted(), by=replace(MARA, groups=frozenset())), NotGranted),
    ("changed by hand", changed_by_hand, ChainBroken),
]


@pytest.mark.parametrize(("act", "refusal"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_refused_calls_nothing_and_changes_nothing(
    world: SessionWorld, act: Callable[[SessionWorld], object], refusal: type[KeyleaseError]
) -> None:
    with pytest.raises(refusal):
        act(world)
    assert world.cloud.calls["AssumeRole"] == len(world.handed)


def test_the_first_session_binds_the_lease_to_its_machine(world: SessionWorld) -> None:
    lease = world.granted()
    assert world.take(lease).lease.machine == LAPTOP
    world.clock.pass_time(minutes=1)
    with pytest.raises(WrongMachine):
        world.take(lease, machine=OTHER)
    assert world.serves(world.take(lease))


def test_another_machine_takes_a_fresh_sign_in_and_then_the_first_one_gets_nothing(world: SessionWorld) -> None:
    lease = world.running().lease
    world.clock.pass_time(minutes=1)
    for age in (None, timedelta(minutes=15, seconds=1)):
        who = replace(MARA, authenticated_at=world.clock.now() - age if age else None)
        with pytest.raises(SignInTooOld) as refused:
            world.session_leases.bind(who, lease.id, machine=OTHER)
        assert refused.value.max_age == timedelta(minutes=15)
    who = replace(MARA, authenticated_at=world.clock.now() - timedelta(minutes=15))
    assert world.session_leases.bind(who, lease.id, machine=OTHER).machine == OTHER
    version = world.session_leases.bind(who, lease.id, machine=OTHER).version
    assert version == world.store.get(lease.id).version, "saying it twice writes nothing"
    with pytest.raises(WrongMachine):
        world.take(lease)
    assert world.serves(world.take(lease, machine=OTHER))
    [event] = [link.event for link in world.store.events() if link.event.action == "machine-bound"]
    assert (event.details["before"], event.details["machine"]) == (LAPTOP, OTHER)


@pytest.mark.parametrize("by", [TOMAS, PRIYA])
def test_nobody_else_moves_it(world: SessionWorld, by: object) -> None:
    lease = world.running().lease
    who = replace(by, authenticated_at=world.clock.now())  # type: ignore[type-var] - a principal
    with pytest.raises((NotYours, NoSuchLease)):
        world.session_leases.bind(who, lease.id, machine=OTHER)  # type: ignore[arg-type] - the same


def test_what_a_grant_demands_of_who_collects_it_demands_of_the_first_session(world: SessionWorld) -> None:
    world.catalogue = replace(SESSIONS, grants=(replace(MEDIA, mfa=True),))
    world.start()
    mara, priya = (replace(person, methods=frozenset({"mfa"})) for person in (MARA, PRIYA))
    ask = Ask(account="main", permission_set="uploads", until=timedelta(weeks=2), reason="Winter masters")
    lease = world.broker.approve(priya, world.broker.request(mara, ask).id)
    with pytest.raises(SignInTooOld):
        world.take(lease)
    world.take(lease, by=mara)
    world.clock.pass_time(minutes=50)
    world.take(lease), "later ones come by themselves"


def test_giving_back_refuses_what_runs_at_once_and_touches_nobody_else(world: SessionWorld) -> None:
    mine, other = world.running(), world.running()
    world.cloud.calls.clear()
    ending = world.broker.revoke(MARA, mine.lease.id)
    assert world.cloud.calls == Counter(PutRolePolicy=1)
    assert not world.serves(mine)
    assert world.serves(other)
    assert (ending.state, ending.end_reason) == (State.REVOKING, EndReason.RETURNED)
    assert [link.event.action for link in world.store.events(mine.lease.id)][-2:] == ["ending", "sessions-refused"]


def test_it_closes_when_the_last_session_would_be_over_and_leaves_nothing(world: SessionWorld) -> None:
    mine = world.running()
    world.broker.revoke(PRIYA, mine.lease.id)
    for minutes, state in ((59, State.REVOKING), (5, State.REVOKING), (1, State.CLOSED)):
        world.clock.pass_time(minutes=minutes)
        world.run_pass()
        assert world.store.get(mine.lease.id).state is state
        assert bool(world.cloud.roles.ended) is (state is State.REVOKING)
    assert world.store.get(mine.lease.id).end_reason is EndReason.REVOKED
    assert world.run_pass().done == {}


def test_a_longer_session_before_the_last_one_is_refused_for_as_long_as_it_may_run(world: SessionWorld) -> None:
    lease = world.granted()
    long = world.take(lease)
    world.clock.pass_time(minutes=1)
    world.take(lease, wanted=timedelta(minutes=15))
    world.broker.revoke(MARA, lease.id)
    world.clock.pass_time(minutes=40)
    world.run_pass()
    assert not world.serves(long)


def test_at_the_natural_end_a_pass_closes_it_without_asking_aws_for_anything(world: SessionWorld) -> None:
    mine = world.running(timedelta(hours=2))
    world.clock.move_to(mine.lease.expires_at)
    world.cloud.calls.clear()
    assert world.run_pass().done == {"End": 1}
    assert world.cloud.calls == Counter(GetAccountAuthorizationDetails=1)
    closed = world.store.get(mine.lease.id)
    assert (closed.state, closed.end_reason) == (State.CLOSED, EndReason.EXPIRED)


def test_a_lease_that_gave_no_session_ends_without_a_call(world: SessionWorld) -> None:
    lease = world.granted()
    world.cloud.calls.clear()
    assert world.broker.revoke(MARA, lease.id).state is State.CLOSED
    assert world.cloud.calls == Counter()


def test_the_first_session_of_a_renewal_retires_the_old_lease_and_a_pass_cuts_it(world: SessionWorld) -> None:
    old = world.running(timedelta(weeks=2))
    renewal = world.broker.approve(PRIYA, world.broker.renew(MARA, old.lease.id).id)
    world.take(renewal)
    retiring = world.store.get(old.lease.id)
    assert retiring.retire_at == world.clock.now() + timedelta(days=3)
    world.clock.move_to(retiring.retire_at - timedelta(minutes=30))
    last = world.take(old.lease)
    assert last.credentials.expiration == retiring.retire_at
    world.clock.move_to(retiring.retire_at)
    assert not world.serves(last)
    world.run_pass()
    assert world.store.get(old.lease.id).end_reason is EndReason.RENEWED


def test_while_aws_is_away_the_intent_stands_and_the_next_pass_refuses(world: SessionWorld) -> None:
    mine = world.running()
    world.cloud.before = away
    assert world.broker.revoke(MARA, mine.lease.id).state is State.REVOKING
    with pytest.raises(LeaseOver):
        world.take(mine.lease)
    world.cloud.before = lambda _: None
    assert world.serves(mine)
    assert world.run_pass().done == {"RefuseSessions": 1}
    assert not world.serves(mine)


def test_a_refusal_that_somebody_took_away_is_written_again(world: SessionWorld) -> None:
    mine = world.running()
    world.broker.revoke(MARA, mine.lease.id)
    for text in (None, '{"Statement":[]}'):
        world.cloud.roles.refuse("media", text)
        assert world.run_pass().done == {"RefuseSessions": 1}
        assert not world.serves(mine)
        assert world.run_pass().done == {}


def test_a_role_without_a_ceiling_is_told_and_nothing_else_waits_for_it(world: SessionWorld) -> None:
    mine, key = world.running(), world.active()
    world.cloud.roles.without_ceiling.add("media")
    ending = world.broker.revoke(MARA, mine.lease.id)
    assert (ending.state, ending.failures) == (State.REVOKING, 1)
    world.broker.revoke(MARA, key.id)
    assert [alarm.what for alarm in world.run_pass().alarms] == ["ceiling"]
    world.clock.pass_time(minutes=66)
    world.run_pass()
    assert world.store.get(mine.lease.id).state is State.CLOSED, "its sessions have ended by themselves"


def test_who_gives_back_at_the_same_time_as_somebody_else_is_refused_too(world: SessionWorld) -> None:
    """The other one's policy is written between our look at the ledger and our own writing."""
    mine, other = world.running(), world.running()

    def meanwhile(call: str) -> None:
        if call == "PutRolePolicy":
            world.cloud.before = lambda _: None
            world.broker.revoke(MARA, other.lease.id)

    world.cloud.before = meanwhile
    world.broker.revoke(MARA, mine.lease.id)
    assert not world.serves(mine)
    assert not world.serves(other)


def test_a_session_that_is_asked_for_while_the_lease_ends_goes_to_nobody(world: SessionWorld) -> None:
    lease = world.running().lease
    world.clock.pass_time(minutes=1)

    def meanwhile(call: str) -> None:
        if call == "AssumeRole":
            world.cloud.after = lambda _: None
            world.broker.revoke(PRIYA, lease.id)

    world.cloud.after = meanwhile
    with pytest.raises(LeaseOver):
        world.take(lease)
    assert not any(map(world.cloud.accepts, world.cloud.roles.sessions)), "and what AWS gave is refused, too"


def test_of_two_machines_that_come_first_at_once_one_gets_the_lease(world: SessionWorld) -> None:
    lease = world.granted()

    def meanwhile(call: str) -> None:
        if call == "AssumeRole":
            world.cloud.after = lambda _: None
            world.take(lease, machine=OTHER)

    world.cloud.after = meanwhile
    with pytest.raises(WrongMachine):
        world.take(lease)
    assert world.store.get(lease.id).machine == OTHER
    assert len(world.handed) == 1


def test_somebody_elses_act_on_the_lease_in_between_is_no_reason_to_refuse(world: SessionWorld) -> None:
    lease = world.running().lease
    world.clock.pass_time(minutes=1)

    def meanwhile(call: str) -> None:
        if call == "AssumeRole":
            world.cloud.after = lambda _: None
            world.clock.pass_time(seconds=1)
            world.take(lease)

    world.cloud.after = meanwhile
    assert world.serves(world.take(lease))


def test_a_ledger_that_keeps_changing_is_given_up_on(world: SessionWorld) -> None:
    lease = world.granted()
    world.store.before = fail_at("save", ChangedMeanwhile("again"))  # type: ignore[attr-defined] - the fake's
    with pytest.raises(ChangedMeanwhile):
        world.take(lease)
    assert not world.handed


@pytest.mark.parametrize("failure", [AwsUnreachable("away"), AwsDenied("sts:AssumeRole")])
def test_what_aws_fails_with_is_told_and_the_lease_goes_on(world: SessionWorld, failure: KeyleaseError) -> None:
    lease = world.granted()
    world.cloud.before = fail_at("AssumeRole", failure)
    with pytest.raises(type(failure)):
        world.take(lease)
    world.cloud.before = lambda _: None
    assert world.serves(world.take(lease))


def test_a_role_that_is_not_there_is_said_when_somebody_asks_and_its_horizon_is_kept(world: SessionWorld) -> None:
    world.cloud.facts["media"] = GroupFacts(horizon=world.clock.now() + timedelta(days=3), warnings=("Mind this.",))
    with pytest.raises(BeyondHorizon):
        world.asked(timedelta(weeks=1))
    assert world.asked(timedelta(days=2)).warnings == ("Mind this.",)
    assert ("main", "uploads", world.cloud.facts["media"].horizon) in list(world.broker.horizons())
    world.cloud.roles.names.clear()
    with pytest.raises(RoleMissing):
        world.asked()


def test_an_empty_catalogue_gives_nobody_a_session(world: SessionWorld) -> None:
    lease = world.granted()
    world.catalogue = Catalogue()
    world.start()
    with pytest.raises(NotGranted):
        world.take(lease)
