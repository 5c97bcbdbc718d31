"""What a pass over adopted users stands on.

`Users` is an account's users; every method may be repeated and then changes nothing more. `Notices` takes what an
owner is to hear, and returns only when it was handed over; what fails is tried again by the next pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from keylease.adopt.adoption import Holder, Promise
from keylease.adopt.decide import Notice


class Users(Protocol):
    """The users of an account, with an administrator's rights."""

    def adopted(self) -> Sequence[Holder]:
        """All users that have a promise, each with its keys."""
        ...

    def one(self, name: str) -> Holder | None:
        """One user, adopted or not; None where there is none."""
        ...

    def tag(self, name: str, tags: Mapping[str, str], *, without: Sequence[str] = ()) -> None:
        """Set tags, and take others away."""
        ...

    def fence(self, name: str, until: datetime) -> None:
        """Deny the user everything from an instant on; the boundary that it may have stays as it is."""
        ...

    def unfence(self, name: str) -> None:
        """Take our Deny away."""
        ...

    def switch(self, name: str, key_id: str, *, active: bool) -> None:
        """Activate or deactivate an access key. One that is gone stays gone."""
        ...

    def delete(self, name: str, key_id: str) -> None:
        """Delete an access key."""
        ...


class Notices(Protocol):
    """Tells owners."""

    def tell(self, notice: Notice, name: str, promise: Promise) -> None:
        """Hand one notice over."""
        ...
