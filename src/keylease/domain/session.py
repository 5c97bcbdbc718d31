"""A session of a lease: what it is called, what goes with it, how long it lasts.

A lease of the kind session gives STS credentials that each last some minutes or hours and are asked for again as
long as the lease goes on. AWS ends them twice: by their own expiration, and by a session policy that denies
everything from the lease's end on. AWS gives none of less than a quarter of an hour, so near the end only the
policy keeps the lease from being stretched; it does so to the second.

- The *source identity* names the lease and nothing else. It cannot be changed once it is set, CloudTrail shows it
  with every call, and by it the sessions of one lease are refused (domain/ended_policy.py).
- The session's name is for people: it names the owner as an IAM user of an access key does.
- Tags say the same to policies that compare them with tags of resources.

Nothing here calls AWS. The lengths are AWS's (STS API reference, AssumeRole: 900 s to the role's own maximum of at
most 12 h; one hour where the caller's own credentials are a role's).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from keylease.domain.lease import EndReason, Lease, readable
from keylease.domain.role_policy import session_policy
from keylease.domain.status import ends_at

SHORTEST = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
CHAINED = timedelta(hours=1)
"""The most where a role assumes a role."""
SKEW = timedelta(minutes=5)
"""How far this machine's clock may be off at most: beyond it AWS takes no request of ours."""

LEASE_TAG = "keylease:lease"
PRINCIPAL_TAG = "keylease:principal"
"""The tags that a leased user has, too: policies that compare them hold for both kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTerms:
    """All that is said to AWS when a session is asked for. Tags are as people write them, not as IAM takes them."""

    role: str
    """A session role's name, without its path."""
    source_identity: str
    name: str
    tags: Mapping[str, str]
    policy: str
    length: timedelta


def terms(lease: Lease, *, longest: timedelta, wanted: timedelta | None, now: datetime) -> SessionTerms:
    """What the lease's next session is asked for with: never longer than wanted, allowed, or left.

    Less than AWS's shortest is asked for as that; the policy ends it all the same.
    """
    ends = ends_at(lease)
    length = min(longest, wanted or longest, ends - now)
    return SessionTerms(
        role=lease.role or "",
        source_identity=source_identity(lease),
        name=readable(lease),
        tags=tags(lease),
        policy=session_policy(ends),
        length=max(SHORTEST, length),
    )


def tags(lease: Lease) -> dict[str, str]:
    """The tags of each of its sessions, and of what these launch."""
    return {LEASE_TAG: lease.id, PRINCIPAL_TAG: lease.principal_id}


def source_identity(lease: Lease) -> str:
    """The mark of every session of this lease, and of no other: `keylease-L-4k7m9q2x`."""
    return f"keylease-{lease.id}"


def may_run(lease: Lease, now: datetime) -> bool:
    """Whether AWS may still serve a session of a lease that has ended early, if nothing refuses it.

    One that ended when its time was up needs nobody to refuse it.
    """
    if lease.sessions_until is None or lease.end_reason is EndReason.EXPIRED:
        return False
    return now < min(lease.sessions_until, lease.expires_at) + SKEW
