"""Staying signed in: this terminal's tokens for one server, and the next ones when they are over.

Which servers this machine is signed in to stands in a file that holds no secret (who, until when, and where the
tokens are kept); the tokens themselves are where keeping.py says.

- One process at a time renews; the others wait and take what it got.
- The next refresh token is made, and kept beside the present one, before the server hears of it. So a process that
  is killed, or an answer that is lost, leaves the very same to be said again, and the server takes it for that.
- Nothing here opens a browser or asks anybody anything. Where the sign-in is over, that is `SignInNeeded`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from keylease.agent import keeping, places, private_file
from keylease.agent.keeping import FILE, KEYRING, InFile, InKeyring, Keeping
from keylease.domain.clock import Clock, from_text, to_text
from keylease.domain.secret import Secret, random
from keylease.domain.terminal import REFRESH_PREFIX
from keylease.errors import SignInNeeded, SignInNotKept, SignInUnderWay

if TYPE_CHECKING:
    from keylease.client import Client

INDEX = "sign-ins.json"
EARLY = timedelta(seconds=30)
"""How long before its end an access token is not used any more."""
PATIENCE = 60.0
"""Seconds to wait for another process that renews."""
HINT = "Sign in: `keylease login`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where things lie: what holds no secret, the sealed files, and the key to them in another folder."""

    state: Path
    keys: Path
    passphrase: Secret | None = None

    @classmethod
    def of_this_machine(cls) -> Self:
        """Where they lie for this person, with KEYLEASE_PASSPHRASE where that is set."""
        import platformdirs

        phrase = os.environ.get("KEYLEASE_PASSPHRASE")
        keys = platformdirs.user_config_path("keylease", appauthor=False)
        return cls(state=places.state(), keys=keys, passphrase=Secret(phrase) if phrase else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What may be known of a sign-in: no secret."""

    kept_in: str
    name: str = ""
    until: str = ""
    at: str = ""
    """When somebody signed in here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """The tokens. `following` takes the place of `refresh` once the server has heard of it."""

    refresh: Secret
    following: Secret
    access: Secret
    access_until: datetime


class SignedIn:
    """This terminal's sign-in to one server. Implements `client.Credential`."""

    def __init__(self, server: str, place: Place, clock: Clock) -> None:
        self.server = server.rstrip("/")
        self._place = place
        self._clock = clock
        self._name = hashlib.sha256(self.server.encode()).hexdigest()[:16]
        self._held: _Held | None = None

    def known(self) -> Known | None:
        """What may be known of it; None where nobody is signed in."""
        written = _index(private_file.read(self._place.state / INDEX)).get(self.server)
        return Known(**written) if written else None

    def access_token(self, client: Client) -> Secret | None:
        """An access token that is still good; None where nobody is signed in."""
        if self._held is None:
            known = self.known()
            if known is None:
                return None
            self._held = self._load(known)
        if self._is_good(self._held):
            return self._held.access
        return self._renewed(client, refused=None)

    def renewed(self, client: Client, refused: Secret) -> Secret:
        """Another one in place of one that the server refused."""
        return self._renewed(client, refused=refused)

    def begin(self, client: Client, asked: Mapping[str, str]) -> bool:
        """Sign in with what proves it (a code, a device code). False where the server says to ask again later."""
        first = random(REFRESH_PREFIX)
        answer = client.tokens({**asked, "next_refresh_token": first.reveal()})
        if "access_token" not in answer:
            return False
        held = self._from(answer, refresh=first)
        with self.alone("tokens"):
            self._keep_first(held, until=str(answer["signed_in_until"]))
        self._held = held
        return True

    def named(self, name: str) -> None:
        """Note who it is."""
        known = self.known()
        if known is not None:
            self._note(replace(known, name=name))

    def end(self, client: Client) -> None:
        """Let go of the sign-in here, and end it at the server. Raises what the server fails with, afterwards."""
        known = self.known()
        if known is None:
            return
        held = None
        with self.alone("tokens"):
            with suppress(SignInNeeded, SignInNotKept):  # without it there is nothing to show to the server
                held = self._load(known)
            self._forget(known)
        if held is not None:
            client.sign_out(held.refresh)

    @contextmanager
    def alone(self, what: str, *, patience: float = PATIENCE) -> Iterator[None]:
        """Hold this sign-in's `tokens`, or its `login`, against other processes. Raises `SignInUnderWay`."""
        import filelock

        self._place.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._place.state / f"sign-in-{self._name}.{what}.lock"
        try:
            with filelock.FileLock(path, timeout=patience, mode=0o600):
                yield
        except filelock.Timeout:
            raise SignInUnderWay(f"Another keylease here has been signing in for {patience:.0f} seconds.") from None

    def _renewed(self, client: Client, *, refused: Secret | None) -> Secret:
        with self.alone("tokens"):
            known = self.known()
            if known is None:
                raise SignInNeeded("This terminal is signed out.", hint=HINT)
            held = self._load(known)
            if held.access == refused or not self._is_good(held):
                held = self._exchanged(client, held, known)
            self._held = held
            return held.access

    def _exchanged(self, client: Client, held: _Held, known: Known) -> _Held:
        asked = {
            "grant_type": "refresh_token",
            "refresh_token": held.refresh.reveal(),
            "next_refresh_token": held.following.reveal(),
        }
        try:
            answer = client.tokens(asked)
        except SignInNeeded as over:
            self._forget(known)
            raise SignInNeeded(over.sentence, hint=HINT) from None
        new = self._from(answer, refresh=held.following)
        self._save(known, new)
        return new

    def _from(self, answer: Mapping[str, Any], *, refresh: Secret) -> _Held:
        return _Held(
            refresh=refresh,
            following=random(REFRESH_PREFIX),
            access=Secret(str(answer["access_token"])),
            access_until=self._clock.now() + timedelta(seconds=int(answer["expires_in"])),
        )

    def _is_good(self, held: _Held) -> bool:
        return self._clock.now() < held.access_until - EARLY

    def _load(self, known: Known) -> _Held:
        content = self._keeping(known.kept_in).load()
        try:
            kept = json.loads(content or "")
            return _Held(
                refresh=Secret(kept["refresh"]),
                following=Secret(kept["following"]),
                access=Secret(kept["access"]),
                access_until=from_text(kept["access_until"]),
            )
        except (ValueError, KeyError, TypeError):
            raise SignInNeeded("This terminal's sign-in is not where it was kept.", hint=HINT) from None

    def _save(self, known: Known, held: _Held) -> None:
        kept = {
            "refresh": held.refresh.reveal(),
            "following": held.following.reveal(),
            "access": held.access.reveal(),
            "access_until": to_text(held.access_until),
        }
        self._keeping(known.kept_in).save(json.dumps(kept))

    def _keep_first(self, held: _Held, *, until: str) -> None:
        """Where the system has a keyring that works, there; else in the sealed file."""
        backend = keeping.found_keyring()
        kept_in = KEYRING if backend is not None and keeping.keeps(backend) else FILE
        known = Known(kept_in=kept_in, until=until, at=to_text(self._clock.now()))
        self._save(known, held)
        self._note(known)

    def _forget(self, known: Known) -> None:
        self._note(None)
        self._held = None
        self._keeping(known.kept_in).forget()

    def _note(self, known: Known | None) -> None:
        def changed(before: bytes) -> bytes:
            others = {server: one for server, one in _index(before).items() if server != self.server}
            return json.dumps(others | ({self.server: asdict(known)} if known else {}), indent=2).encode()

        private_file.write(self._place.state / INDEX, changed)

    def _keeping(self, kept_in: str) -> Keeping:
        if kept_in == KEYRING:
            backend = keeping.found_keyring()
            if backend is None:
                raise SignInNotKept("The keyring that holds this terminal's sign-in is not there.")
            return InKeyring(backend, self.server)
        path = self._place.state / f"sign-in-{self._name}.sealed"
        return InFile(path, self._place.keys / "sign-in.key", passphrase=self._place.passphrase)


def _index(content: bytes) -> dict[str, dict[str, str]]:
    """What is written there; a file that cannot be read says nothing."""
    try:
        written = json.loads(content or b"{}")
        fields = {"kept_in", "name", "until", "at"}
        return {server: {name: str(one[name]) for name in fields if name in one} for server, one in written.items()}
    except (ValueError, AttributeError, TypeError):
        return {}
