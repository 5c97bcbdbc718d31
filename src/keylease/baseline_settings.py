"""The `[baseline]` part of the configuration: which guardrails an account gets, and how they are set.

Every guardrail is a switch with a default that is safe for a small company. What needs a word from the company
first (who is trusted, where mail goes, which regions) is off until that word is there. `parts` says what the
baseline looks at at all: what it does not look at it neither makes nor takes away.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Part = Literal[
    "trace", "cost", "people", "sets", "broker", "launch", "settled", "ec2", "federation", "organization"
]
Arn = Annotated[str, Field(pattern=r"^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws|\*)?:.+$")]
Names = tuple[str, ...]


class Rules(BaseModel):
    """A part of the file: an unknown name in it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PasswordRules(Rules):
    """What passwords of IAM users must be; CIS asks for 14 characters and no reuse of the last 24."""

    enabled: bool = True
    length: int = Field(default=14, ge=6, le=128)
    remembered: int = Field(default=24, ge=0, le=24)
    expires_days: int = Field(default=0, ge=0, le=1095)


class PeopleRules(Rules):
    """Who administers the account, and MFA."""

    administrators: bool = True
    mfa: Literal["strict", "spares-keys", "off"] = "spares-keys"
    mfa_groups: Names = ()
    break_glass: tuple[Arn, ...] = ()
    boundary: bool = False
    passwords: PasswordRules = PasswordRules()
    alias: str | None = Field(default=None, pattern=r"^[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])$")


class SetRules(Rules):
    """What the permission set of the same name gives; its group and role are named in `[permission_sets]`."""

    gives: Literal[
        "read-only", "buckets", "ec2-launch", "billing", "databases", "power-user", "administrator", "policy"
    ]
    buckets: Names = ()
    prefix: str = ""
    write: bool = True
    policy: Path | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Each kind has what it needs, and nothing that would say nothing."""
        if (self.gives == "buckets") != bool(self.buckets):
            raise ValueError('buckets go with gives = "buckets", and only with that')
        if (self.gives == "policy") != (self.policy is not None):
            raise ValueError('policy goes with gives = "policy", and only with that')
        return self


class BrokerRules(Rules):
    """The issuer's and the remover's own roles, made only where somebody is trusted with them."""

    trusted: tuple[Arn, ...] = ()
    external_id: str | None = Field(default=None, min_length=2)


class LaunchRoleRules(Rules):
    """A role that leases may pass to what they launch: its policy, and AWS's own that it gets besides."""

    policy: Path | None = None
    managed: tuple[Arn, ...] = ()


class Ec2Rules(Rules):
    """EC2's defaults in the regions that are looked at."""

    imdsv2: bool = True
    encrypted_disks: bool = True


class TraceRules(Rules):
    """Who did what: a trail into a protected bucket, Config, Access Analyzer."""

    trail: bool = True
    bucket: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    keep_days: int = Field(default=400, ge=90)
    lock: Literal["governance", "compliance", "none"] = "governance"
    lock_days: int = Field(default=365, ge=1)
    data_events: bool = False
    config: bool = False
    analyzer: bool = True


class CostRules(Rules):
    """Alarms when it costs more: needs an amount and somebody to tell."""

    monthly_usd: int = Field(default=0, ge=0)
    tell: Names = ()
    anomaly_usd: int = Field(default=0, ge=0)
    brake: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """An alarm that nobody hears is none."""
        if (self.monthly_usd or self.anomaly_usd) and not self.tell:
            raise ValueError("tell somebody: name at least one mail address")
        if len(self.tell) > 10:
            raise ValueError("AWS tells at most ten addresses")
        if self.brake and not self.monthly_usd:
            raise ValueError("brake goes with monthly_usd: it is what the brake waits for")
        return self


class FederatedRole(Rules):
    """A role that people take who come from the directory."""

    managed: tuple[Arn, ...] = ()
    policy: Path | None = None
    hours: int = Field(default=1, ge=1, le=12)
    subjects: Names = ()


class Provider(Rules):
    """A directory that the account trusts: by SAML with its metadata, or by OpenID Connect."""

    saml_metadata: Path | None = None
    issuer: str | None = Field(default=None, pattern=r"^https://[^\s?#]+[^\s?#/]$")
    client_ids: Names = ()
    roles: dict[str, FederatedRole] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """One of the two, and with it what it needs."""
        if (self.saml_metadata is None) == (self.issuer is None):
            raise ValueError("give saml_metadata, or issuer with client_ids")
        if bool(self.client_ids) != (self.issuer is not None):
            raise ValueError("client_ids go with issuer, and issuer with client_ids")
        return self


class OrganizationRules(Rules):
    """Denials for member accounts. Nothing is in force before `targets` names where: first one OU, then more."""

    targets: tuple[Annotated[str, Field(pattern=r"^(r-[0-9a-z]{4,32}|ou-[0-9a-z-]+|\d{12})$")], ...] = ()
    exempt: tuple[Arn, ...] = ()
    regions: Names = ()
    expensive: bool = True
    instance_types: Names = ()
    root: bool = True
    leaving: bool = True
    tampering: bool = True
    keylease: bool = True
    keys: bool = True


class Baseline(Rules):
    """All of it. `keep` is the folder, beside the configuration, where each apply leaves what was there before."""

    parts: tuple[Part, ...] = ("trace", "cost", "people", "sets", "broker", "launch", "settled", "ec2")
    keep: Path = Path("keylease-baseline")
    deletes: float = Field(default=0.2, ge=0, le=1)
    regions: Names = ()
    people: PeopleRules = PeopleRules()
    sets: dict[str, SetRules] = {}
    broker: BrokerRules = BrokerRules()
    launch_roles: dict[str, LaunchRoleRules] = {}
    ec2: Ec2Rules = Ec2Rules()
    trace: TraceRules = TraceRules()
    cost: CostRules = CostRules()
    federation: dict[str, Provider] = {}
    organization: OrganizationRules = OrganizationRules()
