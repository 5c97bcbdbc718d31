"""What this machine knows of the leases that it serves, in one file: which server, which profile, which end.

It holds no secret. Which credentials there are is in the cache (cache.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from keylease.agent import private_file

FILE = "leases.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A lease that this machine serves."""

    lease_id: str
    server: str
    person: str | None = None
    """Whom to be, on a server with the development sign-in."""
    profile: str = ""
    """The profile that `keylease configure` wrote; empty where there is none."""
    title: str = ""
    account: str = ""
    account_id: str = ""
    permission_set: str = ""
    region: str = ""
    expires_at: str = ""
    """As the server says it."""


class Machine:
    """The leases of this machine. Every method may raise `FileNotWritten`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / FILE

    def leases(self) -> dict[str, Known]:
        """Every lease, by its id."""
        return _read(private_file.read(self._path))

    def find(self, written: str) -> Known | None:
        """The lease that a person means: by its id, or by its profile."""
        known = self.leases()
        return known.get(written) or next((one for one in known.values() if one.profile == written), None)

    def remember(self, leases: Iterable[Known]) -> None:
        """Keep these, in place of what was known of the same ones."""
        new = {one.lease_id: one for one in leases}
        private_file.write(self._path, lambda before: _written(_read(before) | new))

    def forget(self, lease_ids: Iterable[str]) -> None:
        """Let go of these."""
        gone = set(lease_ids)
        private_file.write(
            self._path,
            lambda before: _written({name: one for name, one in _read(before).items() if name not in gone}),
        )

    def set_region(self, lease_id: str, region: str) -> None:
        """Where a lease's account is at home; only its sessions say so."""
        known = self.leases().get(lease_id)
        if known is not None and known.region != region:
            self.remember([replace(known, region=region)])


def _read(content: bytes) -> dict[str, Known]:
    """What a newer keylease wrote besides is left out; a file that cannot be read holds nothing."""
    try:
        written = json.loads(content)["leases"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {lease_id: _known(lease_id, one) for lease_id, one in written.items()}


def _known(lease_id: str, written: Mapping[str, Any]) -> Known:
    names = {field.name for field in fields(Known)}
    return Known(
        **{"server": "", **{name: written[name] for name in written if name in names}, "lease_id": lease_id}
    )


def _written(leases: Mapping[str, Known]) -> bytes:
    return (json.dumps({"leases": {name: asdict(one) for name, one in leases.items()}}, indent=2) + "\n").encode()
