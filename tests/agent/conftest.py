"""A person's machine in a folder of its own, a server that hands out sessions, and an account to use them in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from account import Account, account
from laptop import LEASE, Laptop
from stand_in import StandIn, stand_in

from cli.command_line import CommandLine
from keylease.sandbox.ministack import Ministack


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


@pytest.fixture
def aws_account(ministack_server: Ministack, server: StandIn, laptop: Laptop) -> Account:
    """An account whose sessions the server hands out, and the laptop's AWS programs look there."""
    made = account(ministack_server)
    server.mint = made.mint
    laptop.more = {
        "AWS_ENDPOINT_URL": made.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PATH": os.environ["PATH"],
    }
    return made
