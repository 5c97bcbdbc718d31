"""An approval is taken back; a lost access key is replaced, the old one first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from keylease.domain.access import Catalogue, Principal
from keylease.domain.event import verify
from keylease.domain.lease import Lease, State
from keylease.errors import (
    AwsUnreachable,
    KeyleaseError,
    LeaseOver,
    NoSuchLease,
    NotApprover,
    NotGranted,
    NothingToReplace,
    NotYours,
    OwnRequest,
    TooLate,
)
from keylease.testing import MemoryStore, away, fail_at
from world import ANNA, MARA, PRIYA, STRANGER, TOMAS, World

WEEK = timedelta(weeks=1)


def test_an_approval_that_nobody_collected_is_taken_back_and_can_be_given_anew(world: World) -> None:
    approved = world.approved()
    world.clock.pass_time(hours=2)

    undone = world.second_thoughts.undo(TOMAS, approved.id)

    assert (undone.state, undone.approver_id, undone.approver_name, undone.decided_at) == (
        State.REQUESTED,
        *[None] * 3,
    )
    assert [link.event.action for link in world.store.events()] == ["requested", "approved", "undone"]
    again = world.broker.approve(TOMAS, approved.id)
    assert again.expires_at == world.clock.now() + timedelta(weeks=2)
    verify(world.store.events())


def test_a_shortened_approval_that_is_taken_back_is_again_what_was_asked_for(world: World) -> None:
    lease = world.broker.approve(PRIYA, world.requested().id, until_at_most=WEEK)
    assert world.second_thoughts.undo(PRIYA, lease.id).expires_at == world.clock.now() + 2 * WEEK


@pytest.mark.parametrize(
    ("who", "made", "failure"),
    [
        (MARA, World.approved, OwnRequest),
        (STRANGER, World.approved, NoSuchLease),
        (ANNA, World.approved, NotApprover),
        (PRIYA, World.requested, TooLate),
        (PRIYA, lambda world: world.collected().lease, TooLate),
        (PRIYA, World.active, TooLate),
    ],
)
def test_only_an_approver_takes_back_and_only_what_nobody_collected(
    world: World, who: Principal, made: Callable[[World], Lease], failure: type[KeyleaseError]
) -> None:
    lease = made(world)
    with pytest.raises(failure):
        world.second_thoughts.undo(who, lease.id)
    assert world.store.get(lease.id) == lease


def test_what_a_rule_approved_nobody_takes_back(world: World) -> None:
    lease = world.approved()
    assert isinstance(world.store, MemoryStore)
    world.store.leases[lease.id] = replace(lease, approver_id=None)
    with pytest.raises(TooLate):
        world.second_thoughts.undo(PRIYA, lease.id)


def test_an_approval_whose_end_has_come_is_not_taken_back(world: World) -> None:
    lease = world.approved(world.clock.now() + timedelta(hours=1))
    world.clock.pass_time(hours=1)
    with pytest.raises(LeaseOver):
        world.second_thoughts.undo(PRIYA, lease.id)


def test_a_lost_access_key_goes_before_a_new_one_of_the_same_end_is_made(world: World) -> None:
    lost = world.active()
    seen: list[str] = []
    world.cloud.after = seen.append
    world.clock.pass_time(days=3)

    made = world.second_thoughts.replace(MARA, lost.id)

    assert seen.index("DeleteUser") < seen.index("CreateUser")
    assert not world.cloud.accepts(lost.access_key_id or "")
    assert world.cloud.accepts(made.access_key.access_key_id)
    assert made.lease.expires_at == lost.expires_at
    assert made.lease.user_name != lost.user_name
    world.broker.acknowledge(MARA, lost.id, made.access_key.access_key_id)
    assert "lost" in [link.event.action for link in world.store.events()]
    verify(world.store.events())
    assert world.run_pass().done == {}


def test_a_key_that_was_shown_and_not_acknowledged_is_replaced_too(world: World) -> None:
    shown = world.collected()
    made = world.second_thoughts.replace(MARA, shown.lease.id)
    assert not world.cloud.accepts(shown.access_key.access_key_id)
    assert world.cloud.accepts(made.access_key.access_key_id)


@pytest.mark.parametrize(
    ("who", "made", "failure"),
    [
        (PRIYA, World.active, NotYours),
        (STRANGER, World.active, NoSuchLease),
        (MARA, World.requested, NothingToReplace),
        (MARA, World.approved, NothingToReplace),
    ],
)
def test_only_ones_own_access_key_is_replaced(
    world: World, who: Principal, made: Callable[[World], Lease], failure: type[KeyleaseError]
) -> None:
    lease = made(world)
    with pytest.raises(failure):
        world.second_thoughts.replace(who, lease.id)
    assert world.store.get(lease.id) == lease


def test_nothing_is_taken_away_where_no_new_one_could_be_had(world: World) -> None:
    lease = world.active()
    world.catalogue = Catalogue(accounts=world.catalogue.accounts, permission_sets=world.catalogue.permission_sets)
    world.start()
    with pytest.raises(NotGranted):
        world.second_thoughts.replace(MARA, lease.id)
    assert world.cloud.accepts(lease.access_key_id or "")


@pytest.mark.parametrize("call", ["RemoveUserFromGroup", "DeleteUser", "CreateUser", "CreateAccessKey"])
def test_where_aws_fails_between_the_old_one_is_no_use_to_anybody_after_a_pass(world: World, call: str) -> None:
    lease = world.active()
    world.cloud.before = fail_at(call, AwsUnreachable("AWS does not answer."))
    with pytest.raises(KeyleaseError):
        world.second_thoughts.replace(MARA, lease.id)
    world.cloud.before = lambda _: None
    world.clock.pass_time(minutes=15)
    world.run_pass()
    assert not world.cloud.accepts(lease.access_key_id or "")
    again = world.broker.collect(MARA, lease.id)
    assert again.lease.expires_at == lease.expires_at


def test_while_aws_is_away_the_key_that_was_lost_is_marked_and_goes_later(world: World) -> None:
    lease = world.active()
    world.cloud.before = away
    with pytest.raises(AwsUnreachable):
        world.second_thoughts.replace(MARA, lease.id)
    assert world.store.get(lease.id).state is State.ISSUING
