"""The composition root: settings become an App.

The only module that imports the doors to the outside (aws, store, identity). Everything below it is given what it
needs; nothing below it reads a file, the environment or a clock of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from keylease.aws import account as aws
from keylease.aws.clients import Clients
from keylease.aws.issuer import AwsIssuer
from keylease.aws.remover import AwsRemover
from keylease.broker import Broker
from keylease.domain.access import Catalogue
from keylease.domain.clock import Clock, SystemClock
from keylease.domain.plan import Rules
from keylease.errors import UnsafeNotAllowed
from keylease.health import Health
from keylease.identity.unsafe import UnsafePeople
from keylease.ports import Cloud, Store
from keylease.reconciler import Reconciler
from keylease.settings import Identity, Settings
from keylease.store import open_ledger
from keylease.visibility import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything that a server or a command needs, wired."""

    catalogue: Catalogue
    store: Store
    clouds: Mapping[str, Cloud]
    clock: Clock
    broker: Broker
    visibility: Visibility
    reconciler: Reconciler
    health: Health
    sign_in: UnsafePeople
    unsafe_people: Mapping[str, str]
    """Subject and name of everybody whom the development sign-in lets choose; empty where it is not allowed."""


def build(settings: Settings, *, clock: Clock | None = None, trust_empty_ledger: bool = False) -> App:
    """Wire everything as the settings say. Opens the ledger; calls AWS for nothing yet."""
    clock = clock or SystemClock()
    clouds = {
        name: cloud(account, clock, fences_ahead=settings.fences_ahead)
        for name, account in accounts(settings).items()
    }
    return assemble(settings, open_ledger(settings.store.url), clouds, clock, trust_empty_ledger=trust_empty_ledger)


def assemble(
    settings: Settings,
    store: Store,
    clouds: Mapping[str, Cloud],
    clock: Clock,
    *,
    trust_empty_ledger: bool = False,
) -> App:
    """Wire the centre around a ledger and accounts that are there already. Raises `UnsafeNotAllowed`."""
    _refuse_unsafe(settings)
    catalogue, people = settings.catalogue(), settings.people()
    rules = Rules(acknowledge_within=settings.server.acknowledge_within, keep_fences_ahead=settings.fences_ahead)
    broker = Broker(store=store, clouds=clouds, catalogue=catalogue, clock=clock, keep_fences=settings.fences_ahead)
    reconciler = Reconciler(
        store=store, clouds=clouds, clock=clock, rules=rules, trust_empty_ledger=trust_empty_ledger
    )
    return App(
        catalogue=catalogue,
        store=store,
        clouds=clouds,
        clock=clock,
        broker=broker,
        visibility=Visibility(store=store, catalogue=catalogue),
        reconciler=reconciler,
        health=Health(broker=broker, reconciler=reconciler, clock=clock),
        sign_in=UnsafePeople(people),
        unsafe_people={person.subject: person.name for person in people},
    )


def _refuse_unsafe(settings: Settings) -> None:
    host = settings.server.listen.rpartition(":")[0]
    if not settings.unsafe_people:
        return
    if not settings.sign_in.allow_unsafe_people:
        raise UnsafeNotAllowed("The configuration lists unsafe_people, and sign_in.allow_unsafe_people is not set.")
    if host != "localhost" and not ip_address(host.strip("[]")).is_loopback:
        raise UnsafeNotAllowed(f"The development sign-in proves nothing, and {host} can be reached by others.")


def accounts(settings: Settings) -> dict[str, aws.Account]:
    """The accounts, by their names here, as the AWS door takes them."""
    return {
        name: aws.Account(
            id=one.id,
            partition=one.partition,
            region=one.region,
            endpoint_url=one.endpoint_url,
            issuer=_identity(one.issuer),
            remover=_identity(one.remover),
        )
        for name, one in settings.accounts.items()
    }


def cloud(account: aws.Account, clock: Clock, *, fences_ahead: bool = False) -> Cloud:
    """Both identities in one account. With `fences_ahead` the issuer makes no fences."""
    return Cloud(
        issuer=AwsIssuer(Clients(account, account.issuer), clock, fences_ahead=fences_ahead),
        remover=AwsRemover(Clients(account, account.remover)),
    )


def _identity(one: Identity) -> aws.Identity:
    return aws.Identity(profile=one.profile, role_arn=one.role_arn, external_id=one.external_id)
