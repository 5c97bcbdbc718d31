"""Which leases a list shows: a filter that stands in the address, so that it can be sent to somebody.

What cannot be read in an address counts as not written: an old link still shows something. A page holds fifty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends

from keylease.domain.lease import ENDED, IN_AWS, State
from keylease.ports import LeaseQuery

PAGE = 50
WEEK = timedelta(days=7)

_USED = frozenset({State.ISSUING, State.ACTIVE})
SHOWS: Mapping[str, tuple[str, Callable[[datetime], dict[str, Any]]]] = {
    "all": ("All", lambda _: {}),
    "requested": ("Waiting for a decision", lambda _: {"states": frozenset({State.REQUESTED})}),
    "approved": ("Waiting to be collected", lambda now: {"states": frozenset({State.APPROVED}), "ends_after": now}),
    "active": ("In use", lambda now: {"states": _USED, "ends_after": now}),
    "ending": (
        "Ending within a week",
        lambda now: {"states": _USED, "ends_after": now, "ends_by": now + WEEK},
    ),
    "overdue": ("Over, and still in AWS", lambda now: {"states": IN_AWS, "ends_by": now}),
    "stuck": ("Stuck", lambda _: {"states": frozenset({State.STUCK})}),
    "ended": ("Ended", lambda _: {"states": ENDED}),
}
"""What may be shown: its words, and what of the ledger that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter as it stands in the address."""

    show: str = "all"
    what: str = ""
    account: str = ""
    who: str = ""
    since: str = ""
    before: str = ""
    page: int = 1

    def query(self, now: datetime, *, principal_id: str | None) -> LeaseQuery:
        """What of the ledger that is, of one person's or of everybody's."""
        kind = SHOWS.get(self.show, SHOWS["all"])[1](now)
        before = _day(self.before)
        return LeaseQuery(
            principal_id=principal_id,
            permission_set=self.what or None,
            account=self.account or None,
            name=self.who.strip() or None,
            since=_day(self.since),
            before=before + timedelta(days=1) if before else None,
            limit=PAGE,
            offset=(self.page - 1) * PAGE,
            **kind,
        )

    def address(self, page: int | None = None) -> str:
        """The filter as the query of an address: what says nothing is left out."""
        at = replace(self, page=page or self.page)
        said = {name: getattr(at, name) for name in ("show", "what", "account", "who", "since", "before", "page")}
        usual = {"show": "all", "page": 1}
        return urlencode({name: value for name, value in said.items() if value and value != usual.get(name)})


def _filter(
    show: str = "all",
    what: str = "",
    account: str = "",
    who: str = "",
    since: str = "",
    before: str = "",
    page: str = "1",
) -> Filter:
    return Filter(
        show=show if show in SHOWS else "all",
        what=what[:64],
        account=account[:64],
        who=who[:64],
        since=since if _day(since) else "",
        before=before if _day(before) else "",
        page=max(1, min(int(page), 1_000_000)) if page.isascii() and page.isdigit() and len(page) < 8 else 1,
    )


Filtered = Annotated[Filter, Depends(_filter)]


def _day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), tzinfo=UTC)
    except ValueError:
        return None
