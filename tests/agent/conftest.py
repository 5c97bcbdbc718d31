"""A person's machine in a folder of its own, and a server that hands out sessions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from laptop import LEASE, Laptop
from stand_in import StandIn, stand_in

from cli.command_line import CommandLine


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as standing:
        standing.lease(LEASE)
        yield standing


@pytest.fixture
def laptop(server: StandIn, tmp_path: Path) -> Laptop:
    return Laptop(home=tmp_path, keylease=CommandLine(server.address, tmp_path))


@pytest.fixture
def other_laptop(server: StandIn, tmp_path: Path) -> Laptop:
    home = tmp_path / "another-machine"
    home.mkdir()
    return Laptop(home=home, keylease=CommandLine(server.address, home))
