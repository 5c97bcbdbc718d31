"""The whole way through the forms, as a browser without JavaScript goes it."""

from __future__ import annotations

import logging

import httpx
import pytest
from web_world import Page, World


def submit(client: httpx.Client, page: Page, action: str, **filled: str) -> Page:
    """Send a form of the page as it stands, with what a person fills in."""
    form = page.form(action)
    assert set(filled) <= set(form.fields) | set(form.choices), "a person cannot fill in what is not there"
    answer = client.post(action, data=form.fields | filled)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def get(client: httpx.Client, path: str) -> Page:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def test_from_the_request_to_the_return(world: World) -> None:
    with world.browser() as tomas, world.browser() as priya:
        page = submit(tomas, get(tomas, "/leases"), "/sign-in/unsafe", person="tomas")
        assert "You have no leases." in page.text
        assert "/leases/new" in page.links

        page = get(tomas, "/leases/new")
        assert page.form("/leases/new").fields["chosen"] == "2w"
        page = submit(tomas, page, "/leases/new", what="media:media-write", reason="Winter masters")
        (lease,) = world.store.leases.values()
        assert "Requested" in page.text
        assert "Jonas Weber, Mara Lind or Priya Raman can approve." in page.text

        page = submit(priya, get(priya, "/approvals"), "/sign-in/unsafe", person="priya")
        assert "1 request waits for you" in page.text
        for word in ("Tomás Ortega asks for Upload", "Winter masters", "Can delete files", "2 weeks, to"):
            assert word in page.text
        assert page.form(f"/leases/{lease.id}/approve").words.startswith("Approve until Tue 8 Dec")
        page = submit(priya, page, f"/leases/{lease.id}/approve")
        assert "Approved: Tomás Ortega, Upload to media-archive, until Tue 8 Dec, 12:00 UTC." in page.text
        assert "Nothing waits for you." in page.text

        page = get(tomas, "/leases")
        assert f"/leases/{lease.id}/collect" in page.links
        page = get(tomas, f"/leases/{lease.id}/collect")
        assert not world.cloud.calls, "looking makes nothing"
        page = submit(tomas, page, f"/leases/{lease.id}/collect")
        assert "taken away again, and can be collected anew" in page.text
        assert "within 15 minutes" in page.text
        access_key_id = page.form(f"/leases/{lease.id}/acknowledge").fields["access_key_id"]
        assert world.cloud.accepts(access_key_id)

        page = submit(tomas, page, f"/leases/{lease.id}/acknowledge")
        assert "Active" in page.text
        assert world.store.get(lease.id).state == "active"

        page = get(tomas, f"/leases/{lease.id}/revoke")
        assert "stops working at once" in page.text
        assert world.cloud.accepts(access_key_id), "asking whether is not doing it"
        page = submit(tomas, page, f"/leases/{lease.id}/revoke")
        assert "It was given back." in page.text
        assert not world.cloud.accepts(access_key_id)
        assert not world.cloud.users


def test_a_renewal_is_filled_in_and_retires_the_old_lease(world: World) -> None:
    old = world.active("tomas", until="2w", reason="Winter masters")
    with world.browser("tomas") as tomas:
        page = get(tomas, f"/leases/{old.id}/renew")
        form = page.form(f"/leases/{old.id}/renew")
        assert (form.fields["chosen"], form.fields["reason"]) == ("2w", "Winter masters")

        page = submit(tomas, page, f"/leases/{old.id}/renew", chosen="4w")
        assert f"/leases/{old.id}" in page.links
        (new,) = (lease for lease in world.store.leases.values() if lease.renewal_of)
        world.app.broker.approve(world.person("priya"), new.id)
        page = submit(tomas, get(tomas, f"/leases/{new.id}/collect"), f"/leases/{new.id}/collect")
        submit(tomas, page, f"/leases/{new.id}/acknowledge")

        page = get(tomas, f"/leases/{old.id}")
    assert "Goes early Fri 27 Nov, 12:00 UTC" in page.text
    assert "AWS refuses it from Tue 8 Dec, 12:00 UTC" in page.text


@pytest.mark.parametrize(
    ("asked", "chosen", "written"), [("1w", "1w", ""), ("3d", "", "3d"), ("2026-12-01T09:00Z", "2w", "")]
)
def test_a_renewal_keeps_a_length_and_not_an_instant(world: World, asked: str, chosen: str, written: str) -> None:
    lease = world.active("tomas", until=asked)
    with world.browser("tomas") as tomas:
        fields = get(tomas, f"/leases/{lease.id}/renew").form(f"/leases/{lease.id}/renew").fields

    assert (fields.get("chosen", ""), fields["written"]) == (chosen, written)


def test_an_approver_shortens_and_another_is_told_that_it_is_decided(world: World) -> None:
    lease = world.ask()
    with world.browser("priya") as priya, world.browser("jonas") as jonas:
        waiting = get(jonas, "/approvals")
        page = get(priya, f"/leases/{lease.id}/shorten")
        page = submit(priya, page, f"/leases/{lease.id}/approve", until="3d")
        assert "until Fri 27 Nov, 12:00 UTC" in page.text

        late = jonas.post(waiting.form(f"/leases/{lease.id}/approve").action)
    assert late.status_code == 409
    assert "Priya Raman approved" in late.text
    assert "KL-404" in late.text


def test_an_approver_denies_with_a_sentence_that_the_owner_reads(world: World) -> None:
    lease = world.ask()
    with world.browser("priya") as priya, world.browser("tomas") as tomas:
        page = get(priya, f"/leases/{lease.id}/deny")
        page = submit(priya, page, f"/leases/{lease.id}/deny", reason="Logs are enough.")
        assert "Denied: Tomás Ortega" in page.text

        page = get(tomas, f"/leases/{lease.id}")
    assert "Priya Raman denied it: “Logs are enough.”" in page.text


def test_an_access_key_that_was_saved_late_can_be_acknowledged_from_the_lease(world: World) -> None:
    lease = world.collecting()
    with world.browser("tomas") as tomas:
        page = get(tomas, f"/leases/{lease.id}")
        assert "If nobody says so by Tue 24 Nov, 12:15 UTC" in page.text
        page = submit(tomas, page, f"/leases/{lease.id}/acknowledge")
    assert "Active" in page.text


def test_collecting_twice_gives_the_sentence_and_a_way_on(world: World) -> None:
    lease = world.approved()
    with world.browser("tomas") as tomas:
        first = tomas.post(f"/leases/{lease.id}/collect")
        second = tomas.post(f"/leases/{lease.id}/collect")

    page = Page(second.text)
    assert first.status_code == 200
    assert second.status_code == 409
    assert "was collected at Tue 24 Nov 2026, 12:00 UTC" in page.text
    assert "KL-403" in page.text
    assert f"/leases/{lease.id}" in page.links


@pytest.mark.parametrize("way", ["page", "api"])
def test_the_secret_is_in_one_answer_and_in_no_log(
    world: World, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    lease = world.approved()
    path = f"/leases/{lease.id}/collect" if way == "page" else f"/api/leases/{lease.id}/collect"
    with caplog.at_level(logging.DEBUG), world.browser("tomas") as tomas, world.browser("anna") as anna:
        tomas.get(f"/leases/{lease.id}/collect")
        shown = tomas.post(path)
        ((user,), secrets) = ([*world.cloud.users.values()], [])
        secrets += [secret.reveal() for secret in user.access_keys.values()]
        others = [
            *(tomas.post(path), tomas.get(path.removesuffix("/collect")), tomas.get("/leases")),
            *(tomas.get(f"/api/leases/{lease.id}"), tomas.get(f"/api/leases/{lease.id}/events")),
            *(
                anna.get("/audit"),
                anna.get("/leases/all"),
                anna.get("/api/events"),
                anna.get("/api/leases?whose=all"),
            ),
        ]

    (secret,) = secrets
    assert shown.text.count(secret) == 1
    assert shown.headers["cache-control"] == "no-store"
    assert secret not in str(shown.headers)
    assert all(secret not in answer.text for answer in others)
    assert caplog.records, "something was logged, so silence proves nothing"
    assert secret not in caplog.text
