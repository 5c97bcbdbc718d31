"""Tokens and answers that must not let anybody in, each refused with a reason of its own.

The first tests show that a good token does, so that no row is refused for something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from serving import Reply
from stand_in_issuer import (
    ACCESS_TOKEN,
    CLIENT,
    MARA,
    SigningIn,
    by_hand,
    half_hash,
    hs256,
    listed,
    rsa,
    signed,
)

from keylease.errors import SignInRefused
from keylease.identity import claims

Forge = Callable[[dict[str, Any]], str | None]
"""Makes a token of the claims of a good one."""


@dataclass(frozen=True)
class Row:
    """An attack: how the token is made, and what the refusal says."""

    name: str
    forge: Forge
    says: str


def changed(**changes: Any) -> Forge:
    def forge(good: dict[str, Any]) -> str:
        whole = {**good, **{name: value(good) if callable(value) else value for name, value in changes.items()}}
        return signed({name: value for name, value in whole.items() if value is not None})

    return forge


def later(name: str, seconds: int) -> Callable[[dict[str, Any]], int]:
    return lambda good: good[name] + seconds


def tampered(good: dict[str, Any]) -> str:
    header, _, signature = signed(good).split(".")
    other = by_hand({}, {**good, "roles": ["admin"]}, lambda _: b"").split(".")[1]
    return f"{header}.{other}.{signature}"


def with_public_key(good: dict[str, Any]) -> str:
    public = rsa("first").as_pem(private=False)
    return by_hand({"alg": "HS256", "typ": "JWT", "kid": "first"}, good, hs256(public))


def own_key(good: dict[str, Any]) -> str:
    """Longer than any header that joserfc reads."""
    return signed(good, key=rsa("other"), kid="other", jwk=rsa("other").as_dict(private=False))


def changed_header(**header: Any) -> Forge:
    return lambda good: signed(good, key=rsa("other"), kid="other", **header)


ROWS = (
    Row("alg none", lambda good: by_hand({"alg": "none", "typ": "JWT"}, good, lambda _: b""), "(alg)"),
    Row("alg None in capitals", lambda good: by_hand({"alg": "nOnE"}, good, lambda _: b""), "(alg)"),
    Row("no alg", lambda good: by_hand({"typ": "JWT"}, good, lambda _: b""), "no signed token"),
    Row("alg is a list", lambda good: by_hand({"alg": ["RS256"]}, good, lambda _: b""), "(alg)"),
    Row("header is a list", lambda good: by_hand(["alg"], good, lambda _: b""), "no signed token"),  # type: ignore[arg-type] # the attack
    Row("HS256 with the public key", with_public_key, "(alg)"),
    Row("PS256, which is not allowed here", lambda good: signed(good, alg="PS256"), "(alg)"),
    Row("typ of an access token", lambda good: signed(good, typ="at+jwt"), "(typ)"),
    Row("typ of a logout token", lambda good: signed(good, typ="logout+jwt"), "(typ)"),
    Row("a critical header", lambda good: signed(good, crit=["x-own"], **{"x-own": 1}), "header asks"),
    Row("unencoded payload", lambda good: signed(good, crit=["b64"], b64=False), "header asks for something"),
    Row("signature of another token", tampered, "signature does not hold"),
    Row("no signature", lambda good: signed(good).rpartition(".")[0] + ".", "signature does not hold"),
    Row("another key under the known name", lambda good: signed(good, key=rsa("other")), "signature does not hold"),
    Row("unknown kid", lambda good: signed(good, key=rsa("other"), kid="other"), "names a key"),
    Row("a key of its own in the header", own_key, "no signed token"),
    Row("a key at an address of its own", changed_header(jku="https://evil.example/keys"), "names a key"),
    Row("payload is no object", lambda good: signed([good]), "cannot be read"),
    Row("wrong issuer", changed(iss="https://login.example.com/v2.0"), "(iss)"),
    Row("issuer with a slash more", changed(iss=lambda good: good["iss"] + "/"), "(iss)"),
    Row("no issuer", changed(iss=None), "(iss)"),
    Row("other tenant", changed(tid="00000000-0000-4000-8000-000000000000"), "(tid)"),
    Row("no tenant", changed(tid=None), "(tid)"),
    Row("format 1.0", changed(ver="1.0"), "(ver)"),
    Row("wrong audience", changed(aud="another-client"), "(aud)"),
    Row("no audience", changed(aud=None), "(aud)"),
    Row("audience is a list with others", changed(aud=[CLIENT, "another"], azp=CLIENT), "(aud)"),
    Row("audience is a list of ours alone, without azp", changed(aud=[CLIENT]), "(aud)"),
    Row("token for another client", changed(azp="another-client"), "(azp)"),
    Row("no subject", changed(sub=None), "(sub)"),
    Row("missing oid", changed(oid=None), "(oid)"),
    Row("oid is an address", changed(oid="mara@example.com"), "(oid)"),
    Row("replayed nonce", changed(nonce="of-another-sign-in"), "answer to this sign-in (nonce)"),
    Row("no nonce", changed(nonce=None), "answer to this sign-in (nonce)"),
    Row("nonce is a number", changed(nonce=7), "answer to this sign-in (nonce)"),
    Row("expired", changed(exp=later("iat", -60)), "has expired"),
    Row("no expiry", changed(exp=None), "when it ends"),
    Row("expiry is a text", changed(exp="4102444799"), "when it ends"),
    Row("expiry is true", changed(exp=True), "when it ends"),
    Row("expiry beyond all time", changed(exp=1e300), "when it ends"),
    Row("not yet valid", changed(nbf=later("nbf", 61)), "(nbf)"),
    Row("made in the future", changed(iat=later("iat", 61)), "in the future"),
    Row("not said when it was made", changed(iat=None), "when it was made"),
    Row("access token used as id token", changed(scp="openid profile"), "(scp)"),
    Row("at_hash of another access token", changed(at_hash=half_hash("another")), "(at_hash)"),
    Row("at_hash is no text", changed(at_hash=1), "(at_hash)"),
    Row("signed in tomorrow", changed(auth_time=later("iat", 86_400)), "time that cannot be"),
    Row("groups are no names", changed(groups=[{"id": 1}]), "no list of names"),
    Row("no id token", lambda _: None, "no id token"),
    Row("not a token", lambda _: "e30", "no signed token"),
    Row("a token without end", lambda _: "e30." * 40_000, "no signed token"),
)


def test_a_good_token_lets_its_owner_in(signing_in: SigningIn) -> None:
    good = signing_in.claims(signing_in.begin())
    who = signing_in.finish(signed({**good, "at_hash": half_hash(ACCESS_TOKEN), "azp": CLIENT})).principal
    assert (who.issuer, who.subject, who.name) == (signing_in.issuer.issuer, MARA, "Mara Lind")
    assert who.groups == {"11111111-0000-4000-8000-000000000001", "keylease.media"}


@pytest.mark.parametrize(
    "forge",
    [
        changed(aud=[CLIENT], azp=CLIENT),
        changed(exp=later("iat", -59), nbf=later("nbf", 60), iat=later("iat", 60)),
        changed(nbf=None),
        changed(exp=lambda good: good["exp"] + 0.5),
        lambda good: signed(good, typ=None),
        lambda good: signed(good, kid=None),
        lambda good: signed(good, x5t="abc", nobody="knows"),
    ],
    ids=["list of ours", "at the edge of the leeway", "no nbf", "half seconds", "no typ", "no kid", "odd headers"],
)
def test_so_do_the_forms_that_other_providers_use(signing_in: SigningIn, forge: Forge) -> None:
    assert signing_in.finish(forge(signing_in.claims(signing_in.begin()))).principal.subject == MARA


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_is_refused_with_its_own_reason(signing_in: SigningIn, row: Row) -> None:
    forged = row.forge(signing_in.claims(signing_in.begin()))
    with pytest.raises(SignInRefused) as refused:
        signing_in.finish(forged)
    assert row.says in refused.value.sentence
    assert refused.value.hint


def test_an_id_token_in_the_access_tokens_place_says_nothing(signing_in: SigningIn) -> None:
    good = signing_in.claims(signing_in.begin())
    with pytest.raises(SignInRefused, match="no id token"):
        signing_in.finish(None, access_token=signed(good))


def test_the_same_token_serves_no_second_sign_in(signing_in: SigningIn) -> None:
    token = signed(signing_in.claims(signing_in.begin()))
    signing_in.finish(token)
    signing_in.begin()
    with pytest.raises(SignInRefused, match="nonce"):
        signing_in.finish(token)


@pytest.mark.parametrize("check", claims.CHECKS, ids=lambda check: check.__name__)
def test_without_any_one_check_somebody_gets_in(
    signing_in: SigningIn, monkeypatch: pytest.MonkeyPatch, check: Callable[..., Any]
) -> None:
    """The rows above would notice if a check were lost."""
    monkeypatch.setattr(claims, "CHECKS", tuple(one for one in claims.CHECKS if one is not check))
    in_spite = []
    for row in ROWS:
        good = signing_in.claims(signing_in.begin())
        try:
            signing_in.finish(row.forge(good))
        except SignInRefused:
            continue
        in_spite.append(row.name)
    assert in_spite


def test_two_keys_that_would_fit_leave_a_token_without_a_name_alone(signing_in: SigningIn) -> None:
    signing_in.issuer.jwks = Reply(200, listed("first", "second"))
    with pytest.raises(SignInRefused, match="names a key"):
        signing_in.finish(signed(signing_in.claims(signing_in.begin()), kid=None))
