"""A real provider, and stand-ins for an issuer and for Microsoft Graph."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from real_provider import RealProvider, real_provider
from stand_in_issuer import SigningIn, StandInIssuer, stand_in_issuer

from keylease.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuer() -> Iterator[StandInIssuer]:
    with stand_in_issuer() as made:
        yield made


@pytest.fixture
def signing_in(issuer: StandInIssuer, clock: FakeClock) -> SigningIn:
    return SigningIn(issuer, clock)


@pytest.fixture(scope="session")
def real() -> Iterator[RealProvider]:
    """One real provider for the whole run of a worker; each test brings a browser of its own."""
    with real_provider() as running:
        yield running
