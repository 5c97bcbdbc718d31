"""A new account in the worker's ministack, and a proxy in front of it that can be told to fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aws import live
from aws.faulty_proxy import FaultyProxy, faulty_proxy
from keylease.sandbox.ministack import Ministack


@pytest.fixture
def cloud(ministack_server: Ministack) -> live.LiveCloud:
    return live.cloud(ministack_server)


@pytest.fixture
def proxy(ministack_server: Ministack) -> Iterator[FaultyProxy]:
    with faulty_proxy(ministack_server.endpoint) as running:
        yield running
