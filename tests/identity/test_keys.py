"""The provider's keys: changed without a word, and never fetched more often than is good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from serving import Reply
from stand_in_issuer import SigningIn, listed, rsa, signed

from keylease.errors import DirectoryUnreachable, SignInRefused
from keylease.identity.keys import signers


def sign_in(signing_in: SigningIn, kid: str) -> str:
    """Somebody signs in with a token of that key; who it was."""
    good = signing_in.claims(signing_in.begin())
    return signing_in.finish(signed(good, key=rsa(kid), kid=kid)).principal.name


def test_a_new_key_is_found_without_a_restart(signing_in: SigningIn) -> None:
    assert sign_in(signing_in, "first") == "Mara Lind"
    signing_in.issuer.jwks = Reply(200, listed("first", "second"))
    signing_in.clock.pass_time(seconds=61)
    assert sign_in(signing_in, "second") == "Mara Lind"
    assert signing_in.issuer.fetches("keys") == 2


def test_known_keys_are_not_fetched_again_within_the_hour(signing_in: SigningIn) -> None:
    for _ in range(5):
        sign_in(signing_in, "first")
        signing_in.clock.pass_time(minutes=10)
    assert signing_in.issuer.fetches("keys") == 1


def test_invented_names_fetch_once_a_minute_at_most(signing_in: SigningIn) -> None:
    sign_in(signing_in, "first")
    for number in range(60):
        signing_in.clock.pass_time(seconds=2)
        with pytest.raises(SignInRefused, match="names a key"):
            sign_in(signing_in, f"invented-{number % 3}")
    assert signing_in.issuer.fetches("keys") == 1 + 2


def test_a_key_that_was_taken_back_is_good_for_an_hour_at_most(signing_in: SigningIn) -> None:
    sign_in(signing_in, "first")
    signing_in.issuer.jwks = Reply(200, listed("second"))
    signing_in.clock.pass_time(hours=1)
    with pytest.raises(SignInRefused, match="names a key"):
        sign_in(signing_in, "first")


def test_a_set_that_cannot_be_fetched_takes_no_known_key_away(signing_in: SigningIn) -> None:
    sign_in(signing_in, "first")
    signing_in.issuer.jwks = Reply(503, {})
    signing_in.clock.pass_time(minutes=2)
    with pytest.raises(DirectoryUnreachable):
        sign_in(signing_in, "invented")
    assert sign_in(signing_in, "first") == "Mara Lind"


def endless() -> Iterator[bytes]:
    yield b'{"keys": ['
    while True:
        yield b"1," * 10_000


BAD_SETS: dict[str, Any] = {
    "huge": endless,
    "too many": lambda: {"keys": [{"kty": "RSA", "kid": str(number)} for number in range(101)]},
    "no list": lambda: {"keys": {}},
    "no object": list,
    "no JSON": lambda: b"<html>",
    "nested without end": lambda: b'{"keys":' + b"[" * 100_000,
}


@pytest.mark.parametrize("body", BAD_SETS.values(), ids=BAD_SETS.keys())
def test_a_set_that_is_none_is_refused(signing_in: SigningIn, body: Any) -> None:
    signing_in.issuer.jwks = Reply(200, body())
    with pytest.raises(DirectoryUnreachable):
        sign_in(signing_in, "first")


def test_a_set_that_drips_is_given_up(signing_in: SigningIn) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(100):
            signing_in.clock.pass_time(seconds=4)
            yield b" "

    signing_in.issuer.jwks = Reply(200, drip())
    with pytest.raises(DirectoryUnreachable, match="seconds"):
        sign_in(signing_in, "first")


def test_only_what_can_verify_becomes_a_key() -> None:
    private = rsa("first").as_dict(private=True)
    small = RSAKey.generate_key(2048).as_dict(private=False) | {"n": "AQAB" * 20}
    large = rsa("first").as_dict(private=False) | {"n": "A" * 3000}
    curve = ECKey.generate_key("P-256").as_dict(private=False)
    found = signers(
        {
            "keys": [
                {**private, "kid": "private"},
                {**small, "kid": "small"},
                {**large, "kid": "large"},
                {**curve, "kid": "curve"},
                {**ECKey.generate_key("P-384").as_dict(private=False), "kid": "other curve"},
                {**OctKey.generate_key(256).as_dict(private=True), "kid": "secret"},
                {**rsa("first").as_dict(private=False), "kid": "for encryption", "use": "enc"},
                {"kty": "AKP", "kid": "not invented yet", "pub": "x"},
                {"kty": "RSA", "kid": "numbers", "n": 5, "e": 7},
                {"kty": "RSA", "kid": 7, "n": private["n"], "e": "AQAB"},
                "no key",
            ]
        }
    )
    assert [one.kid for one in found] == ["private", "curve"]
    assert not any(one.key.is_private for one in found)
