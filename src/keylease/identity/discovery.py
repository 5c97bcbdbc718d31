"""What a provider says of itself, read from its own document (OpenID Connect Discovery 1.0, RFC 8414).

The document counts only if it names exactly the issuer that it was asked for: else somebody else's document could
take its place. It is kept for an hour.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from keylease.domain.clock import Clock
from keylease.errors import DirectoryUnreachable
from keylease.identity.fetch import Fetch, an_object

KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Where a provider is asked for what, and what it can do."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    device_endpoint: str | None
    """None where it has no device sign-in (RFC 8628)."""
    auth_methods: frozenset[str]
    """How a client may prove itself at the token endpoint."""
    algorithms: frozenset[str]
    """With which it may sign."""
    names_itself: bool
    """Whether each answer to a browser carries `iss` (RFC 9207)."""


class Discovery:
    """Reads the document of one issuer."""

    def __init__(self, issuer: str, fetch: Fetch, clock: Clock) -> None:
        self._issuer = issuer
        self._address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        self._fetch = fetch
        self._clock = clock
        self._turn = threading.Lock()
        self._known: tuple[Metadata, datetime] | None = None

    def read(self) -> Metadata:
        """The document, at most an hour old. Raises `DirectoryUnreachable`."""
        with self._turn:
            now = self._clock.now()
            if self._known is None or now - self._known[1] >= KEPT:
                self._known = self._read(), now
            return self._known[0]

    def clock_skew(self) -> timedelta:
        """How far this machine's clock is behind the provider's, which dates its answers by the second.

        Raises `DirectoryUnreachable`.
        """
        answer, now = self._fetch.get(self._address), self._clock.now()
        try:
            return parsedate_to_datetime(answer.headers.get("date", "")) - now
        except (TypeError, ValueError):
            raise DirectoryUnreachable("The provider does not date its answers.") from None

    def _read(self) -> Metadata:
        answer = self._fetch.get(self._address)
        if 400 <= answer.status_code < 500:
            raise DirectoryUnreachable(
                f"There is no provider's document at {self._address} (status {answer.status_code}).",
                hint="Compare `tenant`, or `issuer`, in [sign_in] with what the provider shows.",
            )
        document = an_object(answer)
        if document.get("issuer") != self._issuer:
            raise DirectoryUnreachable(
                f"The document at {self._address} is another issuer's.",
                hint="Compare `sign_in.issuer`, letter by letter, with the issuer that the provider shows.",
            )
        return Metadata(
            issuer=self._issuer,
            authorization_endpoint=_text(document, "authorization_endpoint"),
            token_endpoint=_text(document, "token_endpoint"),
            jwks_uri=_text(document, "jwks_uri"),
            device_endpoint=_text(document, "device_authorization_endpoint", optional=True) or None,
            auth_methods=_texts(document, "token_endpoint_auth_methods_supported") or frozenset({BASIC}),
            algorithms=_texts(document, "id_token_signing_alg_values_supported"),
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        )


BASIC = "client_secret_basic"
"""What a provider takes that does not say (OpenID Connect Discovery 1.0, section 3)."""


def _text(document: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    value = document.get(name, "" if optional else None)
    if not isinstance(value, str) or not (value or optional):
        raise DirectoryUnreachable(f"The provider's document lacks {name}.")
    return value


def _texts(document: Mapping[str, Any], name: str) -> frozenset[str]:
    values = document.get(name, [])
    return frozenset(one for one in values if isinstance(one, str)) if isinstance(values, list) else frozenset()
