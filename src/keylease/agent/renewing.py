"""The next session of a lease: from the cache, or from the server, once for everybody who asks at the same time.

- One process at a time asks for a lease's session; the others wait and take what it got.
- A failure counts for its cool-down; nobody asks meanwhile, except somebody at a terminal (`afresh`).
- A session that is still good goes on being served when the server does not answer, wants a sign-in or fails. Where
  the lease itself is over, or not this person's or machine's, the session is let go.
- Nothing here opens a browser or asks anybody anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from keylease.agent.cache import Cache
from keylease.agent.session import Session
from keylease.domain.clock import Clock
from keylease.errors import KeyleaseError, LeaseOver, Missing, NotApproved, NotYours, OtherKind, WrongMachine

log = logging.getLogger(__name__)

FOR_GOOD = (LeaseOver, Missing, NotApproved, NotYours, OtherKind, WrongMachine)
"""Failures after which this machine has no business with the lease; any other one may pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A session that is good now. `despite`: the failure to get a newer one, where there was one."""

    session: Session
    despite: KeyleaseError | None = None


class Renewing:
    """Gets sessions. `ask` asks the server, for a lease's id, and raises what the server refuses."""

    def __init__(self, *, cache: Cache, ask: Callable[[str], Session], clock: Clock) -> None:
        self._cache = cache
        self._ask = ask
        self._clock = clock

    def get(self, lease_id: str, *, ahead: timedelta = timedelta(), afresh: bool = False) -> Held:
        """A session that is good now, renewed where it is time for that, or so much `ahead` of it.

        Raises what the server refuses, `Unavailable` and `FileNotWritten`.
        """
        session = self._cache.read(lease_id)
        if session is not None and session.lasts(self._clock.now(), ahead):
            return Held(session=session)
        with self._cache.alone(lease_id):
            return self._alone(lease_id, ahead, afresh=afresh)

    def _alone(self, lease_id: str, ahead: timedelta, *, afresh: bool) -> Held:
        now = self._clock.now()
        before = self._cache.read(lease_id)
        if before is not None and before.lasts(now, ahead):
            return Held(session=before)  # somebody else got it while this one waited
        failure = None if afresh else self._cache.failure(lease_id, now)
        if failure is None:
            try:
                return Held(session=self._asked(lease_id))
            except KeyleaseError as refusal:
                failure = refusal
                self._cache.failed(lease_id, failure, now)
        if isinstance(failure, FOR_GOOD):
            self._cache.forget(lease_id)
        elif before is not None and now < before.valid_until:
            return Held(session=before, despite=failure)
        raise failure

    def _asked(self, lease_id: str) -> Session:
        session = self._ask(lease_id)
        self._cache.write(session)
        log.info("%s has credentials until %s", lease_id, session.expiration.isoformat())
        return session
