"""The database is lost: every live lease comes back from AWS alone, and goes on as if nothing had been."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from administered import administered
from aws.live import GROUP
from keylease.aws.issuer import AwsIssuer
from keylease.domain import iam
from keylease.domain.clock import SystemClock
from keylease.domain.lease import Lease, State
from keylease.errors import AwsUnreachable, LedgerEmpty
from keylease.issuing import tags
from keylease.ports import LeaseQuery
from keylease.rebuilding import rebuild
from keylease.sandbox.ministack import Ministack
from keylease.store import open_ledger
from keylease.testing import MemoryStore, away
from test_store import a_lease
from world import ANNA, MARA, World


def lose(world: World) -> dict[str, Lease]:
    """The ledger is gone; what it knew, by lease."""
    before = {one.id: one for one in world.store.find(LeaseQuery())}
    world.store = MemoryStore()
    world.start()
    return before


KEPT = (
    "id", "principal_id", "principal_name", "account", "permission_set", "group", "grant", "reason", "expires_at",
    "approver_id", "user_name", "access_key_id", "fence", "kind", "state", "share",
)  # fmt: skip


def test_every_live_lease_comes_back_and_goes_on(world: World) -> None:
    leases = [world.active(timedelta(days=days)) for days in (1, 5, 5, 14)]
    world.requested()
    world.approved()
    before = lose(world)
    with pytest.raises(LedgerEmpty):
        raise world.run_pass().failures[0]
    [rebuilt] = rebuild(world.store, world.clouds, world.clock)
    assert (set(rebuilt.leases), rebuilt.lost) == ({one.id for one in leases}, ())
    for lease in world.store.find(LeaseQuery()):
        assert {name: getattr(lease, name) for name in KEPT} == {
            name: getattr(before[lease.id], name) for name in KEPT
        }
    world.visibility.verified(ANNA)
    assert world.run_pass().done == {}
    renewal = world.broker.renew(MARA, leases[0].id)
    assert renewal.renewal_of == leases[0].id
    world.broker.revoke(MARA, leases[1].id)
    world.clock.pass_time(weeks=5)
    world.run_pass()
    assert (world.cloud.users, world.cloud.fences) == ({}, {})


def test_it_may_be_done_again_and_changes_nothing_that_is_known(world: World) -> None:
    world.active()
    lease = world.active()
    [first] = rebuild(world.store, world.clouds, world.clock)
    assert (first.leases, first.known) == ((), 2)
    lose(world)
    rebuild(world.store, world.clouds, world.clock)
    [again] = rebuild(world.store, world.clouds, world.clock)
    assert (again.leases, again.known) == ((), 2)
    assert world.store.get(lease.id).state is State.ACTIVE


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda user: user.tags.pop("keylease:lease"), "no lease's tags"),
        (lambda user: user.tags.pop("keylease:principal"), "no lease's tags"),
        (lambda user: user.access_keys.clear(), "0 access keys"),
        (lambda user: user.access_keys.update(AKIAOTHER=None), "2 access keys"),
        (lambda user: user.groups.add("admins"), "more than one group"),
        (lambda user: setattr(user, "fence", "none"), "no fence"),
    ],
)
def test_what_cannot_be_recovered_is_said(world: World, spoil, why: str) -> None:  # type: ignore[no-untyped-def]
    lease = world.active()
    spoil(world.cloud.users[lease.user_name or ""])
    lose(world)
    [rebuilt] = rebuild(world.store, world.clouds, world.clock)
    assert rebuilt.leases == ()
    assert [why in lost.why for lost in rebuilt.lost] == [True]


def test_an_account_that_is_away_is_said_and_nothing_is_made_up(world: World) -> None:
    world.active()
    lose(world)
    world.cloud.before = away
    [rebuilt] = rebuild(world.store, world.clouds, world.clock)
    assert isinstance(rebuilt.failure, AwsUnreachable)
    assert world.store.find(LeaseQuery()) == []


@pytest.mark.live
def test_the_command_rebuilds_from_what_a_real_api_gives_back(ministack_server: Ministack, tmp_path: Path) -> None:
    made = administered(ministack_server, tmp_path)
    until = iam.fence(SystemClock().now() + timedelta(hours=12))
    lease = a_lease(principal_name="Mära “Lind”", permission_set="archive", expires_at=until.until)
    name = "mara-lind-00000001-abcd"
    made.make_fence(until)
    as_root = AwsIssuer(made.live.root, SystemClock())  # ministack would not let the issuer's whole policy
    assert as_root.create_user(name, until, tags(replace(lease, approver_id="dir#priya")))
    as_root.join_group(name, GROUP)
    key = as_root.create_access_key(name)
    done = made.keylease("store", "rebuild", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["rebuilt"] == [lease.id]
    ledger = open_ledger(made.settings().store.url)
    found = ledger.get(lease.id)
    ledger.close()
    assert (found.principal_name, found.reason) == (lease.principal_name, lease.reason)
    assert (found.user_name, found.access_key_id, found.group) == (name, key.access_key_id, GROUP)
    assert (found.expires_at, found.approver_id, found.account) == (until.until, "dir#priya", "media")
