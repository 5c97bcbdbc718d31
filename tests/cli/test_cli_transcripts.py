"""Whole transcripts: what stands on the screen, line by line, of what people do most."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from command_line import CommandLine

from keylease.domain.lease import State
from keylease.errors import AlreadyCollected
from keylease.ports import GroupFacts, LeaseQuery
from world import MARA, PRIYA, World

TITLE = "Read, add and delete files in media-archive"
WEEK = timedelta(weeks=1)


def told(screen: str, *ids: str) -> list[str]:
    """The lines of a screen with names for ids, and without what is only there to move."""
    for number, one in enumerate(ids, start=1):
        screen = screen.replace(one, f"L-{number}")
    return [line.rstrip() for line in screen.splitlines() if line.strip()]


def test_a_list_on_a_terminal(keylease: CommandLine, world: World) -> None:
    approved = world.approved()
    active = world.active(3 * WEEK)
    assert told(keylease.on_terminal("list").out, approved.id, active.id) == [
        "ID           WHAT                                          ACCOUNT   STATUS       LEFT      ENDS",
        f"L-1   {TITLE}   main      ✓ approved   2 weeks   Tue 8 Dec 13:00 CET",
        f"L-2   {TITLE}   main      ● active     3 weeks   Tue 15 Dec 13:00 CET",
        f"{TITLE} waits for you: keylease collect L-1",
    ]


def test_an_id_leads_to_the_page_of_its_lease_on_a_terminal_alone(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    address = f"{keylease.environment['KEYLEASE_SERVER']}/leases/{lease.id}"
    assert f";{address}\x1b\\" in keylease.on_terminal("list", raw=True).out
    assert address not in keylease.on_terminal("list", raw=True, TERM="dumb").out
    assert address not in keylease("list").out


def test_a_list_on_a_narrow_terminal_is_a_block_for_each_lease(keylease: CommandLine, world: World) -> None:
    approved = world.approved()
    active = world.active(3 * WEEK)
    screen = keylease.on_terminal("list", COLUMNS="44").out
    assert told(screen, approved.id, active.id)[:12] == [
        "L-1",
        "  what Read, add and delete files in",
        "media-archive",
        "  account main",
        "  status ✓ approved",
        "  left 2 weeks",
        "  ends Tue 8 Dec 13:00 CET",
        "L-2",
        "  what Read, add and delete files in",
        "media-archive",
        "  account main",
        "  status ● active",
    ]
    assert all(len(line) <= 44 for line in screen.splitlines() if "keylease collect" not in line)


def test_a_request_says_who_decides_and_where_it_is(keylease: CommandLine, world: World) -> None:
    asked = keylease("request", "archive", "--until", "2w", "--reason", "Winter masters, VID-311")
    [lease] = world.store.find(LeaseQuery())
    assert (asked.status, told(asked.err, lease.id)) == (
        0,
        [
            f"Asked for {TITLE}, 2w from the approval on: L-1.",
            "To be decided by a member of leads.",
            f"{keylease.environment['KEYLEASE_SERVER']}/leases/L-1",
        ],
    )
    assert asked.rows == [[lease.id, "archive", "main", "requested", "1209600", "2026-12-08T12:00:00Z"]]


def test_a_request_that_waits_and_is_approved(keylease: CommandLine, world: World) -> None:
    waiting = keylease.start("request", "archive", "--until", "2w", "--reason", "Winter masters", "--wait")
    lease = _appears(world)
    world.broker.approve(PRIYA, lease)
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert told(err, lease)[-2:] == [
        "Waiting; Ctrl-C is safe, the request stays.",
        "Approved by Priya Raman until Tue 8 Dec 13:00 CET (2 weeks). Next: keylease collect L-1",
    ]
    assert out.startswith(lease)


def test_a_key_is_collected_once_and_a_second_time_is_told_what_to_do(keylease: CommandLine, world: World) -> None:
    lease = world.approved()
    stored = keylease("collect", lease.id, "--profile", "media-archive")
    assert stored.status == 0
    assert re.fullmatch(
        r"Stored in profile media-archive of .*\. AWS refuses it from Tue 8 Dec 13:00 CET \(2 weeks\) on\.",
        told(stored.err)[0],
    )
    again = keylease("collect", lease.id, "--profile", "media-archive")
    assert (again.status, told(again.err, lease.id)) == (
        42,
        [
            "error[KL-403]: The access key of L-1 was collected at 2026-11-24T12:00:00Z.",
            f"hint: {AlreadyCollected.hint}",
        ],
    )


def test_where_nobody_can_answer_a_missing_answer_names_its_flag(keylease: CommandLine, world: World) -> None:
    refused = keylease("collect", world.approved().id)
    assert (refused.status, told(refused.err)[0]) == (
        2,
        "error[usage]: Say where the access key goes: --profile NAME, --to FILE or --print.",
    )


def test_a_lost_key_is_replaced_once_that_is_confirmed(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    kept = keylease.on_terminal("new-key", lease.id, "--to", "key.json", answers=(("make a new one?", "no"),))
    assert told(kept.out)[-1] == "Nothing was changed."
    assert world.cloud.accepts(lease.access_key_id or "")
    made = keylease("new-key", lease.id, "--to", "key.json")
    assert made.status == 0
    assert not world.cloud.accepts(lease.access_key_id or "")
    assert world.store.get(lease.id).state is State.ACTIVE
    [works] = re.findall(r"AKIAFAKE\d+", (keylease.home / "key.json").read_text())
    assert world.cloud.accepts(works)
    assert "fake/secret" not in made.out + made.err


def test_an_approver_sees_what_it_can_do_shortens_it_and_takes_it_back(keylease: CommandLine, world: World) -> None:
    world.cloud.facts["archive"] = GroupFacts(can=("Read and delete in S3: media-archive",))
    lease = world.requested()
    screen = keylease.on_terminal(
        "approve", lease.id, person="priya", answers=(("[yes/no/shorter]", "shorter"), ("at most?", "1w"))
    ).out
    lines = told(screen, lease.id)
    assert "can          Read and delete in S3: media-archive" in lines
    assert "reason       Winter masters" in lines
    assert lines[-2:] == [
        f"Approved: {TITLE} for Mara Lind until Tue 1 Dec 13:00 CET (7 days).",
        "Until it is collected it can be taken back: keylease undo L-1",
    ]
    undone = keylease("undo", lease.id, person="priya")
    assert told(undone.err) == [f"Taken back: {TITLE} for Mara Lind waits for a decision again."]
    assert world.store.get(lease.id).state is State.REQUESTED
    assert keylease("undo", lease.id, person="priya").status == 116


def test_what_ends_within_three_days_is_said_after_any_command_and_never_in_json(
    keylease: CommandLine, world: World
) -> None:
    lease = world.active()
    world.clock.move_to(lease.expires_at - timedelta(days=2, hours=1))
    keylease("list")
    said = keylease("sets").err
    assert said == f"{TITLE} ends in 2 days: keylease renew {lease.id}\n"
    assert keylease("sets", "--json").err == ""
    assert "ends in" not in keylease("sets", person="priya").err, "it is hers alone"
    assert keylease("list").err.count("keylease renew") == 1
    world.broker.revoke(MARA, lease.id)
    keylease("list")
    assert keylease("sets").err == ""


def test_nothing_is_said_of_a_lease_that_goes_on_or_of_a_memory_that_is_broken(
    keylease: CommandLine, world: World
) -> None:
    world.active()
    keylease("list")
    assert keylease("sets").err == ""
    [memory] = keylease.home.rglob("leases.json")
    assert memory.stat().st_mode & 0o077 == 0
    for content in ("", "[]", "{", '{"leases": 1}'):
        memory.write_text(content)
        assert keylease("sets").err == ""


@pytest.mark.parametrize("begun", ["L-", ""])
def test_ids_are_completed_from_memory_without_asking_anybody(
    keylease: CommandLine, world: World, begun: str
) -> None:
    lease = world.active()
    keylease("list")
    completed = subprocess.run(
        [sys.executable, "-m", "keylease"],
        env=keylease.environment
        | {
            "KEYLEASE_SERVER": "http://127.0.0.1:9",
            "_KEYLEASE_COMPLETE": "complete_bash",
            "COMP_WORDS": f"keylease show {begun}",
            "COMP_CWORD": "2",
            "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
        },
        cwd=keylease.home,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert lease.id in completed.stdout.split()


def test_a_lease_that_has_ended_is_not_asked_about(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    world.broker.revoke(MARA, lease.id)
    screen = keylease.on_terminal("revoke", lease.id).out
    assert "End it now?" not in screen
    assert told(screen, lease.id)[0] == "error[KL-405]: L-1 has ended already."


def test_json_holds_what_a_script_picks(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    world.clock.move_to(lease.expires_at - timedelta(days=2))
    [one] = json.loads(keylease("list", "--json").out)
    picked = (one["id"], one["expires_at"], one["seconds_left"], one["status"])
    assert picked == (lease.id, "2026-12-08T12:00:00Z", 172_800, "ending_soon")


def _appears(world: World) -> str:
    """The id of the lease that a command asks for, once it has."""
    for _ in range(600):
        found = world.store.find(LeaseQuery())
        if found:
            return found[0].id
        time.sleep(0.05)  # noqa: TID251 - a process is waited for
    raise AssertionError("nothing was asked for")
