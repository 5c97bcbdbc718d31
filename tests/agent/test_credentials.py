"""`credential_process` as AWS programs start it, against a server that checks every proof."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from laptop import FAST, LEASE, Laptop
from stand_in import StandIn

from cli.command_line import Ended


def answered(ended: Ended) -> dict[str, Any]:
    """The credentials, and nothing else on stdout."""
    assert ended.status == 0, ended.err
    answer: dict[str, Any] = json.loads(ended.out)
    assert ended.out.count("\n") == 1
    return answer


def said(ended: Ended) -> str:
    """The one line that says what went wrong; stdout holds nothing."""
    assert ended.out == ""
    assert re.fullmatch(r"keylease: [^\n]+\n", ended.err), ended.err
    return ended.err


def test_the_answer_has_what_aws_documents_and_the_true_end(laptop: Laptop, server: StandIn) -> None:
    answer = answered(laptop.process())
    assert set(answer) == {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "AccountId"}
    assert answer["Version"] == 1
    assert answer["AccessKeyId"] == server.given[0]["AccessKeyId"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["Expiration"])


def test_a_session_that_would_outlive_its_lease_is_said_to_end_with_it(laptop: Laptop, server: StandIn) -> None:
    lease = server.lease(LEASE, left=timedelta(minutes=7))
    assert answered(laptop.process())["Expiration"] == lease["expires_at"]
    assert answered(laptop.process())["Expiration"] == lease["expires_at"]
    assert server.asked == 1


def test_a_renewal_that_was_collected_ends_the_old_lease_earlier(laptop: Laptop, server: StandIn) -> None:
    lease = server.lease(LEASE)
    lease["retire_at"] = "2100-01-01T00:00:00Z"
    assert answered(laptop.process())["Expiration"] < lease["expires_at"]
    other = server.lease("L-00000001")
    other["retire_at"] = server.lease("L-x", left=timedelta(minutes=3))["expires_at"]
    assert answered(laptop.process("L-00000001"))["Expiration"] == other["retire_at"]


FAILURES = [
    ((401, "KL-301"), 4, "keylease login"),
    ((409, "KL-405"), 44, "Do this."),
    ((403, "KL-305"), 33, "Do this."),
    ((403, "KL-311"), 81, "Do this."),
    ((409, "KL-402"), 41, "Do this."),
    ((503, "KL-501"), 50, "Do this."),
    ((500, "KL-100"), 1, "Do this."),
]


@pytest.mark.parametrize(("refuse", "status", "hint"), FAILURES, ids=[refuse[1] for refuse, _, _ in FAILURES])
def test_every_failure_has_its_own_status_and_one_line_that_says_what_to_do(
    laptop: Laptop, server: StandIn, refuse: tuple[int, str], status: int, hint: str
) -> None:
    server.refuse = refuse
    ended = laptop.process()
    assert ended.status == status
    assert f"So it is ({refuse[1]})." in said(ended)
    assert hint in ended.err


def test_no_server_is_a_failure_of_its_own(laptop: Laptop, server: StandIn) -> None:
    server.silent = True
    ended = laptop.process()
    assert ended.status == 70
    assert server.address in said(ended)


def test_what_is_still_good_is_served_offline_and_that_is_said(laptop: Laptop, server: StandIn) -> None:
    first = answered(laptop.process())
    laptop.age()
    server.silent = True
    offline = laptop.process()
    assert answered(offline)["AccessKeyId"] == first["AccessKeyId"]
    assert "broke off its answer. The credentials at hand are good until" in offline.err
    laptop.age(left=timedelta(seconds=-1))
    assert laptop.process().status == 70


def test_a_lease_that_is_over_is_not_served_from_the_cache(laptop: Laptop, server: StandIn) -> None:
    answered(laptop.process())
    laptop.age()
    server.refuse = (409, "KL-405")
    assert laptop.process().status == 44
    server.refuse = None
    assert laptop.process().status == 44, "within the cool-down nobody is asked"


def test_a_failure_is_not_asked_for_again_by_every_program_that_starts(laptop: Laptop, server: StandIn) -> None:
    server.refuse = (401, "KL-301")
    first = laptop.process()
    again = [laptop.process() for _ in range(3)]
    assert {one.status for one in again} == {first.status} == {4}
    assert {one.err for one in again} == {first.err}
    assert len(server.calls) == 1


def test_programs_that_start_at_once_share_one_call(laptop: Laptop, server: StandIn) -> None:
    server.delay = 0.5
    several = [laptop.start(*FAST, LEASE) for _ in range(8)]
    answers = {one.communicate(timeout=60)[0] for one in several}
    assert len(answers) == 1
    assert server.asked == 1


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_ten_minutes_off_is_noticed_and_said_and_does_not_stop_anything(
    laptop: Laptop, server: StandIn, minutes: int
) -> None:
    server.clock_ahead = timedelta(minutes=minutes)
    server.lease(LEASE)
    ended = laptop.process()
    answered(ended)
    assert f"clock is 10 minutes {'behind' if minutes > 0 else 'ahead'}" in ended.err
    assert laptop.session().behind == pytest.approx(timedelta(minutes=minutes), abs=timedelta(seconds=5))
    left = laptop.session().valid_until - laptop.session().fetched_at
    assert left == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=5))


def test_a_clock_that_is_off_is_named_where_the_server_refuses_for_another_reason(
    laptop: Laptop, server: StandIn
) -> None:
    server.clock_ahead = timedelta(minutes=10)
    server.refuse = (409, "KL-405")
    assert "clock is 10 minutes behind" in said(laptop.process())


def test_a_copied_home_without_the_key_pair_gets_no_session(
    laptop: Laptop, other_laptop: Laptop, server: StandIn
) -> None:
    answered(laptop.process())
    ended = other_laptop.process()
    assert ended.status == 81
    assert "KL-311" in said(ended)
    assert server.asked == 1


def test_nothing_secret_is_in_a_failure_or_a_file_that_others_can_read(laptop: Laptop, server: StandIn) -> None:
    answered(laptop.process())
    laptop.age()
    server.silent = True
    secrets = [value for made in server.given for value in (made["SecretAccessKey"], made["SessionToken"])]
    ended = laptop.process()
    assert not any(secret in ended.err for secret in secrets)
    for path in laptop.home.rglob("*"):
        if path.is_file() and any(secret.encode() in path.read_bytes() for secret in secrets):
            assert path.parent == laptop.cache
            assert path.stat().st_mode & 0o077 == 0


def test_the_same_answer_comes_from_keylease_itself_by_id_or_profile(laptop: Laptop) -> None:
    first = laptop.process()
    laptop.keylease("configure")
    for name in (LEASE, "media-archive"):
        assert laptop.keylease("credentials", "--lease", name).out == first.out
    unknown = laptop.keylease("credentials", "--lease", "nope")
    assert unknown.status == 40
    assert "KL-401" in said(unknown)
