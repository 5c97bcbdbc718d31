"""`keylease login` with a real keyring: GNOME Keyring behind a message bus of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from test_cli_sign_in import Person

from keylease.agent import keeping

NAMES = ("dbus-daemon", "gnome-keyring-daemon")
MISSING = "These tests need GNOME Keyring: apt-get install dbus gnome-keyring"


@contextmanager
def keyring(folder: Path, *, locked: bool = False) -> Iterator[dict[str, str]]:
    """A bus and a keyring on it until the block is left; the environment that leads there."""
    if not all(map(shutil.which, NAMES)):
        pytest.skip(MISSING)
    runtime = folder / "run"
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_RUNTIME_DIR": str(runtime)}
    with ExitStack() as running:
        bus = running.enter_context(_started(["dbus-daemon", "--session", "--nofork", "--print-address"], own))
        assert bus.stdout is not None
        own["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()
        words = ["gnome-keyring-daemon", "--foreground", "--components=secrets"]
        daemon = running.enter_context(_started([*words, *([] if locked else ["--unlock"])], own))
        assert daemon.stdin is not None
        daemon.stdin.write(b"" if locked else b"a passphrase\n")
        daemon.stdin.close()
        _wait_for(own)
        yield own


@contextmanager
def _started(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=nowhere) as process:
        try:
            yield process
        finally:
            process.terminate()


def _wait_for(environment: dict[str, str]) -> None:
    """The bus knows the keyring's name."""
    ask = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"]
    ask += ["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"]
    deadline = time.monotonic() + 20
    while b"boolean true" not in subprocess.run(ask, env=environment, capture_output=True, check=False).stdout:
        assert time.monotonic() < deadline, "the keyring does not come up"
        time.sleep(0.05)  # noqa: TID251 - a real program starts


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_sign_in_lies_in_the_systems_keyring_and_nowhere_else(server: str, tmp_path: Path) -> None:
    with keyring(tmp_path / "keyring") as environment:
        person = Person(server, tmp_path / "person")
        person.environment["DBUS_SESSION_BUS_ADDRESS"] = environment["DBUS_SESSION_BUS_ADDRESS"]
        person.signed_in()
        assert not any(name.endswith((".sealed", ".key")) for name in person.files())
        assert person.background("whoami").status == 0
        assert b"klr_" not in files(tmp_path)
        without = person.background("whoami", DBUS_SESSION_BUS_ADDRESS="")
        assert (without.status, "KL-705" in without.err) == (74, True)
        assert person.background("logout").status == 0
        assert person.background("whoami").status == 4


@pytest.mark.parametrize("how", ["locked", "gone"])
def test_a_keyring_that_is_locked_or_gone_hangs_nobody_and_the_file_takes_its_place(
    server: str, tmp_path: Path, how: str
) -> None:
    """Nobody is here to unlock it, as on a server that is reached over SSH."""
    person, began = Person(server, tmp_path / "person"), time.monotonic()
    with keyring(tmp_path / "keyring", locked=how == "locked") as environment:
        address = environment["DBUS_SESSION_BUS_ADDRESS"]
        person.environment["DBUS_SESSION_BUS_ADDRESS"] = address if how == "locked" else "unix:path=/nowhere"
        person.signed_in()
        assert any(name.endswith(".sealed") for name in person.files())
        assert person.background("whoami").status == 0
    assert time.monotonic() - began < keeping.PATIENCE + 30
