"""A company to measure with: its rules, three people, and an AWS in memory that answers at once.

The AWS is `keylease.testing.FakeCloud`, so what is measured is keylease and nothing of AWS: it shows at once what
was made, and who waits for it goes on at once. It was written for one thread; `SharedCloud` lets many use it, one
call at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from keylease.app import App, Beside, assemble
from keylease.domain.access import Probe
from keylease.domain.clock import SystemClock
from keylease.domain.iam import Fence
from keylease.ports import AccessKey, Cloud, Kept, SignIn, Store
from keylease.settings import Settings
from keylease.testing import FakeClock, FakeCloud
from keylease.testing_sign_ins import memory_kept
from keylease.testing_telling import memory_telling

OWNER, APPROVER, ADMINISTRATOR = "mara", "priya", "anna"
ACCOUNT, PERMISSION_SET, GROUP = "media", "media-archive", "media-archive"

_SETTINGS: dict[str, Any] = {
    "sign_in": {"allow_unsafe_people": True},
    "unsafe_people": {
        OWNER: {"name": "Mara Lind", "groups": ["media"]},
        APPROVER: {"name": "Priya Raman", "groups": ["leads"]},
        ADMINISTRATOR: {"name": "Anna Holm", "groups": ["platform"]},
    },
    "administrators": {"groups": ["platform"]},
    "accounts": {ACCOUNT: {"id": "123456789012"}},
    "permission_sets": {
        PERMISSION_SET: {
            "title": "Read, add and delete files in media-archive",
            "group": GROUP,
            "probe": {"service": "s3", "operation": "list_buckets"},
        },
    },
    "grants": {
        "media": {
            "groups": ["media"],
            "permission_sets": [PERMISSION_SET],
            "accounts": [ACCOUNT],
            "max_ttl": "4w",
            "approvers": {"groups": ["leads"]},
        },
    },
}


def company(store: Store, cloud: FakeCloud, kept: Kept | None = None, sign_in: SignIn | None = None) -> App:
    """keylease over this ledger and this AWS, both by the clock of the AWS.

    Sign-ins are kept in memory where nothing else is said, and people are those of the development sign-in.
    """
    cloud.groups.add(GROUP)
    both = Cloud(issuer=cloud, remover=cloud)
    settings = Settings(**_SETTINGS)
    return assemble(
        settings,
        store,
        {ACCOUNT: both},
        cloud.clock,
        beside=Beside(kept=kept or memory_kept(), telling=memory_telling()),
        sign_in=sign_in,
    )


class UnwaitingClock(FakeClock):
    """The machine's own time. Sleeping takes none of it."""

    def now(self) -> datetime:
        """The present instant."""
        return SystemClock().now()


class SharedCloud(FakeCloud):
    """A `FakeCloud` for many threads: whoever calls has it alone until the call is done."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self._alone = threading.RLock()

    def create_fence(self, fence: Fence) -> None:
        """CreatePolicy."""
        with self._alone:
            super().create_fence(fence)

    def create_user(self, user_name: str, fence: Fence, tags: Mapping[str, str]) -> bool:
        """CreateUser."""
        with self._alone:
            return super().create_user(user_name, fence, tags)

    def join_group(self, user_name: str, group: str) -> None:
        """AddUserToGroup."""
        with self._alone:
            super().join_group(user_name, group)

    def create_access_key(self, user_name: str) -> AccessKey:
        """CreateAccessKey."""
        with self._alone:
            return super().create_access_key(user_name)

    def confirm(self, access_key: AccessKey, probe: Probe | None) -> bool:
        """Three times GetCallerIdentity and the probe."""
        with self._alone:
            return super().confirm(access_key, probe)

    def remove_user(self, user_name: str, *, group: str | None = None, access_key_id: str | None = None) -> bool:
        """RemoveUserFromGroup, DeleteAccessKey, DeleteUser."""
        with self._alone:
            return super().remove_user(user_name, group=group, access_key_id=access_key_id)

    def delete_fence(self, name: str) -> bool:
        """DeletePolicy."""
        with self._alone:
            return super().delete_fence(name)
