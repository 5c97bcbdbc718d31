"""Every page in every state, by name: what tests look at with a judge, and what pictures are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from web_world import World

from keylease.domain.lease import Lease
from keylease.errors import AwsFailed
from keylease.ports import GroupFacts
from keylease.testing import FakeUser, away, fail_at

Made = Callable[[World], str]
"""Puts a world into a state, and says where to look."""


@dataclass(frozen=True)
class Scene:
    """Who looks at what; `press` is the button that leads from there to the state that is meant."""

    name: str
    who: str | None
    made: Made
    press: str = ""
    status: int = 200


def _at(path: str) -> Made:
    return lambda _: path


def _of(made: Callable[[World], Lease], act: str = "") -> Made:
    return lambda world: f"/leases/{made(world).id}{act}"


def _after(made: Callable[[World], Lease], act: str = "", **length: float) -> Made:
    def later(world: World) -> str:
        lease = made(world)
        world.clock.pass_time(**length)
        return f"/leases/{lease.id}{act}"

    return later


def short(world: World) -> Lease:
    return world.active(until="1w", reason="Check the error rate after the release")


def closed(world: World) -> Lease:
    lease = world.active(until="1w")
    world.clock.pass_time(days=8)
    world.app.reconciler.run()
    return lease


def denied(world: World) -> Lease:
    return world.app.broker.deny(world.person("priya"), world.ask().id, reason="Logs are enough for this.")


def withdrawn(world: World) -> Lease:
    return world.app.broker.revoke(world.person("tomas"), world.ask().id)


def stuck(world: World) -> Lease:
    lease = world.active()
    world.cloud.before = fail_at("DeleteUser", AwsFailed("AWS says that there is something left."))
    for _ in range(5):
        lease = world.app.broker.revoke(world.person("tomas"), lease.id)
    world.cloud.before = lambda _: None
    return lease


def revoking(world: World) -> Lease:
    lease = world.active()
    world.cloud.before = away
    lease = world.app.broker.revoke(world.person("tomas"), lease.id)
    world.cloud.before = lambda _: None
    return lease


def many(world: World) -> None:
    """Leases of everybody, in every state that a list shows."""
    closed(world)
    stuck(world)
    denied(world)
    short(world)
    world.clock.pass_time(days=5)
    world.active("tomas", until="4w", reason="Backups of the edit suites, every night")
    world.ask("tomas", reason="Winter masters, ticket VID-311")
    world.approved("tomas", until="1w", reason="Trailers for the spring")
    world.active("mara", reason="Masters of the autumn season")
    world.ask("mara", reason="The tape of the interview has to go out on Thursday night.")
    world.clock.pass_time(minutes=35)


def _many(path: str) -> Made:
    def made(world: World) -> str:
        many(world)
        return path

    return made


def _administered(world: World) -> str:
    many(world)
    world.cloud.facts["keylease-logs-read"] = GroupFacts(horizon=world.clock.now() + timedelta(days=9))
    world.cloud.users["somebody"] = FakeUser("none", {}, world.clock.now())
    world.app.health.run_pass()
    return "/administration"


def _approved_just_now(world: World) -> str:
    lease = world.approved()
    return f"/approvals?done={lease.id}"


def _undone(world: World) -> str:
    lease = world.approved()
    world.app.second_thoughts.undo(world.person("priya"), lease.id)
    return f"/approvals?done={lease.id}"


SCENES = (
    Scene("leases", "tomas", _many("/leases")),
    Scene("leases-none", "tomas", _at("/leases")),
    Scene("request", "tomas", _at("/leases/new")),
    Scene("request-error", "tomas", _at("/leases/new"), press="Ask for it", status=422),
    Scene("request-nothing", "nils", _at("/leases/new")),
    Scene("lease-requested", "tomas", _of(World.ask)),
    Scene("lease-approved", "tomas", _of(World.approved)),
    Scene("lease-collecting", "tomas", _of(World.collecting)),
    Scene("lease-active", "tomas", _after(World.active, days=3)),
    Scene("lease-ending", "tomas", _after(short, days=6)),
    Scene("lease-expired", "tomas", _after(short, days=8)),
    Scene("lease-closed", "tomas", _of(closed)),
    Scene("lease-denied", "tomas", _of(denied)),
    Scene("lease-withdrawn", "tomas", _of(withdrawn)),
    Scene("lease-revoking", "tomas", _of(revoking)),
    Scene("lease-stuck", "tomas", _of(stuck)),
    Scene("lease-to-decide", "priya", _of(World.ask)),
    Scene("renew", "tomas", _of(World.active, "/renew")),
    Scene("collect", "tomas", _of(World.approved, "/collect")),
    Scene("collect-nothing", "tomas", _of(World.active, "/collect")),
    Scene("access-key", "tomas", _of(World.approved, "/collect"), press="Show my access key"),
    Scene("replace", "tomas", _of(World.active, "/replace")),
    Scene("give-back", "tomas", _of(World.active, "/revoke")),
    Scene("approvals", "priya", _many("/approvals")),
    Scene("approvals-none", "priya", _at("/approvals")),
    Scene("approvals-done", "priya", _approved_just_now),
    Scene("approvals-undone", "priya", _undone),
    Scene("shorten", "priya", _of(World.ask, "/shorten")),
    Scene("deny", "priya", _of(World.ask, "/deny")),
    Scene("deny-error", "priya", _of(World.ask, "/deny"), press="Deny", status=422),
    Scene("history", "tomas", _many("/history")),
    Scene("history-none", "tomas", _at("/history")),
    Scene("all-leases", "anna", _many("/leases/all")),
    Scene("all-leases-filtered", "anna", _many("/leases/all?show=ended&who=tom")),
    Scene("all-leases-nothing", "anna", _many("/leases/all?show=overdue")),
    Scene("administration", "anna", _administered),
    Scene("administration-none", "anna", _at("/administration")),
    Scene("doctor", "anna", _at("/administration"), press="Look at everything now"),
    Scene("audit", "anna", _many("/audit")),
    Scene("notices", "tomas", _at("/notices")),
    Scene("notices-feed", "tomas", _at("/notices"), press="Make an address"),
    Scene("sign-in", None, _at("/sign-in")),
    Scene("sign-ins", "tomas", _at("/sign-ins")),
    Scene("signed-out", None, _at("/signed-out")),
    Scene("not-there", "tomas", _at("/leases/L-nothing0"), status=404),
    Scene("not-allowed", "tomas", _at("/audit"), status=403),
)
