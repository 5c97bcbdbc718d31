"""Mail to a real SMTP server and a message to a webhook, with refusals and outages between."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest
from servers import smtp, webhook

from keylease.domain.notice import Notice, Text, Told
from keylease.domain.secret import Secret
from keylease.errors import BadConfiguration, NotDelivered
from keylease.jobs import tell_once
from keylease.notices import Book, Notices
from keylease.notify import Sending
from keylease.testing_telling import memory_telling
from world import PRIYA, World

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TEXT = Text(
    subject="Mara Lind asks: Upload to <media>, 2 weeks",
    lines=("Mara Lind asks for Upload to <media>.", "Reason: “Winter & masters”"),
    link="https://keylease.example/leases/L-4k7m9q2x",
)


def notice(to: str = "priya@example.com") -> Notice:
    return Notice(key="k" * 40, told=Told.REQUESTED, to=to, lease_id="L-4k7m9q2x", text=TEXT, at=NOW)


def test_a_mail_is_plain_text_with_the_same_in_html_and_says_whose_lease_it_is() -> None:
    with smtp() as (postman, address):
        Sending(mail=Secret(address), host="keylease.example").send(notice())
    [(to, mail)] = postman.mails
    assert to == ["priya@example.com"]
    assert mail["subject"] == TEXT.subject
    assert mail["from"] == "keylease <keylease@example.com>"
    assert mail["auto-submitted"] == "auto-generated"
    assert mail["references"] == "<L-4k7m9q2x@keylease.example>"
    assert mail["x-keylease-notice"] == "k" * 40
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    for part in (plain, html):
        assert TEXT.link in part.get_content()
    assert "Winter & masters" in plain.get_content()
    assert "Upload to &lt;media&gt;" in html.get_content()
    assert "<img" not in html.get_content(), "no pixel that follows anybody"


def test_a_chat_gets_the_same_words() -> None:
    with webhook() as (posted, address):
        Sending(mail=None, chats=(Secret(address),)).send(notice("chat:1"))
    assert posted[0]["title"] == TEXT.subject
    assert posted[0]["message"] == "\n".join((*TEXT.lines, "", TEXT.link))


@pytest.mark.parametrize("answer", ["451 later", "550 never", "421 going away"])
def test_a_refusal_is_a_failure_that_names_nobody_and_no_password(
    answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with smtp() as (postman, address):
        postman.refuse = [answer]
        sending = Sending(mail=Secret(address.replace("mailto://", "mailto://user:hunter2@")))
        with pytest.raises(NotDelivered) as failed:
            sending.send(notice())
    assert failed.value.sentence == "The text to p…@example.com did not go out."
    assert "hunter2" not in caplog.text
    assert "priya@" not in caplog.text


@pytest.mark.parametrize("to", ["priya@example.com", "chat:1", "chat:9"])
def test_a_server_that_is_away_is_a_failure(to: str) -> None:
    away = Sending(
        mail=Secret("mailto://127.0.0.1:9?from=a@example.com&cto=1"), chats=(Secret("json://127.0.0.1:9"),)
    )
    with pytest.raises(NotDelivered):
        away.send(notice(to))


def test_a_chat_that_says_no_is_a_failure() -> None:
    with webhook(status=500) as (posted, address), pytest.raises(NotDelivered):
        Sending(mail=None, chats=(Secret(address),)).send(notice("chat:1"))
    assert len(posted) == 1


def test_an_address_that_apprise_does_not_know_is_refused_at_the_start() -> None:
    with pytest.raises(BadConfiguration) as refused:
        Sending(mail=Secret("carrier-pigeon://hunter2"))
    assert "hunter2" not in refused.value.sentence


def told(world: World) -> Notices:
    book = Book(people={"mara": "mara@example.com"}, groups={"leads": ("leads@example.com",)}, chats=("chat:1",))
    notices = Notices(
        store=world.store,
        telling=memory_telling(),
        clouds=world.clouds,
        catalogue=world.catalogue,
        clock=world.clock,
        book=book,
        address="https://keylease.example",
    )
    notices.collect()
    return notices


def test_through_an_outage_each_event_arrives_once_and_no_lease_waits(world: World) -> None:
    notices = told(world)
    with smtp() as (postman, address), webhook() as (posted, chat):
        sending = Sending(mail=Secret(address), chats=(Secret(chat),))
        postman.refuse = ["451 later"] * 5
        lease = world.requested()
        for _ in range(3):
            tell_once(notices, sending.send)
            world.clock.pass_time(minutes=10)
        world.broker.approve(PRIYA, lease.id)
        for _ in range(8):
            tell_once(notices, sending.send)
            world.clock.pass_time(hours=1)
    subjects = sorted((to[0], mail["subject"].partition(":")[0]) for to, mail in postman.mails)
    assert subjects == [
        ("leads@example.com", "Decided"),
        ("leads@example.com", "Mara Lind asks"),
        ("mara@example.com", "Approved"),
    ]
    assert len(posted) == 1
    keys = [mail["x-keylease-notice"] for _, mail in postman.mails]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("broken", [ZeroDivisionError("a surprise"), NotDelivered("No.")])
def test_whatever_sending_does_the_round_ends_and_the_lease_is_as_it_was(
    world: World, broken: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    notices, lease = told(world), world.requested()

    def send(_: Notice) -> None:
        raise broken

    tell_once(notices, send)
    assert world.store.get(lease.id) == lease
    assert "notices" in caplog.text
