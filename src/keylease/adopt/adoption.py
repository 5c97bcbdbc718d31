"""One adopted user as values: what its tags promise, and what AWS shows of it.

Nobody's date ever comes nearer: `ends_at` only becomes later, by a postponement. A user is adopted, not a key,
since no policy sees which of a user's keys signed a request; all keys of the user share the date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keylease.domain.clock import from_text, to_text

PREFIX = "keylease:adopted-"
"""Of all tags that say something of an adoption."""
OWNER = "keylease:owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How an adoption goes on. `warn`: how long before the end the owner is reminded, longest first.

    `grace`: how long the keys stay, switched off, before they are deleted.
    """

    warn: tuple[timedelta, ...] = (timedelta(days=14), timedelta(days=7), timedelta(days=1))
    grace: timedelta = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What was promised for a user.

    `keys` are the access keys that were active when it was adopted: an undo activates these and no others. `told`,
    `warned` and `postponed` are what the owner heard and when. `off_at`: since when its keys are switched off.
    """

    owner: str
    ends_at: datetime
    keys: tuple[str, ...] = ()
    told_at: datetime | None = None
    warned: tuple[int, ...] = ()
    """Days of the reminders that were sent."""
    off_at: datetime | None = None
    done_at: datetime | None = None
    undone: bool = False
    """Whether it is being undone."""
    postponed: str = ""

    def tags(self) -> dict[str, str]:
        """As the user's tags say it."""
        instants = {"ends": self.ends_at, "told": self.told_at, "off": self.off_at, "done": self.done_at}
        written = {f"{PREFIX}{name}": to_text(at) for name, at in instants.items() if at is not None}
        texts = {
            "keys": " ".join(self.keys),
            "warned": " ".join(map(str, self.warned)),
            "undone": "yes" if self.undone else "",
            "postponed": self.postponed,
        }
        return {OWNER: self.owner} | written | {f"{PREFIX}{name}": text for name, text in texts.items() if text}


def promise_of(tags: Mapping[str, str]) -> Promise | None:
    """What a user's tags promise; None where it is not adopted. Raises `ValueError` for what makes no sense."""
    if f"{PREFIX}ends" not in tags:
        return None

    def text(name: str) -> str:
        return tags.get(f"{PREFIX}{name}", "")

    def instant(name: str) -> datetime | None:
        return from_text(text(name)) if text(name) else None

    return Promise(
        owner=tags.get(OWNER, ""),
        ends_at=from_text(text("ends")),
        keys=tuple(text("keys").split()),
        told_at=instant("told"),
        warned=tuple(int(days) for days in text("warned").split()),
        off_at=instant("off"),
        done_at=instant("done"),
        undone=bool(text("undone")),
        postponed=text("postponed"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """An access key of a user."""

    id: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A user as AWS shows it now. `fenced_until` is the date of our Deny on it; None where there is none."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[HeldKey, ...] = ()
    fenced_until: datetime | None = None
