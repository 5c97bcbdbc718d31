"""What approvers and auditors see and do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta

from command_line import CommandLine, view

from keylease.domain.lease import State
from world import TOMAS, World


def test_what_waits_is_listed_oldest_first(keylease: CommandLine, world: World) -> None:
    first = world.requested()
    world.clock.pass_time(minutes=1)
    second = world.requested(timedelta(days=3), by=TOMAS)
    waiting = keylease("pending", person="priya")
    assert waiting.rows == [
        [first.id, "Mara Lind", "archive", "main", "2w", "Winter masters"],
        [second.id, "Tomás Ortega", "archive", "main", "3d", "Winter masters"],
    ]
    assert f"Next: keylease show {first.id}" in waiting.err
    assert [one["id"] for one in json.loads(keylease("pending", "--json", person="priya").out)] == [
        first.id,
        second.id,
    ]
    assert [row[0] for row in keylease("pending", person="tomas").rows] == [first.id]
    screen = keylease.on_terminal("pending", person="priya").out
    assert screen.splitlines()[0].split() == ["ID", "WHO", "WHAT", "ACCOUNT", "FOR", "REASON"]


def test_nothing_that_waits_is_said(keylease: CommandLine, world: World) -> None:
    world.requested()
    assert (keylease("pending").out, keylease("pending").err) == ("", "Nothing waits for you.\n")


def test_a_request_is_approved(keylease: CommandLine, world: World) -> None:
    lease = world.requested()
    approved = keylease("approve", lease.id, person="priya")
    assert approved.rows == [[lease.id, "archive", "main", "approved", "1209600", "2026-12-08T12:00:00Z"]]
    assert approved.err == (
        "Approved: Read, add and delete files in media-archive for Mara Lind until Tue 8 Dec 13:00 CET (2 weeks).\n"
    )
    again = keylease("approve", lease.id, person="priya")
    assert (again.status, again.out) == (43, "")


def test_a_request_is_approved_for_less(keylease: CommandLine, world: World) -> None:
    lease = world.requested()
    assert keylease("approve", lease.id, "--until", "3w", person="priya").status == 21
    shorter = json.loads(keylease("approve", lease.id, "--until", "1w", "--json", person="priya").out)
    assert shorter["expires_at"] == "2026-12-01T12:00:00Z"


def test_on_a_terminal_the_request_is_shown_first(keylease: CommandLine, world: World) -> None:
    lease = world.requested()
    kept = keylease.on_terminal("approve", lease.id, person="priya", answers=(("Approve, 2w", "n"),))
    assert "Nothing was changed." in kept.out
    assert re.search(r"reason +Winter masters", kept.out)
    assert world.store.get(lease.id).state is State.REQUESTED
    done = keylease.on_terminal(
        "approve", lease.id, "--until", "1w", person="priya", answers=(("Approve, 1w?", "yes"),)
    )
    assert "until Tue 1 Dec 13:00 CET (7 days)." in done.out
    assert world.store.get(lease.id).state is State.APPROVED


def test_what_no_fence_can_stop_is_shown_before_the_approval(
    keylease: CommandLine, stand_in: Callable[..., str]
) -> None:
    lease = view(status="requested", share=True, warnings=["Buckets can be opened to anybody."])
    server = stand_in(lambda *_: (200, lease))
    kept = keylease.on_terminal("approve", "L-00000000", "--server", server, answers=(("Approve, 2w", "n"),))
    assert re.search(r"share +may open the account's data to others", kept.out)
    assert re.search(r"know this +Buckets can be opened to anybody\.", kept.out)


def test_yes_asks_nobody(keylease: CommandLine, world: World) -> None:
    assert keylease.on_terminal("approve", world.requested().id, "--yes", person="priya").status == 0


def test_a_request_is_denied_with_a_sentence(keylease: CommandLine, world: World) -> None:
    lease = world.requested()
    assert keylease("deny", lease.id, person="priya").status == 2
    assert keylease("deny", lease.id, "--reason", " ", person="priya").status == 24
    denied = keylease("deny", lease.id, "--reason", "Ask for logs instead", person="priya")
    assert denied.rows[0][3] == "denied"
    assert denied.err == "Denied: Read, add and delete files in media-archive for Mara Lind.\n"
    assert world.store.get(lease.id).decision_reason == "Ask for logs instead"
    assert "Ask for logs instead" in keylease.on_terminal("show", lease.id).out
    as_json = keylease("deny", world.requested().id, "--reason", "No", "--json", person="priya")
    assert json.loads(as_json.out)["status"] == "denied"


def test_nobody_decides_on_their_own_or_without_the_duty(keylease: CommandLine, world: World) -> None:
    own = world.requested(by=TOMAS)
    assert keylease("approve", own.id, person="tomas").status == 31
    assert keylease("approve", own.id, person="anna").status == 32
    assert keylease("deny", own.id, "--reason", "x", person="stranger").status == 40


def test_auditors_read_everything_and_others_their_own(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    everything = keylease("events", person="anna").rows
    assert [row[2] for row in everything] == ["requested", "approved", "collecting", "key-made", "collected"]
    assert everything[0][:5] == ["1", "2026-11-24T12:00:00Z", "requested", "dir#mara", lease.id]
    assert keylease("events", lease.id).rows == everything
    assert keylease("events").status == 34
    as_json = json.loads(keylease("events", lease.id, "--json").out)
    assert as_json[0]["details"] == {"until": "2w", "reason": "Winter masters"}
    assert "Tue 24 Nov 13:00 CET" in keylease.on_terminal("events", person="anna").out


def test_the_chain_is_verified(keylease: CommandLine, world: World) -> None:
    world.active()
    good = keylease("events", "verify", person="anna")
    assert (good.status, good.out) == (0, world.store.chain[-1].hash + "\n")
    assert "5 records" in good.err
    assert json.loads(keylease("events", "verify", "--json", person="anna").out)["records"] == 5
    del world.store.chain[2]
    bad = keylease("events", "verify", person="anna")
    assert (bad.status, bad.out) == (63, "")
    assert "error[KL-604]" in bad.err
