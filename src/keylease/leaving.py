"""A sign-in ends with what it rests on.

What a browser or a terminal may do rests on groups that the directory named when somebody signed in, and that can
be weeks ago. So everybody who is signed in is looked up again and again, whether they own a lease, approve those of
others, or administer: who is gone, or has left one of the groups on which the configuration rests anything, is
signed out everywhere and signs in anew. A group that somebody was put into counts from their next sign-in on.
"""

from __future__ import annotations

from collections.abc import Mapping

from keylease.domain.clock import Clock
from keylease.domain.event import AuditEvent
from keylease.ending import KEYLEASE
from keylease.ports import Kept, People, Store


class SignInWatch:
    """Looks after sign-ins. `groups` are those on which something rests; others are no matter."""

    def __init__(self, *, kept: Kept, people: People, store: Store, clock: Clock, groups: frozenset[str]) -> None:
        self._kept = kept
        self._people = people
        self._store = store
        self._clock = clock
        self._groups = groups

    def look(self) -> Mapping[str, str]:
        """Sign out everybody who has lost something; who, and what. Raises `DirectoryUnreachable`."""
        resting = {one: groups & self._groups for one, groups in self._signed_in().items()}
        lost = self._people.gone(resting, every=True)
        self.end(lost)
        return lost

    def end(self, lost: Mapping[str, str]) -> None:
        """Sign these out everywhere, and say why."""
        now, signed_in = self._clock.now(), self._signed_in()
        for principal_id, why in lost.items():
            if principal_id not in signed_in:
                continue
            details = {"principal": principal_id, "why": why}
            self._store.append(AuditEvent(at=now, action="sign-ins-ended", actor=KEYLEASE, details=details))
            self._kept.sessions.end_all(principal_id, now)
            for terminal in self._kept.terminals.of(principal_id, now):
                self._kept.terminals.end(terminal.id, now)

    def _signed_in(self) -> Mapping[str, frozenset[str]]:
        """Everybody who is, by id, and their groups as the directory named them then."""
        browsers, terminals = self._kept.sessions.people(), self._kept.terminals.people(self._clock.now())
        none = frozenset[str]()
        return {one: browsers.get(one, none) | terminals.get(one, none) for one in {*browsers, *terminals}}
