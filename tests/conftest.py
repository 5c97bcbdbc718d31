"""Fixtures for everybody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from aws import live
from keylease.sandbox.ministack import Ministack
from oracle.judge import judge
from world import World

settings.register_profile("keylease", deadline=None)  # a busy machine is no failure
settings.load_profile("keylease")

__all__ = ["judge", "ministack_server", "world"]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def ministack_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    """One ministack for the whole run of a worker; each test takes a new account in it."""
    with live.server(tmp_path_factory.mktemp("ministack")) as running:
        yield running
