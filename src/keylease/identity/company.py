"""The company's directory, wired: who signs in, and who is still there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from keylease.domain.clock import Clock
from keylease.identity import graph
from keylease.identity.device import OidcWithDevice
from keylease.identity.discovery import Discovery
from keylease.identity.entra import Entra, issuer_of
from keylease.identity.fetch import Fetch, is_loopback
from keylease.identity.graph import Graph
from keylease.identity.oauth import Client
from keylease.identity.people import EntraPeople
from keylease.identity.provider import Provider, Registration
from keylease.ports import People


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """What Entra ID needs besides a registration."""

    id: str
    authority: str
    graph: str | None
    """Where Microsoft Graph is; None where keylease may not ask it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One directory. `people` is None where nobody can be asked who is still there."""

    sign_in: OidcWithDevice
    people: People | None
    opened: tuple[Fetch, ...]

    def close(self) -> None:
        """Let go of the connections that are kept open."""
        for fetch in self.opened:
            fetch.close()


def openid(registration: Registration, clock: Clock) -> Company:
    """Any OpenID provider."""
    fetch = Fetch(clock, loopback=is_loopback(registration.issuer))
    return Company(sign_in=OidcWithDevice(Provider(registration), fetch, clock), people=None, opened=(fetch,))


def entra(registration: Registration, tenant: Tenant, clock: Clock) -> Company:
    """A tenant of Microsoft Entra ID; the registration's issuer is the tenant's own."""
    issuer = issuer_of(tenant.id, authority=tenant.authority)
    own = replace(registration, issuer=issuer)
    fetch = Fetch(clock, loopback=is_loopback(issuer))
    wider = Fetch(clock, loopback=is_loopback(issuer), largest=graph.LARGEST)
    people = None if tenant.graph is None else _people(own, tenant.graph, wider, clock)
    sign_in = OidcWithDevice(Entra(own, tenant=tenant.id, graph=people), fetch, clock)
    return Company(sign_in=sign_in, people=people, opened=(fetch, wider))


def _people(registration: Registration, address: str, fetch: Fetch, clock: Clock) -> EntraPeople:
    client = Client(registration.client_id, registration.client_secret, fetch)
    discovery = Discovery(registration.issuer, fetch, clock)
    asked = Graph(address, client=client, discovery=discovery, fetch=fetch, clock=clock)
    return EntraPeople(asked, issuer=registration.issuer)
