"""`keylease configure`: profiles for one's leases, and what it never does to anything else."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from aws_files import CORPUS
from laptop import LEASE, Laptop
from stand_in import StandIn

MINE = b"# mine\n[default]\nregion = x\n"


@pytest.fixture
def laptop(laptop: Laptop) -> Laptop:
    laptop.config.parent.mkdir()
    laptop.config.write_bytes(MINE)
    return laptop


def profiles(laptop: Laptop) -> list[str]:
    return [line for line in laptop.config.read_text().splitlines() if line.startswith("[profile")]


def test_each_lease_of_kind_session_gets_a_profile_and_nothing_else_changes(
    laptop: Laptop, server: StandIn
) -> None:
    server.lease("L-00000001", permission_set="logs")
    server.lease("L-00000002", kind="access-key", permission_set="keys")
    server.lease("L-00000003", status="requested", permission_set="wanted")
    server.lease("L-00000004", status="revoked", permission_set="gone")
    done = laptop.keylease("configure")
    assert done.status == 0
    assert laptop.config.read_bytes().startswith(MINE)
    assert profiles(laptop) == ["[profile media-archive]", "[profile logs]"]
    assert [row[:2] for row in done.rows] == [["media-archive", LEASE], ["logs", "L-00000001"]]
    assert "aws sts get-caller-identity --profile media-archive" in done.err
    assert laptop.process().status == 0
    assert server.asked == 2, "the first session of each, which the process takes from the cache"


def test_doing_it_again_changes_nothing(laptop: Laptop) -> None:
    laptop.keylease("configure")
    before = laptop.config.read_bytes()
    assert laptop.keylease("configure").status == 0
    assert laptop.config.read_bytes() == before


def test_a_dry_run_shows_the_difference_and_changes_nothing(laptop: Laptop, server: StandIn) -> None:
    done = laptop.keylease("configure", "--dry-run")
    assert done.status == 0
    assert "+[profile media-archive]" in done.out
    assert laptop.config.read_bytes() == MINE
    assert not laptop.state.exists() or not (laptop.state / "leases.json").exists()
    assert server.asked == 0


def test_a_renewed_lease_keeps_the_profiles_name_and_an_ended_one_is_removed(
    laptop: Laptop, server: StandIn
) -> None:
    server.lease("L-00000001", permission_set="logs")
    laptop.keylease("configure")
    server.leases.clear()
    server.lease("L-00000005", left=timedelta(days=20), renewal_of=LEASE)
    done = laptop.keylease("configure")
    assert profiles(laptop) == ["[profile media-archive]"]
    assert b"fast.py L-00000005" in laptop.config.read_bytes()
    assert "Removed the profile logs" in done.err
    assert not (laptop.cache / "L-00000001.session").exists()


def test_of_two_leases_that_give_the_same_the_longer_one_is_taken(laptop: Laptop, server: StandIn) -> None:
    server.lease("L-00000001", left=timedelta(days=20))
    server.lease("L-00000002", left=timedelta(days=2))
    laptop.keylease("configure")
    assert profiles(laptop) == ["[profile media-archive]"]
    assert b"fast.py L-00000001" in laptop.config.read_bytes()


def test_the_same_permission_set_in_another_account_is_told_apart(laptop: Laptop, server: StandIn) -> None:
    laptop.keylease("configure")
    server.lease("L-00000001", account="lab", account_id="210987654321")
    laptop.keylease("configure")
    assert profiles(laptop) == ["[profile media-archive]", "[profile media-archive-lab]"]


def test_a_profile_of_somebody_elses_stays_and_the_others_are_written(laptop: Laptop, server: StandIn) -> None:
    theirs = b"[profile media-archive]\nsso_session = corp\n"
    laptop.config.write_bytes(theirs)
    server.lease("L-00000001", permission_set="logs")
    done = laptop.keylease("configure")
    assert done.status == 72
    assert "media-archive exists, and keylease did not write it" in done.err
    assert laptop.config.read_bytes().startswith(theirs)
    assert profiles(laptop) == ["[profile media-archive]", "[profile logs]"]


STATIC = b"[media-archive]\naws_access_key_id = AKIAOLD\naws_secret_access_key = x\n"


def test_static_credentials_of_the_same_name_are_spoken_of_and_left_alone(laptop: Laptop) -> None:
    laptop.aws_credentials.write_bytes(STATIC)
    done = laptop.keylease("configure")
    assert done.status == 0
    assert "has static credentials called media-archive" in done.err
    assert laptop.aws_credentials.read_bytes() == STATIC


@pytest.mark.parametrize(("answer", "renamed"), [("yes", True), ("no", False)])
def test_somebody_at_a_terminal_is_asked(laptop: Laptop, answer: str, *, renamed: bool) -> None:
    laptop.aws_credentials.write_bytes(STATIC)
    laptop.keylease.on_terminal("configure", answers=(("Rename them?", answer),))
    moved = STATIC.replace(b"[media-archive]", b"[media-archive-static]")
    assert laptop.aws_credentials.read_bytes() == (moved if renamed else STATIC)


def test_with_yes_they_are_renamed_and_nothing_else_in_the_file_changes(laptop: Laptop) -> None:
    laptop.aws_credentials.write_bytes(CORPUS["comments"] + STATIC + CORPUS["crlf"])
    done = laptop.keylease("configure", "--yes")
    assert "They are called media-archive-static now." in done.err
    moved = STATIC.replace(b"[media-archive]", b"[media-archive-static]")
    assert laptop.aws_credentials.read_bytes() == CORPUS["comments"] + moved + CORPUS["crlf"]


def test_an_access_key_in_the_shell_is_spoken_of(laptop: Laptop) -> None:
    assert "AWS_ACCESS_KEY_ID is set" in laptop.keylease("configure", AWS_ACCESS_KEY_ID="AKIA").err


def test_another_config_file_is_honoured(laptop: Laptop) -> None:
    other = laptop.home / "elsewhere" / "config"
    laptop.keylease("configure", AWS_CONFIG_FILE=str(other))
    assert "[profile media-archive]" in other.read_text()
    assert laptop.config.read_bytes() == MINE


def test_a_file_that_is_read_only_is_left_and_named(laptop: Laptop) -> None:
    laptop.config.chmod(0o400)
    done = laptop.keylease("configure")
    assert done.status == 71
    assert "read-only" in done.err
    assert laptop.config.read_bytes() == MINE


def test_another_machines_lease_is_not_written_unless_it_is_taken_over(
    laptop: Laptop, other_laptop: Laptop, server: StandIn
) -> None:
    laptop.keylease("configure")
    refused = other_laptop.keylease("configure")
    assert refused.status == 81
    assert not other_laptop.config.exists() or b"media-archive" not in other_laptop.config.read_bytes()
    taken = other_laptop.keylease("configure", "--this-machine")
    assert taken.status == 0, taken.err
    assert other_laptop.process().status == 0
    laptop.age()
    assert laptop.process().status == 81
    assert f"POST /api/leases/{LEASE}/machine" in server.calls


def test_a_key_pair_that_is_lost_is_made_anew_with_this_machine(laptop: Laptop) -> None:
    laptop.keylease("configure")
    (laptop.home / ".config" / "keylease" / "sign-in.key").unlink()
    laptop.age()
    assert "cannot be opened here" in laptop.keylease("configure").err
    laptop.age(left=timedelta(seconds=-1))
    assert laptop.keylease("configure").status == 4
    assert laptop.keylease("configure", "--this-machine").status == 0


def test_a_server_that_cannot_reach_aws_does_not_stop_the_profile(laptop: Laptop, server: StandIn) -> None:
    server.refuse = (400, "KL-501")
    done = laptop.keylease("configure")
    assert done.status == 50
    assert profiles(laptop) == ["[profile media-archive]"]
    assert b"region =" not in laptop.config.read_bytes().removeprefix(MINE)
    server.refuse = None
    laptop.keylease("configure")
    assert b"region = us-east-1" in laptop.config.read_bytes()


def test_without_a_lease_it_says_so(laptop: Laptop, server: StandIn) -> None:
    server.leases.clear()
    done = laptop.keylease("configure")
    assert done.status == 0
    assert "no lease of kind session" in done.err
    assert laptop.config.read_bytes() == MINE


def test_programs_get_json(laptop: Laptop) -> None:
    done = laptop.keylease("configure", "--json")
    assert json.loads(done.out) == {
        "file": str(laptop.config),
        "profiles": [{"profile": "media-archive", "lease": LEASE}],
        "removed": [],
        "refused": {},
        "failed": {},
    }
    assert done.err == ""


EVIL = "x\n[default]\ncredential_process = evil"


@pytest.mark.parametrize(
    "differing",
    [
        {"expires_at": f"2026-12-08T17:00:00Z{EVIL}"},
        {"permission_set": f"media{EVIL}"},
        {"permission_set": "a]b"},
        {"account_id": EVIL},
        {"id": f"L-4k7m9q2x{EVIL}"},
        {"id": "../../x"},
    ],
    ids=lambda differing: next(iter(differing)),
)
def test_a_server_that_was_taken_over_writes_nothing_into_the_file(
    laptop: Laptop, server: StandIn, differing: dict[str, str]
) -> None:
    server.leases[LEASE] |= differing
    done = laptop.keylease("configure")
    assert done.status == 70
    assert laptop.config.read_bytes() == MINE


def test_an_accounts_name_that_does_not_do_in_a_profile_is_left_out(laptop: Laptop, server: StandIn) -> None:
    laptop.keylease("configure")
    server.lease("L-00000001", account=EVIL, account_id="210987654321")
    laptop.keylease("configure")
    assert profiles(laptop) == ["[profile media-archive]", "[profile media-archive-210987654321]"]
    assert b"evil" not in laptop.config.read_bytes()
