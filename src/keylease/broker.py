"""What people do with leases. One public method is one use case.

Each takes the principal who acts, checks what the rules say, and then: writes the intent, calls AWS, writes the
result. A refusal changes nothing. Permissions come from the group alone; the broker only decides who joins it,
behind which fence.

A new access key goes to its owner as the answer of `collect` and is nowhere else. The owner acknowledges it;
what is never acknowledged is taken away again by a pass, and can be collected anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from keylease.domain import access, until
from keylease.domain.access import Catalogue, Grant, PermissionSet, Principal, Request
from keylease.domain.clock import Clock, to_text
from keylease.domain.lease import ENDED, IN_AWS, EndReason, Event, Kind, Lease, State, new_id
from keylease.domain.outlive import SHARED
from keylease.domain.until import Until
from keylease.ending import KEYLEASE, Ending, act, close
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
    NotApproved,
    NotGranted,
    NotYours,
    SetChanged,
    TooLong,
    Unavailable,
)
from keylease.issuing import Collected, Issuing
from keylease.ports import Cloud, GroupFacts, Store
from keylease.visibility import Visibility

UNKNOWN = "AWS did not answer when this was asked for: what it allows that no fence can stop is not known."
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

        Raises `NotGranted`, `TooLong`, `InThePast`, `BadReason`.
        """
        now = self._clock.now()
        ttl = until.length(ask.until, now)
        permission_set = self._permission_set(ask)
        decision = access.decide(
            principal,
            Request(account=ask.account, permission_set=ask.permission_set, ttl=ttl),
            self._catalogue.grants,
        )
        if isinstance(decision, access.Deny):
            raise decision.reason
        facts = self._facts_for(ask.account, permission_set, strict=decision.grant.automatic)
        lease = Lease(
            id=new_id(),
            kind=Kind.ACCESS_KEY,
            state=State.REQUESTED,
            principal_id=principal.id,
            principal_name=principal.name,
            account=ask.account,
            permission_set=ask.permission_set,
            group=permission_set.group,
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
            reason=reason or old.reason,
            renewal_of=old.id,
        )
        return self.request(principal, ask)

    def approve(self, approver: Principal, lease_id: str, *, until_at_most: Until | None = None) -> Lease:
        """Approve a request, perhaps for less than was asked.

        Raises `OwnRequest`, `NotApprover`, `AlreadyDecided`, `LeaseOver`, `TooLong`, `InThePast`.
        """
        now = self._clock.now()
        lease = self._undecided(approver, lease_id)
        ends = self._end(lease.asked, now)
        permission_set = self._still_granted(lease, None, ends - now)
        if until_at_most is not None:
            shorter = self._slot_end(until_at_most, now)
            if shorter > ends:
                raise TooLong(f"They asked for an end at {to_text(ends)}; you can only shorten it.")
            ends = shorter
        _within(self._facts(lease.account, permission_set), ends)
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

        Raises `NotYours`, `NotApproved`, `AlreadyCollected`, `LeaseOver` and what AWS may fail with; after any
        failure what was made is taken away again, at once or by the next pass, and the lease can be collected.
        """
        now = self._clock.now()
        lease = _collectable(self._own(principal, lease_id), now)
        permission_set = self._still_granted(lease, principal, lease.expires_at - now)
        return self._issuing(lease).collect(lease, principal, permission_set.probe)

    def acknowledge(self, principal: Principal, lease_id: str, access_key_id: str) -> Lease:
        """The owner has the access key. Saying it twice is no error; a lease that this one renews is retired."""
        lease = self._own(principal, lease_id)
        if lease.state is State.ACTIVE and lease.access_key_id == access_key_id:
            self._retire(lease.renewal_of, self._clock.now())
            return lease
        if lease.state is not State.ISSUING or lease.access_key_id != access_key_id:
            raise LeaseOver(
                "That access key was not acknowledged in time and was taken away.",
                hint="Collect the lease anew.",
            )
        now = self._clock.now()
        active = lease.after(Event.ACKNOWLEDGE)
        self._store.save(active, act("collected", active, principal.id, now, access_key_id=access_key_id))
        self._retire(lease.renewal_of, now)
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
        return _warnings(permission_set, self._facts_for(account, permission_set, strict=False))

    def horizons(self) -> Iterator[tuple[str, str, datetime]]:
        """Account, permission set and its group's horizon, for all that a grant covers and AWS tells."""
        pairs = {(a, p) for grant in self._catalogue.grants for a in grant.accounts for p in grant.permission_sets}
        for account, name in sorted(pairs):
            permission_set = self._catalogue.permission_sets.get(name)
            if permission_set is None or account not in self._clouds:
                continue
            try:
                horizon = self._facts(account, permission_set).horizon
            except (Unavailable, GroupMissing):
                continue
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

    def _facts(self, account: str, permission_set: PermissionSet) -> GroupFacts:
        issuer = self._clouds[account].issuer if account in self._clouds else None
        if issuer is None:
            return GroupFacts()
        return issuer.group_facts(permission_set.group)

    def _facts_for(self, account: str, permission_set: PermissionSet, *, strict: bool) -> GroupFacts:
        """Asking must be possible while AWS is away: whoever approves is told, and the horizon looked at again."""
        try:
            return self._facts(account, permission_set)
        except (AwsUnreachable, AwsThrottled):
            if strict:
                raise
            return GroupFacts(warnings=(UNKNOWN,))

    def _permission_set(self, ask: Ask) -> PermissionSet:
        permission_set = self._catalogue.permission_sets.get(ask.permission_set)
        if permission_set is None or ask.account not in self._clouds:
            raise NotGranted(f"No grant lets you lease {ask.permission_set} in {ask.account}.")
        return permission_set

    def _still_granted(self, lease: Lease, owner: Principal | None, ttl: timedelta) -> PermissionSet:
        """What the configuration says now counts, for the rest of the time; of the owner too, where present."""
        permission_set = self._catalogue.permission_sets.get(lease.permission_set)
        grant = self._catalogue.grant(lease.grant)
        request = Request(account=lease.account, permission_set=lease.permission_set, ttl=ttl)
        granted = grant is not None and (grant.covers(owner, request) if owner else grant.gives(request))
        if permission_set is None or grant is None or not granted:
            raise NotGranted(f"The configuration no longer grants {lease.permission_set} in {lease.account}.")
        if ttl > grant.max_ttl:
            raise TooLong(f"At most {until.write(grant.max_ttl)} is possible for {lease.permission_set} by now.")
        if (permission_set.group, permission_set.share) != (lease.group, lease.share):
            raise SetChanged(
                f"The permission set {lease.permission_set} was changed since {lease.id} was asked for."
            )
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
            raise AlreadyDecided(f"{lease.approver_name} {verb} {lease.id} already.")
        return lease

    def _retire(self, lease_id: str | None, now: datetime) -> None:
        if lease_id is None:
            return
        old = self._store.get(lease_id)
        retire_at = now + self._catalogue.renewal_grace
        if old.state is State.ACTIVE and old.retire_at is None and retire_at < old.expires_at:
            retiring = old.after(Event.RETIRE, retire_at=retire_at)
            self._store.save(retiring, act("retiring", retiring, KEYLEASE, now, retire_at=to_text(retire_at)))

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


def _within(facts: GroupFacts, ends: datetime) -> None:
    if facts.horizon is not None and ends > facts.horizon:
        latest = to_text(facts.horizon)
        raise BeyondHorizon(f"This permission set allows nothing after {latest}: an end by then is possible.")


def _collectable(lease: Lease, now: datetime) -> Lease:
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
    reason = " ".join(text.split())
    if not reason:
        raise BadReason(f"Say in one sentence {what}.")
    if len(reason) > LONGEST_REASON:
        raise BadReason(f"The reason has {len(reason)} characters; at most {LONGEST_REASON} fit.")
    return reason
