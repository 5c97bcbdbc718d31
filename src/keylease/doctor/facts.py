"""What doctor knows when it judges: values read from AWS, the directory, the ledger and the configuration.

Whatever could not be read is there as the failure that it was, so that one thing that fails hides no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar

from keylease.aws.inspector import Caller, Group, Quota, Role, Standing
from keylease.domain.access import Catalogue, PermissionSet
from keylease.domain.plan import Observed
from keylease.errors import KeyleaseError

T = TypeVar("T")
Fact: TypeAlias = T | KeyleaseError
"""A value, or why it is not known."""


def learn(ask: Callable[[], T]) -> Fact[T]:
    """Ask for something; a failure of ours is an answer too."""
    try:
        return ask()
    except KeyleaseError as failure:
        return failure


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFacts:
    """One of the broker's two identities. `name`: `issuer` or `remover`. `origin`: where its credentials come from.

    `standing` is what IAM says of it. `refused` are the actions that AWS's own simulator says it is refused; None
    where keylease may not ask the simulator.
    """

    name: str
    origin: Fact[str]
    caller: Fact[Caller]
    skew: Fact[timedelta]
    standing: Fact[Standing]
    refused: tuple[str, ...] | None = None
    held: bool = True
    """Whether this process is to have it; what it has not is another process's to look at."""

    def is_in(self, account_id: str) -> bool:
        """Whether it has credentials, and of that account."""
        return not isinstance(self.caller, KeyleaseError) and self.caller.account == account_id


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """One account as AWS shows it, and what the configuration wants of it.

    `sets` are the permission sets that some grant gives here. `groups` are their groups by name, None for one that
    is not there; `other_groups` are the rest of the groups under keylease's path, `roles` those under its paths.
    `worn` is the fence that each user of a lease should wear, by the user's name, as the ledger says.
    """

    name: str
    id: str
    partition: str
    issuer: IdentityFacts
    remover: IdentityFacts
    sets: tuple[PermissionSet, ...]
    groups: Mapping[str, Fact[Group | None]]
    other_groups: Fact[tuple[Group, ...]]
    roles: Fact[tuple[Role, ...]]
    quotas: Fact[tuple[Quota, ...]]
    observed: Fact[Observed]
    worn: Mapping[str, str] = field(default_factory=dict)
    fences_ahead: bool = False
    watches: bool = False
    stops: bool = False
    """Whether instances that leases have started are listed here, and stopped."""
    session_external_id: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether one of the identities can look into it."""
        return self.issuer.is_in(self.id) or self.remover.is_in(self.id)

    @property
    def shares(self) -> bool:
        """Whether some permission set here lets data be opened to others."""
        return any(one.share for one in self.sets)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFacts:
    """The ledger. `records`: how many the audit chain has; None where there is no ledger yet."""

    place: str
    records: Fact[int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """What keylease is here, apart from its accounts. `people`: those whom the development sign-in lists."""

    configuration: str
    accounts: int
    permission_sets: int
    grants: int
    unsafe_people: int
    allow_unsafe_people: bool
    listen: str
    ledger: LedgerFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFacts:
    """The company's directory."""

    entra: bool
    issuer: str
    redirect_address: str
    signs_with: Fact[frozenset[str]]
    """Algorithms, as the provider's document says; none where it does not."""
    keys: Fact[int]
    """How many could verify a token here."""
    skew: Fact[timedelta]
    graph: Fact[str] | None
    """What Graph says that the first administrator has lost, or nothing; None where it is not asked."""
    algorithms: frozenset[str]
    mfa_context: str | None
    device_code: bool
    catalogue: Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything at one moment. `sign_in` is None where no directory is configured."""

    now: datetime
    machine: MachineFacts
    sign_in: Fact[SignInFacts] | None
    accounts: tuple[AccountFacts, ...]
