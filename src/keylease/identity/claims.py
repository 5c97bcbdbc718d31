"""From an unverified token to claims that were signed for us.

A token is taken apart only as far as it takes to find its key; its signature is verified by joserfc; then every row
of `CHECKS` looks at the claims, and the first that objects refuses the token with its own sentence. What a row
needs to know is in `Expected`, which has no default that would let something through.

`LEEWAY` is how far the clocks may be apart. Nothing here asks the network or the clock.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from keylease.errors import SignInRefused
from keylease.identity.keys import PublicKey

LEEWAY = timedelta(seconds=60)
ALGORITHMS = ("RS256", "ES256", "PS256")
"""All that a setting can allow: no shared secret, and never none."""
LAST = 4_102_444_800
"""The year 2100: what lies beyond is no time that a directory would name."""

FindKey = Callable[[str | None, str], PublicKey]
"""The key of that `kid` for that `alg`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token must be to be believed."""

    issuer: str
    client_id: str
    algorithms: frozenset[str]
    now: datetime
    nonce: str | None
    """None where the sign-in has none: that on another device. Then the token may carry none either."""
    access_token: str | None
    """The one that came with it."""
    max_age: timedelta | None
    """Asked for at the beginning: how long ago the person may have proved who they are."""


@dataclass(frozen=True, slots=True)
class SignedClaims:
    """What the issuer says, signed, of somebody who signed in to us."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        """A claim that is a text and not empty."""
        value = self.values.get(name)
        return value if isinstance(value, str) and value else None

    def texts(self, name: str) -> frozenset[str]:
        """A claim that is a list of texts, or one; nothing where it is not there. Raises `SignInRefused`."""
        value = self.values.get(name, [])
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise SignInRefused(f"The directory's token says something of {name} that is no list of names.")
        return frozenset(listed)

    def words(self, name: str) -> frozenset[str]:
        """The same of something on which only more rests, not less: what is no text is passed over."""
        value = self.values.get(name)
        listed = value if isinstance(value, list) else [value]
        return frozenset(one for one in listed if isinstance(one, str) and one)

    def instant(self, name: str) -> datetime | None:
        """A claim that is a time (RFC 7519, NumericDate)."""
        return _instant(self.values.get(name))


def verify(unverified_token: str, expected: Expected, find_key: FindKey) -> SignedClaims:
    """The claims of an id token, once everything about it was checked. Raises `SignInRefused`."""
    unverified = _opened(unverified_token, expected)
    header = unverified.headers()
    claims = _signed(unverified, find_key(header.get("kid"), header["alg"]), expected)
    for check in CHECKS:
        if objection := check(claims, expected):
            raise SignInRefused(objection)
    if _wrong_hash(claims, expected, header["alg"]):
        raise SignInRefused("The token belongs to another access token (at_hash).")
    return SignedClaims(claims)


def _opened(unverified_token: str, expected: Expected) -> jws.CompactSignature:
    """The token taken apart. Its header may only choose among what is allowed anyway."""
    if not expected.algorithms <= frozenset(ALGORITHMS) or not expected.algorithms:
        raise ValueError("no algorithm is allowed, or one that is never")
    try:
        unverified = jws.extract_compact(unverified_token.encode())
        header = unverified.headers()
        alg = str(header["alg"])
    except (JoseError, AttributeError, TypeError, ValueError, RecursionError):  # joserfc's own, for odd JSON
        raise SignInRefused("The directory sent something that is no signed token.") from None
    if alg not in expected.algorithms:
        raise SignInRefused("The token is signed in a way that is not allowed here (alg).")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise SignInRefused("The token is of another kind (typ).")
    if "crit" in header or not isinstance(header.get("kid"), str | None):
        raise SignInRefused("The token's header asks for something that keylease does not know.")
    return unverified


def _signed(unverified: jws.CompactSignature, key: PublicKey, expected: Expected) -> Claims:
    """The claims, once joserfc found the signature good; it has our list of what is allowed, too.

    Headers that it does not know say nothing to us.
    """
    registry = jws.JWSRegistry(algorithms=expected.algorithms, strict_check_header=False)
    try:
        if not jws.validate_compact(unverified, key, registry=registry):
            raise SignInRefused("The token's signature does not hold.")
        claims = json.loads(unverified.payload)
    except (JoseError, ValueError, RecursionError):
        raise SignInRefused("The token cannot be read.") from None
    if not isinstance(claims, dict):
        raise SignInRefused("The token cannot be read.")
    return claims


Claims = Mapping[str, Any]


def _issuer(claims: Claims, expected: Expected) -> str | None:
    return None if claims.get("iss") == expected.issuer else "The token is another issuer's (iss)."


def _audience(claims: Claims, expected: Expected) -> str | None:
    """A list is taken only where it is ours alone and says so twice."""
    audience = claims.get("aud")
    listed = audience == [expected.client_id] and claims.get("azp") == expected.client_id
    return None if audience == expected.client_id or listed else "The token is for somebody else (aud)."


def _party(claims: Claims, expected: Expected) -> str | None:
    other = claims.get("azp", expected.client_id) != expected.client_id
    return "The token was made for another client (azp)." if other else None


def _subject(claims: Claims, _: Expected) -> str | None:
    subject = claims.get("sub")
    named = isinstance(subject, str) and 0 < len(subject) <= 255
    return None if named else "The token does not say whom it is about (sub)."


def _nonce(claims: Claims, expected: Expected) -> str | None:
    nonce = claims.get("nonce")
    if expected.nonce is None:
        return None if nonce is None else "The token belongs to another sign-in (nonce)."
    if isinstance(nonce, str) and hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        return None
    return "The token is not the answer to this sign-in (nonce)."


def _access_token(claims: Claims, _: Expected) -> str | None:
    """Entra's access tokens look like id tokens, but for their scopes."""
    return "That is an access token, which says nothing of a sign-in (scp)." if "scp" in claims else None


def _expiry(claims: Claims, expected: Expected) -> str | None:
    ends_at = _instant(claims.get("exp"))
    if ends_at is None:
        return "The token does not say when it ends (exp)."
    return "The token has expired (exp)." if ends_at + LEEWAY <= expected.now else None


def _beginning(claims: Claims, expected: Expected) -> str | None:
    begins_at = _instant(claims.get("nbf", 0))
    if begins_at is None or begins_at - LEEWAY > expected.now:
        return "The token does not count yet (nbf)."
    return None


def _issued(claims: Claims, expected: Expected) -> str | None:
    issued_at = _instant(claims.get("iat"))
    if issued_at is None:
        return "The token does not say when it was made (iat)."
    return "The token was made in the future (iat)." if issued_at - LEEWAY > expected.now else None


def _proof(claims: Claims, expected: Expected) -> str | None:
    """When they last proved who they are: must be said where an age was asked for (OpenID Connect 3.1.2.1)."""
    if "auth_time" not in claims:
        return None if expected.max_age is None else "The directory does not say when you signed in (auth_time)."
    proven_at = _instant(claims["auth_time"])
    if proven_at is None or proven_at - LEEWAY > expected.now:
        return "The directory says of your sign-in a time that cannot be (auth_time)."
    if expected.max_age is not None and expected.now - proven_at > expected.max_age + LEEWAY:
        return "The directory signed you in without asking again (auth_time)."
    return None


CHECKS: tuple[Callable[[Claims, Expected], str | None], ...] = (
    _issuer,
    _audience,
    _party,
    _subject,
    _nonce,
    _access_token,
    _expiry,
    _beginning,
    _issued,
    _proof,
)
"""Each says what is wrong with a token, or nothing."""


def _wrong_hash(claims: Claims, expected: Expected, alg: str) -> bool:
    """Whether `at_hash` is there and is not the left half of the access token's digest (OpenID Connect 3.1.3.6)."""
    if "at_hash" not in claims:
        return False
    digest = hashlib.new(f"sha{alg[2:]}", (expected.access_token or "").encode()).digest()
    ours = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    return not hmac.compare_digest(str(claims["at_hash"]).encode(), ours)


def _instant(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LAST:
        return None
    return datetime.fromtimestamp(int(value), UTC)
