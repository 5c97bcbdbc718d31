"""A provider's public keys, and what happens when it changes them.

Keys are found by the `kid` in a token's header. One that is not known yet makes the set be fetched anew, once, and
at most once a minute: so a provider may change its keys at any time, and nobody can make keylease fetch without end
by inventing names. The set is fetched anew every hour too, so that a key which the provider took back is soon taken
for nothing.

Only what can verify is kept: RSA keys of 2,048 to 8,192 bits, and those of the curve P-256; of each, only its
public numbers. A shared secret (`oct`) never becomes a key here, whatever a set says.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from keylease.domain.clock import Clock
from keylease.errors import DirectoryUnreachable, SignInRefused
from keylease.identity.fetch import Fetch, an_object

KEPT = timedelta(hours=1)
PAUSE = timedelta(minutes=1)
"""Between two fetches that an unknown name asks for."""
MOST = 100
"""Keys in a set; providers have two to twelve."""
RSA_SIGNS = range(342, 1367)
"""How many base64url signs a modulus of 2,048 to 8,192 bits has; a longer one would only cost time."""
MOST_EXPONENT_SIGNS = 6

PublicKey = RSAKey | ECKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One public key, the name it goes by, and the algorithm that it is for where the set says so."""

    kid: str | None
    alg: str | None
    key: PublicKey

    def verifies(self, alg: str) -> bool:
        """Whether it is of the kind that an algorithm needs, and for no other."""
        return self.alg in (None, alg) and isinstance(self.key, ECKey if alg.startswith("ES") else RSAKey)


class Keys:
    """The keys of one provider."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._turn = threading.Lock()
        self._known: tuple[Signer, ...] = ()
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None

    def find(self, jwks_uri: str, *, kid: str | None, alg: str) -> PublicKey:
        """The key that a token names. Raises `SignInRefused` where there is none, and `DirectoryUnreachable`."""
        found = self._find(kid, alg)
        if found is None or self._is_past(self._fetched_at, KEPT):
            found = self._find_anew(jwks_uri, kid, alg)
        if found is None:
            raise SignInRefused("The token names a key that the directory does not have.")
        return found

    def _find_anew(self, jwks_uri: str, kid: str | None, alg: str) -> PublicKey | None:
        """Find it in a newer set, where one may be fetched; those who wait here use what the first has fetched."""
        with self._turn:
            aged = self._is_past(self._fetched_at, KEPT)
            unknown = self._find(kid, alg) is None and self._is_past(self._tried_at, PAUSE)
            if aged or unknown:
                self._tried_at = self._clock.now()
                self._known = self.read(jwks_uri)
                self._fetched_at = self._clock.now()
            return self._find(kid, alg)

    def read(self, jwks_uri: str) -> tuple[Signer, ...]:
        """All keys of the set that can verify, fetched now. Raises `DirectoryUnreachable`."""
        return signers(an_object(self._fetch.get(jwks_uri)))

    def _is_past(self, then: datetime | None, age: timedelta) -> bool:
        return then is None or self._clock.now() - then >= age

    def _find(self, kid: str | None, alg: str) -> PublicKey | None:
        fitting = [one for one in self._known if one.verifies(alg)]
        if kid is None:
            return fitting[0].key if len(fitting) == 1 else None
        return next((one.key for one in fitting if one.kid == kid), None)


def signers(document: Mapping[str, Any]) -> tuple[Signer, ...]:
    """The keys of a set (RFC 7517) that can verify; others in it are passed over. Raises `DirectoryUnreachable`."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MOST:
        raise DirectoryUnreachable(f"The provider's set of keys is no list of at most {MOST}.")
    return tuple(found for one in listed if isinstance(one, dict) and (found := _signer(one)) is not None)


def _signer(one: Mapping[str, Any]) -> Signer | None:
    kid, alg = one.get("kid"), one.get("alg")
    if one.get("use", "sig") != "sig" or not isinstance(kid, str | None) or not isinstance(alg, str | None):
        return None
    try:
        key = _public(one)
    except (JoseError, KeyError, TypeError, ValueError):
        return None
    return None if key is None else Signer(kid=kid, alg=alg, key=key)


def _public(one: Mapping[str, Any]) -> PublicKey | None:
    if one.get("kty") == "RSA" and len(one["n"]) in RSA_SIGNS and len(one["e"]) <= MOST_EXPONENT_SIGNS:
        return RSAKey.import_key({"kty": "RSA", "n": one["n"], "e": one["e"]})
    if one.get("kty") == "EC" and one.get("crv") == "P-256":
        return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": one["x"], "y": one["y"]})
    return None
