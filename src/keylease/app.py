"""The composition root: settings become an App.

The only module that imports the doors to the outside (aws, store, identity). Everything below it is given what it
needs; nothing below it reads a file, the environment or a clock of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keylease import jobs
from keylease.aws import account as aws
from keylease.aws.clients import Clients
from keylease.aws.instances import AwsInstances
from keylease.aws.issuer import AwsIssuer
from keylease.aws.remover import AwsRemover
from keylease.broker import Broker
from keylease.browsers import Browsers, Stay
from keylease.directory import DirectoryWatch
from keylease.domain.access import Catalogue
from keylease.domain.clock import Clock, SystemClock
from keylease.domain.plan import Rules
from keylease.errors import UnsafeNotAllowed
from keylease.health import Health
from keylease.identity.unsafe import UnsafePeople
from keylease.notices import Book, Notices
from keylease.pacing import MemoryPaces, MemoryPasses, Pacing
from keylease.ports import Cloud, DeviceSignIn, Kept, Paces, Passes, SignIn, Store, Telling
from keylease.reconciler import Reconciler
from keylease.second_thoughts import SecondThoughts
from keylease.session_leases import SessionLeases
from keylease.settings import Identity, Settings
from keylease.settings import SignIn as SignInSettings
from keylease.store import kept, open_ledger, telling
from keylease.store.database import Database
from keylease.store.shared import SqlPaces, SqlPasses
from keylease.terminals import TerminalSignIns
from keylease.visibility import Visibility

if TYPE_CHECKING:
    from keylease.identity.company import Company
    from keylease.notify import Sending


MISSED = 4
"""As many looks at the directory in a row may fail before that needs a person."""


TELL_EVERY = timedelta(seconds=10)
"""How often people are told what happened meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything that a server or a command needs, wired."""

    catalogue: Catalogue
    store: Store
    clouds: Mapping[str, Cloud]
    clock: Clock
    broker: Broker
    second_thoughts: SecondThoughts
    session_leases: SessionLeases
    visibility: Visibility
    reconciler: Reconciler
    health: Health
    sign_in: SignIn
    browsers: Browsers
    terminals: TerminalSignIns
    unsafe: UnsafePeople
    unsafe_people: Mapping[str, str]
    """Subject and name of everybody whom the development sign-in lets choose; empty where it is not allowed."""
    telling: Telling
    """What people are told, what they have chosen of it, and their private calendars."""
    notices: Notices
    watch: DirectoryWatch | None = None
    """Ends the leases of people who are gone; None where nobody can be asked who is."""
    pacings: Mapping[str, Pacing] = field(default_factory=dict)
    """How this process asks each account; empty where nobody counts."""
    database: Database | None = None
    """Where the ledger lies, for what else lies there; None where it lies in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What lies beside the ledger: sign-ins, what people are told, and what processes tell one another."""

    kept: Kept
    telling: Telling
    passes: Passes = field(default_factory=MemoryPasses)
    paces: Paces = field(default_factory=MemoryPaces)


def build(settings: Settings, *, clock: Clock | None = None, trust_empty_ledger: bool = False) -> App:
    """Wire everything as the settings say. Opens the ledger; calls AWS for nothing yet."""
    clock = clock or SystemClock()
    ledger = open_ledger(settings.store.url, settings.store.password())
    paces = SqlPaces(ledger.database) if ledger.database.is_shared else MemoryPaces()
    known = accounts(settings)
    pacings = {name: Pacing(paces, name, clock) for name in known}
    clouds = {name: cloud(account, clock, settings, pacings[name]) for name, account in known.items()}
    made = assemble(
        settings,
        ledger,
        clouds,
        clock,
        beside=Beside(
            kept=kept(ledger.database),
            telling=telling(ledger.database),
            passes=SqlPasses(ledger.database),
            paces=paces,
        ),
        trust_empty_ledger=trust_empty_ledger,
    )
    return replace(made, database=ledger.database, pacings=pacings)


@contextmanager
def passing(settings: Settings, made: App, at_once: int) -> Iterator[None]:
    """Passes, watches of the directory and notices, until the block is left: none where `at_once` is zero.

    With PostgreSQL through the queue that all processes share. Raises what the ledger may fail with.
    """
    out = sending(settings)
    send = out.send if out else None
    every, watch_every = settings.server.pass_every, settings.sign_in.check_every
    if at_once == 0:
        yield
        return
    if made.database is None or not made.database.is_shared:
        with (
            jobs.passes(made.health, every),
            jobs.watching(made.watch, watch_every),
            jobs.telling(made.notices, send, TELL_EVERY),
        ):
            yield
        return
    from keylease.store.queue import prepare
    from keylease.workers import Workers

    prepare(made.database)
    workers = Workers(
        made.database.parameters,
        health=made.health,
        watch=made.watch,
        tell=partial(jobs.tell_once, made.notices, send),
        every=every,
        watch_every=watch_every,
        at_once=at_once,
    )
    with workers.working():
        yield


def assemble(
    settings: Settings,
    store: Store,
    clouds: Mapping[str, Cloud],
    clock: Clock,
    *,
    beside: Beside,
    sign_in: SignIn | None = None,
    trust_empty_ledger: bool = False,
) -> App:
    """Wire the centre around a ledger and accounts that are there already. Raises `UnsafeNotAllowed`.

    Without a `sign_in` it is the one that the settings name.
    """
    _refuse_unsafe(settings)
    catalogue, unsafe = settings.catalogue(), UnsafePeople(settings.people(), clock)
    known = company(settings.sign_in, clock)
    sign_in = sign_in or (known.sign_in if known else unsafe)
    watch = None
    if known is not None and known.people is not None:
        watch = DirectoryWatch(
            store=store,
            people=known.people,
            clouds=clouds,
            catalogue=catalogue,
            clock=clock,
            kept=beside.kept,
            keep_fences=settings.fences_ahead,
        )
    rules = Rules(
        acknowledge_within=settings.server.acknowledge_within,
        renewal_grace=settings.renewal_grace,
        patience=settings.patience(),
        unknown_notice=settings.unknown_notice,
        keep_fences_ahead=settings.fences_ahead,
        stop_instances_after=settings.launch.stop_after,
    )
    broker = Broker(store=store, clouds=clouds, catalogue=catalogue, clock=clock, keep_fences=settings.fences_ahead)
    reconciler = Reconciler(
        store=store, clouds=clouds, clock=clock, rules=rules, trust_empty_ledger=trust_empty_ledger
    )
    health = Health(
        broker=broker,
        reconciler=reconciler,
        clock=clock,
        watch=watch,
        silence=MISSED * settings.sign_in.check_every,
        passes=beside.passes,
        paces=beside.paces,
    )
    return App(
        catalogue=catalogue,
        store=store,
        clouds=clouds,
        clock=clock,
        broker=broker,
        second_thoughts=SecondThoughts(
            broker=broker,
            store=store,
            clouds=clouds,
            catalogue=catalogue,
            clock=clock,
            keep_fences=settings.fences_ahead,
        ),
        session_leases=SessionLeases(store=store, clouds=clouds, catalogue=catalogue, clock=clock),
        visibility=Visibility(store=store, catalogue=catalogue),
        reconciler=reconciler,
        health=health,
        sign_in=sign_in,
        browsers=Browsers(
            sign_in=sign_in,
            kept=beside.kept,
            store=store,
            clock=clock,
            stay=Stay(idle=settings.sign_in.idle, absolute=settings.sign_in.absolute),
        ),
        terminals=TerminalSignIns(
            kept=beside.kept,
            store=store,
            clock=clock,
            lasts=settings.sign_in.terminal,
            device=sign_in if isinstance(sign_in, DeviceSignIn) else None,
        ),
        unsafe=unsafe,
        unsafe_people={subject: person.name for subject, person in unsafe.people.items()},
        telling=beside.telling,
        notices=Notices(
            store=store,
            telling=beside.telling,
            clouds=clouds,
            catalogue=catalogue,
            clock=clock,
            book=book(settings),
            address=settings.server.address,
            orphans=lambda: health.state.orphans,
        ),
        watch=watch,
    )


def book(settings: Settings) -> Book:
    """Where people are found, as the settings say."""
    _, chats = settings.notify.ways()
    return Book(
        people=settings.notify.people,
        groups=settings.notify.groups,
        chats=tuple(f"chat:{number}" for number, _ in enumerate(chats, start=1)),
        still_open_after=settings.notify.still_open_after,
    )


def sending(settings: Settings) -> Sending | None:
    """The way out for what people are told; None where the settings name none. Raises `BadConfiguration`."""
    mail, chats = settings.notify.ways()
    if mail is None and not chats:
        return None
    from keylease.notify import Sending

    return Sending(mail=mail, chats=chats, host=urlsplit(settings.server.address).hostname or "keylease")


def _refuse_unsafe(settings: Settings) -> None:
    host = settings.server.listen.rpartition(":")[0]
    if not settings.unsafe_people:
        return
    if not settings.sign_in.allow_unsafe_people:
        raise UnsafeNotAllowed("The configuration lists unsafe_people, and sign_in.allow_unsafe_people is not set.")
    if host != "localhost" and not ip_address(host.strip("[]")).is_loopback:
        raise UnsafeNotAllowed(f"The development sign-in proves nothing, and {host} can be reached by others.")


def company(of: SignInSettings, clock: Clock) -> Company | None:
    """The company's directory as the settings name it; None where they name none. Asks it for nothing yet."""
    if of.provider is None:
        return None
    from keylease.identity.company import Tenant, entra, openid
    from keylease.identity.provider import Registration

    registration = Registration(
        issuer=of.issuer or "",
        client_id=of.client_id or "",
        client_secret=of.secret(),
        scopes=of.scopes,
        algorithms=frozenset(of.algorithms),
        groups_claims=of.groups_claims,
        mfa_context=of.mfa_context,
        device_code=of.device_code,
    )
    if of.tenant is None:
        return openid(registration, clock)
    tenant = Tenant(id=of.tenant, authority=of.authority.rstrip("/"), graph=of.graph)
    return entra(registration, tenant, clock)


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
            session_external_id=one.session_external_id,
        )
        for name, one in settings.accounts.items()
    }


def cloud(account: aws.Account, clock: Clock, settings: Settings, pacing: Pacing | None = None) -> Cloud:
    """The identities in one account that this process holds. With `fences_ahead` the issuer makes no fences."""
    holds, removing = settings.server.holds, Clients(account, account.remover, pacing=pacing, removes=True)
    issuer = AwsIssuer(Clients(account, account.issuer, pacing=pacing), clock, fences_ahead=settings.fences_ahead)
    regions = settings.launch.regions
    return Cloud(
        issuer=None if holds == "remover" else issuer,
        remover=None if holds == "issuer" else AwsRemover(removing),
        instances=AwsInstances(removing, regions) if regions and holds != "issuer" else None,
        partition=account.partition,
        region=account.region,
    )


def _identity(one: Identity) -> aws.Identity:
    return aws.Identity(profile=one.profile, role_arn=one.role_arn, external_id=one.external_id)
