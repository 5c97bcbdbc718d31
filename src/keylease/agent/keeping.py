"""Where a terminal's sign-in is kept on this machine: the system's keyring, or else an encrypted file.

- The keyring is the one that the `keyring` library finds, if it holds secrets encrypted; those that do not are
  passed over.
- The file is readable by its owner alone and sealed with Fernet. The key to it comes from a passphrase
  (KEYLEASE_PASSPHRASE), or from a key file in another folder together with this machine's own id: then a copy of
  either folder, or of both on another machine, opens nothing. Who can read both files on this machine as the same
  person can open it; only a passphrase or a keyring is proof against that.

Nothing is ever written here that is not sealed, and nothing goes through a command line.
"""

from __future__ import annotations

import base64
import hashlib
import json
import queue
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from keylease.agent import private_file
from keylease.domain.secret import Secret
from keylease.errors import SignInNeeded, SignInNotKept

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

Answer = TypeVar("Answer")
SERVICE = "keylease"
PATIENCE = 30.0
"""Seconds to wait for a keyring: a person may have to unlock it."""
KEYRING, FILE = "keyring", "file"
ENCRYPTED = 1
"""The least priority of a keyring that the library recommends; those below hide nothing, or keep nothing."""
MACHINE_IDS = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_SCRYPT = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26, "dklen": 32}
"""What OWASP recommends at least for interactive use, about 100 ms."""


class Keeping(Protocol):
    """A place for one server's sign-in. Raises `SignInNotKept` and `FileNotWritten`."""

    def load(self) -> str | None:
        """What was kept; None where nothing was."""
        ...

    def save(self, content: str) -> None:
        """Keep this in place of what was kept."""
        ...

    def forget(self) -> None:
        """Keep nothing; that nothing was kept is no error."""
        ...


class InKeyring:
    """In the system's keyring, under the server's address."""

    def __init__(self, backend: KeyringBackend, server: str) -> None:
        self._backend = backend
        self._server = server

    def load(self) -> str | None:
        """What was kept."""
        return _answered(lambda: self._backend.get_password(SERVICE, self._server))

    def save(self, content: str) -> None:
        """Keep this."""
        _answered(lambda: self._backend.set_password(SERVICE, self._server, content))

    def forget(self) -> None:
        """Keep nothing."""
        from keyring.errors import PasswordDeleteError

        def delete() -> None:
            with suppress(PasswordDeleteError):
                self._backend.delete_password(SERVICE, self._server)

        _answered(delete)


class InFile:
    """In a sealed file. `passphrase`: what KEYLEASE_PASSPHRASE says, if anything."""

    def __init__(self, path: Path, key_file: Path, *, passphrase: Secret | None = None) -> None:
        self._path = path
        self._key_file = key_file
        self._passphrase = passphrase

    def load(self) -> str | None:
        """What was kept. Raises `SignInNeeded` where it cannot be opened with what there is."""
        from cryptography.fernet import Fernet, InvalidToken

        written = private_file.read(self._path)
        if not written:
            return None
        try:
            sealed = json.loads(written)
            key = self._key(bytes.fromhex(sealed["salt"]), by_passphrase=sealed["by_passphrase"])
            return Fernet(key).decrypt(sealed["sealed"]).decode()
        except (ValueError, KeyError, TypeError, InvalidToken):
            raise SignInNeeded(
                f"{self._path} cannot be opened here.", hint="`keylease login` signs in anew and replaces it."
            ) from None

    def save(self, content: str) -> None:
        """Keep this, sealed with the passphrase where there is one."""
        from cryptography.fernet import Fernet

        salt, by_passphrase = secrets.token_bytes(16), self._passphrase is not None
        sealed = {
            "salt": salt.hex(),
            "by_passphrase": by_passphrase,
            "sealed": Fernet(self._key(salt, by_passphrase=by_passphrase)).encrypt(content.encode()).decode(),
        }
        private_file.write(self._path, lambda _: json.dumps(sealed).encode())

    def forget(self) -> None:
        """Keep nothing."""
        self._path.unlink(missing_ok=True)

    def _key(self, salt: bytes, *, by_passphrase: bool) -> bytes:
        if not by_passphrase:
            private_file.write(self._key_file, lambda before: before or secrets.token_hex(32).encode())
            ours = private_file.read(self._key_file) + b"\0" + _machine_id() + b"\0" + salt
            return base64.urlsafe_b64encode(hashlib.sha256(ours).digest())
        if self._passphrase is None:
            raise SignInNeeded(
                "This terminal's sign-in is sealed with a passphrase.",
                hint="Set KEYLEASE_PASSPHRASE, or sign in anew: `keylease login`.",
            )
        phrase = self._passphrase.reveal().encode()
        return base64.urlsafe_b64encode(hashlib.scrypt(phrase, salt=salt, **_SCRYPT))


def found_keyring() -> KeyringBackend | None:
    """The system's keyring, if there is one that holds secrets encrypted."""
    try:
        import keyring
        from keyring.backends.chainer import ChainerBackend

        backend = keyring.get_keyring()
        chained = list(backend.backends) if isinstance(backend, ChainerBackend) else [backend]
        return next((one for one in chained if _priority(one) >= ENCRYPTED), None)
    except Exception:  # noqa: BLE001 - a keyring that cannot even be asked is none
        return None


def keeps(backend: KeyringBackend) -> bool:
    """Whether a keyring gives back what it is given: one may be there and be locked, or full."""
    place = InKeyring(backend, "a try")
    try:
        place.save("kept")
        kept = place.load()
        place.forget()
    except SignInNotKept:
        return False
    return kept == "kept"


def _answered(ask: Callable[[], Answer]) -> Answer:
    """What a keyring answers. One that is locked may wait for a person for ever; nobody here does."""
    came: queue.Queue[Answer | Exception] = queue.Queue()

    def asking() -> None:
        try:
            came.put(ask())
        except Exception as error:  # noqa: BLE001 - each system's keyring fails in ways of its own
            came.put(error)

    threading.Thread(target=asking, daemon=True).start()
    try:
        answer = came.get(timeout=PATIENCE)
    except queue.Empty:
        raise SignInNotKept("The keyring does not answer; is it locked?") from None
    if isinstance(answer, Exception):
        raise SignInNotKept(f"The keyring failed ({type(answer).__name__}).")
    return answer


def _priority(backend: KeyringBackend) -> float:
    return float(backend.priority)


def _machine_id() -> bytes:
    """Something that stays on this machine when its files are copied; nothing where there is no such thing."""
    for path in MACHINE_IDS:
        with suppress(OSError):
            return Path(path).read_bytes().strip()
    return b""
