"""Who is gone, by a directory that disables, deletes, throttles, pages and falls silent."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from serving import Reply
from stand_in_graph import Person, StandInGraph, stand_in_graph
from stand_in_issuer import MARA, StandInIssuer, company

from keylease.errors import DirectoryUnreachable
from keylease.ports import People
from keylease.testing import FakeClock

MEDIA, LEADS = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"


def oid(number: int) -> str:
    return f"aaaaaaaa-0000-4000-8000-{number:012d}"


def group(number: int) -> str:
    return f"11111111-0000-4000-8000-{number:012d}"


class Directory:
    """keylease before the stand-ins."""

    def __init__(self, issuer: StandInIssuer, graph: StandInGraph, clock: FakeClock) -> None:
        self.issuer, self.graph, self.clock = issuer, graph, clock
        issuer.token_answer = lambda _: Reply(200, {"access_token": graph.token, "expires_in": 3600})
        found = company(issuer, clock, graph=graph.address).people
        assert found is not None
        self.people: People = found

    def gone(self, **people: frozenset[str] | set[str]) -> dict[str, str]:
        """Who of these is gone, by the last part of the id."""
        asked = {self.id(one): frozenset(groups) for one, groups in people.items()}
        return {one.rpartition("#")[2]: why for one, why in self.people.gone(asked).items()}

    def id(self, subject: str) -> str:
        return f"{self.issuer.issuer}#{subject}"


@pytest.fixture
def graph() -> Iterator[StandInGraph]:
    with stand_in_graph() as made:
        yield made


@pytest.fixture
def directory(issuer: StandInIssuer, graph: StandInGraph, clock: FakeClock) -> Directory:
    return Directory(issuer, graph, clock)


STANDINGS: dict[str, tuple[Person | None, set[str], str | None]] = {
    "there, no group asked": (Person(), set(), None),
    "there, in the group": (Person(groups={MEDIA}), {MEDIA}, None),
    "there, in one of two groups": (Person(groups={LEADS}), {MEDIA, LEADS}, None),
    "there, in neither": (
        Person(groups={group(9)}),
        {MEDIA, LEADS},
        "is in none of the groups that count here",
    ),
    "disabled": (Person(enabled=False, groups={MEDIA}), {MEDIA}, "is disabled in the directory"),
    "disabled, no group asked": (Person(enabled=False), set(), "is disabled in the directory"),
    "deleted": (None, {MEDIA}, "is not in the directory any more"),
    "in an app role, which is not looked up": (Person(), {"keylease.media"}, None),
    "in a group or a role": (Person(), {MEDIA, "keylease.media"}, None),
    "disabled, with a role": (Person(enabled=False), {"keylease.media"}, "is disabled in the directory"),
}


@pytest.mark.parametrize(("person", "groups", "why"), STANDINGS.values(), ids=STANDINGS.keys())
def test_who_is_gone_and_why(
    directory: Directory, person: Person | None, groups: set[str], why: str | None
) -> None:
    directory.graph.people = {oid(1): person} if person else {}
    directory.graph.people[oid(2)] = Person(groups={MEDIA})
    expected = {} if why is None else {oid(1): why}
    assert directory.gone(**{oid(1): groups, oid(2): {MEDIA}}) == expected


EVERY: dict[str, tuple[Person | None, set[str], str | None]] = {
    "in both": (Person(groups={MEDIA, LEADS, group(9)}), {MEDIA, LEADS}, None),
    "in one of two": (Person(groups={LEADS}), {MEDIA, LEADS}, "has left a group that they signed in with"),
    "in none": (Person(), {MEDIA, LEADS}, "is in none of the groups that count here"),
    "no group asked": (Person(), set(), None),
    "a role is passed over": (Person(groups={MEDIA}), {MEDIA, "keylease.media"}, None),
    "the group beside a role is not": (
        Person(),
        {MEDIA, "keylease.media"},
        "is in none of the groups that count here",
    ),
    "one of many": (
        Person(groups={group(number) for number in range(44)}),
        {group(number) for number in range(45)},
        "has left a group that they signed in with",
    ),
    "disabled": (Person(enabled=False, groups={MEDIA}), {MEDIA}, "is disabled in the directory"),
    "deleted": (None, {MEDIA}, "is not in the directory any more"),
}


@pytest.mark.parametrize(("person", "groups", "why"), EVERY.values(), ids=EVERY.keys())
def test_where_every_group_is_needed_one_that_was_left_counts(
    directory: Directory, person: Person | None, groups: set[str], why: str | None
) -> None:
    directory.graph.people = {oid(1): person} if person else {}
    directory.graph.people[oid(2)] = Person()
    asked = {directory.id(oid(1)): frozenset(groups), directory.id(oid(2)): frozenset[str]()}
    assert directory.people.gone(asked, every=True) == ({} if why is None else {directory.id(oid(1)): why})


def test_an_app_role_is_not_asked_for(directory: Directory) -> None:
    directory.graph.people = {oid(1): Person()}
    assert directory.gone(**{oid(1): {MEDIA, "keylease.media"}}) == {}
    assert directory.graph.questions == [f"/users/{oid(1)}?$select=id,accountEnabled"]


def test_keylease_asks_as_itself_with_the_least_that_it_needs(directory: Directory) -> None:
    directory.graph.people = {oid(1): Person(groups={MEDIA})}
    directory.gone(**{oid(1): {MEDIA}})
    form = next(one.form for one in directory.issuer.asked if one.path.endswith("/token"))
    assert form["grant_type"] == "client_credentials"
    assert form["scope"] == f"{directory.graph.address}/.default"
    assert directory.graph.questions == [
        f"/users/{oid(1)}?$select=id,accountEnabled",
        f"/users/{oid(1)}/checkMemberGroups",
    ]


def test_many_people_and_many_groups_go_twenty_at_a_time(directory: Directory) -> None:
    groups = {group(number) for number in range(45)}
    directory.graph.people = {oid(number): Person(groups={group(44)}) for number in range(50)}
    directory.graph.people[oid(7)].groups = {group(99)}
    directory.graph.people[oid(8)].enabled = False
    lost = directory.gone(**{oid(number): groups for number in range(51)})
    assert set(lost) == {oid(7), oid(8), oid(50)}
    assert len(directory.graph.questions) == 51 * (1 + 3)
    assert len(directory.graph.asked) == 11
    assert directory.issuer.fetches("token") == 1


def test_people_of_another_issuer_are_not_looked_up(directory: Directory) -> None:
    asked = {"unsafe-people#mara": frozenset({MEDIA}), f"https://other.example#{oid(1)}": frozenset[str]()}
    assert directory.people.gone(asked | {directory.id("../groups"): frozenset()}) == {}
    assert directory.graph.asked == []


def test_nobody_asked_is_nobody_gone(directory: Directory) -> None:
    assert directory.people.gone({}) == {}
    assert directory.graph.asked == []


def busy(status: int, retry_after: str | None) -> dict[str, Any]:
    return {"status": status, "headers": {} if retry_after is None else {"Retry-After": retry_after}, "body": {}}


def test_it_waits_as_long_as_it_is_told_and_asks_again(directory: Directory) -> None:
    directory.graph.people = {oid(1): Person(enabled=False)}
    directory.graph.busy = [Reply(429, {}, {"Retry-After": "10"}), Reply(503, {}, {"Retry-After": "7"})]
    before = directory.clock.now()
    assert directory.gone(**{oid(1): set()}) == {oid(1): "is disabled in the directory"}
    assert directory.clock.now() - before == timedelta(seconds=17)


def test_a_wait_may_be_told_as_a_date_or_not_at_all(directory: Directory) -> None:
    directory.graph.people = {oid(1): Person()}
    until = format_datetime(directory.clock.now() + timedelta(seconds=30), usegmt=True)
    before = directory.clock.now()
    directory.graph.busy = [
        Reply(429, {}, {"Retry-After": until}),
        Reply(429, {}),
        Reply(429, {}, {"Retry-After": "soon"}),
    ]
    directory.gone(**{oid(1): set()})
    assert directory.clock.now() - before == timedelta(seconds=30 + 5 + 5)


def test_single_questions_of_a_batch_are_asked_again_alone(directory: Directory) -> None:
    directory.graph.people = {oid(number): Person(enabled=number != 3) for number in range(5)}
    directory.graph.busy_questions = [busy(429, "4"), busy(503, "9"), busy(504, None), {"status": 200, "body": {}}]
    before = directory.clock.now()
    assert directory.gone(**{oid(number): set() for number in range(5)}) == {}
    assert directory.clock.now() - before == timedelta(seconds=9)
    assert len(directory.graph.questions) == 5 + 3


def test_a_directory_that_stays_busy_says_nothing_of_anybody(directory: Directory) -> None:
    directory.graph.people = {oid(1): Person(enabled=False)}
    directory.graph.busy = [Reply(429, {}, {"Retry-After": "60"})] * 9
    before = directory.clock.now()
    with pytest.raises(DirectoryUnreachable, match="fewer questions"):
        directory.gone(**{oid(1): set()})
    assert directory.clock.now() - before == timedelta(minutes=5)


def test_a_wait_without_end_is_not_begun(directory: Directory) -> None:
    directory.graph.busy = [Reply(429, {}, {"Retry-After": "86400"})]
    before = directory.clock.now()
    with pytest.raises(DirectoryUnreachable):
        directory.gone(**{oid(1): set()})
    assert directory.clock.now() == before


SILENCES: dict[str, Reply] = {
    "server error": Reply(500, {}),
    "no JSON": Reply(200, b"<html>"),
    "no list": Reply(200, {"responses": {}}),
    "not allowed": Reply(403, {"error": {"code": "Authorization_RequestDenied"}}),
    "token not taken": Reply(401, {}),
}


@pytest.mark.parametrize("reply", SILENCES.values(), ids=SILENCES.keys())
def test_a_directory_that_does_not_answer_says_nothing_of_anybody(directory: Directory, reply: Reply) -> None:
    directory.graph.people = {}
    directory.graph.busy = [reply]
    with pytest.raises(DirectoryUnreachable):
        directory.gone(**{oid(1): set()})


UNKNOWNS: dict[str, dict[str, Any]] = {
    "may not tell whether enabled": {"status": 200, "body": {"accountEnabled": None}},
    "says nothing of it": {"status": 200, "body": {}},
    "says it oddly": {"status": 200, "body": {"accountEnabled": "false"}},
    "not allowed": {"status": 403, "body": {"error": {"code": "Authorization_RequestDenied"}}},
    "not found, but not the person": {"status": 404, "body": {"error": {"code": "ResourceNotFound"}}},
    "not found, without a word": {"status": 404, "body": None},
    "a status that is none": {"status": "200", "body": {"accountEnabled": False}},
    "server error": {"status": 500, "body": {}},
}


@pytest.mark.parametrize("reply", UNKNOWNS.values(), ids=UNKNOWNS.keys())
def test_who_could_not_be_looked_up_is_not_gone_and_is_told(
    directory: Directory, reply: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    directory.graph.people = {oid(1): Person(), oid(2): Person(enabled=False)}
    directory.graph.busy_questions = [{"headers": {}, **reply}]
    with caplog.at_level(logging.ERROR):
        assert set(directory.gone(**{oid(1): set(), oid(2): set()})) == {oid(2)}
    assert oid(1) in caplog.text
    assert "User.Read.All" in caplog.text


def test_nothing_known_of_anybody_is_a_failure_with_what_to_do(directory: Directory) -> None:
    directory.graph.people = {oid(1): Person(enabled=None), oid(2): Person(enabled=None)}
    with pytest.raises(DirectoryUnreachable) as failed:
        directory.gone(**{oid(1): {MEDIA}, oid(2): set()})
    assert "User.Read.All and GroupMember.Read.All" in failed.value.hint


def test_a_group_that_could_not_be_asked_for_takes_nobody_out(directory: Directory) -> None:
    """One half of the groups is answered, the other is not: the person may be in that half."""
    groups = {group(number) for number in range(25)}
    directory.graph.people = {oid(1): Person(), oid(2): Person(groups=groups)}
    directory.graph.overlook = lambda path: path == f"/users/{oid(1)}/checkMemberGroups"
    assert directory.gone(**{oid(1): groups, oid(2): groups}) == {}


def test_the_access_token_is_kept_until_shortly_before_its_end(directory: Directory) -> None:
    directory.graph.people = {oid(1): Person()}
    for _ in range(4):
        directory.gone(**{oid(1): set()})
        directory.clock.pass_time(minutes=25)
    assert directory.issuer.fetches("token") == 2


def test_an_access_token_that_is_not_taken_any_more_is_asked_for_anew(directory: Directory) -> None:
    directory.graph.people = {oid(1): Person()}
    directory.gone(**{oid(1): set()})
    directory.graph.token = "another-access-token"
    with pytest.raises(DirectoryUnreachable):
        directory.gone(**{oid(1): set()})
    assert directory.gone(**{oid(1): set()}) == {}


def test_a_directory_that_gives_no_access_token_cannot_be_asked(directory: Directory) -> None:
    directory.issuer.token_answer = lambda _: Reply(200, {"expires_in": 3600})
    with pytest.raises(DirectoryUnreachable, match="no access token"):
        directory.gone(**{oid(1): set()})


def test_a_secret_that_is_over_is_told_without_ending_anything(directory: Directory) -> None:
    said = {"error": "invalid_client", "error_description": "AADSTS7000222: x"}
    directory.issuer.token_answer = lambda _: Reply(401, said)
    with pytest.raises(DirectoryUnreachable, match="secret has expired"):
        directory.gone(**{oid(1): set()})


def test_all_pages_of_groups_are_read(directory: Directory) -> None:
    directory.graph.people = {MARA: Person(groups={group(number) for number in range(8)})}
    assert of(directory, MARA) == {group(number) for number in range(8)}
    assert len(directory.graph.asked) == 3


def of(directory: Directory, subject: str) -> frozenset[str]:
    from keylease.identity.people import EntraPeople

    assert isinstance(directory.people, EntraPeople)
    return directory.people.of(subject)


@pytest.mark.parametrize("address", ["https://evil.example/v1.0/x", "//evil.example/", "/v1.0/x", 7])
def test_a_page_elsewhere_is_not_read_with_our_access_token(directory: Directory, address: Any) -> None:
    directory.graph.people = {MARA: Person(groups={group(number) for number in range(8)})}
    directory.graph.next_page = address
    with pytest.raises(DirectoryUnreachable, match="not its own"):
        of(directory, MARA)


def test_groups_of_nobody_are_a_failure_and_never_none(directory: Directory) -> None:
    with pytest.raises(DirectoryUnreachable, match="404"):
        of(directory, MARA)
