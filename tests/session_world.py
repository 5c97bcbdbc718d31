"""The company of world.py with permission sets that give sessions, and whatever went to somebody's machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from keylease.broker import Ask
from keylease.domain.access import PermissionSet, Principal
from keylease.domain.lease import Kind, Lease
from keylease.domain.until import Until
from keylease.session_leases import SessionLeases, Taken
from world import CATALOGUE, MARA, PRIYA, World

UPLOADS = PermissionSet(name="uploads", title="Upload to media-archive", role="media")
BOTH = PermissionSet(name="both", title="Upload with any tool", group="archive", role="media")
MEDIA = replace(CATALOGUE.grants[0], permission_sets=frozenset({"archive", "uploads", "both"}))
SESSIONS = replace(
    CATALOGUE,
    permission_sets={**CATALOGUE.permission_sets, "uploads": UPLOADS, "both": BOTH},
    grants=(MEDIA, *CATALOGUE.grants[1:]),
)
LAPTOP, OTHER = "thumbprint-of-the-laptop", "thumbprint-of-another-machine"


class SessionWorld(World):
    """Mara takes sessions on her laptop. `handed` are the ids of all that were handed to anybody, by lease."""

    def __init__(self) -> None:
        self.handed: dict[str, str] = {}
        super().__init__(catalogue=SESSIONS)
        self.cloud.roles.names.add("media")

    def start(self, *, trust_empty_ledger: bool = False) -> None:
        super().start(trust_empty_ledger=trust_empty_ledger)
        self.session_leases = SessionLeases(
            store=self.store, clouds=self.clouds, catalogue=self.catalogue, clock=self.clock
        )

    def asked(self, until: Until = timedelta(weeks=2), permission_set: str = "uploads", **more: object) -> Lease:
        """Asked for, not decided."""
        kind = more.get("kind")
        ask = Ask(account="main", permission_set=permission_set, until=until, reason="Winter masters")
        return self.broker.request(MARA, replace(ask, kind=kind if isinstance(kind, Kind) else None))

    def granted(self, until: Until = timedelta(weeks=2), **more: object) -> Lease:
        """Approved; no session was taken."""
        return self.broker.approve(PRIYA, self.asked(until, **more).id)

    def take(
        self, lease: Lease, by: Principal = MARA, machine: str = LAPTOP, wanted: timedelta | None = None
    ) -> Taken:
        """One more session."""
        taken = self.session_leases.take(by, lease.id, machine=machine, wanted=wanted)
        self.handed[taken.credentials.access_key_id] = lease.id
        return taken

    def running(self, until: Until = timedelta(weeks=2)) -> Taken:
        """A lease whose first session was taken."""
        return self.take(self.granted(until))

    def serves(self, taken: Taken) -> bool:
        """Whether AWS would serve this session now."""
        return self.cloud.accepts(taken.credentials.access_key_id)
