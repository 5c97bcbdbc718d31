"""A company that uses keylease, on one machine: an account, a configuration, three people, and the real server.

The server is a process of its own, started as an operator would start it, with a configuration file, a ledger file
and a log file in one folder. Its AWS credentials are those of the sandbox's root user, with which it may do nothing
but assume the broker's two roles.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from keylease.aws.account import Account
from keylease.client import Client
from keylease.domain.clock import Clock
from keylease.domain.until import write
from keylease.errors import BadConfiguration, ServerUnreachable
from keylease.sandbox import account as sandbox_account
from keylease.sandbox.ministack import SECRET, Ministack

HORIZON = timedelta(weeks=26)
START_WITHIN = 30.0
STOP_WITHIN = 40.0

CONFIGURATION = """\
# A company in keylease's sandbox. The people below prove nothing: whoever reaches the page may be any of them.

[server]
listen = "{listen}"
address = "http://{listen}"
pass_every = "{pass_every}"

[sign_in]
allow_unsafe_people = true

[unsafe_people.mara]
name = "Mara Lind"
groups = ["media"]

[unsafe_people.priya]
name = "Priya Raman"
groups = ["media", "leads"]

[unsafe_people.anna]
name = "Anna Holm"
groups = ["platform"]

[administrators]
groups = ["platform"]

[accounts.media]
id = "{account}"
region = "{region}"
endpoint_url = "{endpoint}"
issuer = {{ role_arn = "{issuer}" }}
remover = {{ role_arn = "{remover}" }}

[permission_sets.media-archive]
title = "Read, add and delete files in {bucket}"
group = "{group}"
role = "{role}"
probe = {{ service = "s3", operation = "list_objects_v2", parameters = {{ Bucket = "{bucket}" }} }}

[grants.media]
groups = ["media"]
permission_sets = ["media-archive"]
accounts = ["media"]
max_ttl = "4w"
approvers = {{ groups = ["leads"] }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Where everything of the sandbox lies, and how to start keylease on it."""

    home: Path
    address: str
    account: str
    endpoint: str

    @property
    def configuration(self) -> Path:
        """The configuration file."""
        return self.home / "keylease.toml"

    @contextmanager
    def server(self, clock: Clock) -> Iterator[subprocess.Popen[bytes]]:
        """Run `keylease serve` until the block is left; nothing of it is left then.

        Raises `ServerUnreachable` where it does not answer in time.
        """
        _must_be_free(self.address)
        with (self.home / "server.log").open("ab") as log:
            process = subprocess.Popen(
                self.command("serve"), env=self.environment(), cwd=self.home, stdout=log, stderr=log
            )
        try:
            self._wait(process, clock)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=STOP_WITHIN)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command of keylease as an operator would; its output comes back."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )

    def command(self, *arguments: str) -> list[str]:
        """A command line of keylease on this configuration."""
        return [sys.executable, "-m", "keylease", "--config", str(self.configuration), *arguments]

    def environment(self) -> dict[str, str]:
        """An operator's shell: the caller's variables without AWS's, and the broker's credentials."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "KEYLEASE_"))
        }
        return inherited | {
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _wait(self, process: subprocess.Popen[bytes], clock: Clock) -> None:
        client = Client(self.address, person="mara")
        for _ in range(int(START_WITHIN * 10)):
            if process.poll() is not None:
                break
            try:
                client.me()
            except ServerUnreachable:
                clock.sleep(0.1)
            else:
                client.close()
                return
        raise ServerUnreachable(
            "The sandbox's server did not start.", hint=f"Its log is {self.home / 'server.log'}."
        )


def found(
    home: Path,
    ministack: Ministack,
    clock: Clock,
    *,
    listen: str | None = None,
    pass_every: timedelta = timedelta(minutes=1),
) -> Company:
    """Build the account in the sandbox's AWS and write the configuration into `home`."""
    built = sandbox_account.build(sandbox_account.root(ministack), horizon=clock.now() + HORIZON)
    listen = listen or f"127.0.0.1:{free_port()}"
    company = Company(home=home, address=f"http://{listen}", account=built.id, endpoint=ministack.endpoint)
    company.configuration.write_text(
        _configuration(built, listen=listen, pass_every=write(pass_every)), encoding="utf-8"
    )
    return company


def _configuration(built: Account, *, listen: str, pass_every: str) -> str:
    return CONFIGURATION.format(
        listen=listen,
        pass_every=pass_every,
        account=built.id,
        region=built.region,
        endpoint=built.endpoint_url,
        issuer=built.issuer.role_arn,
        remover=built.remover.role_arn,
        bucket=sandbox_account.BUCKET,
        group=sandbox_account.GROUP,
        role=sandbox_account.ROLE,
    )


def _must_be_free(address: str) -> None:
    """Raises `BadConfiguration` where somebody else listens at the address already."""
    port = urlsplit(address).port or 0
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        raise BadConfiguration(
            f"Somebody listens on 127.0.0.1:{port} already.", hint="End that program, or choose another --port."
        ) from None


def free_port() -> int:
    """A port of the loopback address that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
