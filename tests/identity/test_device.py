"""Sign-in with a code on another device, at a provider that answers whatever may come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from serving import Asked, Reply, serving
from stand_in_issuer import CLIENT, TENANT, SigningIn, StandInIssuer, company, signed

from keylease.errors import DirectoryUnreachable, SignInRefused
from keylease.identity.device import OidcWithDevice
from keylease.testing import FakeClock

BEGUN = {
    "device_code": "the-device-code",
    "user_code": "BLUE-FISH",
    "verification_uri": "https://login.example.com/device",
    "expires_in": 900,
    "interval": 5,
}
PENDING = Reply(400, {"error": "authorization_pending"})
SLOW_DOWN = Reply(400, {"error": "slow_down"})


class Devices:
    """An issuer with a device endpoint, and keylease before it."""

    def __init__(self, issuer: StandInIssuer, clock: FakeClock) -> None:
        self.issuer, self.clock = issuer, clock
        self.begins = Reply(200, BEGUN)
        self.sign_in: OidcWithDevice = company(issuer, clock, device_code=True).sign_in
        self.forms: list[dict[str, str]] = []

    def reply(self, asked: Asked) -> Reply:
        self.forms.append(asked.form)
        return self.begins

    def answers(self, reply: Reply) -> None:
        self.issuer.token_answer = lambda _: reply


@pytest.fixture
def devices(issuer: StandInIssuer, clock: FakeClock) -> Any:
    made = Devices(issuer, clock)
    with serving(made.reply) as address:
        issuer.document = {"device_authorization_endpoint": f"{address}/device"}
        yield made


def test_it_begins_as_entra_wants_it_without_the_secret(devices: Devices) -> None:
    begun = devices.sign_in.begin_device()
    assert (begun.user_code, begun.verification_address) == ("BLUE-FISH", BEGUN["verification_uri"])
    assert (begun.interval, begun.expires_in) == (timedelta(seconds=5), timedelta(minutes=15))
    assert devices.forms == [{"scope": "openid profile", "client_id": CLIENT}]


def test_who_signed_in_is_known_once_they_have(devices: Devices, signing_in: SigningIn) -> None:
    begun = devices.sign_in.begin_device()
    devices.answers(PENDING)
    assert devices.sign_in.poll_device(begun.memory) is None
    devices.clock.pass_time(seconds=5)
    token = signed(signing_in.claims({"nonce": ""}, nonce=None))
    devices.answers(Reply(200, {"id_token": token, "access_token": "x"}))
    found = devices.sign_in.poll_device(begun.memory)
    assert found is not None
    assert found.principal.name == "Mara Lind"
    form = devices.issuer.asked[-2].form
    assert form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": "the-device-code",
        "client_id": CLIENT,
    }


def test_a_token_of_a_sign_in_in_a_browser_is_refused(devices: Devices, signing_in: SigningIn) -> None:
    begun = devices.sign_in.begin_device()
    devices.answers(Reply(200, {"id_token": signed(signing_in.claims(signing_in.begin()))}))
    with pytest.raises(SignInRefused, match="another sign-in"):
        devices.sign_in.poll_device(begun.memory)


def test_the_provider_is_asked_no_more_often_than_it_wishes(devices: Devices) -> None:
    begun = devices.sign_in.begin_device()
    devices.answers(SLOW_DOWN)
    asked_at = []
    for second in range(41):
        before = devices.issuer.fetches("token")
        assert devices.sign_in.poll_device(begun.memory) is None
        if devices.issuer.fetches("token") > before:
            asked_at.append(second)
        devices.clock.pass_time(seconds=1)
    assert asked_at == [0, 10, 25], "each complaint adds five seconds"


def test_a_thousand_sign_ins_under_way_do_not_add_up(devices: Devices) -> None:
    devices.answers(PENDING)
    for number in range(1005):
        devices.begins = Reply(200, {**BEGUN, "device_code": f"code-{number}"})
        if number in {0, 1004}:
            begun = devices.sign_in.begin_device()
            devices.sign_in.poll_device(begun.memory)
        else:
            devices.sign_in._polls[f"name-{number}"] = devices.clock.now(), 5.0
    assert len(devices.sign_in._polls) == 1000


ENDS: dict[str, tuple[Reply, str]] = {
    "declined": (Reply(400, {"error": "authorization_declined"}), "declined"),
    "refused": (Reply(400, {"error": "access_denied"}), "declined"),
    "over": (Reply(400, {"error": "expired_token"}), "in time"),
    "unknown": (Reply(400, {"error": "bad_verification_code"}), "does not know this sign-in"),
    "not a public client": (
        Reply(401, {"error": "invalid_client", "error_description": "AADSTS7000218: x"}),
        "takes no sign-in on another device",
    ),
}


@pytest.mark.parametrize(("reply", "says"), ENDS.values(), ids=ENDS.keys())
def test_how_it_may_end(devices: Devices, reply: Reply, says: str) -> None:
    begun = devices.sign_in.begin_device()
    devices.answers(reply)
    with pytest.raises(SignInRefused, match=says):
        devices.sign_in.poll_device(begun.memory)


def test_after_its_time_nobody_is_asked(devices: Devices) -> None:
    begun = devices.sign_in.begin_device()
    devices.clock.pass_time(minutes=15)
    with pytest.raises(SignInRefused, match="in time"):
        devices.sign_in.poll_device(begun.memory)
    assert devices.issuer.fetches("token") == 0


@pytest.mark.parametrize("left_out", ["device_code", "user_code", "verification_uri"])
def test_an_answer_without_what_it_needs_begins_nothing(devices: Devices, left_out: str) -> None:
    devices.begins = Reply(200, {name: value for name, value in BEGUN.items() if name != left_out})
    with pytest.raises(DirectoryUnreachable):
        devices.sign_in.begin_device()


@pytest.mark.parametrize(
    ("begins", "failure"),
    [
        (Reply(400, {"error": "unauthorized_client"}), SignInRefused),
        (Reply(403, b"<html>"), SignInRefused),
        (Reply(503, b"<html>"), DirectoryUnreachable),
        (Reply(200, b"<html>"), DirectoryUnreachable),
    ],
    ids=["refused", "refused with a page", "busy", "a page"],
)
def test_how_it_may_not_begin(devices: Devices, begins: Reply, failure: type[Exception]) -> None:
    devices.begins = begins
    with pytest.raises(failure):
        devices.sign_in.begin_device()


def test_a_provider_without_such_a_sign_in_says_so(issuer: StandInIssuer, clock: FakeClock) -> None:
    with pytest.raises(SignInRefused, match="has no sign-in with a code"):
        company(issuer, clock, device_code=True).sign_in.begin_device()


@pytest.mark.parametrize("memory", ["", "{}", "[]", '{"device_code": "x"}', "null"])
def test_a_memory_that_is_not_ours_is_refused(devices: Devices, memory: str) -> None:
    with pytest.raises(SignInRefused, match="not begun here"):
        devices.sign_in.poll_device(memory)


def test_the_tenant_and_all_other_checks_hold_here_too(devices: Devices, signing_in: SigningIn) -> None:
    forge: list[Callable[[], dict[str, Any]]] = [
        lambda: signing_in.claims({"nonce": ""}, nonce=None, aud="another"),
        lambda: signing_in.claims({"nonce": ""}, nonce=None, tid=TENANT.replace("7", "8")),
        lambda: signing_in.claims({"nonce": ""}, nonce=None, exp=1),
    ]
    for claims in forge:
        begun = devices.sign_in.begin_device()
        devices.answers(Reply(200, {"id_token": signed(claims())}))
        with pytest.raises(SignInRefused):
            devices.sign_in.poll_device(begun.memory)
        devices.clock.pass_time(seconds=5)


def test_without_the_setting_that_allows_it_nobody_is_asked(devices: Devices) -> None:
    refusing = company(devices.issuer, devices.clock).sign_in
    with pytest.raises(SignInRefused, match="not allowed"):
        refusing.begin_device()
    assert devices.forms == []
