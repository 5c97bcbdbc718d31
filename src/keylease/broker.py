"""What people do with leases. One public method is one use case.

Each takes the principal who acts, checks what the rules say, and then: writes the intent, calls AWS, writes the
result. A refusal changes nothing. Permissions come from the group alone; the broker only decides who joins it,
behind which fence.

A new access key goes to its owner as the answer of `collect` and is nowhere else. The owner acknowledges it;
what is never acknowledged is taken away again by a pass, and can be collected anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from keylease.domain import access, until
from keylease.domain.access import Catalogue, Grant, PermissionSet, Principal, Request
from keylease.domain.clock import Clock, to_text
from keylease.domain.event import AuditEvent
from keylease.domain.lease import ENDED, IN_AWS, EndReason, Event, Kind, Lease, State, new_id
from keylease.domain.outlive import SHARED
from keylease.domain.until import Until
from keylease.domain.words import one_sentence
from keylease.ending import KEYLEASE, Ending, act, close, retire
from keylease.errors import (
    AlreadyCollected,
    AlreadyDecided,
    AwsThrottled,
    AwsUnreachable,
    BadReason,
    BeyondHorizon,
    Conflict,
    GroupMissing,
    LeaseOver,
    NobodyDecides,
    NoSuchLease,
    NotApproved,
    NotGranted,
    NotYours,
    OtherKind,
    RoleMissing,
    TooLong,
    TooManyOpen,
    Unavailable,
)
from keylease.granted import still_granted
from keylease.issuing import Collected, Issuing
from keylease.ports import Cloud, GroupFacts, LeaseQuery, Store
from keylease.visibility import Visibility

UNKNOWN = "AWS did not answer when this was asked for: what it allows that no fence can stop is not known."
MOST_OPEN = 50
"""Leases and requests that one person may have open, so that nobody's requests hide everybody else's."""
LONGEST_REASON = 200
"""Characters; a reason also stands in an IAM tag, which holds 256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What somebody asks for."""

    account: str
    permission_set: str
    until: Until
    reason: str
    renewal_of: str | None = None
    kind: Kind | None = None
    """None for the first that the permission set gives."""


class Broker:
    """The use cases, over a ledger and the accounts."""

    def __init__(
        self,
        *,
        store: Store,
        clouds: Mapping[str, Cloud],
        catalogue: Catalogue,
        clock: Clock,
        keep_fences: bool = False,
    ) -> None:
        self._store = store
        self._clouds = clouds
        self._catalogue = catalogue
        self._clock = clock
        self._keep_fences = keep_fences
        self._sight = Visibility(store=store, catalogue=catalogue)

    def request(self, principal: Principal, ask: Ask) -> Lease:
        """Ask for a lease. Approved at once where the grant says so.

        Raises `NotGranted`, `TooLong`, `InThePast`, `BadReason`, `SignInTooOld`.
        """
        now = self._clock.now()
        ttl = until.length(ask.until, now)
        permission_set = self._permission_set(ask)
        kind = _kind(permission_set, ask.kind)
        decision = access.decide(
            principal,
            Request(account=ask.account, permission_set=ask.permission_set, ttl=ttl),
            self._catalogue.grants,
        )
        if isinstance(decision, access.Deny):
            raise decision.reason
        _fresh(principal, decision.grant, now)
        self._must_be_decided_for(principal, decision.grant, permission_set, now)
        self._not_too_many(principal)
        facts = self._facts_for(ask.account, permission_set, kind, strict=decision.grant.automatic)
        lease = Lease(
            id=new_id(),
            kind=kind,
            state=State.REQUESTED,
            principal_id=principal.id,
            principal_name=principal.name,
            account=ask.account,
            permission_set=ask.permission_set,
            group=(permission_set.group or "") if kind is Kind.ACCESS_KEY else "",
            role=permission_set.role if kind is Kind.SESSION else None,
            share=permission_set.share,
            grant=decision.grant.name,
            reason=_reason(ask.reason, "what you need the access key for"),
            asked=ask.until,
            requested_at=now,
            expires_at=self._slot_end(ask.until, now),
            renewal_of=ask.renewal_of,
            warnings=_warnings(permission_set, facts),
        )
        _within(facts, lease.expires_at)
        self._store.add(
            lease,
            act("requested", lease, principal.id, now, until=until.write(ask.until), reason=lease.reason),
        )
        return self._approve_by_rule(lease, decision.grant, now) if decision.grant.automatic else lease

    def renew(
        self, principal: Principal, lease_id: str, *, until: Until | None = None, reason: str | None = None
    ) -> Lease:
        """Ask again for what a lease gave: a new request, a new user, a new access key.

        The old lease goes on; once the new key is collected it ends after the grace period, or at its own end.
        """
        old = self._own(principal, lease_id)
        length = (
            old.asked if isinstance(old.asked, timedelta) else old.expires_at - (old.decided_at or old.requested_at)
        )
        ask = Ask(
            account=old.account,
            permission_set=old.permission_set,
            until=until or length,
            reason=old.reason if reason is None else reason,
            renewal_of=old.id,
            kind=old.kind,
        )
        return self.request(principal, ask)

    def approve(self, approver: Principal, lease_id: str, *, until_at_most: Until | None = None) -> Lease:
        """Approve a request, perhaps for less than was asked.

        Raises `OwnRequest`, `NotApprover`, `AlreadyDecided`, `LeaseOver`, `TooLong`, `InThePast`, `SignInTooOld`.
        """
        now = self._clock.now()
        lease = self._undecided(approver, lease_id)
        _fresh(approver, self._catalogue.grant(lease.grant), now)
        ends = self._end(lease.asked, now)
        permission_set = still_granted(self._catalogue, lease, None, ends - now)
        if until_at_most is not None:
            shorter = self._slot_end(until_at_most, now)
            if shorter > ends:
                raise TooLong(f"They asked for an end at {to_text(ends)}; you can only shorten it.")
            ends = shorter
        _within(self._facts(lease.account, permission_set, lease.kind), ends)
        approved = lease.after(
            Event.APPROVE,
            expires_at=ends,
            approver_id=approver.id,
            approver_name=approver.name,
            decided_at=now,
        )
        self._store.save(approved, act("approved", approved, approver.id, now, expires_at=to_text(ends)))
        return approved

    def deny(self, approver: Principal, lease_id: str, *, reason: str) -> Lease:
        """Say no to a request, with a sentence for its owner. Raises as `approve` does, and `BadReason`."""
        now = self._clock.now()
        lease = self._undecided(approver, lease_id)
        denied = lease.after(
            Event.DENY,
            approver_id=approver.id,
            approver_name=approver.name,
            decided_at=now,
            decision_reason=_reason(reason, "why not"),
            ended_at=now,
        )
        self._store.save(denied, act("denied", denied, approver.id, now, reason=denied.decision_reason))
        return denied

    def collect(self, principal: Principal, lease_id: str) -> Collected:
        """Make the access key and hand it to its owner, once.

        Raises `NotYours`, `NotApproved`, `AlreadyCollected`, `LeaseOver`, `SignInTooOld` and what AWS may fail
        with; after any failure what was made is taken away again, at once or by the next pass, and the lease can
        be collected.
        """
        now = self._clock.now()
        lease = _collectable(self._own(principal, lease_id), now)
        _fresh(principal, self._catalogue.grant(lease.grant), now)
        permission_set = still_granted(self._catalogue, lease, principal, lease.expires_at - now)
        self._sight.must_be_as_written(lease)
        return self._issuing(lease).collect(lease, principal, permission_set.probe)

    def acknowledge(self, principal: Principal, lease_id: str, access_key_id: str) -> Lease:
        """The owner has the access key. Saying it twice is no error; a lease that this one renews is retired."""
        lease = self._own(principal, lease_id)
        if lease.state is State.ACTIVE and lease.access_key_id == access_key_id:
            retire(self._store, lease.renewal_of, grace=self._catalogue.renewal_grace, now=self._clock.now())
            return lease
        if lease.state is not State.ISSUING or lease.access_key_id != access_key_id:
            raise LeaseOver(
                "That access key was not acknowledged in time and was taken away.",
                hint="Collect the lease anew.",
            )
        now = self._clock.now()
        active = lease.after(Event.ACKNOWLEDGE)
        self._store.save(active, act("collected", active, principal.id, now, access_key_id=access_key_id))
        retire(self._store, lease.renewal_of, grace=self._catalogue.renewal_grace, now=now)
        return active

    def revoke(self, principal: Principal, lease_id: str) -> Lease:
        """End a lease early: its owner gives it back, an approver or administrator takes it away.

        Groups go first, so its sessions end too. When AWS is away the lease is left `revoking` for the next pass.
        """
        lease = self._sight.lease(principal, lease_id)
        mine = lease.principal_id == principal.id
        if not mine and not self._sight.may_revoke(principal, lease):
            raise NotYours(f"{lease.id} belongs to {lease.principal_name}.")
        if lease.state in ENDED:
            raise LeaseOver(f"{lease.id} has ended already.")
        reason = EndReason.RETURNED if mine else EndReason.REVOKED
        if lease.state is State.REQUESTED and mine:
            return self._withdraw(lease, principal)
        if lease.state not in IN_AWS:
            return close(self._store, lease, reason, actor=principal.id, now=self._clock.now())
        return self._end_now(lease, reason, principal)

    def warnings(self, account: str, permission_set: PermissionSet) -> tuple[str, ...]:
        """What must be said of a permission set to whoever asks for it; what AWS does not tell now is left out."""
        known = [self._facts_for(account, permission_set, kind, strict=False) for kind in permission_set.kinds]
        said = dict.fromkeys(words for facts in known for words in _warnings(permission_set, facts))
        return tuple(said)

    def known(self, lease_id: str) -> Lease | None:
        """A lease by its id, for keylease's own eyes; None where the ledger has none."""
        try:
            return self._store.get(lease_id)
        except NoSuchLease:
            return None

    @property
    def accounts(self) -> Sequence[str]:
        """The accounts by name, whichever of the two identities is held here."""
        return sorted(self._clouds)

    def horizons(self, only: str | None = None) -> Iterator[tuple[str, str, datetime]]:
        """Account, permission set and its group's or role's horizon, for all that a grant covers and AWS tells."""
        pairs = {(a, p) for grant in self._catalogue.grants for a in grant.accounts for p in grant.permission_sets}
        for account, name in sorted(pair for pair in pairs if only in (None, pair[0])):
            permission_set = self._catalogue.permission_sets.get(name)
            if permission_set is None or account not in self._clouds:
                continue
            for kind in permission_set.kinds:
                with suppress(Unavailable, GroupMissing, RoleMissing):
                    horizon = self._facts(account, permission_set, kind).horizon
                    if horizon is not None:
                        yield account, name, horizon

    def _end_now(self, lease: Lease, reason: EndReason, principal: Principal) -> Lease:
        ending = self._ending(lease)
        try:
            if lease.state in {State.REVOKING, State.STUCK}:
                return ending.remove(lease)
            return ending.end(lease, reason, principal.id)
        except (Unavailable, Conflict):
            after = self._store.get(lease.id)
            if after.version == lease.version:
                raise
            return after

    def _withdraw(self, lease: Lease, principal: Principal) -> Lease:
        now = self._clock.now()
        withdrawn = lease.after(Event.WITHDRAW, ended_at=now)
        self._store.save(withdrawn, act("withdrawn", withdrawn, principal.id, now))
        return withdrawn

    def _approve_by_rule(self, lease: Lease, grant: Grant, now: datetime) -> Lease:
        approved = lease.after(Event.APPROVE, approver_name=f"the grant {grant.name}", decided_at=now)
        self._store.save(
            approved, act("approved", approved, KEYLEASE, now, expires_at=to_text(approved.expires_at))
        )
        return approved

    def _facts(self, account: str, permission_set: PermissionSet, kind: Kind) -> GroupFacts:
        issuer = self._clouds[account].issuer if account in self._clouds else None
        if issuer is None:
            return GroupFacts()
        if kind is Kind.SESSION:
            return issuer.role_facts(permission_set.role or "")
        return issuer.group_facts(permission_set.group or "")

    def _facts_for(self, account: str, permission_set: PermissionSet, kind: Kind, *, strict: bool) -> GroupFacts:
        """Asking must be possible while AWS is away: whoever approves is told, and looks at the horizon again."""
        try:
            return self._facts(account, permission_set, kind)
        except (AwsUnreachable, AwsThrottled):
            if strict:
                raise
            return GroupFacts(warnings=(UNKNOWN,))

    def _must_be_decided_for(
        self, principal: Principal, grant: Grant, permission_set: PermissionSet, now: datetime
    ) -> None:
        """Before anything is sent: whether somebody could decide. That nobody could is on record, and told."""
        if grant.is_decided_for(principal):
            return
        details = {"grant": grant.name, "permission_set": permission_set.name, "name": principal.name}
        self._store.append(AuditEvent(at=now, action="nobody-decides", actor=principal.id, details=details))
        raise NobodyDecides(f"Nobody can approve {permission_set.title} for you, so nothing was sent.")

    def _not_too_many(self, principal: Principal) -> None:
        mine = LeaseQuery(principal_id=principal.id, states=frozenset(State) - ENDED, limit=MOST_OPEN)
        if len(self._store.find(mine)) == MOST_OPEN:
            raise TooManyOpen(f"You have {MOST_OPEN} leases and requests open.")

    def _permission_set(self, ask: Ask) -> PermissionSet:
        permission_set = self._catalogue.permission_sets.get(ask.permission_set)
        if permission_set is None or ask.account not in self._clouds:
            raise NotGranted(f"No grant lets you lease {ask.permission_set} in {ask.account}.")
        return permission_set

    def _own(self, principal: Principal, lease_id: str) -> Lease:
        lease = self._sight.lease(principal, lease_id)
        if lease.principal_id != principal.id:
            raise NotYours(f"{lease.id} belongs to {lease.principal_name}.")
        return lease

    def _undecided(self, approver: Principal, lease_id: str) -> Lease:
        lease = self._sight.lease(approver, lease_id)
        decision = access.may_decide(approver, lease.principal_id, self._catalogue.grant(lease.grant))
        if isinstance(decision, access.Deny):
            raise decision.reason
        if lease.state in {State.CLOSED, State.WITHDRAWN}:
            raise LeaseOver(f"{lease.id} was closed before anybody decided.")
        if lease.state is not State.REQUESTED:
            verb = "denied" if lease.state is State.DENIED else "approved"
            when = f" at {to_text(lease.decided_at)}" if lease.decided_at else ""
            raise AlreadyDecided(f"{lease.approver_name} {verb} {lease.id}{when}.")
        return lease

    def _issuing(self, lease: Lease) -> Issuing:
        issuer = self._clouds[lease.account].issuer if lease.account in self._clouds else None
        if issuer is None:
            raise NotGranted(f"This keylease does not issue in {lease.account}.", hint="Ask the server that does.")
        return Issuing(store=self._store, issuer=issuer, ending=self._ending(lease), clock=self._clock)

    def _end(self, asked: Until, now: datetime) -> datetime:
        """When a lease approved now ends. Raises `LeaseOver` where the instant asked for has come meanwhile."""
        if isinstance(asked, datetime) and asked - now < until.SHORTEST:
            raise LeaseOver("The end that was asked for has come meanwhile.")
        return self._slot_end(asked, now)

    def _slot_end(self, asked: Until, now: datetime) -> datetime:
        return until.slot_end(asked, now, slots=self._catalogue.slots)

    def _ending(self, lease: Lease) -> Ending:
        if lease.account not in self._clouds:
            raise NotGranted(f"The account {lease.account} is gone from the configuration.", hint="Put it back.")
        remover = self._clouds[lease.account].remover
        return Ending(store=self._store, remover=remover, clock=self._clock, keep_fences=self._keep_fences)


def _warnings(permission_set: PermissionSet, facts: GroupFacts) -> tuple[str, ...]:
    shared = (SHARED,) if permission_set.share else ()
    return (*permission_set.warnings, *shared, *facts.warnings)


def _fresh(signed_in: Principal, grant: Grant | None, now: datetime) -> None:
    """Refuse who signed in too long ago, or without a second factor, for what the grant demands of everybody."""
    decision = access.fresh_enough(signed_in, grant, now) if grant is not None else None
    if isinstance(decision, access.Deny):
        raise decision.reason


def _within(facts: GroupFacts, ends: datetime) -> None:
    if facts.horizon is not None and ends > facts.horizon:
        latest = to_text(facts.horizon)
        raise BeyondHorizon(f"This permission set allows nothing after {latest}: an end by then is possible.")


def _kind(permission_set: PermissionSet, wanted: Kind | None) -> Kind:
    if wanted is None:
        return permission_set.kinds[0]
    if wanted not in permission_set.kinds:
        raise NotGranted(f"{permission_set.name} gives leases of the kind {permission_set.kinds[0]} only.")
    return wanted


def _collectable(lease: Lease, now: datetime) -> Lease:
    if lease.kind is not Kind.ACCESS_KEY:
        raise OtherKind(f"{lease.id} gives sessions; there is no access key to collect.")
    match lease.state:
        case State.REQUESTED:
            raise NotApproved(f"Nobody has approved {lease.id} yet.")
        case State.DENIED:
            raise NotApproved(f"{lease.approver_name} denied {lease.id}: {lease.decision_reason}")
        case State.ISSUING | State.ACTIVE:
            collected = to_text(lease.issued_at) if lease.issued_at else "before"
            raise AlreadyCollected(f"The access key of {lease.id} was collected at {collected}.")
        case State.APPROVED if lease.expires_at > now:
            return lease
    raise LeaseOver(f"{lease.id} has ended.")


def _reason(text: str, what: str) -> str:
    if not text.split():
        raise BadReason(f"Say in one sentence {what}.", hint="One plain sentence is enough.")
    try:
        return one_sentence(text, longest=LONGEST_REASON)
    except ValueError as wrong:
        raise BadReason(f"The reason cannot be taken. {wrong}", hint="Write it in one plain sentence.") from None
