"""The sessions that are cached on this machine, a file for each lease, and what has failed a moment ago.

A file is its owner's alone and is replaced whole. Where the system has a folder for this person that lives in
memory (Linux: XDG_RUNTIME_DIR), nothing of it ever is on a disk; elsewhere it lies in the person's cache folder,
which docs/limits.md speaks of.

A failure is remembered for a short while, so that many programs which ask at once, or one that asks again and
again, do not each make the server say the same thing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from keylease.agent import fast, private_file
from keylease.agent.session import Session
from keylease.domain.clock import from_text, to_text
from keylease.errors import FileNotWritten, KeyleaseError, NoSuchLease, SignInNeeded, Unavailable, by_code

COOL_DOWNS = ((SignInNeeded, timedelta(seconds=10)), (Unavailable, timedelta(seconds=20)))
"""How long a failure counts; the first that fits. A sign-in may follow at once, so it waits least."""
OTHER_COOL_DOWN = timedelta(minutes=1)


class Cache:
    """Cached sessions by their lease's id. `folders`: where to look; written to is the first that takes it.

    Every method raises `NoSuchLease` for what is no lease's id.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def read(self, lease_id: str) -> Session | None:
        """The session that is cached, whether or not it is still good."""
        for folder in self._folders:
            session = Session.from_lines(fast.read(str(folder / _named(lease_id))))
            if session is not None:
                return session
        return None

    def write(self, session: Session) -> None:
        """Cache a session; what failed before is forgotten. Raises `FileNotWritten`."""
        private_file.write(self._home() / _named(session.lease_id), lambda _: session.to_lines())
        self._unlink(_named(session.lease_id, ".failed"))

    def forget(self, lease_id: str) -> None:
        """Let go of a session."""
        self._unlink(_named(lease_id))

    def forget_failures(self) -> None:
        """Something was done about them: the next call asks the server again."""
        for folder in self._folders:
            for path in folder.glob("*.failed"):
                path.unlink(missing_ok=True)

    def failed(self, lease_id: str, failure: KeyleaseError, now: datetime) -> None:
        """Remember a failure for its cool-down. Where that cannot be written it is not remembered."""
        until = now + next((wait for kind, wait in COOL_DOWNS if isinstance(failure, kind)), OTHER_COOL_DOWN)
        record = {"until": to_text(until), "code": failure.code, "sentence": failure.sentence, "hint": failure.hint}
        with suppress(FileNotWritten):
            private_file.write(self._home() / _named(lease_id, ".failed"), lambda _: json.dumps(record).encode())

    def failure(self, lease_id: str, now: datetime) -> KeyleaseError | None:
        """What failed a moment ago, as long as that counts."""
        for folder in self._folders:
            with suppress(ValueError, KeyError):
                record = json.loads(fast.read(str(folder / _named(lease_id, ".failed"))))
                if now < from_text(record["until"]) <= now + OTHER_COOL_DOWN:
                    return by_code(record["code"])(record["sentence"], hint=record["hint"])
        return None

    @contextmanager
    def alone(self, lease_id: str) -> Iterator[None]:
        """Hold this lease's session against every other process and thread; waits for its turn."""
        with private_file.alone_with(self._home() / _named(lease_id, ".lock")):
            yield

    def _home(self) -> Path:
        """The folder to write to, made if need be."""
        reason = "there is no such folder"
        for folder in self._folders:
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                private_file.check_writable(folder / "any")
            except (OSError, FileNotWritten) as error:
                reason = str(error)
            else:
                return folder
        raise FileNotWritten(f"Sessions cannot be cached: {reason}")

    def _unlink(self, name: str) -> None:
        for folder in self._folders:
            with suppress(OSError):
                (folder / name).unlink(missing_ok=True)


def _named(lease_id: str, ending: str = ".session") -> str:
    """The name of a lease's file. Raises `NoSuchLease` for what could name a file elsewhere."""
    name = fast.name(lease_id)
    if not name:
        raise NoSuchLease("There is no lease of that id.")
    return name.removesuffix(".session") + ending
