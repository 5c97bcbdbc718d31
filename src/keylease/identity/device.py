"""Sign-in with a code that a person types on another device (RFC 8628), for machines without a browser.

It is off unless the configuration allows it: somebody who is talked into typing a stranger's code signs the
stranger in, and no rule about the device that signs in sees that other one. Microsoft recommends to block it
wherever it can be; a company's Conditional Access may do so whatever is set here.

The provider is asked no more often than it wishes, however often a terminal asks here.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from keylease.domain.clock import Clock
from keylease.domain.secret import digest
from keylease.errors import DirectoryUnreachable, SignInRefused
from keylease.identity.fetch import Fetch
from keylease.identity.memory import DeviceMemory
from keylease.identity.oauth import DEVICE_GRANT, Pending
from keylease.identity.oidc import Oidc
from keylease.identity.provider import Provider
from keylease.ports import DeviceBegun, SignedIn

INTERVAL = 5.0
"""Seconds between two polls where the provider does not say (RFC 8628, section 3.2), and what a complaint adds."""
LONGEST = timedelta(minutes=30)
MOST = 1000
"""Sign-ins that may be under way at once."""


class OidcWithDevice(Oidc):
    """Implements `ports.DeviceSignIn` besides `ports.SignIn`."""

    def __init__(self, provider: Provider, fetch: Fetch, clock: Clock) -> None:
        super().__init__(provider, fetch, clock)
        self._turn = threading.Lock()
        self._polls: dict[str, tuple[datetime, float]] = {}
        """By a digest of the device code: when the next poll may be, and the pause after it in seconds."""

    def begin_device(self) -> DeviceBegun:
        """Begin. Raises `SignInRefused` where it is not allowed, and `DirectoryUnreachable`."""
        registration = self.provider.registration
        if not registration.device_code:
            raise SignInRefused(
                "Sign-in with a code on another device is not allowed here.",
                hint="An administrator may set `sign_in.device_code`; docs/how-to/entra.md says why not to.",
            )
        answer = self.client.device_code(
            self.discovery.read(),
            " ".join(registration.scopes),
            public=self.provider.public_on_device,
        )
        return _begun(answer, self._clock.now())

    def poll_device(self, memory: str) -> SignedIn | None:
        """Who signed in; None as long as nobody has. Raises `SignInRefused` and `DirectoryUnreachable`."""
        begun, now = DeviceMemory.from_text(memory), self._clock.now()
        if begun.ends_at <= now:
            raise SignInRefused("Nobody signed in with the code in time.")
        if not self._is_due(begun, now):
            return None
        metadata = self.discovery.read()
        try:
            tokens = self.client.ask(
                metadata,
                public=self.provider.public_on_device,
                grant_type=DEVICE_GRANT,
                device_code=begun.device_code,
            )
        except Pending as pending:
            self._wait(begun, now, slower=pending.slower)
            return None
        return self.verifier.signed_in(tokens, metadata, nonce=None)

    def _is_due(self, begun: DeviceMemory, now: datetime) -> bool:
        """Whether the provider may be asked again; then nobody else asks it meanwhile."""
        with self._turn:
            due_at, pause = self._polls.get(_name(begun), (now, begun.interval))
            if due_at > now:
                return False
            self._polls[_name(begun)] = now + timedelta(seconds=pause), pause
            return True

    def _wait(self, begun: DeviceMemory, now: datetime, *, slower: bool) -> None:
        with self._turn:
            pause = self._polls[_name(begun)][1] + (INTERVAL if slower else 0.0)
            self._polls[_name(begun)] = now + timedelta(seconds=pause), pause
            past = [name for name, (due_at, _) in self._polls.items() if due_at < now - LONGEST]
            for name in past or list(self._polls)[:-MOST]:
                del self._polls[name]


def _name(begun: DeviceMemory) -> str:
    return digest("device-code", begun.device_code)


def _begun(answer: Mapping[str, Any], now: datetime) -> DeviceBegun:
    device_code, user_code = answer.get("device_code"), answer.get("user_code")
    address = answer.get("verification_uri")
    if not (isinstance(device_code, str) and isinstance(user_code, str) and isinstance(address, str)):
        raise DirectoryUnreachable("The directory began a sign-in on another device and left out what it needs.")
    expires_in = min(timedelta(seconds=_seconds(answer.get("expires_in"), 600.0)), LONGEST)
    interval = _seconds(answer.get("interval"), INTERVAL)
    memory = DeviceMemory(device_code=device_code, ends_at=now + expires_in, interval=interval)
    return DeviceBegun(
        user_code=user_code,
        verification_address=address,
        interval=timedelta(seconds=interval),
        expires_in=expires_in,
        memory=memory.to_text(),
    )


def _seconds(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and 0 < value < LONGEST.total_seconds() * 2 else otherwise
