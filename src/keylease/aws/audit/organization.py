"""All accounts of an organization, for an audit from its management account.

Members are entered by a role that trusts the management account; `OrganizationAccountAccessRole` is there in every
account that the organization made. An account that cannot be entered is named with the reason, and the others are
audited all the same. What only the management account sees (SCPs, the accounts themselves) is told to all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from keylease.audit.snapshot import Fact, Limits, Organization, Snapshot, Unseen
from keylease.aws import inspector
from keylease.aws.account import Identity
from keylease.aws.audit import collect, surroundings
from keylease.aws.audit.reader import READ_WITHIN, Reader, learn
from keylease.aws.clients import Clients
from keylease.domain.clock import Clock
from keylease.errors import AwsFailed, KeyleaseError

ROLE = "OrganizationAccountAccessRole"
ACCOUNTS_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An account of the organization. `clients` are the role's in it, or the management account's own."""

    id: str
    name: str
    clients: Clients


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be collected of every account."""

    parts: frozenset[str]
    regions: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    key_ids: bool = False


def members(clients: Clients, clock: Clock, *, profile: str | None, role: str = ROLE) -> tuple[Member, ...]:
    """The organization's accounts that are not closed. Raises what AWS fails with, and `AwsFailed` without one."""
    reader = Reader(clients, clock)
    listed = reader.every("organizations", "list_accounts", "Accounts", region=surroundings.ORGANIZATIONS)
    if not listed:
        raise AwsFailed("The organization has no accounts that can be listed.")
    open_ = [one for one in listed if one.get("Status", one.get("State")) == "ACTIVE"]
    return tuple(_member(clients, one["Id"], one.get("Name", ""), profile, role) for one in open_)


def _member(clients: Clients, id_: str, name: str, profile: str | None, role: str) -> Member:
    home = clients.account
    if id_ == home.id:
        return Member(id=id_, name=name, clients=clients)
    arn = f"arn:{home.partition}:iam::{id_}:role/{role}"
    there, identity = replace(home, id=id_), Identity(profile=profile, role_arn=arn)
    return Member(id=id_, name=name, clients=Clients(there, identity, read_within=READ_WITHIN))


def collect_all(
    of: Iterable[Member], home: Clients, clock: Clock, asked: Asked, *, on_done: Callable[[int], None]
) -> Iterator[tuple[Member, Fact[Snapshot]]]:
    """A snapshot of each account, some side by side; an account that cannot be entered is `Unseen`."""
    organization = learn(
        "organizations", "DescribeOrganization", lambda: surroundings.organization(Reader(home, clock))
    )
    reader = Reader(home, clock)
    with ThreadPoolExecutor(max_workers=ACCOUNTS_AT_ONCE) as pool:
        futures = [(one, pool.submit(_snapshot, one, reader, asked, organization)) for one in of]
        for number, (member, future) in enumerate(futures, start=1):
            yield member, future.result()
            on_done(number)


def _snapshot(
    member: Member, home: Reader, asked: Asked, organization: Fact[Organization | None]
) -> Fact[Snapshot]:
    try:
        caller = inspector.caller(member.clients)
    except KeyleaseError as failure:
        return Unseen(why=failure.sentence, hint=failure.hint)
    if caller.account != member.id:
        return Unseen(why=f"The role led to the account {caller.account}.")
    found = collect(
        member.clients,
        home.clock,
        parts=asked.parts - {"organization"},
        regions=asked.regions,
        limits=asked.limits,
        key_ids=asked.key_ids,
    )
    return replace(found, alias=member.name or None, organization=_over(member, home, organization))


def _over(member: Member, home: Reader, organization: Fact[Organization | None]) -> Fact[Organization | None]:
    """The organization with the SCPs that hold for this account; the management account has none."""
    if isinstance(organization, Unseen) or organization is None or isinstance(organization.scps, Unseen):
        return organization
    if member.id == organization.management:
        return replace(organization, in_force=())
    scps = organization.scps
    question = partial(surroundings.in_force, home, member.id, scps)
    return replace(organization, in_force=learn("organizations", "ListPoliciesForTarget", question))
