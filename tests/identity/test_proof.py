"""Proofs of possession: which are believed, whose they are, and every way in which one is refused."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from keylease.agent.proof import Prover
from keylease.domain.secret import Secret
from keylease.errors import BadProof, KeyleaseError, RateLimited
from keylease.identity import proof
from keylease.identity.proof import Proofs
from keylease.testing import FakeClock

ADDRESS, PATH = "https://keylease.example", "/api/leases/L-4k7m9q2x/session"
TOKEN = Secret("kla_an-access-token")
KEY = ECKey.generate_key("P-256")
PUBLIC = {name: KEY.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def proofs(clock: FakeClock) -> Proofs:
    return Proofs(ADDRESS, clock)


def claims(clock: FakeClock, **changes: Any) -> dict[str, Any]:
    whole = {
        "htm": "POST",
        "htu": f"{ADDRESS}{PATH}",
        "iat": int(clock.now().timestamp()),
        "jti": "an-id-of-its-own",
        "ath": proof.ath(TOKEN),
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def signed(content: object, key: Any = KEY, **header: Any) -> str:
    whole = {"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC} | header
    kept = {name: value for name, value in whole.items() if value is not None}
    return jws.serialize_compact(kept, json.dumps(content), key, algorithms=["ES256", "ES384", "HS256"])


def whose(proofs: Proofs, *sent: str, method: str = "POST", path: str = PATH, token: Secret | None = TOKEN) -> str:
    return proofs.thumbprint(sent, method=method, path=path, access_token=token)


def test_a_proof_is_its_key_s(proofs: Proofs, clock: FakeClock) -> None:
    assert whose(proofs, signed(claims(clock))) == KEY.thumbprint()


def test_what_the_helper_makes_is_believed_and_is_the_helper_s_machine(proofs: Proofs, clock: FakeClock) -> None:
    prover = Prover(ECKey.generate_key("P-256"))
    for token in (TOKEN, None):
        made = prover.prove("POST", f"{ADDRESS}{PATH}", token, at=clock.now())
        assert whose(proofs, made, token=token) == prover.thumbprint


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_clocks_may_differ_by_five_minutes(proofs: Proofs, clock: FakeClock, minutes: int) -> None:
    iat = int((clock.now() + timedelta(minutes=minutes)).timestamp())
    assert whose(proofs, signed(claims(clock, iat=iat)))


@pytest.mark.parametrize("address", ["https://keylease.example:443", "https://KEYLEASE.example"])
def test_an_address_may_be_written_in_more_than_one_way(clock: FakeClock, address: str) -> None:
    assert whose(Proofs(address, clock), signed(claims(clock)))


def test_a_server_under_a_path_is_meant_with_it(clock: FakeClock) -> None:
    there = Proofs(f"{ADDRESS}/keys/", clock)
    assert whose(there, signed(claims(clock, htu=f"{ADDRESS}/keys{PATH}")))
    with pytest.raises(BadProof):
        whose(there, signed(claims(clock)))


OTHER = ECKey.generate_key("P-256")
P384 = ECKey.generate_key("P-384")
PRIVATE = {**PUBLIC, "d": KEY.as_dict(private=True)["d"]}
SHARED = OctKey.generate_key(256)

CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    ("another method", {"htm": "GET"}, "another kind"),
    ("no method", {"htm": None}, "another kind"),
    ("another lease", {"htu": f"{ADDRESS}/api/leases/L-other000/session"}, "another address"),
    ("another server", {"htu": f"https://other.example{PATH}"}, "another address"),
    ("another port", {"htu": f"{ADDRESS}:8443{PATH}"}, "another address"),
    ("plain http", {"htu": f"http://keylease.example{PATH}"}, "another address"),
    ("no address", {"htu": None}, "another kind"),
    ("an address that is none", {"htu": "https://[x"}, "another address"),
    ("too old", {"iat": 1_795_521_299}, "5 minutes behind"),
    ("ten minutes ahead", {"iat": 1_795_522_200}, "10 minutes ahead"),
    ("no time", {"iat": None}, "when it was made"),
    ("a time that is a text", {"iat": "now"}, "when it was made"),
    ("a time that is true", {"iat": True}, "when it was made"),
    ("a time that is no time", {"iat": 1e300}, "when it was made"),
    ("no id", {"jti": None}, "no jti"),
    ("an id that is a number", {"jti": 12345678}, "no jti"),
    ("a short id", {"jti": "seven.."}, "too short"),
    ("a long id", {"jti": "x" * 257}, "too short or too long"),
    ("another token", {"ath": proof.ath(Secret("kla_another"))}, "another access token"),
    ("no token", {"ath": None}, "another access token"),
    ("a token that is a number", {"ath": 1}, "another access token"),
]


@pytest.mark.parametrize(("changes", "words"), [row[1:] for row in CLAIMS], ids=[row[0] for row in CLAIMS])
def test_a_proof_that_says_something_else_is_refused(
    proofs: Proofs, clock: FakeClock, changes: dict[str, Any], words: str
) -> None:
    assert int(clock.now().timestamp()) == 1_795_521_600
    with pytest.raises(BadProof, match=words):
        whose(proofs, signed(claims(clock, **changes)))


def unsigned(clock: FakeClock) -> str:
    header = {"typ": "dpop+jwt", "alg": "none", "jwk": PUBLIC}
    parts = [json.dumps(one).encode() for one in (header, claims(clock))]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def forged(clock: FakeClock) -> str:
    header, _, signature = signed(claims(clock)).split(".")
    other = base64.urlsafe_b64encode(json.dumps(claims(clock, jti="another-id")).encode()).rstrip(b"=").decode()
    return f"{header}.{other}.{signature}"


FORMS: list[tuple[str, Any]] = [
    ("nothing", lambda _: ""),
    ("a word", lambda _: "proof"),
    ("three words", lambda _: "a.b.c"),
    ("no ASCII", lambda c: signed(claims(c)) + "ü"),
    ("unsigned", unsigned),
    ("signed by another key", lambda c: signed(claims(c), OTHER)),
    ("a changed claim", forged),
    ("another type", lambda c: signed(claims(c), typ="JWT")),
    ("no type", lambda c: signed(claims(c), typ=None)),
    ("no key", lambda c: signed(claims(c), jwk=None)),
    ("a key by name", lambda c: signed(claims(c), jwk=None, kid="mine")),
    ("a private key", lambda c: signed(claims(c), jwk=PRIVATE)),
    ("another curve", lambda c: signed(claims(c), P384, alg="ES384", jwk=P384.as_dict(private=False))),
    ("a shared secret", lambda c: signed(claims(c), SHARED, alg="HS256", jwk=SHARED.as_dict())),
    ("a point that is none", lambda c: signed(claims(c), jwk={**PUBLIC, "y": PUBLIC["x"]})),
    ("a short coordinate", lambda c: signed(claims(c), jwk={**PUBLIC, "x": PUBLIC["x"][:-1]})),
    ("claims that are a list", lambda _: signed(["htm", "POST"])),
    ("too long", lambda c: signed(claims(c, more="x" * 4096))),
]


@pytest.mark.parametrize("made", [row[1] for row in FORMS], ids=[row[0] for row in FORMS])
def test_what_is_no_proof_of_ours_is_refused_with_our_own_failure(
    proofs: Proofs, clock: FakeClock, made: Any
) -> None:
    with pytest.raises(BadProof) as refused:
        whose(proofs, made(clock))
    assert isinstance(refused.value, KeyleaseError)
    assert refused.value.__cause__ is None


def test_none_and_two_are_refused(proofs: Proofs, clock: FakeClock) -> None:
    for sent in ([], [signed(claims(clock)), signed(claims(clock, jti="another-id"))]):
        with pytest.raises(BadProof, match="exactly one"):
            whose(proofs, *sent)


def test_a_proof_is_good_once_for_as_long_as_it_could_be_good(proofs: Proofs, clock: FakeClock) -> None:
    ahead = int((clock.now() + timedelta(minutes=5)).timestamp())
    made = signed(claims(clock, iat=ahead))
    assert whose(proofs, made)
    for _ in range(10):
        with pytest.raises(BadProof, match="used before"):
            whose(proofs, made)
        clock.pass_time(seconds=59)
    clock.pass_time(seconds=11)
    with pytest.raises(BadProof, match="behind"):
        whose(proofs, made)


def test_the_same_id_of_another_key_is_another_proof(proofs: Proofs, clock: FakeClock) -> None:
    whose(proofs, signed(claims(clock)))
    public = {name: OTHER.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")}
    assert whose(proofs, signed(claims(clock), OTHER, jwk=public)) == OTHER.thumbprint()


def test_a_refused_proof_uses_its_id_up_for_nobody(proofs: Proofs, clock: FakeClock) -> None:
    with pytest.raises(BadProof):
        whose(proofs, signed(claims(clock)), method="GET")
    assert whose(proofs, signed(claims(clock)))


def test_beyond_the_limit_requests_are_refused_and_no_id_is_forgotten(
    proofs: Proofs, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "MOST", 3)
    made = [signed(claims(clock, jti=f"number-{number}")) for number in range(4)]
    for one in made[:3]:
        whose(proofs, one)
    with pytest.raises(RateLimited):
        whose(proofs, made[3])
    for one in made[:3]:
        with pytest.raises(BadProof, match="used before"):
            whose(proofs, one)
    clock.pass_time(minutes=10)
    assert whose(proofs, signed(claims(clock)))
