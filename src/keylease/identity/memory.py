"""What is remembered of a sign-in between its beginning and its end.

The text is opaque to whoever keeps it, and is kept where nobody but the server reads it: the code verifier is in
it. It counts for ten minutes. A text that is not one of ours is refused, not trusted.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from keylease.domain.clock import from_text, to_text
from keylease.errors import SignInRefused

LASTS = timedelta(minutes=10)


def random() -> str:
    """43 signs that nobody can guess; also a code verifier (RFC 7636 wants 43 to 128)."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A sign-in with a browser that has begun."""

    redirect_uri: str
    begun_at: datetime
    max_age: timedelta | None
    mfa: bool
    state: str = dataclasses.field(default_factory=random)
    nonce: str = dataclasses.field(default_factory=random)
    verifier: str = dataclasses.field(default_factory=random)

    def to_text(self) -> str:
        """As an opaque text."""
        age = None if self.max_age is None else self.max_age.total_seconds()
        return json.dumps(dataclasses.asdict(self) | {"begun_at": to_text(self.begun_at), "max_age": age})

    @classmethod
    def from_text(cls, text: str) -> Memory:
        """The reverse of `to_text`. Raises `SignInRefused`."""
        try:
            values = json.loads(text)
            age = values.pop("max_age")
            begun_at = from_text(values.pop("begun_at"))
            return cls(**values, begun_at=begun_at, max_age=None if age is None else timedelta(seconds=age))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise _unknown() from None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMemory:
    """A sign-in on another device that has begun; it lasts as long as the provider's code."""

    device_code: str
    ends_at: datetime
    interval: float

    def to_text(self) -> str:
        """As an opaque text."""
        return json.dumps(dataclasses.asdict(self) | {"ends_at": to_text(self.ends_at)})

    @classmethod
    def from_text(cls, text: str) -> DeviceMemory:
        """The reverse of `to_text`. Raises `SignInRefused`."""
        try:
            values = json.loads(text)
            return cls(**values | {"ends_at": from_text(values["ends_at"])})
        except (KeyError, TypeError, ValueError):
            raise _unknown() from None


def _unknown() -> SignInRefused:
    return SignInRefused("This sign-in was not begun here.")
