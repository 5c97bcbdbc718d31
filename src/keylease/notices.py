"""From what has happened to texts that wait to be sent.

What is told of an act is read from the audit chain, after a place in it that is remembered; what is told because
time has passed is read from the leases. Both only write notices into the ledger's outbox, each under a key of its
own: doing it twice writes nothing twice, and a crash between any two steps loses nothing and doubles nothing.
Sending is somebody else's work (`deliver`), and nothing here ever touches a lease.

A first start tells nothing of what was before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keylease.domain.access import Catalogue, Who
from keylease.domain.clock import Clock
from keylease.domain.event import AuditEvent
from keylease.domain.lease import ENDED, IN_AWS, STUCK_AFTER, EndReason, Lease, State
from keylease.domain.notice import ALWAYS, REMINDERS, Notice, Said, Text, Told, nobody_decides, weekly, write_text
from keylease.domain.status import closes_at
from keylease.errors import KeyleaseError
from keylease.ports import Choice, Cloud, LeaseQuery, Store, Telling
from keylease.sets import can

REMIND = (7, 2, 1)
"""Days before the end; the first only of a lease of two weeks or more."""
LONG = timedelta(days=14)
AT_ONCE = 500
"""Records of the chain that are read at once."""
MONDAY_AT_NINE = timedelta(hours=9)
TRIES = 12
PAUSES = (timedelta(minutes=1), timedelta(hours=6))
"""After a try that failed: the first pause, which doubles, and the longest."""
_SHOW = {Told.REQUESTED, Told.STILL_OPEN}
"""What says what the permission set can do."""
_FURTHEST = timedelta(days=max(REMIND))

Send = Callable[[Notice], None]
"""Sends one text. Raises a `KeyleaseError` where it did not go out, or perhaps did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Where people are found: by subject, by group, and chats for those who decide and who administer."""

    people: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chats: tuple[str, ...] = ()
    still_open_after: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What one round of sending did."""

    sent: int = 0
    failed: int = 0


class Notices:
    """Fills the outbox, and empties it."""

    def __init__(
        self,
        *,
        store: Store,
        telling: Telling,
        clouds: Mapping[str, Cloud],
        catalogue: Catalogue,
        clock: Clock,
        book: Book,
        address: str,
        orphans: Callable[[], int] = lambda: 0,
    ) -> None:
        self._orphans = orphans
        self._store = store
        self._outbox = telling.outbox
        self._choices = telling.choices
        self._clouds = clouds
        self._catalogue = catalogue
        self._clock = clock
        self._book = book
        self._address = address.rstrip("/")

    def collect(self) -> None:
        """Write down what is to be told by now."""
        now = self._clock.now()
        people = _People(self._book, self._choices.all())
        cursor = self._outbox.cursor()
        if cursor is None:
            self._outbox.put((), cursor=max((link.seq for link in self._store.events()), default=0))
            return
        while links := list(self._store.events(after=cursor, limit=AT_ONCE)):
            found = [notice for link in links for notice in self._of_act(link.event, people, now)]
            cursor = links[-1].seq
            self._outbox.put(found, cursor=cursor)
        self._outbox.put(list(self._of_time(people, now)), cursor=None)

    def deliver(self, send: Send) -> Delivered:
        """Send what waits; a try is counted before it is made, so no crash makes one try for ever."""
        now, sent, failed = self._clock.now(), 0, 0
        for waiting in self._outbox.due(now):
            if not self._outbox.claim(waiting, again_at=now + _pause(waiting.tries)):
                continue
            if self._is_stale(waiting.notice):
                self._outbox.done(waiting.notice.key, at=now, failure="stale")
                continue
            try:
                send(waiting.notice)
            except KeyleaseError as failure:
                failed += 1
                if waiting.tries + 1 >= TRIES:
                    self._outbox.done(waiting.notice.key, at=now, failure=failure.code)
                continue
            self._outbox.done(waiting.notice.key, at=self._clock.now(), failure=None)
            sent += 1
        return Delivered(sent=sent, failed=failed)

    def _is_stale(self, notice: Notice) -> bool:
        """A reminder of what was renewed, given back or decided meanwhile is of use to nobody."""
        if notice.told not in {Told.ENDING, Told.STILL_OPEN} or notice.lease_id is None:
            return False
        lease = self._store.get(notice.lease_id)
        if notice.told is Told.STILL_OPEN:
            return lease.state is not State.REQUESTED
        return lease.state is not State.ACTIVE or self._is_renewed(lease)

    def _is_renewed(self, lease: Lease) -> bool:
        mine = LeaseQuery(principal_id=lease.principal_id, states=frozenset(State) - ENDED)
        return lease.retire_at is not None or any(one.renewal_of == lease.id for one in self._store.find(mine))

    def _of_act(self, event: AuditEvent, people: _People, now: datetime) -> Iterator[Notice]:
        if event.action == "nobody-decides":
            yield from self._nobody_decides(event, people, now)
        if event.lease_id is None or event.action not in _ACTS:
            return
        lease = self._store.get(event.lease_id)
        for told, who in _ACTS[event.action](event, lease):
            if told is Told.REQUESTED and lease.state is not State.REQUESTED:
                continue  # decided before anybody could be told
            tag = f"{event.action}:{event.details.get('failures', '')}:{event.at.isoformat()}"
            for to in self._places(who, lease, told, people, actor=event.actor):
                yield self._notice(told, lease, to, tag, now)

    def _nobody_decides(self, event: AuditEvent, people: _People, now: datetime) -> Iterator[Notice]:
        named = {name: str(event.details[name]) for name in ("name", "permission_set", "grant")}
        text = nobody_decides(**named, address=self._address)
        for to in [*people.places(self._catalogue.administrators, Told.NOBODY), *self._book.chats]:
            yield _of(Told.NOBODY, None, to, f"{event.actor}:{event.at.isoformat()}", text, now)

    def _of_time(self, people: _People, now: datetime) -> Iterator[Notice]:
        for lease in self._store.find(LeaseQuery(states=frozenset({State.REQUESTED}), limit=10_000)):
            if (
                _working(lease.requested_at, self._book.still_open_after)
                <= now
                < closes_at(lease, self._catalogue.patience)
            ):
                for to in self._places("approvers", lease, Told.STILL_OPEN, people, actor=""):
                    yield self._notice(Told.STILL_OPEN, lease, to, "once", now)
        soon = LeaseQuery(states=frozenset({State.ACTIVE}), ends_after=now, ends_by=now + _FURTHEST, limit=10_000)
        for lease in self._store.find(soon):
            days = _due(lease, now)
            if days and not self._is_renewed(lease):
                for to in self._places("owner", lease, Told.ENDING, people, actor=""):
                    yield self._notice(Told.ENDING, lease, to, f"{days}", now, days=days)
        yield from self._weekly(people, now)

    def _weekly(self, people: _People, now: datetime) -> Iterator[Notice]:
        monday = now.replace(hour=0, minute=0, second=0) - timedelta(days=now.weekday())
        if now < monday + MONDAY_AT_NINE or now >= monday + timedelta(days=1):
            return
        active = frozenset({State.ACTIVE, State.ISSUING})
        numbers = {
            "active": self._store.count(LeaseQuery(states=active, ends_after=now)),
            "stuck": self._store.count(LeaseQuery(states=frozenset({State.STUCK}))),
            "overdue": self._store.count(LeaseQuery(states=IN_AWS, ends_by=now)),
            "orphans": self._orphans(),
        }
        if not any(numbers.values()):
            return
        year, week, _ = now.isocalendar()
        for to in people.places(self._catalogue.administrators, Told.WEEKLY):
            text = weekly(**numbers, address=self._address)
            yield _of(Told.WEEKLY, None, to, f"{year}-{week}", text, now)

    def _places(self, who: str, lease: Lease, told: Told, people: _People, *, actor: str) -> Iterable[str]:
        owner = lease.principal_id.partition("#")[2]
        if who == "owner":
            return people.places(Who(subjects=frozenset({owner})), told)
        if who == "administrators":
            return [*people.places(self._catalogue.administrators, told), *self._book.chats]
        grant = self._catalogue.grant(lease.grant)
        if grant is None or grant.automatic:
            return ()
        left_out = {owner, actor.partition("#")[2]}
        found = people.places(grant.approvers, told, without=left_out)
        return [*found, *self._book.chats] if told in {Told.REQUESTED, Told.STILL_OPEN} else found

    def _notice(self, told: Told, lease: Lease, to: str, tag: str, now: datetime, *, days: int = 0) -> Notice:
        permission_set = self._catalogue.permission_sets.get(lease.permission_set)
        said = Said(
            told=told,
            title=permission_set.title if permission_set else lease.permission_set,
            lease=lease,
            now=now,
            address=self._address,
            closes_at=closes_at(lease, self._catalogue.patience),
            can=can(self._clouds, lease.account, permission_set, lease.kind) if told in _SHOW else (),
            days=days,
        )
        return _of(told, lease.id, to, f"{lease.id}:{tag}", write_text(said), now)


class _People:
    """Where somebody is found, and what they wish to be told."""

    def __init__(self, book: Book, choices: Iterable[Choice]) -> None:
        self._book = book
        self._choices = {choice.principal_id.partition("#")[2]: choice for choice in choices}

    def places(self, who: Who, told: Told, *, without: Iterable[str] = ()) -> list[str]:
        """Each place once."""
        left_out = set(without)
        members = {one for one, choice in self._choices.items() if choice.groups & who.groups}
        subjects = sorted((who.subjects | members) - left_out)
        silenced = {self._of(one) for one in left_out} | {
            self._of(one) for one in subjects if not self._wants(one, told)
        }
        found = [self._of(one) for one in subjects if self._wants(one, told)]
        found += [address for group in sorted(who.groups) for address in self._book.groups.get(group, ())]
        return [one for one in dict.fromkeys(found) if one and one not in silenced]

    def _of(self, subject: str) -> str:
        choice = self._choices.get(subject)
        return (choice.address if choice else "") or self._book.people.get(subject, "")

    def _wants(self, subject: str, told: Told) -> bool:
        choice = self._choices.get(subject)
        if choice is None or told in ALWAYS:
            return True
        return choice.mails and (choice.reminders or told not in REMINDERS)


def _of_closed(event: AuditEvent, _: Lease) -> list[tuple[Told, str]]:
    match event.details.get("reason"):
        case EndReason.UNDECIDED:
            return [(Told.UNDECIDED, "owner"), (Told.UNDECIDED, "approvers")]
        case EndReason.UNCOLLECTED:
            return [(Told.UNCOLLECTED, "owner")]
        case EndReason.EXPIRED:
            return [(Told.ENDED, "owner")]
    return []


def _of_failure(event: AuditEvent, _: Lease) -> list[tuple[Told, str]]:
    if event.details.get("failures") != STUCK_AFTER:
        return []
    return [(Told.STUCK, "administrators"), (Told.STUCK, "owner")]


_ACTS: Mapping[str, Callable[[AuditEvent, Lease], list[tuple[Told, str]]]] = {
    "requested": lambda _, __: [(Told.REQUESTED, "approvers")],
    "approved": lambda _, lease: (
        [(Told.APPROVED, "owner")] + ([(Told.DECIDED, "approvers")] if lease.approver_id else [])
    ),
    "denied": lambda _, __: [(Told.DENIED, "owner"), (Told.DECIDED, "approvers")],
    "undone": lambda _, __: [(Told.UNDONE, "owner")],
    "lost": lambda _, __: [(Told.LOST, "owner"), (Told.LOST, "administrators")],
    "gone": lambda _, __: [(Told.GONE, "administrators"), (Told.GONE, "approvers")],
    "removal-failed": _of_failure,
    "closed": _of_closed,
}
"""By the act in the audit chain: what is told, and to whom."""


def _of(told: Told, lease_id: str | None, to: str, tag: str, text: Text, now: datetime) -> Notice:
    key = hashlib.sha256(f"{told}|{tag}|{to}".encode()).hexdigest()[:40]
    return Notice(key=key, told=told, to=to, lease_id=lease_id, text=text, at=now)


def _due(lease: Lease, now: datetime) -> int:
    """How many days before its end somebody is to be reminded now; 0 for not yet. Only the nearest counts."""
    began = lease.decided_at or lease.requested_at
    length, left = lease.expires_at - began, lease.expires_at - now
    days = [day for day in REMIND if left <= timedelta(days=day) and (length >= LONG or day < max(REMIND))]
    nearest = min(days, default=0)
    return nearest if length > timedelta(days=nearest) else 0


def _working(begin: datetime, length: timedelta) -> datetime:
    """So long after it, in days on which people work: Saturdays and Sundays do not count."""
    end = begin + length
    day = begin
    while day.date() < end.date():
        day += timedelta(days=1)
        if day.weekday() >= 5:
            end += timedelta(days=1)
    return end


def _pause(tries: int) -> timedelta:
    first, longest = PAUSES
    return min(first * (1 << min(tries, 20)), longest)
