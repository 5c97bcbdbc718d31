"""The main job, for real: from a request to an access key that AWS refuses, with keylease switched off.

Every step is done as people do it, over HTTP and with AWS's own clients, against an AWS that runs here, and every
claim is observed from outside: by using the key, by asking AWS with the administrator's credentials, by looking at
the machine's processes and at every file that keylease has written. What was not seen is a failure.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from keylease.client import Client, Collected
from keylease.domain import clock as times
from keylease.domain.clock import Clock
from keylease.errors import AlreadyCollected, KeyleaseError, OwnRequest, TooLong
from keylease.sandbox import company as sandbox_company
from keylease.sandbox import tools
from keylease.sandbox.account import BUCKET, root
from keylease.sandbox.company import Company
from keylease.sandbox.ministack import Ministack, ministack
from keylease.sandbox.user import User

LIFE = timedelta(seconds=40)
PROBE_EVERY = 0.5
WATCH_AFTER = timedelta(seconds=4)
"""How long the key goes on being tried once its time is up."""

Tell = Callable[[str, float, str], None]
"""Is told each step: its name, seconds since the start, what was seen."""


class NotSeen(Exception):
    """A step of the demo did not show what it should; the text says what."""


@dataclass(slots=True)
class Sighting:
    """What the demo saw. The fields are those of `keylease demo --json`."""

    expires_at: str = ""
    last_success_at: str = ""
    first_refusal_at: str = ""
    refusal_error: str = ""
    expiry_lag_seconds: float = -1.0
    """From `expires_at` to the first refused probe; probes are half a second apart."""
    successes_after_expiry: int = -1
    keylease_processes_at_expiry: int = -1
    """Processes of this company's keylease; the demo that watches is none of them."""
    user_gone: bool = False
    fence_gone: bool = False
    membership_gone: bool = False
    end_reason: str = ""
    audit_chain_ok: bool = False
    audit_records: int = 0
    secret_found_at_rest: bool = True
    files_searched: int = 0
    steps: list[dict[str, str | float]] = field(default_factory=list)
    failure: str | None = None


def run(clock: Clock, tell: Tell) -> Sighting:
    """Run the demo. What it saw comes back; `failure` says what it did not see."""
    seen = Sighting()
    began = clock.now()

    def step(name: str, sentence: str) -> None:
        seconds = (clock.now() - began).total_seconds()
        seen.steps.append({"name": name, "seconds": seconds, "seen": sentence})
        tell(name, seconds, sentence)

    with tempfile.TemporaryDirectory(prefix="keylease-demo-") as folder:
        home = Path(folder)
        try:
            with ministack(home / "aws.log") as aws:
                _Demo(sandbox_company.found(home, aws, clock), aws, clock, step, seen).play()
        except (NotSeen, KeyleaseError, subprocess.SubprocessError, OSError) as failure:
            seen.failure = f"{type(failure).__name__}: {failure}"
    return seen


class _Demo:
    """The steps in their order."""

    def __init__(
        self, company: Company, aws: Ministack, clock: Clock, step: Callable[[str, str], None], seen: Sighting
    ) -> None:
        self._company = company
        self._aws = aws
        self._clock = clock
        self._step = step
        self._seen = seen

    def play(self) -> None:
        self._step("account", f"an AWS account with the bucket {BUCKET} and the permission set media-archive")
        with self._company.server(self._clock):
            lease_id, expires_at = self._ask_and_approve()
            collected = self._collect(lease_id)
            user = User(collected, self._aws.endpoint)
            self._use(user)
        self._shut_down()
        self._watch(user, expires_at)
        self._clean_up(collected)
        self._look_back(lease_id)
        self._search(collected)

    def _ask_and_approve(self) -> tuple[str, datetime]:
        with _person(self._company, "mara") as mara, _person(self._company, "priya") as priya:
            ask = {
                "permission_set": "media-archive",
                "account": "media",
                "reason": "Winter masters for the archive",
            }
            _refused(TooLong, lambda: mara.request(until="8w", **ask))
            own = priya.request(until="1h", **ask)
            _refused(OwnRequest, lambda: priya.approve(own["id"]))
            priya.revoke(own["id"])
            until = times.to_text(self._clock.now() + LIFE)
            lease = mara.request(until=until, **ask)
            self._step("request", f"Mara asks for media-archive until {until}; eight weeks were refused")
            lease = priya.approve(lease["id"])
            self._step("approve", "Priya approves; approving her own request was refused")
        self._seen.expires_at = lease["expires_at"]
        return lease["id"], times.from_text(lease["expires_at"])

    def _collect(self, lease_id: str) -> Collected:
        with _person(self._company, "mara") as mara:
            collected = mara.collect(lease_id)
            _must(collected.ready, "AWS accepts the new access key")
            mara.acknowledge(lease_id, collected.access_key_id)
            _refused(AlreadyCollected, lambda: mara.collect(lease_id))
        self._step("collect", f"Mara collects {collected.access_key_id}, once; a second time was refused")
        return collected

    def _use(self, user: User) -> None:
        user.put("demo.txt")
        _must("demo.txt" in user.listed(), "the object that was put is listed")
        self._step("use", "boto3 puts an object and lists it")
        _must("demo.txt" in user.listed_by_cli(), "the AWS CLI lists the object")
        self._step("use-cli", f"{Path(tools.program('aws')).name} s3 ls shows it too")

    def _shut_down(self) -> None:
        left = keylease_processes(self._company.home, self._aws.pid)
        _must(not left, f"no process of keylease's is left ({left})")
        self._step("shut-down", "keylease is shut down: no process of it is left")

    def _watch(self, user: User, expires_at: datetime) -> None:
        """Try the key every half second, by the AWS's own clock's second, until it has been refused for a while."""
        self._step("watch", f"the key is tried every half second until {times.to_text(expires_at)} and after")
        successes: list[datetime] = []
        refusals: list[tuple[datetime, str]] = []
        told = False
        while self._clock.now() < expires_at + WATCH_AFTER:
            asked = self._clock.now()
            refusal = user.refused()
            if refusal is None:
                successes.append(asked)
            else:
                refusals.append((self._clock.now(), refusal))
            if not told and asked >= expires_at:
                told, self._seen.keylease_processes_at_expiry = (
                    True,
                    len(keylease_processes(self._company.home, self._aws.pid)),
                )
            self._clock.sleep(PROBE_EVERY)
        self._judge(expires_at, successes, refusals)

    def _judge(self, expires_at: datetime, successes: list[datetime], refusals: list[tuple[datetime, str]]) -> None:
        _must(bool(successes), "the key goes on working with keylease switched off")
        _must(bool(refusals), "AWS refuses the key at the end")
        first, error = refusals[0]
        seen = self._seen
        seen.last_success_at, seen.first_refusal_at = times.to_text(successes[-1]), times.to_text(first)
        seen.refusal_error = error
        seen.expiry_lag_seconds = (first - expires_at).total_seconds()
        seen.successes_after_expiry = sum(at >= expires_at for at in successes)
        self._step(
            "expire", f"it works until {seen.last_success_at}; from {seen.first_refusal_at} on AWS says {error}"
        )
        _must(seen.keylease_processes_at_expiry == 0, "no process of keylease's ran at the end")
        _must(seen.successes_after_expiry == 0, "no success at or after expires_at")
        _must(0 <= seen.expiry_lag_seconds <= 1, f"refused within a second ({seen.expiry_lag_seconds} s)")

    def _clean_up(self, collected: Collected) -> None:
        done = self._company.run("reconcile", "--once", "--json")
        _must(done.returncode == 0, f"a pass runs ({done.stderr})")
        iam = root(self._aws).iam()
        users = [user["UserName"] for user in iam.list_users()["Users"]]
        self._seen.user_gone = collected.lease["user_name"] not in users
        self._seen.fence_gone = not iam.list_policies(Scope="Local", PathPrefix="/keylease/fence/")["Policies"]
        self._seen.membership_gone = not iam.get_group(GroupName="media-archive")["Users"]
        _must(self._seen.user_gone, "the user is gone")
        _must(self._seen.fence_gone, "the fence is gone")
        _must(self._seen.membership_gone, "the group membership is gone")
        self._step("clean-up", "keylease starts again; one pass removes the user, the fence and the membership")

    def _look_back(self, lease_id: str) -> None:
        with self._company.server(self._clock), _person(self._company, "anna") as anna:
            lease, chain = anna.lease(lease_id), anna.verify()
        self._seen.end_reason = lease["end_reason"] or ""
        _must((lease["state"], lease["end_reason"]) == ("closed", "expired"), "the lease is closed as expired")
        self._step("closed", "the lease is closed with end_reason = expired")
        self._seen.audit_chain_ok, self._seen.audit_records = chain["ok"], chain["records"]
        _must(chain["ok"], "the audit chain holds")
        self._step("audit", f"the audit chain holds over {chain['records']} records")

    def _search(self, collected: Collected) -> None:
        home = self._company.home
        places = list(search(home, collected.secret_access_key.reveal()))
        self._seen.secret_found_at_rest = bool(places)
        self._seen.files_searched = sum(path.is_file() for path in home.rglob("*"))
        _must(not places, f"the secret is nowhere at rest ({places})")
        _must((home / "keylease.db").exists(), "the ledger is among the files searched")
        self._step(
            "search", f"the secret is in none of {self._seen.files_searched} files: ledger, logs, configuration"
        )


def keylease_processes(home: Path, aws: int) -> list[int]:
    """What is left of keylease: whatever this demo started but its AWS, and whatever works on its folder."""
    started = {process.pid for process in psutil.Process().children(recursive=True)}
    working = {process.pid for process in psutil.process_iter() if _works_on(home, process)}
    return sorted((started | working) - {aws, os.getpid()})


def _works_on(home: Path, process: psutil.Process) -> bool:
    try:
        return any(str(home) in word for word in process.cmdline()) or process.cwd() == str(home)
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return False


def search(home: Path, secret: str) -> Iterator[Path]:
    """The files below `home` in which the secret stands, as it is or in base64 or hex."""
    plain = secret.encode()
    forms = [plain, plain.hex().encode(), base64.b64encode(plain).rstrip(b"="), json.dumps(secret).encode()[1:-1]]
    for path in sorted(home.rglob("*")):
        if path.is_file() and any(form in path.read_bytes() for form in forms):
            yield path


@contextmanager
def _person(company: Company, name: str) -> Iterator[Client]:
    client = Client(company.address, person=name)
    try:
        yield client
    finally:
        client.close()


def _must(seen: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence where it is called
    if not seen:
        raise NotSeen(f"not seen: {what}")


def _refused(refusal: type[KeyleaseError], act: Callable[[], object]) -> None:
    try:
        act()
    except refusal:
        return
    raise NotSeen(f"not seen: a refusal with {refusal.code}")
