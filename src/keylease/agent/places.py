"""Where things lie on the person's machine, on each system."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from keylease.agent import fast


def state() -> Path:
    """What this machine must not forget: its key pair, which leases it serves, the endpoint's secret."""
    return platformdirs.user_state_path("keylease", appauthor=False)


def caches() -> list[Path]:
    """Where sessions are cached, best first. The last is for a process that knows no home of its own."""
    return [*map(Path, fast.folders(os.environ)), platformdirs.user_cache_path("keylease", appauthor=False)]


def aws_config() -> Path:
    """Where AWS programs look for profiles: `AWS_CONFIG_FILE`, else `~/.aws/config`."""
    return Path(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()


def aws_credentials() -> Path:
    """Where AWS programs look for credentials: `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`."""
    return Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
