"""A person's machine with a lease whose session is cached, in a folder of its own; no server is asked."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

from keylease.agent import fast
from keylease.agent.cache import Cache
from keylease.agent.session import Session
from keylease.domain.clock import SystemClock
from keylease.domain.secret import Secret

LEASE = "L-4k7m9q2x"
PROCESS = (sys.executable, "-I", "-S", fast.__file__, LEASE)
"""What `keylease configure` writes as `credential_process`."""


def machine(home: Path, credentials: tuple[str, str, str] = ("ASIAFAKE", "fake", "t" * 1000)) -> Session:
    """Put a session into the cache under this home, good for twelve hours."""
    now = SystemClock().now()
    access_key_id, secret, token = credentials
    session = Session(
        lease_id=LEASE,
        access_key_id=access_key_id,
        secret_access_key=Secret(secret),
        session_token=Secret(token),
        expiration=now + timedelta(hours=12),
        ends_at=now + timedelta(days=14),
        account_id="123456789012",
        region="us-east-1",
        fetched_at=now,
    )
    Cache([home / ".cache" / "keylease"]).write(session)
    return session


def environment(home: Path, **more: str) -> dict[str, str]:
    """A shell there, without AWS's variables of the caller's."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", **more}
