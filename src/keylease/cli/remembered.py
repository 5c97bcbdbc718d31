"""What this machine remembers of a person's leases: their ids, and when those in use end.

Completion reads it, since it may ask nobody; and every command that speaks with the server says on stderr when a
lease in use ends within three days, since mail drowns. It is a cache, private to its owner, made anew whenever the
leases are seen anyway; what cannot be read or written is done without. Time is counted from the server's own
`seconds_left`, so a clock that is wrong here does not matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keylease.domain.clock import from_text, to_text
from keylease.errors import FileNotWritten

if TYPE_CHECKING:
    from keylease.client import LeaseView

SOON = timedelta(days=3)
MOST = 500
"""Leases that are remembered."""
IN_USE = frozenset({"active", "ending_soon"})
Who = tuple[str, str]
"""The server, and the person where a development server is told one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A lease in use that ends soon."""

    id: str
    title: str
    left: timedelta


def keep(who: Who, leases: Iterable[LeaseView], now: datetime) -> None:
    """Remember somebody's leases, in place of what was remembered of them."""
    kept = [
        {
            "id": one["id"],
            "title": one["title"],
            "status": one["status"],
            "mine": one["may"]["renew"] and one["retire_at"] is None,
            "seconds_left": one["seconds_left"],
        }
        for one in leases
    ][:MOST]
    entry = {"server": who[0], "person": who[1], "at": to_text(now), "leases": kept}
    from keylease.agent import private_file

    with suppress(FileNotWritten, OSError):
        path = _path()
        path.parent.mkdir(parents=True, exist_ok=True)
        private_file.write(path, lambda _: json.dumps(entry).encode())


def ending(who: Who, now: datetime) -> list[Ending]:
    """Somebody's leases in use that end within three days; nothing where nothing is remembered of them."""
    known = _read()
    if not _is_of(known, who):
        return []
    with suppress(KeyError, TypeError, ValueError):
        since = now - from_text(known["at"])
        return sorted(_ending(known["leases"], since), key=lambda one: one.left)
    return []


def ids(beginning: str) -> list[tuple[str, str]]:
    """The ids that begin so, with what each is; for completion."""
    with suppress(KeyError, TypeError):
        wanted = beginning.lower().removeprefix("l-")
        known = _read()["leases"]
        return [(one["id"], one["title"]) for one in known if one["id"][2:].startswith(wanted)]
    return []


def _ending(leases: list[dict[str, Any]], since: timedelta) -> Iterator[Ending]:
    for one in leases:
        left = timedelta(seconds=one["seconds_left"]) - since
        if one["mine"] and one["status"] in IN_USE and timedelta() < left <= SOON:
            yield Ending(id=one["id"], title=one["title"], left=left)


def _is_of(known: dict[str, Any], who: Who) -> bool:
    return (known.get("server"), known.get("person")) == who


def _read() -> dict[str, Any]:
    try:
        known = json.loads(_path().read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _path() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("keylease", appauthor=False) / "leases.json"
