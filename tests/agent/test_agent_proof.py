"""Proofs of possession, as RFC 9449 has them, and where the key pair lies."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from keylease.agent.proof import Prover, key_pair
from keylease.agent.signed_in import Place
from keylease.domain.secret import Secret
from keylease.errors import SignInNeeded

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ADDRESS = "https://keylease.example/api/leases/L-4k7m9q2x/session"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(state=tmp_path / "state", keys=tmp_path / "keys")


def test_a_proof_says_what_rfc_9449_asks_for_and_holds_no_private_key(place: Place) -> None:
    prover = Prover(key_pair(place))
    proof = prover.prove("POST", ADDRESS, Secret("token"), at=NOW)
    header = jws.extract_compact(proof.encode()).headers()
    assert (header["typ"], header["alg"]) == ("dpop+jwt", "ES256")
    assert set(header["jwk"]) == {"kty", "crv", "x", "y"} | ({"kid"} & set(header["jwk"]))
    public = ECKey.import_key(header["jwk"])
    claims = json.loads(jws.deserialize_compact(proof, public, algorithms=["ES256"]).payload or b"")
    assert (claims["htm"], claims["htu"], claims["iat"]) == ("POST", ADDRESS, int(NOW.timestamp()))
    hashed = hashlib.sha256(b"token").digest()
    assert claims["ath"] == base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
    assert public.thumbprint() == prover.thumbprint


def test_no_two_proofs_are_the_same_and_without_a_token_there_is_no_hash_of_one(place: Place) -> None:
    prover = Prover(key_pair(place))
    claims = [
        json.loads(jws.extract_compact(prover.prove("POST", ADDRESS, at=NOW).encode()).payload) for _ in range(3)
    ]
    assert len({one["jti"] for one in claims}) == 3
    assert all("ath" not in one for one in claims)


def test_the_key_pair_stays_the_same_and_is_its_owners_alone(place: Place) -> None:
    first = Prover(key_pair(place)).thumbprint
    assert Prover(key_pair(place)).thumbprint == first
    assert Prover(key_pair(place, anew=True)).thumbprint != first
    for folder in (place.state, place.keys):
        assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_the_private_half_lies_nowhere_in_the_clear(place: Place) -> None:
    private = key_pair(place).as_dict(private=True)["d"]
    written = b"".join(path.read_bytes() for folder in (place.state, place.keys) for path in folder.iterdir())
    assert str(private).encode() not in written


def test_a_copy_of_the_state_alone_opens_nothing(place: Place, tmp_path: Path) -> None:
    key_pair(place)
    copied = Place(state=place.state, keys=tmp_path / "other-keys")
    with pytest.raises(SignInNeeded):
        key_pair(copied)
    assert Prover(key_pair(copied, anew=True)).thumbprint
