"""Reaching a server as the person who is signed in there. Loaded also where nothing of the command line is.

Never opens a browser and never asks anything: who is not signed in gets `SignInNeeded` from the first call.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from keylease.domain.clock import SystemClock

if TYPE_CHECKING:
    from keylease.agent.signed_in import SignedIn
    from keylease.client import Client

DEFAULT_SERVER = "http://127.0.0.1:8465"


def connect(server: str | None, *, person: str | None = None, signed_in: SignedIn | None = None) -> Client:
    """The server at this address, as whoever is signed in there; `person` is for a development server."""
    _without_httpx_own_command()
    from keylease.client import Client

    if person is not None:
        return Client(server or DEFAULT_SERVER, person=person)
    return Client(server or DEFAULT_SERVER, credential=signed_in or sign_in_at(server))


def sign_in_at(server: str | None) -> SignedIn:
    """This terminal's sign-in to that server."""
    from keylease.agent.signed_in import Place, SignedIn

    return SignedIn(server or DEFAULT_SERVER, Place.of_this_machine(), SystemClock())


def _without_httpx_own_command() -> None:
    """httpx loads its own command line too, with Rich and Pygments, which takes as long as all the rest of it.

    It goes without where that is missing, so for this process it is missing.
    """
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None: not to be imported
