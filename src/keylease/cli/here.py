"""This machine put together: what it knows, what it has cached, and how it gets the next session.

Used by every command that hands out a session, and loaded by `credential_process`, so nothing of Typer or Rich
may be imported from here.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keylease.agent import places
from keylease.agent.cache import Cache
from keylease.agent.machine import Machine
from keylease.agent.renewing import Renewing
from keylease.cli.connecting import connect
from keylease.domain.clock import Clock, SystemClock
from keylease.errors import BadProof, WrongMachine

if TYPE_CHECKING:
    from keylease.agent.asking import Asking
    from keylease.agent.session import Session
    from keylease.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """This machine. `server` and `person` are for leases of which it knows neither."""

    machine: Machine
    cache: Cache
    clock: Clock
    server: str | None = None
    person: str | None = None

    @property
    def renewing(self) -> Renewing:
        """Gets sessions."""
        return Renewing(cache=self.cache, ask=_Ask(self), clock=self.clock)

    def asking(self, *, anew: bool = False) -> Asking:
        """Asks the servers, with a new key pair if need be. What that needs is loaded here and not before."""
        from keylease.agent.asking import Asking
        from keylease.agent.proof import Prover, key_pair
        from keylease.agent.signed_in import Place

        pair = key_pair(Place.of_this_machine(), anew=anew)
        return Asking(connect=self.connect, prover=Prover(pair), clock=self.clock)

    def prepare(self) -> None:
        """Load what asking needs, so that the first who asks does not wait for it."""
        from keylease.agent import asking, proof, signed_in  # noqa: F401 - to load them is all that is wanted

        with self.connect(""):
            pass

    def connect(self, lease_id: str) -> AbstractContextManager[Client]:
        """The server of a lease."""
        known = self.machine.leases().get(lease_id)
        if known is None:
            return connect(self.server, person=self.person)
        return connect(known.server, person=known.person or self.person)


class _Ask:
    """Asks for sessions, and keeps what that needs: whoever renews again and again opens the key pair once."""

    def __init__(self, place: Here) -> None:
        self._place = place
        self._asking: Asking | None = None

    def __call__(self, lease_id: str) -> Session:
        asking = self._asking or self._place.asking()
        try:
            session = asking(lease_id)
        except (WrongMachine, BadProof):
            self._asking = None  # the key pair may have been made anew since
            raise
        self._asking = asking
        self._place.machine.set_region(lease_id, session.region)
        return session


def here(*, server: str | None = None, person: str | None = None) -> Here:
    """This machine."""
    return Here(
        machine=Machine(places.state()),
        cache=Cache(places.caches()),
        clock=SystemClock(),
        server=server,
        person=person,
    )
