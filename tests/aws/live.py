"""A real ministack for tests, and keylease's two identities in an account of it that nobody has used before.

    with server(folder) as ministack:                one process; take one for a whole session
        live = cloud(ministack)                      an account of its own; take one for each test
        live.issuer, live.remover, live.admin, live.calls

An account is a number: everything in ministack is kept by account, so tests that share a process do not meet.
"""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from keylease.aws.account import Account
from keylease.aws.clients import Clients
from keylease.aws.issuer import AwsIssuer
from keylease.aws.remover import AwsRemover
from keylease.domain import iam
from keylease.domain.access import Probe
from keylease.domain.clock import Clock, SystemClock
from keylease.sandbox import account as sandbox
from keylease.sandbox.ministack import Ministack, ministack

GROUP = sandbox.GROUP
USER = "mara.lind-4k7m9q2x"
TAGS = {"keylease:lease": "L-4k7m9q2x"}


@dataclass(frozen=True, kw_only=True)
class LiveCloud:
    """One account. `admin` is IAM as its root user sees it; `calls` are the requests of the two identities."""

    account: Account
    issuer: AwsIssuer
    remover: AwsRemover
    issuing: Clients
    removing: Clients
    root: Clients
    calls: list[str]

    @property
    def bucket(self) -> str:
        return f"{sandbox.BUCKET}-{self.account.id}"

    @property
    def probe(self) -> Probe:
        return Probe(service="s3", operation="list_objects_v2", parameters={"Bucket": self.bucket})

    @property
    def admin(self) -> Any:
        return self.root.iam()

    def through(self, endpoint_url: str, clock: Clock | None = None) -> LiveCloud:
        """The same account, reached by another address."""
        return connect(replace(self.account, endpoint_url=endpoint_url), self.root, clock)

    def with_clock(self, clock: Clock) -> LiveCloud:
        """The same account with another clock."""
        return connect(self.account, self.root, clock)

    def user(self, *, until: timedelta = timedelta(hours=12)) -> iam.Fence:
        """Make the user `USER` behind a fence, as a lease does. What this calls is not counted."""
        fence = iam.fence(SystemClock().now() + until)
        self.issuer.create_fence(fence)
        assert self.issuer.create_user(USER, fence, TAGS)
        self.issuer.join_group(USER, GROUP)
        self.calls.clear()
        return fence


def server(folder: Path) -> AbstractContextManager[Ministack]:
    """A ministack whose log goes to `folder`."""
    return ministack(folder / "ministack.log")


def cloud(running: Ministack, clock: Clock | None = None, *, horizon: timedelta = timedelta(days=90)) -> LiveCloud:
    """A new account, built like the sandbox's, and the identities in it. The horizon is so far from now."""
    root = sandbox.root(running, fresh_account())
    account = sandbox.build(
        root, horizon=SystemClock().now() + horizon, bucket=f"{sandbox.BUCKET}-{root.account.id}"
    )
    return connect(account, root, clock)


def connect(account: Account, root: Clients, clock: Clock | None = None) -> LiveCloud:
    """The identities of an account that was built."""
    calls: list[str] = []
    issuing = Clients(account, account.issuer, on_call=calls.append)
    removing = Clients(account, account.remover, on_call=calls.append)
    return LiveCloud(
        account=account,
        issuer=AwsIssuer(issuing, clock or SystemClock()),
        remover=AwsRemover(removing),
        issuing=issuing,
        removing=removing,
        root=root,
        calls=calls,
    )


def fresh_account() -> str:
    """An account id that no other test uses."""
    return str(100_000_000_000 + secrets.randbelow(900_000_000_000))
