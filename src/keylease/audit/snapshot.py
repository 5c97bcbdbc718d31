"""What an account looked like at one moment, as frozen data. Checks read this and nothing else.

Every fact is either known or `Unseen` with the reason: not asked for, refused, or not answered. A check that
reaches for a fact that is `Unseen` through `seen` is stopped by `NotLookedAt`; so what was not looked at never
reads as well. Facts of a region are kept region by region.

Nothing here asks AWS; `keylease.aws.audit` fills it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A fact that is not known. `why` is a whole sentence, `hint` what to do about it."""

    why: str
    hint: str = ""


Fact: TypeAlias = T | Unseen
NOT_ASKED = Unseen(why="It was not asked for.")


class NotLookedAt(Exception):
    """A check needs a fact that is not known."""

    def __init__(self, unseen: Unseen) -> None:
        super().__init__(unseen.why)
        self.unseen = unseen


def seen(fact: Fact[T]) -> T:
    """The fact. Raises `NotLookedAt` where it is not known."""
    if isinstance(fact, Unseen):
        raise NotLookedAt(fact)
    return fact


def everywhere(facts: Mapping[str, Fact[Iterable[T]]]) -> Iterator[tuple[str, T]]:
    """What is known of all regions, each with its region. Regions that are not known are the report's to tell."""
    for region, fact in facts.items():
        if not isinstance(fact, Unseen):
            for one in fact:
                yield region, one


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an audit measures by. `known_accounts`: those that roles may trust without more."""

    key_age: timedelta = timedelta(days=90)
    unused: timedelta = timedelta(days=45)
    settling: timedelta = timedelta(days=7)
    """How long something new may be without use."""
    root_quiet: timedelta = timedelta(days=30)
    password_length: int = 14
    password_reuse: int = 24
    known_accounts: frozenset[str] = frozenset()
    owner_tags: tuple[str, ...] = ("owner", "keylease:owner", "contact", "email", "responsible", "team")
    """Tags that name somebody, upper and lower case aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedKey:
    """An access key as the credential report has it: without its id. `slot` is 1 or 2."""

    slot: int
    active: bool
    made: datetime | None
    used: datetime | None = None
    used_region: str | None = None
    used_service: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One row of the credential report. `password` is None where the report does not say (root)."""

    user: str
    arn: str
    created: datetime | None = None
    password: bool | None = False
    password_used: datetime | None = None
    password_changed: datetime | None = None
    mfa: bool = False
    keys: tuple[ReportedKey, ...] = ()
    certificates: int = 0
    """Active signing certificates."""

    @property
    def is_root(self) -> bool:
        """Whether this is the root user's row."""
        return self.user == "<root_account>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy. `arn` is None for an inline one. `attached`: how many hang on it."""

    name: str
    arn: str | None
    document: Document
    attached: int = 0

    @property
    def is_aws_managed(self) -> bool:
        """Whether AWS itself writes it."""
        return self.arn is not None and self.arn.split(":")[4] == "aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """A user, group or role. `attached` are ARNs; `groups` are a user's, `trust` is a role's."""

    kind: str
    name: str
    arn: str
    path: str = "/"
    created: datetime | None = None
    inline: tuple[Policy, ...] = ()
    attached: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    boundary: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    trust: Document = field(default_factory=dict)
    profiles: int = 0
    """How many instance profiles hand a role out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Iam:
    """Users, groups, roles, and the documents of policies by ARN: the account's own and AWS's that are in use.

    `unread` are the ARNs of policies in use whose documents could not be read.
    """

    users: tuple[Bearer, ...] = ()
    groups: tuple[Bearer, ...] = ()
    roles: tuple[Bearer, ...] = ()
    policies: Mapping[str, Policy] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKeyFacts:
    """An access key by its id."""

    id: str
    user: str
    active: bool
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCredential:
    """A service-specific credential, such as a Bedrock API key. `expires` is None where it never does."""

    id: str
    user: str
    service: str
    active: bool
    created: datetime
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """The account's password policy; AWS's own default where none was set."""

    length: int = 8
    reuse: int = 0
    is_set: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The bucket that a trail writes to."""

    name: str
    public_by_policy: bool = False
    public_blocked: Fact[bool] = True
    """Whether the bucket, or the account, is kept from becoming public."""
    versioned: bool = True
    locked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """A CloudTrail trail."""

    name: str
    arn: str
    home: str
    logging: bool
    all_regions: bool
    management_events: bool
    validated: bool
    of_organization: bool = False
    bucket: Fact[Bucket] = NOT_ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The organization that the account is in. `scps` are their documents by name."""

    id: str
    management: str
    scps: Fact[Mapping[str, Document]] = NOT_ASKED
    accounts: Fact[frozenset[str]] = NOT_ASKED
    in_force: Fact[tuple[Document, ...]] = NOT_ASKED
    """The SCPs that hold for the account: its own, and those of the units above it."""
    root_features: Fact[frozenset[str]] = NOT_ASKED
    """`RootCredentialsManagement` and `RootSessions`, where they are on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An EC2 instance that is there."""

    id: str
    arn: str
    profile: str | None
    token_required: bool
    endpoint_on: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainText:
    """A place where text lies that many may read: the names of what is in it, and their values.

    `kind`: what it is (`Lambda function`); `texts`: by variable or parameter, or one under `""`.
    """

    kind: str
    name: str
    arn: str
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)


Regional: TypeAlias = Mapping[str, Fact[tuple[T, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One account at one moment. What is not given is not known."""

    account: str
    at: datetime
    alias: str | None = None
    partition: str = "aws"
    limits: Limits = field(default_factory=Limits)
    summary: Fact[Mapping[str, int]] = NOT_ASKED
    report: Fact[tuple[Credentials, ...]] = NOT_ASKED
    iam: Fact[Iam] = NOT_ASKED
    keys: Fact[tuple[AccessKeyFacts, ...]] = NOT_ASKED
    virtual_mfa: Fact[frozenset[str]] = NOT_ASKED
    """ARNs of whoever has a virtual MFA device; the root user's ends in `:root`."""
    service_credentials: Fact[tuple[ServiceCredential, ...]] = NOT_ASKED
    password_policy: Fact[PasswordPolicy] = NOT_ASKED
    trails: Fact[tuple[Trail, ...]] = NOT_ASKED
    organization: Fact[Organization | None] = NOT_ASKED
    budgets: Fact[int] = NOT_ASKED
    recorders: Regional[bool] = field(default_factory=dict)
    """For each Config recorder whether it records."""
    instances: Regional[Instance] = field(default_factory=dict)
    user_data: Regional[PlainText] = field(default_factory=dict)
    functions: Regional[PlainText] = field(default_factory=dict)
    tasks: Regional[PlainText] = field(default_factory=dict)
    stacks: Regional[PlainText] = field(default_factory=dict)
    parameters: Regional[PlainText] = field(default_factory=dict)

    def credentials(self) -> Iterator[Credentials]:
        """The users' rows of the credential report, without root's."""
        return (row for row in seen(self.report) if not row.is_root)

    def root(self) -> Credentials:
        """The root user's row. Raises `NotLookedAt` where the report has none."""
        for row in seen(self.report):
            if row.is_root:
                return row
        raise NotLookedAt(Unseen(why="The credential report has no row of the root user."))

    def key_id(self, user: str, slot: ReportedKey) -> str | None:
        """The id of a reported access key, where ids were asked for and only one can be meant."""
        if isinstance(self.keys, Unseen):
            return None
        of_user = [one for one in self.keys if one.user == user]
        fitting = [one for one in of_user if one.created == slot.made] if len(of_user) > 1 else of_user
        return fitting[0].id if len(fitting) == 1 else None
