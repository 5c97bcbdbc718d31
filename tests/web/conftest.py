"""A real server on a real port; each test has a world of its own behind it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from directory_world import Company
from fastapi import FastAPI
from web_world import SETTINGS, Switch, World, doctor_says

from keylease.web import create
from keylease.web.factory import attach


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, Switch]]:
    """A server on a free port of this machine, and the switch behind it."""
    switch = Switch()
    listening = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(switch, lifespan="off", ws="none", log_config=None))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", switch
    running.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="session")
def web() -> FastAPI:
    """The application, made once: its first request takes as long as thirty others."""
    return create(World("").app, doctor=doctor_says)


@pytest.fixture
def serve(server: tuple[str, Switch], web: FastAPI) -> Callable[[dict[str, Any]], World]:
    """Serve a fresh keylease of such settings."""
    address, switch = server

    def made(settings: dict[str, Any]) -> World:
        world = World(address, settings=settings)
        attach(web, world.app, address=address)
        switch.app = web
        return world

    return made


@pytest.fixture
def world(serve: Callable[[dict[str, Any]], World]) -> World:
    """A fresh keylease, served."""
    return serve(SETTINGS)


@pytest.fixture
def empty(serve: Callable[[dict[str, Any]], World]) -> World:
    """A keylease whose configuration says nothing."""
    return serve({})


@pytest.fixture
def company(server: tuple[str, Switch], web: FastAPI) -> Company:
    """A fresh keylease with a directory, served."""
    address, switch = server
    made = Company(address)
    attach(web, made.app, address=address)
    switch.app = web
    return made
