"""An account in ministack that an administrator puts guardrails on, seen from outside and told to fail.

made = guarded(ministack, tmp_path, CONFIGURATION)
made.apply(); made.plan(); made.state(); made.fail_at(7)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from aws.live import fresh_account
from keylease import settings
from keylease.aws.account import Account, Identity
from keylease.aws.clients import Clients
from keylease.baseline import applying, kept
from keylease.baseline.planning import Baseline, review
from keylease.domain.guardrail import Change, Left, Plan
from keylease.domain.secret import Secret
from keylease.errors import NothingKept
from keylease.ports import AccessKey
from keylease.sandbox.ministack import REGION, SECRET

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HORIZON = datetime(2027, 6, 1, tzinfo=UTC)
READS = ("Get", "List", "Describe")
ACCOUNT = """
[accounts.media]
id = "{id}"
endpoint_url = "{endpoint}"
issuer = {{ role_arn = "arn:aws:iam::{id}:role/keylease-broker/keylease-issuer" }}
remover = {{ role_arn = "arn:aws:iam::{id}:role/keylease-broker/keylease-remover" }}
"""


@dataclass
class Guarded:
    """One account. `writes` are the calls that change something, in order."""

    account: Account
    home: Path
    configuration: str
    writes: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    _failing: int | None = None

    def baseline(self, *adopt: str, configuration: str | None = None) -> Baseline:
        text = ACCOUNT.format(id=self.account.id, endpoint=self.account.endpoint_url)
        text += configuration or self.configuration
        return Baseline(
            settings=settings.parse(text, origin=self.home / "keylease.toml"),
            clients=self.clients,
            horizon=HORIZON,
            home=self.home,
            adopt=frozenset(adopt),
        )

    def plan(self, *adopt: str, configuration: str | None = None) -> Plan:
        return review(self.baseline(*adopt, configuration=configuration)).plan

    def apply(self, *adopt: str, configuration: str | None = None, force: bool = False) -> list[Change]:
        of = self.baseline(*adopt, configuration=configuration)
        digest = review(of).plan.digest
        return list(applying.apply(of, digest=digest, now=NOW, force=force))

    def go_on(self) -> None:
        """Plan and apply without a review in between."""
        of = self.baseline()
        for _ in applying._carried_out(of, review(of).plan, NOW):
            pass

    def roll_back(self, *, configuration: str | None = None) -> Plan:
        of = self.baseline(configuration=configuration)
        last = kept.last(self.home / of.settings.baseline.keep, of.account.id)
        plan = applying.undoing(of, last)
        steps = list(applying.take_back(of, last, plan))
        self.left = [step.key for step in steps if isinstance(step, Left)]
        return plan

    def roll_everything_back(self) -> None:
        try:
            while True:
                self.roll_back()
        except NothingKept:
            return

    @contextmanager
    def failing_at(self, number: int) -> Iterator[None]:
        """AWS denies the call of that number, of those that change something."""
        self._failing = number
        self.writes.clear()
        try:
            yield
        finally:
            self._failing = None

    def _called(self, name: str) -> None:
        if name.partition(".")[2].startswith(READS):
            self.reads.append(name)
            return
        if len(self.writes) == self._failing:
            self._failing = None
            answer = {"Error": {"Code": "AccessDenied", "Message": "told to"}, "ResponseMetadata": {}}
            raise ClientError(answer, name.partition(".")[2])  # type: ignore[arg-type]
        self.writes.append(name)

    def through(self, endpoint_url: str) -> Guarded:
        return Guarded(replace(self.account, endpoint_url=endpoint_url), self.home, self.configuration)

    @cached_property
    def admin(self) -> Any:
        return Clients(self.account, root(self.account.id)).iam()

    @cached_property
    def clients(self) -> Clients:
        return Clients(self.account, root(self.account.id), on_call=self._called)

    def state(self) -> Mapping[str, Any]:
        """Everything that IAM holds in the account, without ids and dates."""
        iam = self.admin
        whole = iam.get_account_authorization_details()
        found = {
            name: sorted(map(_plain, whole[name]), key=str) for name in whole if name.endswith(("List", "Policies"))
        }
        profiles = sorted(one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"])
        aliases = iam.list_account_aliases()["AccountAliases"]
        return found | {"profiles": profiles, "aliases": aliases, "passwords": _passwords(iam)}


def _plain(one: Any) -> Any:
    if isinstance(one, dict):
        dropped = {
            "Id",
            "RoleId",
            "GroupId",
            "PolicyId",
            "CreateDate",
            "UpdateDate",
            "VersionId",
            "DefaultVersionId",
        }
        kept_ = {name: _plain(value) for name, value in one.items() if name not in dropped}
        if "PolicyVersionList" in kept_:  # only the version in force matters
            kept_["PolicyVersionList"] = [v["Document"] for v in one["PolicyVersionList"] if v["IsDefaultVersion"]]
        return kept_
    return sorted(map(_plain, one), key=str) if isinstance(one, list) else one


def _passwords(iam: Any) -> Any:
    try:
        return iam.get_account_password_policy()["PasswordPolicy"]
    except iam.exceptions.NoSuchEntityException:
        return None


def root(account: str) -> Identity:
    return Identity(access_key=AccessKey(access_key_id=account, secret_access_key=Secret(SECRET)))


def guarded(endpoint: str, home: Path, configuration: str) -> Guarded:
    account = Account(id=fresh_account(), region=REGION, endpoint_url=endpoint)
    return Guarded(account, home, configuration)
