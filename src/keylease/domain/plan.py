"""What a pass does: from what AWS holds and what the ledger says to a list of acts.

Level-triggered: `decide` looks at the state of things only, so any pass may be the first or the last, and a
crash anywhere leaves nothing that the next one does not find. AWS must be observed *before* the ledger is
read: an intent is written before AWS is called, so whatever is seen in AWS then has its intent in the ledger,
or has no lease at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keylease.domain import iam
from keylease.domain.ended_policy import ended_policy
from keylease.domain.lease import IN_AWS, EndReason, Kind, Lease, State
from keylease.domain.session import may_run
from keylease.domain.status import PATIENCE, Patience, closes_at
from keylease.domain.until import write

MOST_ORPHANS = 5
"""As many users without a lease are removed without asking; more, and a quarter of all, call for a person."""
LEASE_TAG = "keylease:lease"
"""The tag that every user which keylease makes is born with."""
LAG = timedelta(minutes=5)
"""How long IAM may go on not showing what was just made; longer than any measured delay (reference: seconds)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedUser:
    """An IAM user under `/keylease/`. `boundary` is the ARN of the boundary that it wears."""

    name: str
    boundary: str | None
    groups: frozenset[str]
    tags: Mapping[str, str]
    access_key_ids: frozenset[str] | None
    """None where they were not asked for this time: of many users only some are asked for each pass."""
    made_at: datetime | None = None
    policies: tuple[str, ...] = ()
    """The names of policies on the user itself; a leased user has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedFence:
    """A policy under `/keylease/fence/`. `worn`: at least one user has it as boundary."""

    name: str
    document: str
    worn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedRole:
    """A role under `/keylease/session/`: whether it wears a ceiling, and the policy that refuses its sessions."""

    name: str
    has_ceiling: bool
    ended: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Everything under keylease's paths in one account."""

    users: tuple[ObservedUser, ...] = ()
    fences: tuple[ObservedFence, ...] = ()
    roles: tuple[ObservedRole, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """Take the lease's user away and close the lease; the intent comes first."""

    lease: Lease
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Remove:
    """Go on with a removal whose intent is written."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Abandon:
    """Take away a key that its owner never acknowledged; the lease can be collected anew."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Close:
    """Close a lease of which AWS holds nothing."""

    lease: Lease
    reason: EndReason


@dataclass(frozen=True, slots=True)
class RemoveOrphan:
    """Take away a user that belongs to no lease."""

    user_name: str


@dataclass(frozen=True, slots=True)
class DeleteStrayKey:
    """Delete an access key that is not the one its user's lease knows."""

    lease: Lease
    access_key_id: str


@dataclass(frozen=True, slots=True)
class LeaveGroup:
    """Take a lease's user out of a group that is not its lease's."""

    lease: Lease
    group: str


@dataclass(frozen=True, slots=True)
class DropPolicies:
    """Take away the policies that somebody has put on a lease's user."""

    lease: Lease
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deactivate:
    """Take a user that keylease did not make out of its groups, and its own policies from it."""

    user_name: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retire:
    """Let a lease go after the grace period, since its renewal is in its owner's hands."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class DeleteFence:
    """Delete a fence that nobody wears and no lease needs."""

    name: str


@dataclass(frozen=True, slots=True)
class RefuseSessions:
    """Write anew which sessions of a role are refused: AWS shows something else than the ledger says."""

    role: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that no act of keylease's mends; a person must look."""

    what: str
    name: str
    sentence: str


Act = (
    End
    | Remove
    | Abandon
    | Close
    | RemoveOrphan
    | DeleteStrayKey
    | LeaveGroup
    | DropPolicies
    | Deactivate
    | Retire
    | DeleteFence
    | RefuseSessions
    | Alarm
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the configuration says of passes."""

    acknowledge_within: timedelta = timedelta(minutes=15)
    renewal_grace: timedelta = timedelta(days=3)
    patience: Patience = PATIENCE
    trust_ledger: bool = False
    """Remove users that the ledger does not know even where they are suspiciously many."""
    unknown_notice: timedelta = timedelta(hours=1)
    """How old a user that keylease did not make is when it is deactivated; at twice that age it is removed."""
    keep_fences_ahead: bool = False
    """An administrator makes fences ahead of need: leave those whose instant has not come."""
    stop_instances_after: timedelta | None = None
    """How long after its lease an instance is stopped; None for never."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One account at one moment."""

    observed: Observed
    leases: tuple[Lease, ...]
    """Every lease of the account that has not ended."""
    now: datetime
    rules: Rules = field(default_factory=Rules)


def decide(at: Situation) -> list[Act]:
    """The acts that make AWS and the ledger agree: removals that are due first, alarms last."""
    users = {user.name: user for user in at.observed.users}
    due = sorted(at.leases, key=lambda lease: lease.expires_at)
    acts = [act for lease in due for act in _for_lease(lease, at, users)]
    acts += _for_drift(at, users)
    acts += _for_renewals(at)
    acts += _for_roles(at)
    acts += _for_users(at)
    acts += _for_fences(at)
    return acts


def _for_lease(lease: Lease, at: Situation, users: Mapping[str, ObservedUser]) -> Iterator[Act]:
    over = lease.expires_at <= at.now
    match lease.state:
        case State.REQUESTED if closes_at(lease, at.rules.patience) <= at.now:
            yield Close(lease, EndReason.UNDECIDED)
        case State.APPROVED if closes_at(lease, at.rules.patience) <= at.now:
            yield Close(lease, EndReason.UNCOLLECTED)
        case State.ISSUING | State.ACTIVE if over:
            yield End(lease, EndReason.EXPIRED)
        case State.ACTIVE if lease.retire_at is not None and lease.retire_at <= at.now:
            yield End(lease, EndReason.RENEWED)
        case State.ISSUING if _since_issue(lease, at.now) >= at.rules.acknowledge_within:
            yield Abandon(lease)
        case State.ACTIVE if lease.kind is Kind.ACCESS_KEY and _since_issue(lease, at.now) >= LAG:
            yield from _for_active(lease, users)
        case State.REVOKING | State.STUCK if _is_due(lease, at.now):
            yield Remove(lease)


def _is_due(lease: Lease, now: datetime) -> bool:
    """A removal is; the end of a lease is not as long as a session of its own may run, which its role refuses."""
    return (lease.retry_at is None or lease.retry_at <= now) and not may_run(lease, now)


def _since_issue(lease: Lease, now: datetime) -> timedelta:
    return now - lease.issued_at if lease.issued_at else timedelta.max


def _for_active(lease: Lease, users: Mapping[str, ObservedUser]) -> Iterator[Act]:
    user = users.get(lease.user_name or "")
    known = user.access_key_ids if user else frozenset[str]()
    if known is None:
        return
    if lease.access_key_id not in known:
        yield End(lease, EndReason.GHOST)
        return
    for access_key_id in sorted(known - {lease.access_key_id}):
        yield DeleteStrayKey(lease, access_key_id)


def _for_drift(at: Situation, users: Mapping[str, ObservedUser]) -> Iterator[Act]:
    """Cut off what AWS would no longer end by itself: the fence is off, or is not what it should be.

    Nobody here can put a fence back. Where suddenly very many seem to be so, a person is asked.
    """
    active = [one for one in at.leases if one.state is State.ACTIVE and one.user_name in users]
    edited = {one.name for one in at.observed.fences if not iam.is_genuine(one.name, one.document)}
    adrift = [one for one in active if one.fence in edited or not _wears(users[one.user_name or ""], one)]
    cut = [one for one in adrift if one.expires_at > at.now and _since_issue(one, at.now) >= LAG]
    if _too_many(len(cut), len(active)) and not at.rules.trust_ledger:
        yield Alarm("drift", cut[0].account, f"{len(cut)} leases seem to have lost their fence: is this an error?")
        return
    yield from (End(lease, EndReason.DRIFT) for lease in cut)


def _wears(user: ObservedUser, lease: Lease) -> bool:
    return (user.boundary or "").endswith(f":policy{iam.FENCE_PATH}{lease.fence}")


def _for_renewals(at: Situation) -> Iterator[Act]:
    """Each lease whose renewal is active, and which nobody has told yet."""
    renewed = {lease.renewal_of for lease in at.leases if lease.state is State.ACTIVE}
    for lease in at.leases:
        untold = lease.id in renewed and lease.state is State.ACTIVE and lease.retire_at is None
        if untold and at.now + at.rules.renewal_grace < lease.expires_at:
            yield Retire(lease)


def _for_roles(at: Situation) -> Iterator[Act]:
    seen = {role.name: role for role in at.observed.roles}
    for role in sorted({lease.role for lease in at.leases if lease.role and lease.state in IN_AWS} | seen.keys()):
        ended = ended_policy(refused(at.leases, role, at.now))
        if role not in seen or not seen[role].has_ceiling:
            yield from _without_ceiling(role, at)
        elif seen[role].ended != ended:
            yield RefuseSessions(role)


def _without_ceiling(role: str, at: Situation) -> Iterator[Act]:
    """A role that no lease rests on is left to doctor."""
    if any(lease.role == role and lease.state in IN_AWS for lease in at.leases):
        yield Alarm(
            "ceiling", role, f"The session role {role} wears no ceiling: AWS cannot be told to refuse its sessions."
        )


def refused(leases: Iterable[Lease], role: str, now: datetime) -> list[Lease]:
    """Of all leases that have not closed, those whose sessions the role is to refuse."""
    ending = (lease for lease in leases if lease.role == role and lease.state in {State.REVOKING, State.STUCK})
    return [lease for lease in ending if may_run(lease, now)]


def _for_users(at: Situation) -> Iterator[Act]:
    owners = {lease.user_name: lease for lease in at.leases if lease.state in IN_AWS}
    unknown = [user for user in at.observed.users if user.name not in owners]
    orphans = [user.name for user in unknown if LEASE_TAG in user.tags]
    if _too_many(len(orphans), len(at.observed.users)) and not at.rules.trust_ledger:
        yield Alarm(
            "orphans", at.observed.users[0].name, f"{len(orphans)} users belong to no lease: is this an old ledger?"
        )
    else:
        yield from map(RemoveOrphan, orphans)
    yield from (act for user in unknown if LEASE_TAG not in user.tags for act in _for_stranger(user, at))
    for user in at.observed.users:
        if user.name in owners:
            yield from _for_leased(user, owners[user.name], at)


def _for_stranger(user: ObservedUser, at: Situation) -> Iterator[Act]:
    """A user that keylease did not make: told, deactivated after a notice, then removed."""
    notice = at.rules.unknown_notice
    age = at.now - user.made_at if user.made_at else 2 * notice
    if age >= 2 * notice:
        yield RemoveOrphan(user.name)
        return
    if age >= notice and (user.groups or user.policies):
        yield Deactivate(user.name, tuple(sorted(user.groups)))
    yield Alarm(
        "stranger",
        user.name,
        f"{user.name} lies under {iam.USER_PATH} and keylease did not make it. It is deactivated {write(notice)} "
        f"after it was made, and removed {write(2 * notice)} after. Give it another path if it is to stay.",
    )


def _too_many(orphans: int, users: int) -> bool:
    """More than a thief or a crash leaves, and about what a ledger restored from a backup does not know."""
    return orphans > MOST_ORPHANS and orphans * 4 > users


def _for_leased(user: ObservedUser, lease: Lease, at: Situation) -> Iterator[Act]:
    for group in sorted(user.groups - {lease.group}):
        yield LeaveGroup(lease, group)
        yield Alarm("group", user.name, f"{user.name} was in the group {group}, which its lease does not name.")
    if user.policies:
        yield DropPolicies(lease, user.policies)
        named = ", ".join(user.policies)
        yield Alarm("policy", user.name, f"{user.name} had policies of its own, which no lease gives: {named}.")
    if lease.state is State.ACTIVE and lease.group not in user.groups and _since_issue(lease, at.now) >= LAG:
        yield Alarm(
            "group-lost", user.name, f"{user.name} is no longer in the group {lease.group}: its key does nothing."
        )
    if not _wears(user, lease):
        yield Alarm("boundary", user.name, f"{user.name} does not wear its fence: nothing but keylease ends it.")


def _for_fences(at: Situation) -> Iterator[Act]:
    needed = {lease.fence for lease in at.leases if lease.state in IN_AWS}
    for fence in at.observed.fences:
        until = iam.fence_until(fence.name)
        ahead = at.rules.keep_fences_ahead and until is not None and until > at.now
        if not fence.worn and fence.name not in needed and not ahead:
            yield DeleteFence(fence.name)
        elif not iam.is_genuine(fence.name, fence.document):
            yield Alarm("fence", fence.name, f"The fence {fence.name} is not, byte by byte, what it should be.")
