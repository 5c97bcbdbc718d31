"""The configuration: one TOML file, and the environment on top of it.

The only module that reads the configuration file or the environment. Everything is checked at once and everything
that is wrong is said at once, with its line; an unknown name is refused, since a misspelt limit is no limit.
Nothing configured allows nobody anything.

`KEYLEASE_SET_STORE__URL=…` and the like override a single value, for what differs between machines.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from keylease.baseline_settings import Baseline
from keylease.domain.access import Catalogue, Grant, PermissionSet, Principal, Probe, Who
from keylease.domain.launch_policy import Launch
from keylease.domain.partition import partition
from keylease.domain.secret import Secret
from keylease.domain.session import LONGEST, SHORTEST
from keylease.domain.status import Patience
from keylease.domain.until import DAYS, SLOTS, parse_length, write
from keylease.domain.words import MAIL
from keylease.errors import BadConfiguration, BadUntil

ENVIRONMENT = "KEYLEASE_SET_"
EVERY = "*"
"""Stands in a grant for every account."""
LISTEN = "127.0.0.1:8465"
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
Life = Annotated[Length, Field(ge=timedelta(minutes=1))]
SessionLength = Annotated[Length, Field(ge=SHORTEST, le=LONGEST)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Address = Annotated[str, Field(pattern=r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])[:/])[^\s#?]+$")]
"""Encrypted, or on this machine."""


MailAddress = Annotated[str, Field(pattern=MAIL, max_length=320)]


class Section(BaseModel):
    """A part of the file: an unknown name in it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    """Where the server listens, and where people find it."""

    listen: str = Field(default=LISTEN, pattern=r"^(localhost|[\d.]+|\[[0-9a-f:.]+\]):\d{1,5}$")
    address: str = ""
    """Where people find the server; `http://` and `listen` where nothing is said."""
    holds: Literal["both", "issuer", "remover"] = "both"
    """Which of the broker's identities this process has credentials of; the other one runs elsewhere."""
    pass_every: Length = timedelta(minutes=1)
    acknowledge_within: Length = timedelta(minutes=15)
    log: Literal["text", "json"] = "text"
    metrics_token_file: Path | None = None

    def metrics_token(self) -> Secret | None:
        """The token for the figures, read now. Raises `BadConfiguration`."""
        return None if self.metrics_token_file is None else _from_file(_METRICS, self.metrics_token_file)

    @model_validator(mode="before")
    @classmethod
    def _found_where_it_listens(cls, raw: object) -> object:
        if not isinstance(raw, dict) or raw.get("address"):
            return raw
        return {**raw, "address": f"http://{raw.get('listen', LISTEN)}"}


class Ledger(Section):
    """Where the ledger is: SQLite for one machine, PostgreSQL for many. Paths count from the file's folder."""

    url: str = "sqlite:///keylease.db"
    password_file: Path | None = None

    @property
    def is_shared(self) -> bool:
        """Whether processes on many machines may use it."""
        return self.url.startswith("postgres")

    def password(self) -> Secret | None:
        """The password of the database's role, read now. Raises `BadConfiguration`."""
        return None if self.password_file is None else _from_file("store.password_file", self.password_file)


class SignIn(Section):
    """Who says who somebody is: the company's directory; without a `provider` nobody does."""

    allow_unsafe_people: bool = False
    provider: Literal["entra", "openid"] | None = None
    tenant: str | None = Field(default=None, pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    issuer: Address | None = None
    client_id: str | None = Field(default=None, min_length=1)
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    scopes: tuple[str, ...] = ("openid", "profile")
    groups_claims: tuple[str, ...] = ("groups", "roles")
    algorithms: tuple[Literal["RS256", "ES256", "PS256"], ...] = ("RS256",)
    mfa_context: str | None = Field(default=None, min_length=1)
    device_code: bool = False
    authority: Address = "https://login.microsoftonline.com"
    graph: Address | None = None
    check_every: Life = timedelta(minutes=15)
    idle: Life = timedelta(hours=12)
    absolute: Life = timedelta(days=7)
    terminal: Life = timedelta(days=30)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Each provider has what it needs, and nothing that would say nothing."""
        given = {name for name in ("tenant", "issuer", "client_id", "graph") if getattr(self, name) is not None}
        needs, takes = _PROVIDERS[self.provider]
        if missing := needs - given:
            raise ValueError(f'provider = "{self.provider}" needs {_and(missing)}')
        if useless := given - needs - takes:
            raise ValueError(f"{_and(useless)} says nothing here: provider is {self.provider or 'not set'}")
        if self.provider is not None and self.allow_unsafe_people:
            raise ValueError("allow_unsafe_people lets everybody past the provider; take one of the two out")
        if self.client_secret is not None and self.client_secret_file is not None:
            raise ValueError("client_secret and client_secret_file are both given")
        if self.graph is not None and self.client_secret is None and self.client_secret_file is None:
            raise ValueError("graph needs client_secret or client_secret_file")
        if "openid" not in self.scopes:
            raise ValueError("scopes lack openid, without which no provider says who somebody is")
        if not self.algorithms:
            raise ValueError("algorithms is empty, so no token could be believed")
        return self

    def secret(self) -> Secret | None:
        """keylease's own secret at the provider, read now. Raises `BadConfiguration`."""
        if self.client_secret is not None:
            return Secret(self.client_secret.get_secret_value())
        if self.client_secret_file is None:
            return None
        return _from_file("sign_in.client_secret_file", self.client_secret_file)


_METRICS = "server.metrics_token_file"


def _from_file(setting: str, path: Path) -> Secret:
    try:
        return Secret(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        raise BadConfiguration(f"{setting} cannot be read: {path}.") from None


_PROVIDERS: dict[str | None, tuple[set[str], set[str]]] = {
    None: (set(), set()),
    "entra": ({"tenant", "client_id"}, {"graph"}),
    "openid": ({"issuer", "client_id"}, set()),
}
"""By provider: what it needs, and what it takes besides."""


def _and(names: set[str]) -> str:
    return " and ".join(sorted(names))


class Notify(Section):
    """How people are told what happens, and where they are found. Without mail and chat nobody is told."""

    mail: SecretStr | None = None
    mail_file: Path | None = None
    chat: tuple[SecretStr, ...] = ()
    chat_file: Path | None = None
    people: dict[str, MailAddress] = {}
    groups: dict[str, tuple[MailAddress, ...]] = {}
    still_open_after: Length = timedelta(days=1)

    @model_validator(mode="after")
    def _once(self) -> Self:
        """Each is given in one place."""
        if (self.mail and self.mail_file) or (self.chat and self.chat_file):
            raise ValueError("an address and a file of it are both given")
        return self

    def ways(self) -> tuple[Secret | None, tuple[Secret, ...]]:
        """The address of mail and those of chats, read now. Raises `BadConfiguration`."""
        mail = Secret(self.mail.get_secret_value()) if self.mail else None
        if self.mail_file:
            mail = Secret(_file(self.mail_file, "notify.mail_file").strip())
        chats = tuple(Secret(one.get_secret_value()) for one in self.chat)
        if self.chat_file:
            lines = _file(self.chat_file, "notify.chat_file").split()
            chats = tuple(Secret(line) for line in lines)
        return mail, chats


def _file(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise BadConfiguration(f"{name} cannot be read: {path}.") from None


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
    """An AWS account. Its `partition` follows from the region; only one that keylease does not know is said."""

    id: str = Field(pattern=r"^\d{12}$")
    partition: str = Field(default="aws", pattern=r"^aws[a-z-]*$")
    region: str = "us-east-1"
    endpoint_url: str | None = None
    issuer: Identity = Identity()
    remover: Identity = Identity()
    session_external_id: str | None = Field(default=None, min_length=2)

    @model_validator(mode="before")
    @classmethod
    def _in_its_partition(cls, given: Any) -> Any:
        """Take the partition from the region where none is named."""
        if not isinstance(given, dict) or not isinstance(given.get("region"), str):
            return given
        return {"partition": partition(given["region"]), **given}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """ARNs of another partition than the region's would name nothing."""
        known = partition(self.region)
        if known not in {"aws", self.partition}:
            raise ValueError(f"the region {self.region} is in the partition {known}, not in {self.partition}")
        return self


class ProbeCall(Section):
    """One harmless call that shows a new access key to work."""

    service: str
    operation: str
    parameters: dict[str, Any] = {}


class Set(Section):
    """A permission set: with a group it gives access keys, with a role sessions."""

    title: str = Field(min_length=1)
    sentence: str = Field(default="", max_length=200)
    group: str | None = Field(default=None, pattern=r"^[\w+=,.@-]{1,128}$")
    role: str | None = Field(default=None, pattern=r"^[\w+=,.@-]{1,64}$")
    session: SessionLength = timedelta(hours=1)
    share: bool = False
    warnings: tuple[str, ...] = ()
    probe: ProbeCall | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """A permission set that rests on nothing gives nothing."""
        if self.group is None and self.role is None:
            raise ValueError("it needs a group, a role, or both")
        return self


class LaunchRules(Section):
    """What leases may launch, where what they launched is watched, and when it is stopped; without it, nothing."""

    regions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    image_owners: tuple[str, ...] = ("amazon", "self")
    images: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    volume_gib: int = Field(default=200, ge=1)
    stop_after: Length | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """What is stopped must be seen."""
        if self.stop_after is not None and not self.regions:
            raise ValueError("stop_after needs regions")
        return self


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
    require_mfa: bool = False
    max_sign_in_age: Life | None = None


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENVIRONMENT,
        env_nested_delimiter="__",
    )

    server: Server = Server()
    store: Ledger = Ledger()
    sign_in: SignIn = SignIn()
    accounts_file: Path | None = None
    accounts: dict[Name, Account] = {}
    permission_sets: dict[Name, Set] = {}
    grants: dict[Name, GrantRule] = {}
    administrators: People = People()
    auditors: People = People()
    launch: LaunchRules = LaunchRules()
    notify: Notify = Notify()
    baseline: Baseline = Baseline()
    unsafe_people: dict[str, Person] = {}
    renewal_grace: Length = timedelta(days=3)
    decide_within: Life = timedelta(days=7)
    collect_within: Life = timedelta(days=7)
    unknown_notice: Length = timedelta(hours=1)
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
            patience=self.patience(),
            slots=DAYS if self.fences_ahead else SLOTS,
        )

    def patience(self) -> Patience:
        """How long requests and approvals wait for somebody, as the domain sees it."""
        return Patience(decide_within=self.decide_within, collect_within=self.collect_within)

    def launched(self, account: Account) -> Launch:
        """What a lease may launch in an account, as the domain sees it."""
        named = self.launch.model_dump(exclude={"stop_after"})
        return Launch(account=account.id, partition=account.partition, **named)

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
    raw = _with_accounts(raw, origin)
    settings, mistakes = _validate(raw)
    mistakes += _unknown_variables()
    mistakes += _unknown_names(raw)
    mistakes += _sets_of_nothing(raw)
    if settings is None or mistakes:
        raise BadConfiguration("\n".join(_listed(mistakes, text, origin)))
    beside = {
        "server": _token_beside(settings.server, origin),
        "store": _beside(settings.store, origin),
        "sign_in": _secret_beside(settings.sign_in, origin),
        "notify": _ways_beside(settings.notify, origin),
    }
    return settings.model_copy(update=beside)


def _with_accounts(raw: Mapping[str, Any], origin: Path) -> dict[str, Any]:
    """The configuration with the accounts of the file that it names, and with every account where a grant says `*`.

    Raises `BadConfiguration` for a file that cannot be read or holds something else, and an account that is there
    twice.
    """
    own = raw.get("accounts")
    accounts = dict(own) if isinstance(own, dict) else {}
    if isinstance(raw.get("accounts_file"), str):
        path = origin.absolute().parent / raw["accounts_file"]
        try:
            read_there = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadConfiguration(f"accounts_file cannot be read: {path} ({error}).") from None
        there = read_there.pop("accounts", {})
        if read_there or not isinstance(there, dict):
            raise BadConfiguration(f"accounts_file holds something else than accounts: {path}.")
        if both := sorted(accounts.keys() & there.keys()):
            raise BadConfiguration(f"The account {both[0]} is in {origin.name} and in {path.name}.")
        accounts |= there
    grants = raw.get("grants")
    everywhere = {
        name: {**grant, "accounts": sorted(accounts)} if grant.get("accounts") == [EVERY] else grant
        for name, grant in _tables(grants)
    }
    whole = {**raw, **({"accounts": accounts} if accounts else {})}
    return {**whole, "grants": {**grants, **everywhere}} if isinstance(grants, dict) else whole


Mistake = tuple[tuple[str | int, ...], str]


def _validate(raw: Mapping[str, Any]) -> tuple[Settings | None, list[Mistake]]:
    try:
        return Settings(**raw), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return None, [(tuple(one["loc"]), _said(one)) for one in details]


def _unknown_variables() -> Iterator[Mistake]:
    """Variables that look like settings and are none."""
    for name in sorted(os.environ):
        setting = name.removeprefix(ENVIRONMENT).lower().split("__")
        if name.startswith(ENVIRONMENT) and setting[0] not in Settings.model_fields:
            yield (name,), "this variable names no setting that keylease knows"


def _unknown_names(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """What a grant names must be there. Works on the raw file, so that these mistakes are told with all others."""
    for name, grant in _tables(raw.get("grants")):
        for kind in ("permission_sets", "accounts"):
            known = raw.get(kind)
            for wanted in grant[kind] if isinstance(grant.get(kind), list) else ():
                if not isinstance(known, dict) or wanted not in known:
                    yield ("grants", name, kind), f"there is no [{kind}.{wanted}]"


def _sets_of_nothing(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """What the baseline says of a permission set must be of one that is there."""
    baseline, known = raw.get("baseline"), raw.get("permission_sets")
    for name, _ in _tables(baseline.get("sets") if isinstance(baseline, dict) else None):
        if not isinstance(known, dict) or name not in known:
            yield ("baseline", "sets", name), f"there is no [permission_sets.{name}]"


def _tables(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, table in value.items() if isinstance(value, dict) else ():
        if isinstance(table, dict):
            yield name, table


_PLAINLY = {
    "missing": "must be given",
    "string_type": "write a text",
    "frozenset_type": "write a list of texts",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "string_pattern_mismatch": "does not have the form that is needed here; docs/configuration.md shows it",
    "dict_type": "write a table",
    "model_type": "write a table",
    "too_short": "name at least one",
    "tuple_type": "write a list",
    "list_type": "write a list",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "path_type": "write the path of a file",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long: at most {max_length} characters",
    "greater_than_equal": "must not be below {ge}",
    "less_than_equal": "must not be above {le}",
    "greater_than": "must be above {gt}",
    "literal_error": "write one of {expected}",
    "enum": "write one of {expected}",
}
"""What pydantic says, in the words of the file."""


def _said(error: Any) -> str:  # pydantic types its error details as a loose dict
    if error["type"] == "extra_forbidden":
        return "keylease knows no such setting"
    if error["type"] in _PLAINLY:
        context = {name: _plain(value) for name, value in error.get("ctx", {}).items()}
        return _PLAINLY[error["type"]].format(**context)
    return str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")


def _plain(value: object) -> str:
    """A limit in the words of the file; pydantic gives lengths of time as Python writes them."""
    length = re.fullmatch(r"datetime\.timedelta\((?:days=(\d+))?(?:, )?(?:seconds=(\d+))?\)", str(value))
    if length is None:
        return str(value).replace("'", '"')
    return write(timedelta(days=int(length[1] or 0), seconds=int(length[2] or 0)))


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
    folder, changes = origin.absolute().parent, dict[str, object]()
    relative = re.fullmatch(r"sqlite:///(?!/)(.+)", ledger.url)
    if relative is not None and relative[1] != ":memory:":
        changes["url"] = f"sqlite:///{folder / relative[1]}"
    if ledger.password_file is not None:
        changes["password_file"] = folder / ledger.password_file
    return ledger.model_copy(update=changes)


def _token_beside(server: Server, origin: Path) -> Server:
    if server.metrics_token_file is None:
        return server
    path = origin.absolute().parent / server.metrics_token_file
    return server.model_copy(update={"metrics_token_file": path})


def _secret_beside(sign_in: SignIn, origin: Path) -> SignIn:
    """So does a relative file that holds a secret."""
    if sign_in.client_secret_file is None:
        return sign_in
    path = origin.absolute().parent / sign_in.client_secret_file
    return sign_in.model_copy(update={"client_secret_file": path})


def _ways_beside(notify: Notify, origin: Path) -> Notify:
    """And those that hold addresses."""
    named = {name: getattr(notify, name) for name in ("mail_file", "chat_file")}
    folder = origin.absolute().parent
    return notify.model_copy(update={name: folder / path for name, path in named.items() if path is not None})


def _permission_set(name: str, one: Set) -> PermissionSet:
    probe = None
    if one.probe is not None:
        probe = Probe(service=one.probe.service, operation=one.probe.operation, parameters=one.probe.parameters)
    return PermissionSet(
        name=name,
        title=one.title,
        sentence=one.sentence,
        group=one.group,
        role=one.role,
        session=one.session,
        share=one.share,
        warnings=one.warnings,
        probe=probe,
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
        mfa=rule.require_mfa,
        max_sign_in_age=rule.max_sign_in_age,
    )
