"""A keylease whose people sign in at a directory that believes what it is told, and browsers that walk there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from web_world import SETTINGS, World, client_of

from keylease.domain.access import Principal
from keylease.testing import FakeClock, FakeSignIn

PEOPLE = {
    subject: Principal(
        issuer="https://directory.example",
        subject=subject,
        name=one["name"],
        groups=frozenset(one.get("groups", ())),
    )
    for subject, one in SETTINGS["unsafe_people"].items()
}
COMPANY: dict[str, Any] = {
    name: part for name, part in SETTINGS.items() if name not in {"sign_in", "unsafe_people"}
}

Serve = Callable[..., World]


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


class Company(World):
    """The same company, with a directory."""

    directory: FakeSignIn

    def __init__(self, address: str, settings: dict[str, Any] | None = None, **more: Any) -> None:
        clock = FakeClock()
        self.directory = FakeSignIn(*PEOPLE.values(), clock=clock)
        super().__init__(address, clock=clock, settings=settings or COMPANY, sign_in=self.directory, **more)

    def person(self, subject: str) -> Principal:
        return PEOPLE[subject]

    @contextmanager
    def browser(self, subject: str | None = None) -> Iterator[httpx.Client]:
        """A browser that follows redirects by hand, since the directory is not there."""
        with client_of(self.address, headers={"Origin": self.address}) as client:
            if subject:
                assert walk(client, "/leases", subject).status_code == 200
            yield client


def walk(client: httpx.Client, path: str, subject: str) -> httpx.Response:
    """Follow redirects from there on; at the directory, sign in as somebody."""
    answer = client.get(path)
    while answer.is_redirect:
        location = answer.headers["location"]
        if location.startswith("https://directory.example/"):
            answer = client.get(back(location, subject))
        else:
            assert location.startswith("/")
            answer = client.get(location)
    return answer


def back(location: str, subject: str) -> str:
    """Where the directory sends the browser once somebody has signed in there."""
    asked = query_of(location)
    return f"{asked['redirect_uri']}?state={asked['state']}&code={subject}"
