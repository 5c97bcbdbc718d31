"""A keylease over fakes that are programs, with people, grants and leases in every state."""

from __future__ import annotations

import copy
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from keylease.app import App, Beside, assemble
from keylease.broker import Ask
from keylease.doctor.row import Row, fix, ok, unknown
from keylease.domain import until
from keylease.domain.access import Principal
from keylease.domain.lease import Lease
from keylease.errors import AwsUnreachable
from keylease.ports import Cloud, GroupFacts, Kept, SignIn
from keylease.settings import Settings
from keylease.testing import FakeClock, FakeCloud, MemoryStore
from keylease.testing_sessions import FakeInstances
from keylease.testing_sign_ins import memory_kept
from keylease.testing_telling import memory_telling

SETTINGS: dict[str, Any] = {
    "sign_in": {"allow_unsafe_people": True},
    "accounts": {"media": {"id": "123456784471"}, "platform": {"id": "123456780926"}},
    "permission_sets": {
        "media-write": {
            "title": "Upload to media-archive",
            "sentence": "For everybody who cuts films.",
            "group": "keylease-media-write",
            "warnings": ["Can delete files in that bucket"],
        },
        "logs-read": {"title": "Read logs-prod", "group": "keylease-logs-read"},
        "share-out": {"title": "Publish press files", "group": "keylease-share", "share": True},
    },
    "grants": {
        "media": {
            "groups": ["video"],
            "permission_sets": ["media-write"],
            "accounts": ["media"],
            "max_ttl": "4w",
            "approvers": {"people": ["priya", "jonas", "mara"]},
        },
        "logs": {
            "groups": ["video"],
            "permission_sets": ["logs-read"],
            "accounts": ["platform"],
            "max_ttl": "10d",
            "automatic": True,
            "approvers": {"groups": ["leads"]},
        },
        "share": {
            "people": ["tomas"],
            "permission_sets": ["share-out"],
            "accounts": ["media"],
            "max_ttl": "36h",
            "approvers": {"people": ["priya"]},
        },
    },
    "administrators": {"people": ["anna"]},
    "auditors": {"people": ["otto"]},
    "unsafe_people": {
        "mara": {"name": "Mara Lind", "groups": ["video"]},
        "tomas": {"name": "Tomás Ortega", "groups": ["video"]},
        "priya": {"name": "Priya Raman", "groups": ["leads"]},
        "jonas": {"name": "Jonas Weber"},
        "anna": {"name": "Anna Holm"},
        "otto": {"name": "Otto Berg"},
        "nils": {"name": "Nils Fremd"},
    },
}

CAN = "Read, add, change and delete in S3: media-archive"


def with_sessions() -> dict[str, Any]:
    """The same company, where `uploads` gives sessions alone, and `media-write` both kinds."""
    settings = copy.deepcopy(SETTINGS)
    settings["permission_sets"]["uploads"] = {"title": "Upload by sessions", "role": "media", "session": "2h"}
    settings["permission_sets"]["media-write"]["role"] = "media"
    settings["grants"]["media"]["permission_sets"].append("uploads")
    return settings


GROUPS = ("keylease-media-write", "keylease-logs-read", "keylease-share")


def doctor_says() -> list[Row]:
    """What a look at a real account could have found."""
    return [
        ok("clock", "This machine's clock is that of AWS."),
        replace(ok("fence", "2 fences, each byte by byte what it should be."), account="media"),
        replace(
            fix(
                "quotas",
                "4,100 of 5,000 users are in use: soon there is room for no more.",
                "Ask AWS for a higher quota (`aws service-quotas`).",
            ),
            account="media",
        ),
        replace(
            unknown("group", "The group keylease-share", AwsUnreachable("AWS does not answer.")), account="media"
        ),
    ]


NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # made once: a client of its own would read all authorities anew


def client_of(address: str, **more: Any) -> httpx.Client:
    return httpx.Client(base_url=address, verify=NO_TLS, **more)


@dataclass
class World:
    """One keylease with two accounts, and where its pages are."""

    address: str
    clock: FakeClock = field(default_factory=FakeClock)
    store: MemoryStore = field(default_factory=MemoryStore)
    settings: dict[str, Any] = field(default_factory=lambda: SETTINGS)
    kept: Kept = field(default_factory=memory_kept)
    sign_in: SignIn | None = None

    def __post_init__(self) -> None:
        self.cloud = FakeCloud(self.clock, groups=GROUPS)
        self.instances = FakeInstances()
        self.cloud.facts["keylease-media-write"] = GroupFacts(can=(CAN,))
        both = Cloud(issuer=self.cloud, remover=self.cloud)
        media = Cloud(issuer=self.cloud, remover=self.cloud, instances=self.instances)
        clouds = {"media": media, "platform": both} if self.settings.get("accounts") else {}
        settings = Settings(**self.settings)
        self.telling = memory_telling()
        self.app: App = assemble(
            settings,
            self.store,
            clouds,
            self.clock,
            beside=Beside(kept=self.kept, telling=self.telling),
            sign_in=self.sign_in,
        )

    def person(self, subject: str) -> Principal:
        return self.app.unsafe.principal(subject)

    def ask(self, subject: str = "tomas", wanted: str = "media/media-write", **changes: Any) -> Lease:
        account, permission_set = wanted.split("/")
        ask = Ask(
            account=account,
            permission_set=permission_set,
            until=until.parse(changes.get("until", "2w")),
            reason=changes.get("reason", "Winter masters, ticket VID-311"),
        )
        return self.app.broker.request(self.person(subject), ask)

    def approved(self, subject: str = "tomas", **changes: Any) -> Lease:
        return self.app.broker.approve(self.person("priya"), self.ask(subject, **changes).id)

    def collecting(self, subject: str = "tomas", **changes: Any) -> Lease:
        return self.app.broker.collect(self.person(subject), self.approved(subject, **changes).id).lease

    def active(self, subject: str = "tomas", **changes: Any) -> Lease:
        lease = self.collecting(subject, **changes)
        return self.app.broker.acknowledge(self.person(subject), lease.id, lease.access_key_id or "")

    def program(self, subject: str | None = None) -> httpx.Client:
        """A client as the command line is one: it says who it is in a header."""
        headers = {"Authorization": f"Unsafe-Person {subject}"} if subject else {}
        return client_of(self.address, headers=headers)

    @contextmanager
    def browser(self, subject: str | None = None) -> Iterator[httpx.Client]:
        """A client as a browser is one: it keeps cookies, follows redirects and says where a form stood."""
        headers = {"Origin": self.address}
        with client_of(self.address, headers=headers, follow_redirects=True) as client:
            if subject:
                assert sign_in(client, subject).status_code == 200
            yield client


def sign_in(client: httpx.Client, subject: str, path: str = "/sign-in") -> httpx.Response:
    """Sign in as somebody on the page of the development sign-in; where that leads to."""
    form = Page(client.get(path).text).form("/sign-in/unsafe")
    return client.post(form.action, data=form.fields | {"person": subject})


@dataclass
class Form:
    """A form of a page, with what stands in it: what a browser without JavaScript would send."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    words: str = ""


INLINE = frozenset({"a", "b", "code", "strong", "time"})


class Page(HTMLParser):
    """A page as a person and a browser read it: its forms, its links, its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.fields: dict[str, str] = {}
        self._open: Form | None = None
        self._textarea: str | None = None
        self.feed(html)

    @property
    def text(self) -> str:
        """All words, with single spaces."""
        return " ".join("".join(self.words).split())

    def form(self, action: str) -> Form:
        """The form that goes there."""
        return next(form for form in self.forms if form.action == action)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        had = {name: value or "" for name, value in attrs}
        self.words.append("" if tag in INLINE else " ")
        if tag == "a":
            self.links.append(had["href"])
        if tag == "form":
            assert had["method"] in {"post", "get"}
            self._open = Form(had["action"])
            if had["method"] == "post":  # the others only look
                self.forms.append(self._open)
        if tag == "textarea":
            self._textarea = had.get("name", "")
            self._keep(had.get("name"), "")
        if tag == "input":
            self._input(had)
            self.fields[had.get("id", "")] = had.get("value", "")
        if tag == "button":
            self._choice(had)

    def handle_endtag(self, tag: str) -> None:
        self.words.append("" if tag in INLINE else " ")
        if tag == "form":
            self._open = None
        if tag == "textarea":
            self._textarea = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._open is not None:
            self._open.words += data
        if self._textarea:
            self._keep(self._textarea, data)

    def _input(self, had: dict[str, str]) -> None:
        if had.get("type") == "radio":
            self._choice(had)
        if had.get("type") != "radio" or "checked" in had:
            self._keep(had.get("name"), had.get("value", ""))

    def _choice(self, had: dict[str, str]) -> None:
        if self._open is not None and "name" in had:
            self._open.choices.setdefault(had["name"], []).append(had.get("value", ""))

    def _keep(self, name: str | None, value: str) -> None:
        if self._open is not None and name:
            self._open.fields[name] = value


def page_of(world: World, subject: str | None, path: str, status: int = 200) -> Page:
    """The page that somebody sees there."""
    with world.browser(subject) as client:
        answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


class Switch:
    """Serves whichever application is put into it, so that one server does for all tests."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)
