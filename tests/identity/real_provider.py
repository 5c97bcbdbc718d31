"""A real OpenID provider as a process of its own, and a browser that fills in its forms.

panva's oidc-provider (npm), with tokens in Entra's form; it installs itself as the judge of policies does.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2

import nodejs
from keylease.domain.clock import SystemClock
from keylease.domain.secret import Secret
from keylease.identity.company import Company, Tenant, entra, openid
from keylease.identity.provider import Registration

HERE = Path(__file__).parent / "provider"
TENANT = "7f3b1c9e-0a4d-4c1b-9e57-2f6f0c3d8a11"
CLIENT, SECRET = "keylease", "s3cret of %+: signs"
BACK = "http://127.0.0.1:8465/sign-in/callback"
GRANTS = ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]
PEOPLE: dict[str, dict[str, Any]] = {
    "mara": {
        "oid": "aaaaaaaa-0000-4000-8000-000000000001",
        "name": "Mara Lind",
        "preferred_username": "mara@example.com",
        "groups": ["11111111-0000-4000-8000-000000000001"],
        "roles": ["keylease.media"],
    },
    "priya": {"oid": "aaaaaaaa-0000-4000-8000-000000000002", "name": "Priya Raman", "acrs": ["mfa-context"]},
    "everywhere": {
        "oid": "aaaaaaaa-0000-4000-8000-000000000003",
        "name": "Eve R. Ywhere",
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": "https://graph.example.com/getMemberObjects"}},
    },
    "stranger": {"oid": "aaaaaaaa-0000-4000-8000-000000000004", "tid": "00000000-0000-4000-8000-000000000000"},
}


def client(client_id: str = CLIENT, *, proof: str = "client_secret_post", back: str = BACK) -> dict[str, Any]:
    """A client's registration at the provider."""
    return {
        "client_id": client_id,
        "redirect_uris": [back],
        "grant_types": GRANTS,
        "token_endpoint_auth_method": proof,
        **({} if proof == "none" else {"client_secret": SECRET}),
    }


CLIENTS = (client(), client("keylease-public", proof="none"))
PROOFS = ("client_secret_post", "client_secret_basic", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class RealProvider:
    """One that runs."""

    issuer: str
    made: list[Company] = field(default_factory=list)
    """Every keylease before it: their connections are closed at the end."""

    @property
    def authority(self) -> str:
        return self.issuer.removesuffix(f"/{TENANT}/v2.0")

    def entra(self, **registration: Any) -> Company:
        """It as a tenant of Entra ID."""
        known = {"issuer": "", "client_id": CLIENT, "client_secret": Secret(SECRET), **registration}
        tenant = Tenant(id=TENANT, authority=self.authority, graph=None)
        return self._kept(entra(Registration(**known), tenant, SystemClock()))

    def openid(self, **registration: Any) -> Company:
        """It as any provider."""
        known = {"client_id": CLIENT, "client_secret": Secret(SECRET), **registration}
        return self._kept(openid(Registration(issuer=self.issuer, **known), SystemClock()))

    def _kept(self, company: Company) -> Company:
        self.made.append(company)
        return company


@contextmanager
def real_provider(
    clients: tuple[dict[str, Any], ...] = CLIENTS, proofs: tuple[str, ...] = PROOFS
) -> Iterator[RealProvider]:
    """Run it until the block is left; `proofs` are the ways in which a client may prove itself."""
    asked = {"tenant": TENANT, "clients": clients, "people": PEOPLE, "proofs": proofs}
    command = [nodejs.install(HERE), str(HERE / "provider.mjs")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        running = RealProvider(issuer=json.loads(process.stdout.readline())["issuer"])
        try:
            yield running
        finally:
            for company in running.made:
                company.close()
            process.stdin.close()
            process.wait(timeout=10)


ONE_BY_ONE = httpx2.Limits(max_keepalive_connections=0)


@dataclass
class Browser:
    """Keeps cookies and answers the provider's forms; `person` is who sits in front of it."""

    person: str = "mara"
    client: httpx2.Client = field(default_factory=lambda: httpx2.Client(trust_env=False, limits=ONE_BY_ONE))
    asked_who: int = 0
    """How often it had to say who it is."""

    def sign_in(self, address: str) -> dict[str, str]:
        """Go there, and on until the provider sends the browser back to keylease; what it brings."""
        page = self._go(self.client.get(address))
        while not _is_back(page):
            page = self._go(self._submit(page))
        return dict(parse_qsl(urlsplit(page.headers["location"]).query))

    def allow_device(self, address: str, user_code: str) -> str:
        """Type a code that another device shows; the last page."""
        page = self._go(self.client.get(address))
        page = self._go(self._submit(page, user_code=user_code))
        while "<form" in page.text:
            page = self._go(self._submit(page))
        return page.text

    def decline(self, address: str) -> dict[str, str]:
        """Go there, and give up at the first form."""
        page = self._go(self.client.get(address))
        aborted = urljoin(str(page.url), _Form(page.text).links["[ Cancel ]"])
        page = self._go(self.client.get(aborted))
        return dict(parse_qsl(urlsplit(page.headers["location"]).query))

    def _go(self, page: httpx2.Response) -> httpx2.Response:
        while page.has_redirect_location and not _is_back(page):
            page = self.client.get(urljoin(str(page.url), page.headers["location"]))
        return page

    def _submit(self, page: httpx2.Response, **typed: str) -> httpx2.Response:
        form = _Form(page.text)
        filled = {**form.hidden, **typed}
        if "login" in form.fields:
            self.asked_who += 1
            filled |= {"login": self.person, "password": "any"}
        return self.client.post(urljoin(str(page.url), form.action), data=filled)


def _is_back(page: httpx2.Response) -> bool:
    return page.headers.get("location", "").startswith(BACK)


class _Form(HTMLParser):
    """The first form of a page, and the page's links by their texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action, self.hidden, self.fields, self.links = "", dict[str, str](), set[str](), dict[str, str]()
        self._link = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = given["action"]
        elif tag == "input" and "name" in given:
            self.fields.add(given["name"])
            if given.get("type") == "hidden":
                self.hidden[given["name"]] = given.get("value", "")
        elif tag == "a":
            self._link = given.get("href", "")

    def handle_data(self, data: str) -> None:
        if self._link and data.strip():
            self.links[data.strip()] = self._link
            self._link = ""
