"""The sessions that a running agent holds in memory, and their renewal ahead of time.

Whoever asks is answered from memory as long as what is there is good, and never waits for a renewal that goes on
meanwhile. Renewed ahead, `AHEAD` before anybody else would, are the sessions that were asked for since they were
fetched, and those that are written to a file: a lease that nobody uses makes no sessions.

The agent shares the cache with `credential_process`, so both hand out the same session.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

from keylease.agent.renewing import FOR_GOOD, Renewing
from keylease.agent.session import NOTICED, Session, clock_warning
from keylease.domain.clock import Clock
from keylease.errors import KeyleaseError

log = logging.getLogger(__name__)

AHEAD = timedelta(minutes=5)
"""On top of the minutes before the end in which AWS's SDKs ask by themselves."""
LOOK_EVERY = 10.0
"""Seconds between two looks at what is to be renewed; a laptop that slept is late by this at most."""

Deliver = Callable[[Session], None]


class Holding:
    """Sessions by their lease's id. `deliver`: where each further session of a lease is to be written to."""

    def __init__(self, renewing: Renewing, clock: Clock, deliver: Mapping[str, Deliver] | None = None) -> None:
        self._renewing = renewing
        self._clock = clock
        self._deliver = deliver or {}
        self._sessions: dict[str, Session] = {}
        self._asked: set[str] = set()

    def get(self, lease_id: str) -> Session:
        """A session that is good now. Raises what the server refuses, and `Unavailable`."""
        session = self._sessions.get(lease_id)
        if session is None or self._clock.now() >= session.valid_until:
            session = self._renewed(lease_id, timedelta())
        self._asked.add(lease_id)
        return session

    def held(self) -> dict[str, Session]:
        """What is in memory."""
        return dict(self._sessions)

    def keep_renewing(self, stop: threading.Event) -> None:
        """Renew what is due, until told to stop."""
        while True:
            self.renew_ahead()
            if stop.wait(LOOK_EVERY):
                return

    def renew_ahead(self) -> None:
        """Renew what is due or will be soon. What fails is said in the log and tried again at the next look."""
        for lease_id in sorted(self._asked | set(self._deliver)):
            session = self._sessions.get(lease_id)
            if session is None or not session.lasts(self._clock.now(), AHEAD):
                try:
                    self._renewed(lease_id, AHEAD)
                except KeyleaseError as failure:
                    log.warning("%s: %s", lease_id, failure.sentence)
                    self._let_go(lease_id, failure)

    def _renewed(self, lease_id: str, ahead: timedelta) -> Session:
        held = self._renewing.get(lease_id, ahead=ahead)
        before = self._sessions.get(lease_id)
        if before is None or before.access_key_id != held.session.access_key_id:
            self._sessions[lease_id] = held.session
            self._asked.discard(lease_id)
            self._hand_on(held.session)
        if held.despite is not None:
            log.warning("%s: %s", lease_id, held.despite.sentence)
        return held.session

    def _hand_on(self, session: Session) -> None:
        """Write it where it is wanted, and say what is wrong with the clock."""
        if abs(session.behind) >= NOTICED:
            log.warning("%s", clock_warning(session.behind))
        if session.lease_id in self._deliver:
            try:
                self._deliver[session.lease_id](session)
            except KeyleaseError as failure:
                log.warning("%s", failure.sentence)

    def _let_go(self, lease_id: str, failure: KeyleaseError) -> None:
        session = self._sessions.get(lease_id)
        if isinstance(failure, FOR_GOOD) or (session and self._clock.now() >= session.valid_until):
            self._sessions.pop(lease_id, None)
            self._asked.discard(lease_id)
