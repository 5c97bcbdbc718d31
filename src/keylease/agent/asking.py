"""Asking the server for a lease's next session, with this machine's proof.

The server takes a proof only from around the present. Where this machine's clock is off it refuses, and says what
time it is (the Date of its answer); then it is asked once more by its own clock, and the session knows how far off
this machine is.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from keylease.agent.session import NOTICED, Session, clock_warning
from keylease.domain.clock import Clock, from_text
from keylease.errors import KeyleaseError

if TYPE_CHECKING:
    from keylease.agent.proof import Prover
    from keylease.client import Client, Credentials

Connect = Callable[[str], AbstractContextManager["Client"]]
"""The server of a lease, as the person who is signed in there."""


class Asking:
    """Asks for sessions, by their lease's id."""

    def __init__(self, *, connect: Connect, prover: Prover, clock: Clock, seconds: int | None = None) -> None:
        self._connect = connect
        self._prover = prover
        self._clock = clock
        self._seconds = seconds

    def __call__(self, lease_id: str) -> Session:
        """The next session. Raises what the server refuses, and `Unavailable`."""
        with self._connect(lease_id) as client:
            try:
                answer = self._ask(client, lease_id, timedelta())
            except KeyleaseError as refusal:
                answer = self._asked_once_more(client, lease_id, refusal)
            return self._session(answer, self._behind(client))

    def move_here(self, lease_id: str) -> None:
        """Let the lease give its sessions to this machine from now on. Wants a fresh sign-in."""
        with self._connect(lease_id) as client:
            client.move_machine(lease_id, prove=partial(self._prover.prove, at=self._clock.now()))

    def _asked_once_more(self, client: Client, lease_id: str, refusal: KeyleaseError) -> Credentials:
        """The answer by the server's clock, where this machine's may be why it refused. Raises the refusal."""
        behind = self._behind(client)
        if not behind:
            raise refusal
        try:
            return self._ask(client, lease_id, behind)
        except KeyleaseError as failure:
            failure.hint = f"{failure.hint} {clock_warning(behind)}"
            raise

    def _ask(self, client: Client, lease_id: str, behind: timedelta) -> Credentials:
        prove = partial(self._prover.prove, at=self._clock.now() + behind)
        return client.session(lease_id, seconds=self._seconds, prove=prove)

    def _behind(self, client: Client) -> timedelta:
        """How far this machine's clock is behind the server's; nothing where the difference is that of the way."""
        if client.answered_at is None:
            return timedelta()
        behind = client.answered_at - self._clock.now()
        return behind if abs(behind) >= NOTICED else timedelta()

    def _session(self, answer: Credentials, behind: timedelta) -> Session:
        lease = answer.lease
        ends_at = min(from_text(lease["expires_at"]), from_text(lease["retire_at"] or lease["expires_at"]))
        return Session(
            lease_id=lease["id"],
            access_key_id=answer.access_key_id,
            secret_access_key=answer.secret_access_key,
            session_token=answer.session_token,
            expiration=min(from_text(answer.expiration), ends_at),
            ends_at=ends_at,
            account_id=answer.account_id,
            region=answer.region,
            fetched_at=self._clock.now(),
            behind=behind,
        )
