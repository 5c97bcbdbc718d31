"""Leases by the thousand, put where they belong in one step: in a ledger, and in an AWS in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from keylease.domain import iam
from keylease.domain.lease import Kind, Lease, State
from keylease.domain.secret import Secret
from keylease.store import Ledger
from keylease.store.schema import leases, to_row
from keylease.testing import FakeCloud, FakeUser

GROUP = "archive"
AT_ONCE = 5000


def active(number: int, account: str, ends: datetime) -> Lease:
    """The nth active lease of an account, issued a day ago."""
    began = ends - timedelta(weeks=2)
    return Lease(
        id=f"L-{account}{number:06d}"[:16],
        kind=Kind.ACCESS_KEY,
        state=State.ACTIVE,
        principal_id=f"dir#{number % 500}",
        principal_name=f"Person {number % 500}",
        account=account,
        permission_set="archive",
        group=GROUP,
        grant="media",
        reason="Winter masters",
        asked=timedelta(weeks=2),
        requested_at=began,
        expires_at=ends,
        issued_at=began,
        collections=1,
        user_name=f"person-{account}-{number}",
        access_key_id=f"AKIA{account}{number:08d}",
        fence=iam.fence(ends).name,
    )


def put(ledger: Ledger, made: Iterable[Lease]) -> None:
    """Write them as rows alone: the audit chain is not what is measured."""
    rows = [to_row(one) for one in made]
    with ledger.database.writing() as connection:
        for at in range(0, len(rows), AT_ONCE):
            connection.execute(sa.insert(leases), rows[at : at + AT_ONCE])


def hold(cloud: FakeCloud, made: Iterable[Lease]) -> None:
    """Let the AWS in memory hold what they gave."""
    cloud.groups.add(GROUP)
    for one in made:
        fence = iam.fence(one.expires_at)
        cloud.fences[fence.name] = fence.document
        access_keys = {one.access_key_id or "": Secret("fake")}
        user = FakeUser(fence.name, {"keylease:lease": one.id}, one.requested_at, {GROUP}, access_keys)
        cloud.users[one.user_name or ""] = user


def over(lease: Lease, ends: datetime) -> Lease:
    """The same, with another end."""
    return replace(lease, expires_at=ends, fence=iam.fence(ends).name)
