"""Real servers and workers over a real AWS stand-in, killed at random while people use them.

    with under_fire(ministack, folder, store_url, servers=3, workers=3) as fire:
        fire.use(leases=200, at_once=8, kill_every=2.0)   people ask, approve, collect, renew and give back
        fire.settle()                                     everything runs once more, and a pass comes to its end
        fire.judge()                                      what must hold, as AWS and the ledger say it

`seed` makes the kills and the people the same again; what the machine does meanwhile it cannot.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from aws import live
from keylease.client import Client
from keylease.domain.access import Catalogue, Principal, Who
from keylease.domain.clock import SystemClock
from keylease.domain.lease import ENDED, IN_AWS, Lease, State
from keylease.errors import KeyleaseError
from keylease.ports import LeaseQuery
from keylease.sandbox.ministack import SECRET, Ministack
from keylease.store import open_ledger
from keylease.visibility import Visibility

OWNERS = tuple(f"owner{number}" for number in range(24))
PEOPLE = "\n".join(f'[unsafe_people.{one}]\nname = "{one}"\ngroups = ["media"]' for one in OWNERS)
CONFIGURATION = """
[server]
pass_every = "2s"
acknowledge_within = "5s"
[store]
url = "{store}"
[sign_in]
allow_unsafe_people = true
[accounts.media]
id = "{id}"
endpoint_url = "{endpoint}"
issuer = {{ role_arn = "{issuer}" }}
remover = {{ role_arn = "{remover}" }}
[permission_sets.archive]
title = "The archive"
group = "{group}"
[grants.media]
groups = ["media"]
permission_sets = ["archive"]
accounts = ["media"]
max_ttl = "4w"
approvers = {{ people = ["priya"] }}
[unsafe_people.priya]
name = "Priya"
"""
CLOCK = SystemClock()
ANSWER_WITHIN = 60.0
"""Seconds that a program has to begin; the machine may be busy."""
SETTLE_WITHIN = 90.0


@dataclass
class Program:
    """A server or a worker, which may be a new process each time one looks."""

    words: tuple[str, ...]
    folder: Path
    environment: dict[str, str]
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    kills: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "keylease", *self.words],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """SIGKILL: nothing of it gets a chance to end in order."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                return
            self.process.kill()
            self.process.wait()

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


@dataclass
class Fire:
    """The programs, and what people were told while they were killed."""

    live: live.LiveCloud
    store_url: str
    servers: list[Program]
    workers: list[Program]
    chance: random.Random
    held: dict[str, str] = field(default_factory=dict)
    """Access key by lease, of those that were acknowledged and nobody gave back."""
    collected: Counter[str] = field(default_factory=Counter)
    """How many answers with an access key each lease's collections have brought."""
    acts: Counter[str] = field(default_factory=Counter)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def kills(self) -> int:
        return sum(one.kills for one in (*self.servers, *self.workers))

    def start(self) -> None:
        for one in (*self.servers, *self.workers):
            one.start()
        _wait_for(lambda: all(one.answers() for one in self.servers), ANSWER_WITHIN, "the servers")

    def use(self, *, leases: int, at_once: int, kill_every: float, kills: int) -> None:
        """Let people use it while it is killed again and again, so often at most."""
        killer = threading.Thread(target=self._kill_on, args=(kill_every, kills))
        killer.start()
        try:
            with ThreadPoolExecutor(at_once) as pool:
                list(pool.map(self._lease, range(leases)))
        finally:
            self.ended.set()
            killer.join()

    def settle(self) -> None:
        """Everything runs again, collections that nobody acknowledged are over, and a pass has seen that."""
        for one in (*self.servers, *self.workers):
            if one.process is None or one.process.poll() is not None:
                one.start()
        _wait_for(self._is_settled, SETTLE_WITHIN, "the last pass")

    def judge(self) -> None:
        """What must hold, after whatever happened."""
        ledger = open_ledger(self.store_url)
        try:
            leases = ledger.find(LeaseQuery(limit=100_000))
            everybody = Catalogue(
                accounts={}, permission_sets={}, grants=(), administrators=Who(subjects=frozenset({"judge"}))
            )
            judge = Principal(issuer="test", subject="judge", name="Judge")
            assert Visibility(store=ledger, catalogue=everybody).verified(judge) is not None
            must_hold(leases, self.users(), self.held)
        finally:
            ledger.close()

    def users(self) -> dict[str, set[str]]:
        """The access keys of all users that AWS holds under keylease's path."""
        listed = self.live.admin.get_paginator("list_users").paginate(PathPrefix="/keylease/").build_full_result()
        return {one["UserName"]: self._keys(one["UserName"]) for one in listed["Users"]}

    def _keys(self, user: str) -> set[str]:
        with suppress(self.live.admin.exceptions.NoSuchEntityException):
            listed = self.live.admin.list_access_keys(UserName=user)["AccessKeyMetadata"]
            return {one["AccessKeyId"] for one in listed}
        return set()

    def _is_settled(self) -> bool:
        ledger = open_ledger(self.store_url)
        try:
            leases = ledger.find(LeaseQuery(limit=100_000))
        finally:
            ledger.close()
        under_way = {State.ISSUING, State.REVOKING, State.STUCK}
        if any(one.state in under_way for one in leases):
            return False
        wanted = {one.user_name for one in leases if one.state is State.ACTIVE}
        return wanted == set(self.users())

    def _kill_on(self, every: float, most: int) -> None:
        """Kill something each so many seconds, and start it again at once; seldom one that has only just begun."""
        while not self.ended.wait(every * self.chance.random()):
            victim = self.chance.choice([*self.servers, *self.workers])
            if victim.port and self.chance.random() < 0.8 and not victim.answers():
                continue
            victim.kill()
            victim.start()
            if self.kills == most:
                return

    def _lease(self, number: int) -> None:
        """One lease, as far as it gets; whoever fails looks again, as people do."""
        owner = OWNERS[number % len(OWNERS)]
        try:
            lease = self._try("request", owner, self._request)
            self._try("approve", "priya", lambda client: client.approve(lease["id"]))
            self._collect(owner, lease["id"])
            if number % 5 == 1:
                self.held.pop(lease["id"], None)
                self._try("revoke", owner, lambda client: client.revoke(lease["id"]))
            if number % 5 == 2:
                self._try("renew", owner, lambda client: client.renew(lease["id"]))
        except KeyleaseError as failure:
            self.acts[f"given up: {failure.code}"] += 1

    def _request(self, client: Client) -> Any:
        return client.request(permission_set="archive", account="media", until="2w", reason="Under fire")

    def _collect(self, owner: str, lease_id: str) -> None:
        """Collect by a double click: at two servers at once. What was received is acknowledged."""

        def collect(_: int) -> tuple[str, str] | None:
            try:
                got = self._once(owner, lambda client: client.collect(lease_id))
            except KeyleaseError as failure:
                self.acts[f"collect: {failure.code}"] += 1
                return None
            self.collected[lease_id] += 1
            return lease_id, got.access_key_id

        for _ in range(20):
            with ThreadPoolExecutor(2) as pool:
                got = [one for one in pool.map(collect, range(2)) if one is not None]
            assert len(got) <= 1, "a double click has collected twice"
            if got:
                self._acknowledge(owner, *got[0])
                return
            CLOCK.sleep(1.5)

    def _acknowledge(self, owner: str, lease_id: str, access_key_id: str) -> None:
        for _ in range(20):
            with suppress(KeyleaseError):
                self._once(owner, lambda client: client.acknowledge(lease_id, access_key_id))
                self.held[lease_id] = access_key_id
                self.acts["held"] += 1
                return
            CLOCK.sleep(0.5)

    def _try(self, name: str, person: str, act: Any, times: int = 40) -> Any:
        """Do it, again where it fails: a server may be dead, or an answer lost."""
        for left in reversed(range(times)):
            try:
                result = self._once(person, act)
            except KeyleaseError as failure:
                self.acts[f"{name}: {failure.code}"] += 1
                if failure.code in {"KL-404", "KL-405"} or not left:
                    if failure.code in {"KL-404", "KL-405"}:
                        return None  # done before, and the answer was lost
                    raise
                CLOCK.sleep(0.5)
            else:
                self.acts[name] += 1
                return result
        raise AssertionError

    def _once(self, person: str, act: Any) -> Any:
        with closing(Client(self.chance.choice(self.servers).address, person=person)) as client:
            return act(client)


def must_hold(leases: list[Lease], users: dict[str, set[str]], held: dict[str, str]) -> None:
    """No user that the ledger does not know, no second key, no lease lost, nothing of what has ended."""
    by_user = {one.user_name: one for one in leases if one.state in IN_AWS}
    for name, keys in users.items():
        assert name in by_user, f"{name} belongs to no lease"
        assert keys <= {by_user[name].access_key_id}, f"{name} has keys that its lease does not know"
    for lease in leases:
        assert lease.state not in ENDED or lease.user_name not in users, f"{lease.id} has ended and has a user"
        if lease.state is State.ACTIVE:
            assert users.get(lease.user_name or "") == {lease.access_key_id}, (
                f"{lease.id} is active without its key"
            )
    active = {one.id: one.access_key_id for one in leases if one.state is State.ACTIVE}
    for lease_id, access_key_id in held.items():
        assert active.get(lease_id) == access_key_id, f"{lease_id} was acknowledged and is lost"


@contextmanager
def under_fire(
    ministack: Ministack, folder: Path, store_url: str, *, servers: int, workers: int, seed: int
) -> Iterator[Fire]:
    """Start all of it; none is left when the block is. Without workers the servers pass by themselves."""
    at = live.cloud(ministack)
    text = CONFIGURATION.format(
        store=store_url,
        id=at.account.id,
        endpoint=at.account.endpoint_url,
        issuer=at.account.issuer.role_arn,
        remover=at.account.remover.role_arn,
        group=live.GROUP,
    )
    (folder / "keylease.toml").write_text(text + PEOPLE)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AWS_ACCESS_KEY_ID": at.account.id,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    serve = ("serve", *(("--workers", "0") if workers else ()))
    made = Fire(
        live=at,
        store_url=store_url,
        servers=[_server(serve, folder, environment) for _ in range(servers)],
        workers=[Program(("worker",), folder, environment) for _ in range(workers)],
        chance=random.Random(seed),  # noqa: S311 - the same kills again
    )
    try:
        made.start()
        yield made
    finally:
        for one in (*made.servers, *made.workers):
            one.end()


def _server(words: tuple[str, ...], folder: Path, environment: dict[str, str]) -> Program:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = {"KEYLEASE_SET_SERVER__LISTEN": f"127.0.0.1:{port}"}
    return Program(words, folder, environment | listen, port=port)


def _wait_for(holds: Any, seconds: float, what: str) -> None:
    until = CLOCK.now() + timedelta(seconds=seconds)
    while not holds():
        assert CLOCK.now() < until, f"{what} did not come within {seconds} s"
        CLOCK.sleep(0.3)
