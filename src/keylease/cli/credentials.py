"""`credential_process`, where the quick way (agent/fast.py) does not do: credentials of a lease as JSON on stdout.

- stdout holds the answer or nothing at all. What went wrong is one line on stderr, since AWS programs show it to
  whoever called them; the exit status says what to do (4: sign in; 44: the lease is over; 70: no server).
- Nobody is asked anything and no browser is opened: a program waits.
- At a terminal the server is asked anew even where that failed a moment ago.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from keylease.agent.session import clock_warning
from keylease.cli.cell import harmless
from keylease.cli.here import Here, here
from keylease.errors import KeyleaseError, SignInNeeded

if TYPE_CHECKING:
    from keylease.agent.renewing import Held


def quick(lease: str) -> int:
    """Print the credentials of a lease, or why there are none; the exit status. For `cli.main` alone."""
    place = here(
        server=os.environ.get("KEYLEASE_SERVER") or None, person=os.environ.get("KEYLEASE_UNSAFE_PERSON") or None
    )
    return printed(place, lease)


def printed(place: Here, written: str) -> int:
    """Print the credentials of a lease, named by its id or its profile; the exit status."""
    known = place.machine.find(written)
    try:
        held = place.renewing.get(known.lease_id if known else written, afresh=sys.stderr.isatty())
    except KeyleaseError as failure:
        _say(f"{failure.sentence} {_advice(failure)}")
        return failure.exit_status
    except KeyboardInterrupt:
        return 130
    except Exception as unforeseen:  # noqa: BLE001 - a traceback may show more than it should
        _say(f"keylease failed, and does not know why ({type(unforeseen).__name__}).")
        return KeyleaseError.exit_status
    _warn(held)
    sys.stdout.write(json.dumps(held.session.as_process()) + "\n")
    sys.stdout.flush()
    return 0


def _warn(held: Held) -> None:
    """What a person at a terminal should know although there are credentials."""
    warning = clock_warning(held.session.behind)
    if held.despite is not None:
        until = held.session.expiration.strftime("%H:%M")
        _say(f"{held.despite.sentence} The credentials at hand are good until {until} UTC. {_advice(held.despite)}")
    elif warning:
        _say(warning)


def _advice(failure: KeyleaseError) -> str:
    return "Run `keylease login`." if isinstance(failure, SignInNeeded) else failure.hint


def _say(words: str) -> None:
    sys.stderr.write(f"keylease: {harmless(words)}\n")
