"""The secrets that open the loopback endpoint: one on this machine, and from it another for each lease and use.

Anybody on this machine can reach the port, so the secret is the wall. What one program is given opens one lease in
one way, and says nothing of the others. The secret and the port stay the same for as long as the file does, since
programs (Cyberduck's bookmarks) remember them; deleting the file closes every door.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from keylease.agent import private_file
from keylease.domain.secret import Secret
from keylease.errors import FileNotWritten

FILE = "endpoint.json"
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where the endpoint is, and what opens it."""

    port: int
    secret: Secret

    @property
    def host(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.port}"

    def path_secret(self, lease_id: str) -> str:
        """Part of the address for programs that can send no header (Cyberduck): 128 bits."""
        return self._derived("path", lease_id)[:32]

    def token(self, lease_id: str) -> str:
        """What AWS's SDKs send as `Authorization`."""
        return self._derived("token", lease_id)

    def context_url(self, lease_id: str) -> str:
        """The address for Cyberduck; without query or escapes, which it does not take."""
        return f"http://{self.host}/{self.path_secret(lease_id)}/{lease_id}/creds"

    def full_uri(self, lease_id: str) -> str:
        """The address for AWS's SDKs."""
        return f"http://{self.host}/sdk/{lease_id}"

    def status_url(self) -> str:
        """Where the agent says how it is."""
        return f"http://{self.host}/{self.path_secret('status')}/status"

    def _derived(self, use: str, lease_id: str) -> str:
        message = f"{use}:{lease_id}".encode()
        return hmac.new(self.secret.reveal().encode(), message, hashlib.sha256).hexdigest()


def doors(folder: Path, port: int | None = None) -> Doors:
    """The doors of this machine, made when there are none yet; on this port from now on, where one is named.

    Raises `FileNotWritten`.
    """
    path = folder / FILE
    private_file.write(path, lambda before: _with_port(before, port))
    try:
        written = json.loads(private_file.read(path))
        return Doors(port=int(written["port"]), secret=Secret(written["secret"]))
    except (ValueError, KeyError, TypeError):
        raise FileNotWritten(
            f"{path} is not what the agent wrote.", hint="Move it away; a new one is made."
        ) from None


def _with_port(before: bytes, port: int | None) -> bytes:
    if before and port is None:
        return before
    try:
        written = json.loads(before or b"{}")
        made = {"port": port or _free_port(), "secret": written.get("secret") or secrets.token_hex(32)}
    except (ValueError, AttributeError):
        return before
    return json.dumps(made).encode()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])
