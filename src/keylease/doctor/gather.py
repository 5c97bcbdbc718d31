"""Asks AWS, the directory and the ledger for what doctor judges.

It only reads, but for one thing: a ledger that is opened is brought to this keylease's schema, as at every start. A
ledger that is not there yet is not made.

In each account the remover's credentials read, since they may see most; where they do not work the issuer's do, so
far as they may. Accounts are asked side by side. An account that does not answer is asked nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from keylease.aws import inspector, simulation
from keylease.aws.account import Account
from keylease.aws.clients import Clients
from keylease.aws.inspector import Caller, Group, Standing
from keylease.aws.sweep import observed
from keylease.doctor import sign_in
from keylease.doctor.facts import AccountFacts, Fact, Facts, IdentityFacts, LedgerFacts, MachineFacts, learn
from keylease.doctor.identities import expected
from keylease.domain import event, iam
from keylease.domain.clock import Clock
from keylease.domain.lease import IN_AWS
from keylease.errors import AwsCredentials, AwsUnreachable, KeyleaseError
from keylease.ports import LeaseQuery, Store
from keylease.settings import Ledger as LedgerSettings
from keylease.settings import Settings
from keylease.store import Ledger, open_ledger

T = TypeVar("T")

SIDE_BY_SIDE = 8
_SQLITE = "sqlite:///"
_ELSEWHERE = "Correct the identity's credentials, or the account's `id`."


def gather(settings: Settings, accounts: Mapping[str, Account], configuration: str, clock: Clock) -> Facts:
    """Everything that `examine` judges, of the configuration and its accounts as the AWS door takes them.

    `configuration` is what to call it. Raises nothing of what AWS, the directory or the ledger fail with.
    """
    ledger, store = _ledger(settings.store)
    readings = [_Reading(name, account, clock, holds=settings.server.holds) for name, account in accounts.items()]
    with closing(store) if store else nullcontext(), ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        directory = pool.submit(sign_in.gather, settings, clock)
        found = tuple(pool.map(partial(_account, settings, store), readings))
    return Facts(
        now=clock.now(),
        machine=_machine(settings, configuration, ledger),
        sign_in=directory.result(),
        accounts=found,
    )


def _machine(settings: Settings, configuration: str, ledger: LedgerFacts) -> MachineFacts:
    return MachineFacts(
        configuration=configuration,
        accounts=len(settings.accounts),
        permission_sets=len(settings.permission_sets),
        grants=len(settings.grants),
        unsafe_people=len(settings.unsafe_people),
        allow_unsafe_people=settings.sign_in.allow_unsafe_people,
        listen=settings.server.listen,
        ledger=ledger,
    )


def _ledger(of: LedgerSettings) -> tuple[LedgerFacts, Ledger | None]:
    """The ledger, not made where it is not there yet. A password in its address is not shown."""
    url = of.url
    place = url.removeprefix(_SQLITE) if url.startswith(_SQLITE) else url.rpartition("@")[2]
    if url.startswith(_SQLITE) and not Path(place).exists():
        return LedgerFacts(place=place, records=None), None
    opened = learn(lambda: open_ledger(url, of.password()))
    if isinstance(opened, KeyleaseError):
        return LedgerFacts(place=place, records=opened), None
    return LedgerFacts(place=place, records=learn(partial(_records, opened))), opened


def _records(store: Store) -> int | None:
    last = event.verify(store.events())
    return last.seq if last else 0


def _account(settings: Settings, store: Store | None, reading: _Reading) -> AccountFacts:
    sets = settings.catalogue().granted(reading.name)
    named = frozenset(one.group for one in sets if one.group)
    return AccountFacts(
        name=reading.name,
        id=reading.account.id,
        partition=reading.account.partition,
        issuer=reading.identity("issuer", fences_ahead=settings.fences_ahead),
        remover=reading.identity("remover"),
        sets=sets,
        groups={name: reading.ask(partial(inspector.group, name=name)) for name in sorted(named)},
        other_groups=reading.ask(partial(_others, named=named)),
        roles=reading.ask(partial(inspector.roles, path=iam.GROUP_PATH)),
        quotas=reading.ask(inspector.quotas),
        observed=reading.ask(lambda clients: observed(clients.iam())),
        worn=_worn(store, reading.name),
        fences_ahead=settings.fences_ahead,
        watches=bool(settings.launch.regions),
        stops=settings.launch.stop_after is not None,
        session_external_id=reading.account.session_external_id,
    )


def _others(clients: Clients, *, named: frozenset[str]) -> tuple[Group, ...]:
    return tuple(group for group in inspector.groups(clients, iam.GROUP_PATH) if group.name not in named)


def _worn(store: Store | None, account: str) -> dict[str, str]:
    """The fence that each leased user should wear; nothing where the ledger does not say."""
    if store is None:
        return {}
    leases = learn(partial(store.find, LeaseQuery(account=account, states=IN_AWS, limit=1_000_000)))
    known = () if isinstance(leases, KeyleaseError) else leases
    return {one.user_name: one.fence for one in known if one.user_name and one.fence}


class _Reading:
    """One account that is being read, with whichever of the two identities may read."""

    def __init__(self, name: str, account: Account, clock: Clock, *, holds: str) -> None:
        self.name = name
        self._held = {"issuer", "remover"} if holds == "both" else {holds}
        self.account = account
        self._clock = clock
        self._identities = {"remover": account.remover, "issuer": account.issuer}
        self._clients = {name: Clients(account, identity) for name, identity in self._identities.items()}
        self._callers: dict[str, Fact[Caller]] = {}

    def ask(self, question: Callable[[Clients], T]) -> Fact[T]:
        """The answer, or why there is none."""
        for name, clients in self._clients.items():
            if name not in self._held:
                continue
            caller = self._caller(name)
            if not isinstance(caller, KeyleaseError) and caller.account == self.account.id:
                return learn(partial(question, clients))
        return self._why()

    def identity(self, name: str, *, fences_ahead: bool = False) -> IdentityFacts:
        """One of the two."""
        caller = self._caller(name)
        standing = self._standing(caller)
        return IdentityFacts(
            name=name,
            origin=learn(partial(inspector.origin, self.account, self._identities[name])),
            caller=caller,
            skew=self._skew(name, caller),
            standing=standing,
            refused=self._refused(name, standing, fences_ahead=fences_ahead),
            held=name in self._held,
        )

    def _caller(self, name: str) -> Fact[Caller]:
        if name not in self._callers:
            self._callers[name] = learn(partial(inspector.caller, self._clients[name]))
        return self._callers[name]

    def _standing(self, caller: Fact[Caller]) -> Fact[Standing]:
        if isinstance(caller, KeyleaseError):
            return caller
        if caller.account != self.account.id:
            return AwsCredentials(f"{caller.arn} is in another account.", hint=_ELSEWHERE)
        return self.ask(partial(inspector.standing, caller_arn=caller.arn))

    def _skew(self, name: str, caller: Fact[Caller]) -> Fact[timedelta]:
        if isinstance(caller, AwsUnreachable):
            return caller
        return learn(partial(inspector.clock_skew, self._clients[name], self._clock))

    def _refused(self, name: str, standing: Fact[Standing], *, fences_ahead: bool) -> tuple[str, ...] | None:
        """What AWS's simulator says; nothing where it may not be asked, which is the rule."""
        if isinstance(standing, KeyleaseError) or standing.kind not in {"role", "user"}:
            return None
        whole = expected(name, partition=self.account.partition, fences_ahead=fences_ahead, account=self.account.id)
        refused = self.ask(partial(simulation.missing, principal_arn=standing.arn, expected=whole))
        return None if isinstance(refused, KeyleaseError) else refused

    def _why(self) -> KeyleaseError:
        """Why nothing can be asked here."""
        failures = [one for one in map(self._caller, self._clients) if isinstance(one, KeyleaseError)]
        nobody = AwsCredentials(f"Neither identity is in the account {self.account.id}.", hint=_ELSEWHERE)
        return failures[0] if failures else nobody
