"""id_token_verify: how many id tokens a second are verified, beside the signature alone.

Ours is all of it: the header, the key found by its name among those that are known, joserfc's check of the
signature, and every row of claims. Theirs is joserfc's check of the same token with the key in hand. Both take
turns in one thread, so that what else runs on the machine meets both.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from bench.result import Result
from keylease.identity.claims import Expected, verify
from keylease.identity.keys import Signer, signers

ROUNDS, TURN = 15, 0.1
"""How often each has its turn, and for how many seconds."""
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ISSUER, CLIENT = "https://login.microsoftonline.com/7f3b1c9e-0a4d-4c1b-9e57-2f6f0c3d8a11/v2.0", "keylease"
CLAIMS = {
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
    "oid": "aaaaaaaa-0000-4000-8000-000000000001",
    "tid": "7f3b1c9e-0a4d-4c1b-9e57-2f6f0c3d8a11",
    "ver": "2.0",
    "name": "Mara Lind",
    "preferred_username": "mara@example.com",
    "groups": [f"11111111-0000-4000-8000-{number:012d}" for number in range(50)],
    "nonce": "of-this-sign-in",
    "iat": int(NOW.timestamp()),
    "nbf": int(NOW.timestamp()),
    "exp": int((NOW + timedelta(hours=1)).timestamp()),
}


def measure() -> Iterator[Result]:
    """A line for each kind of key."""
    yield _result("RS256", RSAKey.generate_key(2048, {"kid": "of-the-provider"}))
    yield _result("ES256", ECKey.generate_key("P-256", {"kid": "of-the-provider"}))


def _result(alg: str, private: RSAKey | ECKey) -> Result:
    token = jws.serialize_compact(
        {"alg": alg, "typ": "JWT", "kid": private.kid}, json.dumps(CLAIMS), private, [alg]
    )
    [known] = signers({"keys": [private.as_dict(private=False)]})
    ours, theirs = _taking_turns(
        _whole(alg, token, known), lambda: jws.deserialize_compact(token, known.key, [alg])
    )
    return Result(
        name="id_token_verify",
        case=alg,
        value=round(ours),
        unit="per second",
        against="the signature alone, by joserfc",
        ratio=round(ours / theirs, 3),
        more={"against_value": round(theirs), "bytes": len(token)},
    )


def _whole(alg: str, token: str, known: Signer) -> Callable[[], object]:
    expected = Expected(
        issuer=ISSUER,
        client_id=CLIENT,
        algorithms=frozenset({alg}),
        now=NOW,
        nonce="of-this-sign-in",
        access_token=None,
        max_age=None,
    )
    by_name = {known.kid: known.key}
    return lambda: verify(token, expected, lambda kid, _: by_name[kid])


def _taking_turns(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """The middle of each one's rounds, a second."""
    rounds = [(_turn(ours), _turn(theirs)) for _ in range(ROUNDS)]
    return statistics.median(one for one, _ in rounds), statistics.median(one for _, one in rounds)


def _turn(verified: Callable[[], object]) -> float:
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < TURN:
        verified()
        count += 1
    return count / (time.perf_counter() - began)
