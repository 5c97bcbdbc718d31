"""The directory decides during the lease too.

A watch asks who of the owners of leases is still in the company's directory, and in one of the groups that the
lease's grant names. Whoever is gone loses the lease: what AWS holds is removed, what was only asked for or approved
is closed, and the person's sign-ins end. Each lease ends with the reason `directory`, and the audit trail holds the
directory's words. After the leases the sign-ins of everybody else are looked after (leaving.py).

Where the directory cannot be asked, nobody is gone. A lease whose grant is gone from the configuration, or whose
owner the grant names in person, rests on no group: then being there is enough.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from keylease.domain.access import Catalogue, who_is
from keylease.domain.clock import Clock
from keylease.domain.lease import EndReason, Lease, State
from keylease.ending import KEYLEASE, Ending, act, close
from keylease.errors import Conflict, DirectoryUnreachable, KeyleaseError, NotGranted, Unavailable
from keylease.leaving import SignInWatch
from keylease.ports import Cloud, Kept, LeaseQuery, People, Store

LIVE = frozenset({State.REQUESTED, State.APPROVED, State.ISSUING, State.ACTIVE})
"""What has not ended and is not about to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReport:
    """What a watch did: how many owners it asked for, who is gone by id and sentence, how many leases ended.

    `signed_out` are those who own nothing that ended, and whose sign-ins did.
    """

    people: int
    gone: Mapping[str, str] = field(default_factory=dict)
    signed_out: Mapping[str, str] = field(default_factory=dict)
    ended: int = 0
    failures: tuple[KeyleaseError, ...] = ()


class DirectoryWatch:
    """Looks after the owners of leases."""

    def __init__(
        self,
        *,
        store: Store,
        people: People,
        clouds: Mapping[str, Cloud],
        catalogue: Catalogue,
        clock: Clock,
        kept: Kept,
        keep_fences: bool = False,
    ) -> None:
        self._store = store
        self._people = people
        self._clouds = clouds
        self._catalogue = catalogue
        self._clock = clock
        self._sign_ins = SignInWatch(kept=kept, people=people, store=store, clock=clock, groups=catalogue.groups)
        self._keep_fences = keep_fences
        self.heard_at = clock.now()
        """When the directory has answered last to all that was asked; at first, when the watch began."""

    def run(self) -> WatchReport:
        """Ask once for everybody, and end what is to end. Raises what the ledger may fail with."""
        resting: dict[frozenset[str], list[Lease]] = defaultdict(list)
        for lease in self._store.find(LeaseQuery(states=LIVE, limit=1_000_000)):
            resting[self._rests_on(lease)].append(lease)
        people = len({lease.principal_id for leases in resting.values() for lease in leases})
        gone: dict[str, str] = {}
        signed_out: Mapping[str, str] = {}
        ended, failures = 0, list[KeyleaseError]()
        try:
            for groups, leases in resting.items():
                lost = self._people.gone({lease.principal_id: groups for lease in leases})
                gone |= lost
                ended += self._end_all((one for one in leases if one.principal_id in lost), lost, failures)
            signed_out = self._sign_ins.look()
            self.heard_at = self._clock.now()
        except DirectoryUnreachable as failure:
            failures.append(failure)
        return WatchReport(people=people, gone=gone, signed_out=signed_out, ended=ended, failures=tuple(failures))

    def _rests_on(self, lease: Lease) -> frozenset[str]:
        """The groups of which its owner must be in one; none where being there is enough."""
        grant = self._catalogue.grant(lease.grant)
        if grant is None or who_is(lease.principal_id)[1] in grant.who.subjects:
            return frozenset()
        return grant.who.groups

    def _end_all(self, leases: Iterable[Lease], lost: Mapping[str, str], failures: list[KeyleaseError]) -> int:
        """End these leases, whichever of them fails; how many have ended."""
        ended = 0
        for lease in leases:
            try:
                self._end(lease, lost[lease.principal_id])
                ended += 1
            except (Unavailable, Conflict, NotGranted) as failure:
                failures.append(failure)
        self._sign_ins.end(lost)
        return ended

    def _end(self, lease: Lease, why: str) -> None:
        """Say why, then end it. Where AWS is away the intent is written, and a pass goes on."""
        now, collected = self._clock.now(), lease.state not in {State.REQUESTED, State.APPROVED}
        if collected and lease.account not in self._clouds:
            raise NotGranted(f"The account {lease.account} is gone from the configuration.", hint="Put it back.")
        self._store.append(act("gone", lease, KEYLEASE, now, principal=lease.principal_id, why=why))
        if collected:
            self._ending(lease).end(lease, EndReason.DIRECTORY, KEYLEASE)
        else:
            close(self._store, lease, EndReason.DIRECTORY, actor=KEYLEASE, now=now)

    def _ending(self, lease: Lease) -> Ending:
        remover = self._clouds[lease.account].remover
        return Ending(store=self._store, remover=remover, clock=self._clock, keep_fences=self._keep_fences)
