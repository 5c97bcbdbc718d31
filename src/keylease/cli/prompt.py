"""A word for the shell's prompt: this shell's profile, and how long its lease still goes on.

It is asked before every prompt, so it reads one small file, asks no server, and says nothing of failures. A shell
without a profile of keylease's gets nothing.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime

from keylease.agent.machine import Known
from keylease.cli.here import Here, here
from keylease.domain import spoken
from keylease.domain.clock import from_text
from keylease.errors import KeyleaseError


def quick() -> int:
    """Print the word; the exit status, which is always 0. For `cli.main`."""
    line = words(here(), os.environ.get("AWS_PROFILE", ""))
    if line:
        sys.stdout.write(line + "\n")
    return 0


def words(place: Here, profile: str) -> str:
    """The word for this profile."""
    try:
        known = place.machine.find(profile) if profile else None
        return _of(known, place.clock.now()) if known else ""
    except (KeyleaseError, ValueError):
        return ""


def _of(known: Known, now: datetime) -> str:
    ends_at = from_text(known.expires_at)
    return f"{known.profile} {spoken.left(ends_at, now)}" if now < ends_at else f"{known.profile} over"
