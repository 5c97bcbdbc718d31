"""What people do with leases, and what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from keylease.broker import MOST_OPEN, UNKNOWN, Ask
from keylease.domain.access import Catalogue, Grant, Who
from keylease.domain.event import verify
from keylease.domain.lease import EndReason, State
from keylease.domain.plan import Rules
from keylease.errors import (
    AlreadyCollected,
    AlreadyDecided,
    AwsDenied,
    AwsThrottled,
    AwsUnreachable,
    BadReason,
    BeyondHorizon,
    ChainBroken,
    ChangedMeanwhile,
    FenceDiffers,
    GroupMissing,
    InThePast,
    KeyleaseError,
    LeaseOver,
    NobodyDecides,
    NoSuchLease,
    NotApproved,
    NotApprover,
    NotGranted,
    NotYours,
    OwnRequest,
    SetChanged,
    StoreFull,
    TooLong,
    TooManyOpen,
    Unavailable,
)
from keylease.ports import Cloud, GroupFacts, LeaseQuery
from keylease.reconciler import PassReport, Reconciler
from keylease.testing import MemoryStore, away, fail_at, throttled
from world import ANNA, CATALOGUE, MARA, PRIYA, STRANGER, TOMAS, World

WEEK = timedelta(weeks=1)


def test_where_nobody_could_decide_nothing_is_sent_and_it_is_on_record() -> None:
    grant = replace(CATALOGUE.grants[0], approvers=Who(subjects=frozenset({"mara"})))
    world = World(catalogue=replace(CATALOGUE, grants=(grant,)))
    with pytest.raises(NobodyDecides) as refused:
        world.requested()
    assert refused.value.sentence.startswith("Nobody can approve Read, add and delete")
    assert world.store.find(LeaseQuery()) == []
    assert [link.event.action for link in world.store.events()] == ["nobody-decides"]
    assert world.requested(by=replace(MARA, subject="tina")).state is State.REQUESTED, "mara decides on others"


def test_a_lease_is_asked_for_approved_collected_and_used(world: World) -> None:
    collected = world.collected()
    assert collected.ready
    lease = world.broker.acknowledge(MARA, collected.lease.id, collected.access_key.access_key_id)
    assert lease.state is State.ACTIVE
    assert lease.approver_name == "Priya Raman"
    assert world.cloud.accepts(collected.access_key.access_key_id)
    world.clock.move_to(lease.expires_at - timedelta(seconds=1))
    assert world.cloud.accepts(collected.access_key.access_key_id)
    world.clock.pass_time(seconds=1)
    assert not world.cloud.accepts(collected.access_key.access_key_id)


def test_the_calls_to_issue_and_to_end_are_the_least_possible(world: World) -> None:
    lease = world.active()
    assert world.cloud.calls == Counter(
        CreatePolicy=1, CreateUser=1, AddUserToGroup=1, CreateAccessKey=1, GetCallerIdentity=3, Probe=1
    )
    world.cloud.calls.clear()
    second = world.active()
    assert world.cloud.calls == Counter(
        CreateUser=1, AddUserToGroup=1, CreateAccessKey=1, GetCallerIdentity=3, Probe=1
    )
    world.cloud.calls.clear()
    world.broker.revoke(MARA, lease.id)
    assert world.cloud.calls == Counter(RemoveUserFromGroup=1, DeleteAccessKey=1, DeleteUser=1)
    world.cloud.calls.clear()
    world.broker.revoke(MARA, second.id)
    assert world.cloud.calls == Counter(RemoveUserFromGroup=1, DeleteAccessKey=1, DeleteUser=1, DeletePolicy=1)


def test_the_groups_go_before_the_access_key(world: World) -> None:
    lease, order = world.active(), []
    world.cloud.before = order.append
    world.broker.revoke(MARA, lease.id)
    assert order[:3] == ["RemoveUserFromGroup", "DeleteAccessKey", "DeleteUser"]


def test_what_stands_on_the_user_is_enough_to_know_the_lease_again(world: World) -> None:
    lease = world.active()
    [user] = world.cloud.users.values()
    assert user.tags["keylease:lease"] == lease.id
    assert user.tags["keylease:principal"] == "dir#mara"
    assert user.tags["keylease:approver"] == "dir#priya"
    assert user.tags["keylease:expires-at"] == "2026-12-08T12:00:00Z"
    assert user.tags["keylease:purpose"] == "Winter masters"


def test_a_duration_is_counted_from_the_approval(world: World) -> None:
    lease = world.requested(WEEK)
    world.clock.pass_time(hours=5)
    assert world.broker.approve(PRIYA, lease.id).expires_at == world.clock.now() + WEEK


def test_an_approver_may_shorten_and_not_lengthen(world: World) -> None:
    lease = world.requested(2 * WEEK)
    with pytest.raises(TooLong):
        world.broker.approve(PRIYA, lease.id, until_at_most=3 * WEEK)
    assert world.broker.approve(PRIYA, lease.id, until_at_most=WEEK).expires_at == world.clock.now() + WEEK


def test_a_grant_that_approves_by_itself_does(world: World) -> None:
    ask = Ask(account="main", permission_set="logs", until=timedelta(days=1), reason="Look")
    lease = world.broker.request(MARA, ask)
    assert lease.state is State.APPROVED
    assert lease.approver_name == "the grant readers"


ASK = Ask(account="main", permission_set="archive", until=WEEK, reason="Winter masters")
Act = Callable[[World], object]
REFUSED: list[tuple[str, Act, type[KeyleaseError]]] = [
    ("no grant", lambda w: w.requested(by=STRANGER), NotGranted),
    ("longer than the grant", lambda w: w.requested(5 * WEEK), TooLong),
    ("an end in the past", lambda w: w.requested(w.clock.now() - WEEK), InThePast),
    ("no such permission set", lambda w: w.broker.request(MARA, replace(ASK, permission_set="x")), NotGranted),
    ("no such account", lambda w: w.broker.request(MARA, replace(ASK, account="x")), NotGranted),
    ("no reason", lambda w: w.broker.request(MARA, replace(ASK, reason=" \n")), BadReason),
    ("a reason too long", lambda w: w.broker.request(MARA, replace(ASK, reason="x" * 201)), BadReason),
    ("approve one's own", lambda w: w.broker.approve(TOMAS, w.requested(by=TOMAS).id), OwnRequest),
    ("deny one's own", lambda w: w.broker.deny(TOMAS, w.requested(by=TOMAS).id, reason="no"), OwnRequest),
    ("approve as nobody", lambda w: w.broker.approve(STRANGER, w.requested().id), NoSuchLease),
    ("approve as administrator", lambda w: w.broker.approve(ANNA, w.requested().id), NotApprover),
    ("approve twice", lambda w: w.broker.approve(TOMAS, w.approved().id), AlreadyDecided),
    ("deny without a sentence", lambda w: w.broker.deny(PRIYA, w.requested().id, reason=""), BadReason),
    ("collect before approval", lambda w: w.broker.collect(MARA, w.requested().id), NotApproved),
    ("collect somebody else's", lambda w: w.broker.collect(PRIYA, w.approved().id), NotYours),
    ("collect what is not there", lambda w: w.broker.collect(MARA, "L-nothing0"), NoSuchLease),
    ("collect twice", lambda w: w.broker.collect(MARA, w.active().id), AlreadyCollected),
    ("collect twice unacknowledged", lambda w: w.broker.collect(MARA, w.collected().lease.id), AlreadyCollected),
    ("revoke somebody else's", lambda w: w.broker.revoke(STRANGER, w.active().id), NoSuchLease),
    ("acknowledge another key", lambda w: w.broker.acknowledge(MARA, w.collected().lease.id, "AKIAX"), LeaseOver),
    ("renew somebody else's", lambda w: w.broker.renew(PRIYA, w.active().id), NotYours),
]  # fmt: skip


@pytest.mark.parametrize(
    ("act", "refusal"), [(act, refusal) for _, act, refusal in REFUSED], ids=[n for n, *_ in REFUSED]
)
def test_what_the_rules_forbid_is_refused(world: World, act: Act, refusal: type[KeyleaseError]) -> None:
    with pytest.raises(refusal) as raised:
        act(world)
    assert type(raised.value) is refusal
    assert raised.value.hint


def test_a_denied_request_says_why_to_its_owner(world: World) -> None:
    lease = world.broker.deny(PRIYA, world.requested().id, reason="Ask for the logs set instead")
    assert lease.state is State.DENIED
    with pytest.raises(NotApproved, match="Ask for the logs set instead"):
        world.broker.collect(MARA, lease.id)


def test_an_approval_after_the_instant_that_was_asked_for_is_refused(world: World) -> None:
    lease = world.requested(world.clock.now() + timedelta(hours=1))
    world.clock.pass_time(hours=1)
    with pytest.raises(LeaseOver):
        world.broker.approve(PRIYA, lease.id)


def test_a_lease_that_is_over_is_not_collected(world: World) -> None:
    lease = world.approved(WEEK)
    world.clock.pass_time(weeks=1)
    with pytest.raises(LeaseOver):
        world.broker.collect(MARA, lease.id)


@pytest.mark.parametrize("who", [PRIYA, ANNA], ids=["an approver", "an administrator"])
def test_approvers_and_administrators_take_a_lease_away(world: World, who: object) -> None:
    lease = world.broker.revoke(who, world.active().id)  # type: ignore[arg-type] - a table of people
    assert (lease.state, lease.end_reason) == (State.CLOSED, EndReason.REVOKED)
    assert not world.cloud.users


def test_giving_back_is_possible_in_every_state_before_the_end(world: World) -> None:
    assert world.broker.revoke(MARA, world.requested().id).state is State.WITHDRAWN
    assert world.broker.revoke(MARA, world.approved().id).end_reason is EndReason.RETURNED
    assert world.broker.revoke(MARA, world.collected().lease.id).end_reason is EndReason.RETURNED
    returned = world.broker.revoke(MARA, world.active().id)
    assert returned.end_reason is EndReason.RETURNED
    assert not world.cloud.users
    assert not world.cloud.fences
    with pytest.raises(LeaseOver):
        world.broker.revoke(MARA, returned.id)


FAILURES = [
    ("CreatePolicy", AwsDenied("no iam:CreatePolicy")),
    ("CreatePolicy", FenceDiffers("edited")),
    ("CreateUser", AwsThrottled("slow")),
    ("AddUserToGroup", GroupMissing("gone")),
    ("CreateAccessKey", AwsUnreachable("away")),
    ("GetCallerIdentity", AwsUnreachable("away")),
]


@pytest.mark.parametrize(("call", "failure"), FAILURES, ids=[f"{c} {type(f).__name__}" for c, f in FAILURES])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_collection_uses_nothing_up(world: World, call: str, failure: KeyleaseError, when: str) -> None:
    """Also where AWS acted and only the answer was lost."""
    lease = world.approved()
    setattr(world.cloud, when, fail_at(call, failure))
    with pytest.raises(type(failure)):
        world.broker.collect(MARA, lease.id)
    assert not world.cloud.users
    world.cloud.before = world.cloud.after = lambda _: None
    assert world.broker.collect(MARA, lease.id).ready


def test_a_collection_that_cannot_be_undone_is_left_to_the_next_pass(world: World) -> None:
    lease = world.approved()
    lost = {"CreateAccessKey", "DeleteUser", "RemoveUserFromGroup"}
    world.cloud.after = lambda call: away(call) if call in lost else None
    with pytest.raises(AwsUnreachable):
        world.broker.collect(MARA, lease.id)
    assert world.cloud.users
    world.cloud.after = lambda _: None
    world.clock.pass_time(minutes=16)
    assert world.run_pass().done == {"Abandon": 1}
    assert not world.cloud.users
    assert world.broker.collect(MARA, lease.id).ready


def test_an_access_key_that_cannot_be_recorded_is_taken_away_again(world: World) -> None:
    lease = world.approved()
    store = world.store
    assert isinstance(store, MemoryStore)
    saves = iter([False, True])

    def full(_: str) -> None:
        if next(saves, False):
            raise StoreFull("disk full")

    store.before = full
    with pytest.raises(StoreFull):
        world.broker.collect(MARA, lease.id)
    assert not world.cloud.users
    assert world.broker.collect(MARA, lease.id).ready


def test_a_fence_that_is_slow_to_show_is_waited_for(world: World) -> None:
    lease, made = world.approved(), world.cloud.create_user
    answers = iter([False, False])
    world.cloud.create_user = lambda *args: next(answers, None) is None and made(*args)  # type: ignore[method-assign]
    assert world.broker.collect(MARA, lease.id).ready


def test_an_early_return_while_aws_is_away_is_finished_by_a_pass(world: World) -> None:
    lease = world.active()
    world.cloud.before = away
    assert world.broker.revoke(MARA, lease.id).state is State.REVOKING
    world.cloud.before = lambda _: None
    assert world.run_pass().done == {"Remove": 1}
    closed = world.store.get(lease.id)
    assert (closed.state, closed.end_reason) == (State.CLOSED, EndReason.RETURNED)


def test_a_throttled_early_return_is_finished_by_a_pass(world: World) -> None:
    lease = world.active()
    world.cloud.before = throttled
    assert world.broker.revoke(MARA, lease.id).state is State.REVOKING
    world.cloud.before = lambda _: None
    world.run_pass()
    assert world.store.get(lease.id).state is State.CLOSED


def test_a_renewal_is_a_new_request_and_the_old_lease_goes_after_the_grace(world: World) -> None:
    old = world.active(2 * WEEK)
    world.clock.pass_time(weeks=1)
    new = world.broker.renew(MARA, old.id)
    assert (new.state, new.renewal_of, new.reason, new.asked) == (State.REQUESTED, old.id, old.reason, old.asked)
    collected = world.broker.collect(MARA, world.broker.approve(PRIYA, new.id).id)
    assert world.store.get(old.id).retire_at is None
    world.broker.acknowledge(MARA, new.id, collected.access_key.access_key_id)
    assert world.store.get(old.id).retire_at == world.clock.now() + CATALOGUE.renewal_grace
    assert {user.groups.pop() for user in world.cloud.users.values()} == {"archive"}


def test_the_old_lease_of_a_renewal_is_closed_as_renewed(world: World) -> None:
    old = world.active(2 * WEEK)
    collected = world.broker.collect(MARA, world.broker.approve(PRIYA, world.broker.renew(MARA, old.id).id).id)
    world.broker.acknowledge(MARA, collected.lease.id, collected.access_key.access_key_id)
    world.clock.pass_time(days=3)
    world.run_pass()
    assert world.store.get(old.id).end_reason is EndReason.RENEWED
    assert world.cloud.accepts(collected.access_key.access_key_id)


def test_acknowledging_twice_is_no_error(world: World) -> None:
    lease = world.active()
    assert world.broker.acknowledge(MARA, lease.id, lease.access_key_id or "") == lease


def test_a_lease_whose_account_left_the_configuration_is_kept(world: World) -> None:
    lease = world.active()
    world.clouds = {}
    world.start()
    with pytest.raises(NotGranted):
        world.broker.revoke(MARA, lease.id)
    assert world.store.get(lease.id).state is State.ACTIVE


def test_a_changed_configuration_counts_at_the_decision() -> None:
    world = World()
    lease = world.requested()
    world.catalogue = Catalogue(accounts=CATALOGUE.accounts, permission_sets=CATALOGUE.permission_sets)
    world.start()
    with pytest.raises(KeyleaseError):
        world.broker.approve(PRIYA, lease.id)
    world.catalogue = replace(CATALOGUE, permission_sets={})
    world.start()
    with pytest.raises(KeyleaseError):
        world.requested()


def test_every_act_is_in_the_audit_chain(world: World) -> None:
    lease = world.active()
    world.broker.revoke(PRIYA, lease.id)
    actions = [link.event.action for link in world.store.events(lease.id)]
    assert actions == ["requested", "approved", "collecting", "key-made", "collected", "ending", "closed"]
    assert verify(world.store.events())


def test_no_secret_is_in_the_ledger_or_the_trail(world: World) -> None:
    collected = world.collected()
    secret = collected.access_key.secret_access_key.reveal()
    assert secret not in repr(collected)
    assert secret not in repr((world.store.get(collected.lease.id), list(world.store.events())))


def test_unavailable_is_what_passes_may_mend() -> None:
    assert all(issubclass(one, Unavailable) for one in (AwsUnreachable, AwsThrottled, AwsDenied, StoreFull))


def test_an_end_beyond_the_horizon_is_refused_with_the_date_that_is_possible(world: World) -> None:
    horizon = world.clock.now() + WEEK
    world.cloud.facts["archive"] = GroupFacts(horizon=horizon)
    with pytest.raises(BeyondHorizon, match="2026-12-01T12:00:00Z"):
        world.requested(WEEK + timedelta(hours=1))
    assert world.approved(WEEK).expires_at == horizon


def test_the_horizon_is_looked_at_again_at_the_approval(world: World) -> None:
    world.cloud.facts["archive"] = GroupFacts(horizon=world.clock.now() + WEEK)
    world.cloud.before = away
    lease = world.requested(2 * WEEK)
    with pytest.raises(AwsUnreachable):
        world.broker.approve(PRIYA, lease.id)
    world.cloud.before = lambda _: None
    with pytest.raises(BeyondHorizon):
        world.broker.approve(PRIYA, lease.id)
    assert world.broker.approve(PRIYA, lease.id, until_at_most=WEEK).state is State.APPROVED


def test_what_no_fence_can_stop_is_written_on_the_request(world: World) -> None:
    world.cloud.facts["archive"] = GroupFacts(warnings=("It can read secrets.",))
    assert world.requested().warnings == ("It can read secrets.",)
    assert world.broker.warnings("main", CATALOGUE.permission_sets["archive"]) == ("It can read secrets.",)


def test_a_permission_set_whose_group_is_gone_is_refused_at_once(world: World) -> None:
    world.cloud.groups.clear()
    with pytest.raises(GroupMissing):
        world.requested()


class TestWithTheRemoverElsewhere:
    """A process that holds the issuer alone, and another that holds the remover, on one ledger."""

    @pytest.fixture
    def issuing(self, world: World) -> World:
        world.clouds = {"main": Cloud(issuer=world.cloud, remover=None)}
        world.start()
        return world

    def passes(self, world: World) -> PassReport:
        removing = {"main": Cloud(issuer=None, remover=world.cloud)}
        reconciler = Reconciler(store=world.store, clouds=removing, clock=world.clock, rules=Rules())
        return reconciler.run()[0]

    def test_a_key_is_issued_and_ends(self, issuing: World) -> None:
        lease = issuing.active()
        issuing.clock.move_to(lease.expires_at)
        assert self.passes(issuing).done == {"End": 1}
        assert not issuing.cloud.users

    def test_an_early_return_is_an_intent_that_the_other_carries_out(self, issuing: World) -> None:
        lease = issuing.broker.revoke(MARA, issuing.active().id)
        assert lease.state is State.REVOKING
        assert self.passes(issuing).done == {"Remove": 1}
        assert issuing.store.get(lease.id).end_reason is EndReason.RETURNED

    def test_a_failed_collection_is_cleaned_up_by_the_other(self, issuing: World) -> None:
        lease = issuing.approved()
        issuing.cloud.after = fail_at("CreateAccessKey", AwsUnreachable("lost"))
        with pytest.raises(AwsUnreachable, match="lost"):
            issuing.broker.collect(MARA, lease.id)
        issuing.cloud.after = lambda _: None
        issuing.clock.pass_time(minutes=15)
        assert self.passes(issuing).done == {"Abandon": 1}

    def test_the_remover_alone_issues_nothing(self, world: World) -> None:
        lease = world.approved()
        world.clouds = {"main": Cloud(issuer=None, remover=world.cloud)}
        world.start()
        with pytest.raises(NotGranted):
            world.broker.collect(MARA, lease.id)


NARROWED = {
    "the longest time was cut": (replace(CATALOGUE.grants[0], max_ttl=timedelta(hours=1)), TooLong),
    "the grant names other sets": (replace(CATALOGUE.grants[0], permission_sets=frozenset({"logs"})), NotGranted),
    "the grant names other accounts": (replace(CATALOGUE.grants[0], accounts=frozenset()), NotGranted),
    "the grant names other people": (
        replace(CATALOGUE.grants[0], who=Who(subjects=frozenset({"else"}))),
        NotGranted,
    ),
}


@pytest.mark.parametrize(("grant", "refusal"), NARROWED.values(), ids=NARROWED)
def test_a_grant_that_was_narrowed_counts_at_the_collection(
    world: World, grant: Grant, refusal: type[KeyleaseError]
) -> None:
    lease = world.approved()
    world.catalogue = replace(CATALOGUE, grants=(grant,))
    world.start()
    with pytest.raises(refusal):
        world.broker.collect(MARA, lease.id)
    assert world.cloud.calls["CreateUser"] == 0


def test_a_grant_that_was_narrowed_counts_at_the_approval(world: World) -> None:
    lease = world.requested()
    world.catalogue = replace(CATALOGUE, grants=(replace(CATALOGUE.grants[0], max_ttl=timedelta(hours=1)),))
    world.start()
    with pytest.raises(TooLong):
        world.broker.approve(PRIYA, lease.id)
    assert world.broker.approve(PRIYA, world.requested(timedelta(hours=1)).id).state is State.APPROVED


@pytest.mark.parametrize("change", [{"group": "logs"}, {"share": True}])
def test_a_permission_set_that_was_changed_is_not_collected(world: World, change: dict[str, Any]) -> None:
    lease = world.approved()
    sets = {**CATALOGUE.permission_sets, "archive": replace(CATALOGUE.permission_sets["archive"], **change)}
    world.catalogue = replace(CATALOGUE, permission_sets=sets)
    world.start()
    with pytest.raises(SetChanged):
        world.broker.collect(MARA, lease.id)


def test_one_person_has_so_many_requests_open_and_no_more(world: World) -> None:
    leases = [world.requested() for _ in range(MOST_OPEN)]
    with pytest.raises(TooManyOpen):
        world.requested()
    world.broker.revoke(MARA, leases[0].id)
    assert world.requested()


def test_a_grant_that_approves_by_itself_waits_for_aws_to_tell_the_horizon(world: World) -> None:
    world.cloud.before = away
    with pytest.raises(AwsUnreachable):
        world.broker.request(
            MARA, Ask(account="main", permission_set="logs", until=timedelta(days=1), reason="Look")
        )


def test_what_aws_did_not_tell_is_said_to_the_approver(world: World) -> None:
    world.cloud.before = away
    assert world.requested().warnings == (UNKNOWN,)


def test_a_lease_that_was_changed_in_the_ledger_by_hand_is_not_collected(world: World) -> None:
    lease = world.approved()
    assert isinstance(world.store, MemoryStore)
    world.store.leases[lease.id] = replace(lease, expires_at=lease.expires_at + WEEK)
    with pytest.raises(ChainBroken, match=lease.id):
        world.broker.collect(MARA, lease.id)
    with pytest.raises(ChainBroken, match=lease.id):
        world.visibility.verified(ANNA)


def test_every_lease_is_what_its_last_record_says(world: World) -> None:
    for lease in (world.active(), world.approved(), world.requested(), world.collected().lease):
        world.broker.revoke(MARA, lease.id)
    world.clock.pass_time(weeks=3)
    world.run_pass()
    assert world.visibility.verified(ANNA)


def test_a_slow_collection_does_not_take_away_a_later_one(world: World) -> None:
    """The first is recalled while it is under way, and the lease collected anew meanwhile."""
    lease, later = world.approved(), []

    def meanwhile(call: str) -> None:
        if call == "CreateAccessKey" and not later:
            world.clock.pass_time(minutes=16)
            later.append(None)
            world.run_pass()
            again = world.broker.collect(MARA, lease.id)
            later[0] = world.broker.acknowledge(MARA, lease.id, again.access_key.access_key_id)

    world.cloud.after = meanwhile
    with pytest.raises(ChangedMeanwhile):
        world.broker.collect(MARA, lease.id)
    active = later[0]
    assert active is not None
    assert world.cloud.accepts(active.access_key_id or "")
    assert set(world.cloud.users) == {active.user_name}


def test_a_key_that_is_being_taken_away_cannot_be_acknowledged(world: World) -> None:
    collected, tried = world.collected(), []
    world.clock.pass_time(minutes=15)

    def acknowledge(call: str) -> None:
        if call == "DeleteAccessKey":
            with pytest.raises(LeaseOver):
                world.broker.acknowledge(MARA, collected.lease.id, collected.access_key.access_key_id)
            tried.append(call)

    world.cloud.before = acknowledge
    world.run_pass()
    assert tried
    assert world.store.get(collected.lease.id).state is State.APPROVED
