"""Fences made ahead by an administrator: what is there, what is missing, and making it.

It may be run as often as anybody likes and makes only what is missing. What is there is compared byte by byte
first, and nothing is made beside a fence that somebody has edited. Nothing here deletes: a pass takes away what is
over. With which days there is a fence is for domain/ahead.py to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from keylease.aws import administration, inspector
from keylease.aws.clients import Clients
from keylease.domain import ahead, iam
from keylease.domain.iam import Fence
from keylease.errors import AwsQuota, FenceDiffers


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The fences that should be there in one account: how many are, and those that are missing."""

    there: int
    missing: tuple[Fence, ...]
    until: datetime
    """The last midnight that has one."""


def look(clients: Clients, now: datetime, until: datetime, *, share: bool) -> Ahead:
    """What is there and what is missing. Raises `FenceDiffers`, and `AwsQuota` where the rest does not fit.

    `share`: some permission set lets data be opened to others, so each day has a second fence.
    """
    wanted, present = tuple(ahead.fences(now, until, share=share)), administration.fences(clients)
    edited = [one.name for one in wanted if one.name in present and not iam.is_genuine(one.name, present[one.name])]
    if edited:
        raise FenceDiffers(f"{edited[0]} is not, byte by byte, what it should be ({len(edited)} in all).")
    missing = tuple(one for one in wanted if one.name not in present)
    _must_fit(clients, len(missing))
    return Ahead(there=len(wanted) - len(missing), missing=missing, until=until)


def _must_fit(clients: Clients, missing: int) -> None:
    for quota in inspector.quotas(clients):
        room = quota.limit - quota.used
        if quota.name == "Policies" and missing > room:
            raise AwsQuota(
                f"{missing:,} fences are missing, and of {quota.limit:,} policies {quota.used:,} are in use: "
                f"there is room for {room:,}.",
                hint="Name a nearer --until, or ask AWS for a higher quota (IAM, customer managed policies).",
            )


def make(clients: Clients, missing: tuple[Fence, ...]) -> Iterator[bool]:
    """Make them one by one, as they are done; False for one that somebody else has made meanwhile."""
    for one in missing:
        yield administration.make_fence(clients, one)
