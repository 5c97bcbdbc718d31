"""The three places where a new access key may go. Each says beforehand whether it can take it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from keylease.cli import credentials_file
from keylease.cli.context import WrongUsage
from keylease.cli.credentials_file import Profile
from keylease.cli.output import Terminal
from keylease.errors import NotOurs

if TYPE_CHECKING:
    from keylease.client import Collected

WRITTEN_BY = "keylease"


class Destination(Protocol):
    """A place for an access key."""

    @property
    def place(self) -> str:
        """The place in words; empty for the terminal itself."""
        ...

    @property
    def stored(self) -> Mapping[str, str]:
        """The place as JSON."""
        ...

    def check(self) -> None:
        """Raise what `deliver` would, before there is anything to deliver."""
        ...

    def deliver(self, terminal: Terminal, collected: Collected) -> None:
        """Put the access key there, whole or not at all. Raises `FileNotWritten` and `NotOurs`."""
        ...


@dataclass(frozen=True, slots=True)
class ToProfile:
    """A profile of the credentials file that AWS programs share."""

    name: str

    @property
    def place(self) -> str:
        """The profile and its file."""
        return f"profile {self.name} of {credentials_file.default_file()}"

    @property
    def stored(self) -> Mapping[str, str]:
        """The profile and its file."""
        return {"profile": self.name, "file": str(credentials_file.default_file())}

    def check(self) -> None:
        """The name must do, the file must be writable, and a profile of that name keylease's own."""
        if not credentials_file.is_fit(self.name):
            raise WrongUsage(f"“{self.name}” does not do as the name of a profile.")
        path = credentials_file.default_file()
        credentials_file.check_writable(path)
        credentials_file.may_hold(credentials_file.read(path), self.name)

    def deliver(self, terminal: Terminal, collected: Collected) -> None:
        """Write the profile, and nothing else in the file."""
        del terminal
        profile = Profile(
            name=self.name,
            lease_id=collected.lease["id"],
            access_key_id=collected.access_key_id,
            secret_access_key=collected.secret_access_key,
            expires_at=collected.lease["expires_at"],
        )
        path = credentials_file.default_file()
        credentials_file.write_private(path, lambda before: credentials_file.with_profile(before, profile))


@dataclass(frozen=True, slots=True)
class ToFile:
    """A JSON file. One that is there is replaced only where keylease wrote it."""

    path: str

    @property
    def place(self) -> str:
        """The file."""
        return self.path

    @property
    def stored(self) -> Mapping[str, str]:
        """The file, from the root on."""
        return {"file": str(Path(self.path).absolute())}

    def check(self) -> None:
        """The file must be writable, and new or keylease's own."""
        path = Path(self.path)
        credentials_file.check_writable(path)
        self._must_be_ours(credentials_file.read(path))

    def deliver(self, terminal: Terminal, collected: Collected) -> None:
        """Write the file."""
        del terminal
        content = (json.dumps({"written_by": WRITTEN_BY} | _values(collected), indent=2) + "\n").encode()

        def replaced(before: bytes) -> bytes:
            self._must_be_ours(before)
            return content

        credentials_file.write_private(Path(self.path), replaced)

    def _must_be_ours(self, content: bytes) -> None:
        if content and not _is_ours(content):
            raise NotOurs(f"{self.path} exists, and keylease did not write it.")


@dataclass(frozen=True, slots=True)
class Print:
    """stdout: as shell variables, or as JSON."""

    @property
    def place(self) -> str:
        """Nowhere that stays."""
        return ""

    @property
    def stored(self) -> Mapping[str, str]:
        """Nowhere that stays."""
        return {}

    def check(self) -> None:
        """stdout takes anything."""

    def deliver(self, terminal: Terminal, collected: Collected) -> None:
        """Write it out, to the last byte."""
        values = _values(collected)
        if terminal.as_json:
            terminal.json({"lease": collected.lease, "ready": collected.ready} | values)
        else:
            terminal.write(f"export AWS_ACCESS_KEY_ID={shlex.quote(values['access_key_id'])}")
            terminal.write(f"export AWS_SECRET_ACCESS_KEY={shlex.quote(values['secret_access_key'])}")
        sys.stdout.flush()


def _values(collected: Collected) -> dict[str, str]:
    """All that a program needs; here the secret is revealed."""
    return {
        "lease_id": collected.lease["id"],
        "account_id": collected.lease["account_id"],
        "permission_set": collected.lease["permission_set"],
        "expires_at": collected.lease["expires_at"],
        "access_key_id": collected.access_key_id,
        "secret_access_key": collected.secret_access_key.reveal(),
    }


def _is_ours(content: bytes) -> bool:
    try:
        written = json.loads(content)
    except ValueError:
        return False
    return isinstance(written, dict) and written.get("written_by") == WRITTEN_BY
