"""calls_per_lease: how many calls to AWS it takes to issue an access key and to end its lease.

Counted on `keylease.testing.FakeCloud`, which acts in the same single calls as AWS, with a permission set that has
a probe. Two leases of one slot: the first has to make the fence, the second shares it; the second ends first and
leaves the fence, the first takes it along. What is remembered between leases (a group's facts) is not counted.

`LEAST` is what AWS itself asks for. A user is born with its boundary and tags in one call, but nothing joins a
group or makes an access key with it; a key is known to work once it was used. What keylease spends beyond that is
stated in `aws/confirm.py`: three answers in a row, and then the probe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from bench.company import ACCOUNT, APPROVER, OWNER, PERMISSION_SET, company
from bench.result import Result
from keylease.broker import Ask
from keylease.domain import until
from keylease.testing import FakeClock, FakeCloud, MemoryStore

LEAST: dict[str, tuple[str, ...]] = {
    "issue_new_slot": ("CreatePolicy", "CreateUser", "AddUserToGroup", "CreateAccessKey", "Probe"),
    "issue_shared_slot": ("CreateUser", "AddUserToGroup", "CreateAccessKey", "Probe"),
    "end_not_last": ("RemoveUserFromGroup", "DeleteAccessKey", "DeleteUser"),
    "end_last_of_slot": ("RemoveUserFromGroup", "DeleteAccessKey", "DeleteUser", "DeletePolicy"),
}
"""The least possible calls of each act, by AWS's names; the probe is one call of whatever the set allows."""

R = TypeVar("R")


class _Counting:
    """A company of which each act's calls are noted under its name."""

    def __init__(self) -> None:
        self.calls: dict[str, dict[str, int]] = {}
        self._cloud = FakeCloud(FakeClock())
        self._app = company(MemoryStore(), self._cloud)

    def play(self) -> None:
        """Issue two leases of one slot and end both."""
        first = self._count("issue_new_slot", self._issue)
        second = self._count("issue_shared_slot", self._issue)
        self._count("end_not_last", lambda: self._end(second))
        self._count("end_last_of_slot", lambda: self._end(first))

    def _issue(self) -> str:
        app = self._app
        owner = app.unsafe.principal(OWNER)
        ask = Ask(account=ACCOUNT, permission_set=PERMISSION_SET, until=until.parse("2w"), reason="Winter masters")
        lease = app.broker.request(owner, ask)
        app.broker.approve(app.unsafe.principal(APPROVER), lease.id)
        collected = app.broker.collect(owner, lease.id)
        app.broker.acknowledge(owner, lease.id, collected.access_key.access_key_id)
        return lease.id

    def _end(self, lease_id: str) -> None:
        self._app.broker.revoke(self._app.unsafe.principal(OWNER), lease_id)

    def _count(self, act: str, carry_out: Callable[[], R]) -> R:
        before = Counter(self._cloud.calls)
        done = carry_out()
        self.calls[act] = dict(self._cloud.calls - before)
        return done


def measure() -> Iterator[Result]:
    """One line: all four acts together. `acts` has each one's calls by name, and its own total beside the least."""
    counting = _Counting()
    counting.play()
    ours = sum(sum(calls.values()) for calls in counting.calls.values())
    least = sum(len(calls) for calls in LEAST.values())
    yield Result(
        name="calls_per_lease",
        value=ours,
        unit="calls",
        against="the least possible",
        ratio=round(ours / least, 3),
        more={"least": least, "acts": {act: _act(act, calls) for act, calls in counting.calls.items()}},
    )


def _act(act: str, calls: dict[str, int]) -> dict[str, object]:
    return {"value": sum(calls.values()), "least": len(LEAST[act]), "calls": calls}
