"""Proof that a request comes from the machine whose key it names: a copied token alone is worth nothing.

The machine has a key pair that never leaves it. With each request it signs a small token of the shape that RFC 9449
gives (DPoP): for this method and this address, made now, with an id that is used once, and where an access token
comes with the request, for that very token. What is believed of it, in this order:

- one proof of reasonable size, of the type `dpop+jwt`, by the algorithm ES256 and no other;
- the public key in its header, on the curve P-256 and without its private part; the signature is checked with it;
- the claims, none of which may be missing. Clocks may differ by five minutes; who is further off is told by how
  much.

An id is remembered for as long as a proof with it could be good, in memory and up to a limit; beyond the limit
requests are refused rather than ids forgotten. Several servers behind one address each remember their own.

What a key may do is not for this module to say: it answers with the key's thumbprint (RFC 7638).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from keylease.domain.clock import Clock
from keylease.domain.secret import Secret
from keylease.errors import BadProof, RateLimited

LEEWAY = timedelta(minutes=5)
REMEMBERED = 2 * LEEWAY
"""A proof may say that it was made `LEEWAY` ahead, and is good for as long after that."""
MOST = 100_000
"""Ids that are remembered at a time; one takes about a hundred bytes."""
LONGEST = 4_096
JTI = range(8, 257)
_COORDINATE = 43
"""The base64url signs of 32 bytes."""
_PORTS = {"https": 443, "http": 80}


class Proofs:
    """Checks proofs for one server, which people reach at `address`."""

    def __init__(self, address: str, clock: Clock) -> None:
        self._origin = _origin(address)
        self._base = urlsplit(address).path.rstrip("/")
        self._clock = clock
        self._turn = threading.Lock()
        self._used: dict[bytes, datetime] = {}

    def thumbprint(self, proofs: Sequence[str], *, method: str, path: str, access_token: Secret | None) -> str:
        """Whose proof it is. `proofs`: all that came with the request. Raises `BadProof` and `RateLimited`."""
        if len(proofs) != 1 or len(proofs[0]) > LONGEST:
            raise BadProof("The request needs exactly one header DPoP of at most 4096 characters.")
        key, claims = _verified(proofs[0])
        self._must_be_for(claims, method, path)
        _must_name(claims, access_token)
        now = self._clock.now()
        _must_be_new(claims, now)
        thumbprint = key.thumbprint()
        self._once(thumbprint, str(claims["jti"]), now)
        return thumbprint

    def _must_be_for(self, claims: Mapping[str, Any], method: str, path: str) -> None:
        address = claims.get("htu")
        if claims.get("htm") != method or not isinstance(address, str):
            raise BadProof("The proof is for another kind of request.")
        if _origin(address) != self._origin or urlsplit(address).path != f"{self._base}{path}":
            raise BadProof(
                "The proof is for another address.",
                hint="Reach keylease under the address that its configuration gives as `server.address`.",
            )

    def _once(self, thumbprint: str, jti: str, now: datetime) -> None:
        if len(jti) not in JTI:
            raise BadProof("The proof's jti is too short or too long.")
        name = hashlib.sha256(f"{thumbprint}:{jti}".encode("utf-8", "surrogatepass")).digest()
        with self._turn:
            self._forget(now)
            if name in self._used:
                raise BadProof("The proof was used before.")
            if len(self._used) >= MOST:
                raise RateLimited("Too many proofs within ten minutes.", retry_after=60)
            self._used[name] = now + REMEMBERED

    def _forget(self, now: datetime) -> None:
        """They stand in the order in which they came, so the first that still counts is the last to look at."""
        while self._used:
            oldest = next(iter(self._used))
            if self._used[oldest] > now:
                return
            del self._used[oldest]


def ath(access_token: Secret) -> str:
    """What a proof says of the access token that comes with it (RFC 9449, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(access_token.reveal().encode()).digest()).rstrip(b"=").decode()


def _verified(proof: str) -> tuple[ECKey, Mapping[str, Any]]:
    """The key and the claims of a proof whose signature is good."""
    try:
        key = _key(jws.extract_compact(proof.encode("ascii")).headers())
        signed = jws.deserialize_compact(proof, key, algorithms=["ES256"])
        claims = json.loads(signed.payload)
    except BadProof:
        raise
    except (JoseError, ValueError, KeyError, TypeError):  # a foreign text may fail to be a proof in many ways
        raise BadProof("The proof is no token that its own key has signed.") from None
    if not isinstance(claims, dict):
        raise BadProof("The proof has no claims.")
    return key, claims


def _key(header: Mapping[str, Any]) -> ECKey:
    jwk = header.get("jwk")
    if header.get("typ") != "dpop+jwt" or header.get("alg") != "ES256" or not isinstance(jwk, dict):
        raise BadProof("The proof must be of the type dpop+jwt, by ES256, with its public key.")
    if "d" in jwk:
        raise BadProof("The proof gives its private key away. Make a new key pair.")
    x, y = str(jwk.get("x")), str(jwk.get("y"))
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or {len(x), len(y)} != {_COORDINATE}:
        raise BadProof("The proof's key must be one of the curve P-256.")
    return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})


def _must_name(claims: Mapping[str, Any], access_token: Secret | None) -> None:
    named = claims.get("ath")
    if access_token is None:
        return
    if not isinstance(named, str) or not hmac.compare_digest(
        named.encode("utf-8", "replace"), ath(access_token).encode()
    ):
        raise BadProof("The proof is for another access token.")


def _must_be_new(claims: Mapping[str, Any], now: datetime) -> None:
    made = claims.get("iat")
    if isinstance(made, bool) or not isinstance(made, int | float) or not 0 <= made < 2**33:
        raise BadProof("The proof does not say when it was made.")
    off = datetime.fromtimestamp(int(made), UTC) - now
    if abs(off) > LEEWAY:
        minutes = round(abs(off).total_seconds() / 60)
        way = "ahead of" if off > timedelta() else "behind"
        raise BadProof(
            f"The proof's clock is {minutes} minutes {way} the server's.",
            hint="Set this machine's clock, best by NTP.",
        )
    if not isinstance(claims.get("jti"), str):
        raise BadProof("The proof has no jti.")


def _origin(address: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what is no address of a server."""
    try:
        parts = urlsplit(address)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else None
