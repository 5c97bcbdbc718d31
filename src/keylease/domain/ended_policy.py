"""The policy that refuses the sessions of leases that ended early.

AWS cannot take a session back. So each session role may carry one inline policy, `keylease-ended`, that denies
everything to the sessions of the leases it lists. It is made from the ledger alone and written as a whole; a lease
is on it for as long as a session of its own may run.

- A session is known by either of two marks, its source identity and its tag, each in a statement of its own: one
  that lacks a mark is refused by the other.
- There is no date in it: whatever is given to a lease that has ended is refused too, whenever that was.
- A role's inline policies hold 10,240 characters together (IAM quotas). Where a list grows too long for its share,
  everything that was given until the last of these leases had a session is refused, whoever has it: others get
  AccessDenied until their next session, which is better than a session that goes on.

A policy that only denies takes away and can give nothing. Nothing here calls AWS.
"""

from __future__ import annotations

from collections.abc import Iterable

from keylease.domain import clock
from keylease.domain.iam import canonical, deny, policy
from keylease.domain.lease import Lease
from keylease.domain.session import LEASE_TAG, SKEW, source_identity

NAME = "keylease-ended"
LIMIT = 8_192
"""Characters; the rest is left to inline policies of an administrator's own."""


def ended_policy(leases: Iterable[Lease]) -> str | None:
    """The policy that refuses the sessions of these leases, as canonical JSON; None where there are none."""
    ended = sorted(leases, key=lambda lease: lease.id)
    if not ended:
        return None
    by_name = _by_mark(ended)
    return by_name if len(by_name) <= LIMIT else _by_time(ended)


def _by_mark(ended: list[Lease]) -> str:
    marks = {
        "aws:SourceIdentity": [source_identity(lease) for lease in ended],
        f"aws:PrincipalTag/{LEASE_TAG}": [lease.id for lease in ended],
    }
    return canonical(policy(deny("*", {"StringEquals": {key: values}}) for key, values in marks.items()))


def _by_time(ended: list[Lease]) -> str:
    last = max(lease.last_session_at or lease.requested_at for lease in ended)
    until = clock.to_text(last + SKEW)
    return canonical(policy([deny("*", {"DateLessThan": {"aws:TokenIssueTime": until}})]))
