"""What people see and do with their leases, where somebody looks and where nobody does."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from command_line import CommandLine, view

from keylease.domain.event import AuditEvent
from keylease.domain.lease import State
from world import PRIYA, TOMAS, World


def test_the_list_is_a_row_for_each_lease_the_one_that_waits_first(keylease: CommandLine, world: World) -> None:
    active, approved = world.active(), world.approved()
    listed = keylease("list")
    assert listed.status == 0
    assert listed.rows == [
        [approved.id, "archive", "main", "approved", "1209600", "2026-12-08T12:00:00Z"],
        [active.id, "archive", "main", "active", "1209600", "2026-12-08T12:00:00Z"],
    ]
    assert f"keylease collect {approved.id}" in listed.err


def test_the_list_as_json_is_what_the_server_says(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    world.clock.pass_time(days=12)
    [listed] = json.loads(keylease("list", "--json").out)
    assert listed["id"] == lease.id
    assert (listed["status"], listed["seconds_left"]) == ("ending_soon", 2 * 86_400)
    assert listed["expires_at"] == "2026-12-08T12:00:00Z"
    assert keylease("--json", "list").out == keylease("list", "--json").out


def test_on_a_terminal_the_list_is_a_table_in_the_persons_own_time(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    world.clock.pass_time(days=12)
    screen = keylease.on_terminal("list").out
    heading, row, next_ = screen.splitlines()
    assert heading.split() == ["ID", "WHAT", "ACCOUNT", "STATUS", "LEFT", "ENDS"]
    assert re.split(r" {3,}", row.strip()) == [
        lease.id,
        "Read, add and delete files in media-archive",
        "main",
        "⧗ ending soon",
        "2 days",
        "Tue 8 Dec 13:00 CET",
    ]
    assert next_.startswith("Read, add and delete files in media-archive ends in 2 days: keylease renew ")


def test_a_narrow_terminal_breaks_words_and_never_ids_or_times(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    screen = keylease.on_terminal("list", COLUMNS="80").out
    assert lease.id in screen
    assert "8 Dec 13:00 CET" in screen
    assert all(len(line) <= 80 for line in screen.splitlines())


def test_nothing_to_list_is_nothing_on_stdout_and_words_on_stderr(keylease: CommandLine) -> None:
    assert keylease("list").out == ""
    assert "keylease sets" in keylease("list").err
    assert json.loads(keylease("list", "--json").out) == []
    assert keylease("list", "--waiting", person="priya").err == "Nothing waits for you.\n"
    assert "There is no lease" in keylease.on_terminal("list").out


def test_everybodys_leases_are_for_auditors(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    [row] = keylease("list", "--all", person="anna").rows
    assert (row[0], row[6]) == (lease.id, "Mara Lind")
    refused = keylease("list", "--all")
    assert (refused.status, refused.out) == (34, "")
    assert refused.err.startswith("error[KL-306]: ")
    assert keylease("list", "--waiting", "--all").status == 2


def test_colour_is_for_terminals_that_want_it(keylease: CommandLine, world: World) -> None:
    world.active()
    colour = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])(?:;\d+)*m")
    assert colour.search(keylease.on_terminal("list", raw=True).out)
    assert not colour.search(keylease.on_terminal("list", raw=True, NO_COLOR="1").out)
    assert "\x1b" not in keylease.on_terminal("list", raw=True, TERM="dumb").out
    assert "\x1b[1;31merror[KL-401]:" in keylease.on_terminal("show", "L-00000000", raw=True).out
    assert "\x1b" not in keylease.on_terminal("show", "L-00000000", raw=True, NO_COLOR="1").out
    assert "\x1b" not in keylease("show", "L-00000000").err


def test_what_others_wrote_cannot_steer_a_terminal(keylease: CommandLine, world: World) -> None:
    steering = "\x1b]0;title\x07\x1b[2Jlook\u202ereversed \x7f\x9b31m[bold]plain[/bold]"
    lease = world.requested()  # the broker would refuse such a reason; an older ledger may hold one
    world.store.leases[lease.id] = replace(lease, reason=steering)
    said = {"reason": steering}
    world.store.append(
        AuditEvent(at=world.clock.now(), action="denied", actor="x", lease_id=lease.id, details=said)
    )
    for run in (keylease, keylease.on_terminal):
        for command in (("pending",), ("show", lease.id), ("events",)):
            person = "anna" if command == ("events",) else "priya"
            screen = run(*command, person=person).out
            assert not set(screen) & set("\x1b\x07\x7f\x9b\u202e"), command
            assert "[bold]plain[/bold]" in screen.replace("\n", " "), command
            as_json = run(*command, "--json", person=person).out
            assert as_json.isascii()
            assert not set(as_json) & set("\x1b\x07\x7f"), command
            assert json.dumps(steering) in as_json, command


def test_show_tells_all_of_a_lease(keylease: CommandLine, world: World) -> None:
    lease = world.requested()
    shown = dict(keylease("show", lease.id).rows)
    assert shown["lease"] == lease.id
    assert (shown["status"], shown["what"], shown["for"]) == ("requested", "archive", "Mara Lind")
    assert shown["may decide"] == "a member of leads"
    assert shown["ends"] == "2026-12-08T12:00:00Z"
    assert json.loads(keylease("show", lease.id, "--json").out)["id"] == lease.id
    screen = keylease.on_terminal("show", lease.id).out
    assert "Tue 8 Dec 13:00 CET (in 2 weeks" in screen or "Tue 8 Dec 13:00 CET (in 13 days" in screen
    assert "2w from the approval on" in screen


def test_a_lease_is_found_by_the_beginning_of_its_id(keylease: CommandLine, world: World) -> None:
    lease = world.requested()
    digits = lease.id.removeprefix("L-")
    for written in (digits[:4], lease.id[:5].lower(), digits.replace("0", "O").replace("1", "I").upper()):
        assert dict(keylease("show", written).rows)["lease"] == lease.id, written
    assert dict(keylease("show", digits[:4], person="priya").rows)["lease"] == lease.id
    assert dict(keylease("show", digits[:4], person="anna").rows)["lease"] == lease.id


def test_a_beginning_that_fits_none_or_several_is_no_lease(keylease: CommandLine, world: World) -> None:
    one, other = world.requested(), world.requested()
    for written in ("", "zzzzzzzz", "L-zz", "L-zzzzzzzzz"):
        missing = keylease("show", written)
        assert (missing.status, missing.out) == (40, ""), written
    several = keylease("show", "L-").err
    assert one.id in several
    assert other.id in several
    assert keylease("show", one.id, person="stranger").status == 40


def test_sets_are_what_one_may_ask_for(keylease: CommandLine) -> None:
    assert keylease("sets").rows == [
        ["archive", "Read, add and delete files in media-archive", "main", "4w", "somebody"],
        ["logs", "Read the logs", "main", "2d", "rule"],
    ]
    assert [one["max_ttl"] for one in json.loads(keylease("sets", "--json").out)] == ["4w", "2d"]
    assert "rule, at once" in keylease.on_terminal("sets").out
    nothing = keylease("sets", person="stranger")
    assert (nothing.status, nothing.out) == (0, "")
    assert "No grant lets you" in nothing.err


def test_whoami_says_who_and_with_which_duties(keylease: CommandLine) -> None:
    assert dict(keylease("whoami", person="anna").rows) == {
        "name": "Anna Holm",
        "id": "dir#anna",
        "groups": "platform",
        "duties": "administrator",
    }
    assert json.loads(keylease("whoami", "--json", "--as", "tomas", person="anna").out)["name"] == "Tomás Ortega"
    assert json.loads(keylease("--as", "tomas", "whoami", "--json").out)["subject"] == "tomas"
    assert "Tomás Ortega" in keylease.on_terminal("whoami", person="tomas").out


def test_a_request_is_made_and_told(keylease: CommandLine, world: World) -> None:
    asked = keylease("request", "archive", "--until", "2w", "--reason", "Winter masters")
    [lease] = world.store.leases.values()
    assert asked.status == 0
    assert asked.rows == [[lease.id, "archive", "main", "requested", "1209600", "2026-12-08T12:00:00Z"]]
    assert asked.err == (
        "Asked for Read, add and delete files in media-archive, 2w from the approval on: "
        f"{lease.id}.\nTo be decided by a member of leads.\n"
        f"{keylease.environment['KEYLEASE_SERVER']}/leases/{lease.id}\n"
    )
    assert (lease.reason, lease.principal_id) == ("Winter masters", "dir#mara")


def test_a_request_as_json_is_the_lease_and_nothing_else(keylease: CommandLine) -> None:
    asked = keylease("request", "archive", "--until", "2w", "--reason", "Winter masters", "--json")
    assert json.loads(asked.out)["status"] == "requested"
    assert asked.err == ""


def test_a_request_that_a_rule_approves_can_be_collected_at_once(keylease: CommandLine) -> None:
    asked = keylease.on_terminal("request", "logs", "--until", "1d", "--reason", "Incident", "--account", "main")
    assert asked.status == 0
    assert (
        "Approved by the grant readers until Wed 25 Nov 13:00 CET (24 hours). Next: keylease collect L-"
        in asked.out
    )


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("root", "--until", "2w", "--reason", "x"), 30, "No grant lets you lease root."),
        (("archiv", "--until", "2w", "--reason", "x"), 30, "Did you mean archive?"),
        (("archive", "--until", "5w", "--reason", "x"), 21, "At most 4w is possible"),
        (("archive", "--until", "soon", "--reason", "x"), 20, "neither a duration nor an instant"),
        (("archive", "--until", "2020-01-01T00:00Z", "--reason", "x"), 22, "is over"),
        (("archive", "--until", "2w", "--reason", "  "), 24, "Say in one sentence"),
        (("archive", "--until", "2w", "--reason", "x" * 201), 24, "at most 200 fit"),
        (("archive", "--until", "2w"), 2, "Missing option '--reason'"),
        (("archive", "--reason", "x"), 2, "Missing option '--until'"),
        ((), 2, "Missing argument 'PERMISSION_SET'"),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    words: tuple[str, ...], status: int, said: str, keylease: CommandLine, world: World
) -> None:
    refused = keylease("request", *words)
    assert (refused.status, refused.out) == (status, "")
    assert said in refused.err
    assert refused.err.startswith("error[")
    assert "\nhint: " in refused.err
    assert not world.store.leases


def test_waiting_ends_with_the_approval(keylease: CommandLine, world: World) -> None:
    waiting = keylease.start("request", "archive", "--until", "2w", "--reason", "x", "--wait", "--json")
    lease_id = _first_lease(world)
    world.broker.approve(PRIYA, lease_id)
    out, err = waiting.communicate(timeout=30)
    assert (waiting.returncode, err) == (0, "")
    assert json.loads(out)["status"] == "approved"


def test_waiting_ends_with_the_denial(keylease: CommandLine, world: World) -> None:
    waiting = keylease.start("request", "archive", "--until", "2w", "--reason", "x", "--wait")
    world.broker.deny(PRIYA, _first_lease(world), reason="Not this week")
    _, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 41
    assert "Priya Raman denied L-" in err
    assert "Not this week" in err


def test_waiting_that_runs_out_ends_with_3_and_leaves_the_request(keylease: CommandLine, world: World) -> None:
    waited = keylease("request", "archive", "--until", "2w", "--reason", "x", "--wait", "--wait-at-most", "1s")
    assert waited.status == 3
    assert "Nobody has decided" in waited.err
    assert waited.rows[0][3] == "requested"
    assert next(iter(world.store.leases.values())).state is State.REQUESTED
    assert (
        keylease("request", "archive", "--until", "2w", "--reason", "x", "--wait", "--wait-at-most", "x").status
        == 20
    )


def test_a_server_that_is_away_for_a_moment_does_not_end_the_wait(
    keylease: CommandLine, stand_in: Callable[..., str]
) -> None:
    busy = json.dumps({"code": "KL-601", "sentence": "The ledger is busy.", "hint": "Try again."})
    answers = [(200, view(status="requested")), (503, busy), (200, view(status="approved"))]
    server = stand_in(lambda *_: answers.pop(0))
    words = ("request", "archive", "--account", "main", "--until", "2w", "--reason", "x", "--wait")
    waited = keylease(*words, "--server", server)
    assert (waited.status, waited.rows[0][3]) == (0, "approved")


def test_ctrl_c_leaves_the_request_and_says_no_more(keylease: CommandLine, world: World) -> None:
    waiting = keylease.start("request", "archive", "--until", "2w", "--reason", "x", "--wait")
    lease_id = _first_lease(world)
    time.sleep(0.3)  # noqa: TID251 - it is a real process that waits
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert "Traceback" not in err
    assert world.store.get(lease_id).state is State.REQUESTED


def test_a_renewal_is_a_new_request(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    renewed = keylease("renew", lease.id, "--until", "1w", "--reason", "More masters")
    assert renewed.status == 0
    new = world.store.get(renewed.rows[0][0])
    assert (new.renewal_of, new.reason, new.asked) == (lease.id, "More masters", timedelta(weeks=1))
    assert json.loads(keylease("renew", lease.id, "--json").out)["renewal_of"] == lease.id
    assert "2w from the approval on" in keylease.on_terminal("renew", lease.id).out
    assert keylease("renew", lease.id, person="priya").status == 33


def test_a_lease_is_given_back(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    ended = keylease("revoke", lease.id)
    assert (ended.status, ended.rows[0][3]) == (0, "revoked")
    assert ended.err == f"{lease.id} has ended.\n"
    assert not world.cloud.users
    assert keylease("revoke", lease.id).status == 44
    assert json.loads(keylease("revoke", world.requested().id, "--json").out)["status"] == "withdrawn"


def test_on_a_terminal_a_lease_is_given_back_once_that_is_confirmed(keylease: CommandLine, world: World) -> None:
    lease = world.active()
    kept = keylease.on_terminal("revoke", lease.id, answers=(("End it now?", "n"),))
    assert (kept.status, world.store.get(lease.id).state) == (0, State.ACTIVE)
    assert "Nothing was changed." in kept.out
    ended = keylease.on_terminal("revoke", lease.id, answers=(("End it now?", "x"), ("now? [yes/no] x", "yes")))
    assert (ended.status, world.store.get(lease.id).state) == (0, State.CLOSED)
    assert keylease.on_terminal("revoke", world.active().id, "--yes").status == 0


def test_a_lease_that_aws_cannot_end_yet_is_said_to_be_ending(keylease: CommandLine, world: World) -> None:
    from keylease.testing import away

    lease = world.active()
    world.cloud.before = away
    ending = keylease("revoke", lease.id)
    assert ending.status == 0
    assert "keylease goes on until AWS has taken it away" in ending.err


def test_somebody_elses_lease_is_ended_by_whose_duty_it_is(keylease: CommandLine, world: World) -> None:
    assert keylease("revoke", world.active().id, person="priya").status == 0
    assert keylease("revoke", world.active().id, person="anna").status == 0
    assert keylease("revoke", world.active().id, person="stranger").status == 40
    by_tomas = world.requested(by=TOMAS)
    assert keylease("revoke", by_tomas.id, person="mara").status == 40


def _first_lease(world: World) -> str:
    """The id of the one lease, once the command has made it."""
    deadline = time.monotonic() + 20
    while not world.store.leases and time.monotonic() < deadline:
        time.sleep(0.02)  # noqa: TID251 - it is a real process that works
    return next(iter(world.store.leases))
