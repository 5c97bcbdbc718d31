"""The configuration: one TOML file, and the environment on top of it.

The only module that reads the configuration file or the environment. Everything is checked at once and everything
that is wrong is said at once, with its line; an unknown name is refused, since a misspelt limit is no limit.
Nothing configured allows nobody anything.

`KEYLEASE_SET_STORE__URL=…` and the like override a single value, for what differs between machines.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from keylease.domain.access import Catalogue, Grant, PermissionSet, Principal, Probe, Who
from keylease.domain.until import DAYS, SLOTS, parse_length
from keylease.errors import BadConfiguration, BadUntil

DEV_ISSUER = "unsafe-people"
"""The issuer of principals who were only chosen from the configuration."""


def _length(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return parse_length(str(value))
    except BadUntil as bad:
        raise ValueError(bad.sentence) from None


Length = Annotated[timedelta, BeforeValidator(_length)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class Section(BaseModel):
    """A part of the file: an unknown name in it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    """Where the server listens, and where people find it."""

    listen: str = Field(default="127.0.0.1:8465", pattern=r"^(localhost|[\d.]+|\[[0-9a-f:.]+\]):\d{1,5}$")
    address: str = "http://127.0.0.1:8465"
    pass_every: Length = timedelta(minutes=1)
    acknowledge_within: Length = timedelta(minutes=15)


class Ledger(Section):
    """Where the ledger is; a relative SQLite path counts from the file's folder."""

    url: str = "sqlite:///keylease.db"


class SignIn(Section):
    """Who says who somebody is."""

    allow_unsafe_people: bool = False


class Person(Section):
    """Somebody whom the development sign-in lets choose. Never for a machine that others can reach."""

    name: str
    groups: frozenset[str] = frozenset()


class Identity(Section):
    """One of the broker's two identities in an account: where its AWS credentials come from."""

    profile: str | None = None
    role_arn: str | None = Field(default=None, pattern=r"^arn:[a-z-]+:iam::\d{12}:role/")
    external_id: str | None = None


class Account(Section):
    """An AWS account."""

    id: str = Field(pattern=r"^\d{12}$")
    partition: str = Field(default="aws", pattern=r"^aws[a-z-]*$")
    region: str = "us-east-1"
    endpoint_url: str | None = None
    issuer: Identity = Identity()
    remover: Identity = Identity()


class ProbeCall(Section):
    """One harmless call that shows a new access key to work."""

    service: str
    operation: str
    parameters: dict[str, Any] = {}


class Set(Section):
    """A permission set."""

    title: str = Field(min_length=1)
    group: str = Field(pattern=r"^[\w+=,.@-]{1,128}$")
    share: bool = False
    warnings: tuple[str, ...] = ()
    probe: ProbeCall | None = None


class People(Section):
    """Principals, by the directory's id of a person or by group. Nobody by default."""

    people: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def who(self) -> Who:
        """As the domain sees them."""
        return Who(subjects=self.people, groups=self.groups)


class GrantRule(People):
    """A grant: its own `people` and `groups` may lease."""

    permission_sets: frozenset[str] = Field(min_length=1)
    accounts: frozenset[str] = Field(min_length=1)
    max_ttl: Length
    approvers: People = People()
    automatic: bool = False


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="KEYLEASE_SET_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    server: Server = Server()
    store: Ledger = Ledger()
    sign_in: SignIn = SignIn()
    accounts: dict[Name, Account] = {}
    permission_sets: dict[Name, Set] = {}
    grants: dict[Name, GrantRule] = {}
    administrators: People = People()
    auditors: People = People()
    unsafe_people: dict[str, Person] = {}
    renewal_grace: Length = timedelta(days=3)
    fences_ahead: bool = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    def catalogue(self) -> Catalogue:
        """Who may do what, as the domain sees it."""
        return Catalogue(
            accounts={name: account.id for name, account in self.accounts.items()},
            permission_sets={name: _permission_set(name, one) for name, one in self.permission_sets.items()},
            grants=tuple(_grant(name, rule) for name, rule in self.grants.items()),
            administrators=self.administrators.who(),
            auditors=self.auditors.who(),
            renewal_grace=self.renewal_grace,
            slots=DAYS if self.fences_ahead else SLOTS,
        )

    def people(self) -> tuple[Principal, ...]:
        """Whom the development sign-in lets choose; nobody where it is not allowed."""
        if not self.sign_in.allow_unsafe_people:
            return ()
        return tuple(
            Principal(issuer=DEV_ISSUER, subject=subject, name=person.name, groups=person.groups)
            for subject, person in self.unsafe_people.items()
        )


def read(path: Path) -> Settings:
    """Read a configuration file. Raises `BadConfiguration` with every mistake and its line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadConfiguration(
            f"{path} cannot be read: {error.strerror}.", hint="`keylease init` writes a commented example."
        ) from None
    return parse(text, origin=path)


def parse(text: str, *, origin: Path = Path("keylease.toml")) -> Settings:
    """Read a configuration. Raises `BadConfiguration` with every mistake and its line."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(f"{origin.name} is not TOML: {error}.") from None
    settings, mistakes = _validate(raw)
    mistakes += _unknown_names(raw)
    if settings is None or mistakes:
        raise BadConfiguration("\n".join(_listed(mistakes, text, origin)))
    return settings.model_copy(update={"store": _beside(settings.store, origin)})


Mistake = tuple[tuple[str | int, ...], str]


def _validate(raw: Mapping[str, Any]) -> tuple[Settings | None, list[Mistake]]:
    try:
        return Settings(**raw), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return None, [(tuple(one["loc"]), _said(one)) for one in details]


def _unknown_names(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """What a grant names must be there. Works on the raw file, so that these mistakes are told with all others."""
    for name, grant in _tables(raw.get("grants")):
        for kind in ("permission_sets", "accounts"):
            known = raw.get(kind)
            for wanted in grant[kind] if isinstance(grant.get(kind), list) else ():
                if not isinstance(known, dict) or wanted not in known:
                    yield ("grants", name, kind), f"there is no [{kind}.{wanted}]"


def _tables(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, table in value.items() if isinstance(value, dict) else ():
        if isinstance(table, dict):
            yield name, table


def _said(error: Any) -> str:  # pydantic types its error details as a loose dict
    if error["type"] == "extra_forbidden":
        return "keylease knows no such setting"
    return str(error["msg"]).removeprefix("Value error, ")


def _listed(mistakes: list[Mistake], text: str, origin: Path) -> Iterator[str]:
    numbered = sorted((_line(text, loc), loc, said) for loc, said in mistakes)
    for line, loc, said in numbered:
        yield f"{origin.name}:{line}: {'.'.join(map(str, loc))}: {said}"


def _line(text: str, loc: tuple[str | int, ...]) -> int:
    """The line on which a setting stands, or the table that should hold it; 1 for the file as a whole.

    tomllib keeps no lines. This follows table headers and keys at the start of a line, which is how the file is
    written; inside an inline table it stops at the line of the table.
    """
    wanted = tuple(str(part) for part in loc)
    table: tuple[str, ...] = ()
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
        key = re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""", line)
        if header:
            table = path = _parts(header[1])
        elif key:
            path = (*table, *_parts(key[1]))
        else:
            continue
        if len(path) > depth and path == wanted[: len(path)]:
            best, depth = number, len(path)
    return best


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"' ") for part in re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", dotted))


def _beside(ledger: Ledger, origin: Path) -> Ledger:
    """A relative SQLite path counts from the configuration's folder, wherever keylease is started."""
    relative = re.fullmatch(r"sqlite:///(?!/)(.+)", ledger.url)
    if relative is None or relative[1] == ":memory:":
        return ledger
    return Ledger(url=f"sqlite:///{origin.absolute().parent / relative[1]}")


def _permission_set(name: str, one: Set) -> PermissionSet:
    probe = None
    if one.probe is not None:
        probe = Probe(service=one.probe.service, operation=one.probe.operation, parameters=one.probe.parameters)
    return PermissionSet(
        name=name, title=one.title, group=one.group, share=one.share, warnings=one.warnings, probe=probe
    )


def _grant(name: str, rule: GrantRule) -> Grant:
    return Grant(
        name=name,
        who=rule.who(),
        permission_sets=rule.permission_sets,
        accounts=rule.accounts,
        max_ttl=rule.max_ttl,
        approvers=rule.approvers.who(),
        automatic=rule.automatic,
    )
