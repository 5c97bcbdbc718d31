"""Fixtures for everybody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from aws import live
from keylease.sandbox.ministack import Ministack
from keylease.sandbox.postgres import Postgres, postgres
from keylease.store import open_ledger
from keylease.store.database import Database
from keylease.store.schema import metadata
from oracle.judge import judge
from world import World

settings.register_profile("keylease", deadline=None)  # a busy machine is no failure
settings.load_profile("keylease")

__all__ = ["emptied_url", "judge", "migrated_url", "ministack_server", "postgres_server", "postgres_url", "world"]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def ministack_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    """One ministack for the whole run of a worker; each test takes a new account in it."""
    with live.server(tmp_path_factory.mktemp("ministack")) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL for the whole run of a worker; each test takes a new place in it."""
    with postgres() as running:
        yield running


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> str:
    """The address of a place in it that nothing is in."""
    return postgres_server.place()


@pytest.fixture(scope="session")
def migrated_url(postgres_server: Postgres) -> str:
    """The address of a ledger in PostgreSQL that tests share."""
    url = postgres_server.place()
    open_ledger(url).close()
    return url


@pytest.fixture
def emptied_url(migrated_url: str) -> str:
    """The same with nothing in it: far quicker than a new one."""
    database = Database(migrated_url)
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    database.close()
    return migrated_url
