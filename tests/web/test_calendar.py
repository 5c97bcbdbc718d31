"""Calendar files and private feeds, and what people choose to be told."""

from __future__ import annotations

from datetime import timedelta

import icalendar
import pytest
from web_world import Page, World, page_of


def entries(content: bytes) -> list[icalendar.Event]:
    return [
        part for part in icalendar.Calendar.from_ical(content).walk("VEVENT") if isinstance(part, icalendar.Event)
    ]


def test_a_calendar_file_says_when_a_lease_ends_and_no_more(world: World) -> None:
    lease = world.active()
    with world.program("tomas") as tomas:
        answer = tomas.get(f"/leases/{lease.id}/end.ics")
    [entry] = entries(answer.content)
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert entry["uid"] == f"{lease.id}@127.0.0.1"
    assert entry.decoded("dtstart") == lease.expires_at
    assert entry.decoded("duration") == timedelta()
    assert (entry["transp"], entry["class"], entry["sequence"]) == ("TRANSPARENT", "PRIVATE", lease.version)
    assert [alarm.decoded("trigger") for alarm in entry.walk("VALARM")] == [timedelta(days=-2)]
    assert "METHOD:PUBLISH" in answer.text
    for word in (lease.reason, "AKIA", "Priya"):
        assert word not in answer.text


def test_giving_back_cancels_the_same_entry(world: World) -> None:
    lease = world.active()
    world.app.broker.revoke(world.person("tomas"), lease.id)
    with world.program("tomas") as tomas:
        answer = tomas.get(f"/leases/{lease.id}/end.ics")
    [entry] = entries(answer.content)
    assert (entry["uid"], entry["status"]) == (f"{lease.id}@127.0.0.1", "CANCELLED")
    assert entry["sequence"] > lease.version
    assert "METHOD:CANCEL" in answer.text


def test_nobody_else_reads_it(world: World) -> None:
    lease = world.active("mara")
    assert "KL-401" in page_of(world, "tomas", f"/leases/{lease.id}/end.ics", 404).text


def address_of(page: Page, html: str) -> str:
    assert "Its address, shown once" in page.text
    return html.partition("/calendar.ics?key=")[2].partition("<")[0]


def test_a_feed_opens_with_its_address_alone_until_a_new_one_is_made(world: World) -> None:
    mine, _ = world.active(), world.active("mara")
    with world.browser("tomas") as tomas, world.program() as anybody:
        first = tomas.post("/notices/calendar")
        key = address_of(Page(first.text), first.text)
        assert [entry["uid"] for entry in entries(anybody.get(f"/calendar.ics?key={key}").content)] == [
            f"{mine.id}@127.0.0.1"
        ]
        assert key not in tomas.get("/notices").text
        second = tomas.post("/notices/calendar")
        assert anybody.get(f"/calendar.ics?key={key}").status_code == 404
        other = address_of(Page(second.text), second.text)
        assert anybody.get(f"/calendar.ics?key={other}").status_code == 200


@pytest.mark.parametrize("key", ["", "x", "a" * 43])
def test_a_wrong_address_opens_nothing(world: World, key: str) -> None:
    world.active()
    assert "KL-423" in page_of(world, None, f"/calendar.ics?key={key}", 404).text


def test_people_choose_where_and_what_they_are_told(world: World) -> None:
    with world.browser("tomas") as tomas:
        kept = Page(tomas.post("/notices", data={"address": "tomas@home.example", "mails": "yes"}).text)
    choice = world.telling.choices.of("unsafe-people#tomas")
    assert choice is not None
    assert (choice.address, choice.mails, choice.reminders) == ("tomas@home.example", True, False)
    assert choice.groups == {"video"}
    assert "Kept." in kept.text


@pytest.mark.parametrize(
    "address", ["tomas", "a@b@c", "a@b.example,c@d.example", "a b@c.example", "x@y.example?to=z"]
)
def test_what_is_no_mail_address_is_said_and_not_kept(world: World, address: str) -> None:
    with world.browser("tomas") as tomas:
        answer = tomas.post("/notices", data={"address": address})
    assert answer.status_code == 422
    assert "That is no mail address." in Page(answer.text).text
    assert world.telling.choices.of("unsafe-people#tomas") is None
