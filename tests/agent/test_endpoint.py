"""The loopback endpoint: who is let in, what they get, and a stand-in for Cyberduck that asks as it does."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from test_renewing import LEASE, Machine

from keylease.agent.doors import Doors, doors
from keylease.agent.endpoint import Endpoint, serve
from keylease.agent.holding import Holding
from keylease.errors import FileNotWritten, LeaseOver, NotYours, PortTaken, ServerUnreachable, SignInNeeded

OTHER = "L-00000001"


@dataclass
class Running:
    """An agent's endpoint that answers."""

    doors: Doors
    machine: Machine
    holding: Holding

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        status, body, _ = self.asked(method, path, headers)
        return status, json.loads(body)

    def asked(
        self, method: str, path: str, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.doors.port, timeout=10)
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        found = answer.status, answer.read(), answer.headers
        connection.close()
        return found

    def raw(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.doors.port), timeout=10) as connection:
            connection.sendall(request)
            return connection.recv(65_536)

    def path(self, lease: str = LEASE) -> str:
        return self.doors.context_url(lease).removeprefix(f"http://{self.doors.host}")

    def token(self, lease: str = LEASE) -> dict[str, str]:
        return {"Authorization": self.doors.token(lease)}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    machine = Machine(tmp_path / "cache")
    found = doors(tmp_path / "state")
    holding = Holding(machine.renewing, machine.clock)
    with serve(Endpoint(holding, found), found) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield Running(doors=found, machine=machine, holding=holding)
        server.shutdown()


def test_an_sdk_gets_the_credentials_with_its_token(running: Running) -> None:
    status, given = running.ask("GET", f"/sdk/{LEASE}", running.token())
    assert status == 200
    assert set(given) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration", "AccountId"}
    assert all(isinstance(value, str) for value in given.values())


class Cyberduck:
    """Fetches as Cyberduck does: a plain GET for each request, 200 or nothing, one flat object of texts."""

    def __init__(self, context: str) -> None:
        self.context = context

    def credentials(self) -> tuple[str, str, str, str]:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.context, timeout=5) as answer:
            assert answer.status == 200
            members = json.loads(answer.read())
        assert all(isinstance(value, str) for value in members.values())
        return members["AccessKeyId"], members["SecretAccessKey"], members["Token"], members["Expiration"]


def test_cyberduck_gets_the_same_from_the_secret_path_for_every_request_and_renewed(running: Running) -> None:
    duck = Cyberduck(running.doors.context_url(LEASE))
    assert len({duck.credentials() for _ in range(20)}) == 1
    assert running.machine.server.asked == 1
    running.machine.pass_time(minutes=60)
    assert duck.credentials()[0] == "ASIA2"


def test_newer_cyberducks_ask_for_a_token_first_as_on_ec2(running: Running) -> None:
    lasts = {"X-aws-ec2-metadata-token-ttl-seconds": "21600"}
    status, token, headers = running.asked("PUT", "/latest/api/token", lasts)
    assert (status, headers["X-aws-ec2-metadata-token-ttl-seconds"]) == (200, "21600")
    given = running.ask("GET", running.path(), {"X-aws-ec2-metadata-token": token.decode()})
    assert given[0] == 200
    assert running.asked("PUT", "/latest/api/token")[0] == 400


def test_a_context_address_has_nothing_that_cyberduck_does_not_take(running: Running) -> None:
    address = running.doors.context_url(LEASE)
    assert address.startswith("http://127.0.0.1:")
    assert not set(address) & set("?#%& ")
    assert len(running.doors.path_secret(LEASE)) == 32


FOREIGN = [
    {"Host": "keylease.example"},
    {"Host": "127.0.0.1"},
    {"Host": "127.0.0.1:1"},
    {"Host": "[::1]:{port}"},
    {"Origin": "http://127.0.0.1:{port}"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Mode": "no-cors"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-Host": "x"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("way", ["sdk", "path", "token"])
def test_what_a_browser_or_a_proxy_sends_is_refused_whatever_else_is_right(
    running: Running, headers: dict[str, str], way: str
) -> None:
    sent = {name: value.format(port=running.doors.port) for name, value in headers.items()}
    right = {
        "sdk": ("GET", f"/sdk/{LEASE}", running.token()),
        "path": ("GET", running.path(), {}),
        "token": ("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}),
    }
    method, path, own = right[way]
    assert running.asked(method, path, own)[0] == 200
    status, answer = running.ask(method, path, own | sent)
    assert status == 403
    assert "AccessKeyId" not in answer


def test_localhost_is_a_name_of_this_machine_too(running: Running) -> None:
    assert running.ask("GET", running.path(), {"Host": f"localhost:{running.doors.port}"})[0] == 200


def test_a_host_that_is_missing_or_said_twice_is_refused(running: Running) -> None:
    line = f"GET {running.path()} HTTP/1.1\r\n".encode()
    host = f"Host: {running.doors.host}\r\n".encode()
    assert b" 200 " in running.raw(line + host + b"\r\n").split(b"\r\n")[0]
    for headers in (b"", host + host, host + b"Host: evil.example\r\n"):
        assert b" 403 " in running.raw(line + headers + b"\r\n").split(b"\r\n")[0]


def test_what_opens_one_lease_in_one_way_opens_no_other(running: Running) -> None:
    wrong = [
        (f"/sdk/{LEASE}", {}),
        (f"/sdk/{LEASE}", {"Authorization": ""}),
        (f"/sdk/{LEASE}", running.token(OTHER)),
        (f"/sdk/{LEASE}", {"Authorization": running.doors.path_secret(LEASE)}),
        (f"/sdk/{LEASE}", {"Authorization": "ä"}),
        (running.path(OTHER).replace(OTHER, LEASE), {}),
        (f"/{running.doors.token(LEASE)}/{LEASE}/creds", {}),
        (f"//{LEASE}/creds", {}),
        (running.path().upper(), {}),
    ]
    for path, headers in wrong:
        status, answer = running.ask("GET", path, headers)
        assert (status, answer["code"]) in {(403, "AccessDenied"), (404, "NotFound")}, path
    assert running.machine.server.asked == 0


OTHERS = [
    ("GET", "/"),
    ("GET", "/creds"),
    ("GET", "/{path}/"),
    ("GET", "/{path}?x"),
    ("PUT", "/{path}"),
    ("GET", "/latest/api/token"),
    ("GET", "/latest/meta-data/iam/security-credentials/"),
    ("POST", "/{path}"),
    ("OPTIONS", "/{path}"),
    ("HEAD", "/{path}"),
    ("CONNECT", "127.0.0.1:1"),
    ("GET", "/wrong/status"),
]


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_there_is_nothing_else(running: Running, method: str, path: str) -> None:
    sent = path.replace("/{path}", running.path())
    status, body, _ = running.asked(method, sent, running.token())
    assert status in {404, 501}
    assert b"AccessKeyId" not in body
    assert running.machine.server.asked == 0


def test_a_body_is_read_and_a_large_one_refused(running: Running) -> None:
    assert running.ask("GET", running.path(), {"Content-Length": "0"})[0] == 200
    for headers in (b"Content-Length: 9999999\r\n", b"Content-Length: x\r\n", b"Transfer-Encoding: chunked\r\n"):
        request = f"GET {running.path()} HTTP/1.1\r\nHost: {running.doors.host}\r\n".encode() + headers + b"\r\n"
        assert b" 413 " in running.raw(request).split(b"\r\n")[0]


FAILURES = [(SignInNeeded, 401), (NotYours, 403), (LeaseOver, 410), (ServerUnreachable, 503)]


@pytest.mark.parametrize(("failure", "status"), FAILURES)
def test_a_failure_is_told_with_its_code_and_what_to_do(
    running: Running, failure: type[Exception], status: int
) -> None:
    running.machine.server.failure = failure("So it is.")  # type: ignore[assignment] # one of ours
    answered, told = running.ask("GET", running.path())
    assert answered == status
    assert told["message"].startswith("So it is. ")
    assert "AccessKeyId" not in told


def test_nothing_is_kept_by_anybody_on_the_way(running: Running) -> None:
    _, _, headers = running.asked("GET", running.path())
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Type"] == "application/json"
    assert headers["Server"] == "keylease"


def test_it_listens_on_this_machine_alone(running: Running) -> None:
    others = {one[4][0] for one in socket.getaddrinfo(socket.gethostname(), None)} - {"127.0.0.1", "::1"}
    for address in (*others, "127.0.0.2", "::1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as probe:
            probe.settimeout(2)
            assert probe.connect_ex((address, running.doors.port)) != 0, address


def test_a_second_agent_is_told_that_the_port_is_taken(running: Running) -> None:
    with pytest.raises(PortTaken):
        serve(Endpoint(running.holding, running.doors), running.doors)


def test_nothing_that_was_asked_for_is_logged(running: Running, capfd: pytest.CaptureFixture[str]) -> None:
    running.ask("GET", running.path())
    running.raw(b"nonsense " + running.doors.token(LEASE).encode() + b"\r\n\r\n")
    out, err = capfd.readouterr()
    assert out + err == ""


def test_the_doors_stay_where_they_are_and_a_port_can_be_chosen(tmp_path: Path) -> None:
    first = doors(tmp_path)
    assert doors(tmp_path) == first
    moved = doors(tmp_path, 4567)
    assert (moved.port, moved.secret) == (4567, first.secret)
    assert (tmp_path / "endpoint.json").stat().st_mode & 0o077 == 0
    assert first.secret.reveal() not in {first.token(LEASE), first.path_secret(LEASE)}
    assert len({first.token(LEASE), first.token(OTHER), first.path_secret(LEASE), first.path_secret(OTHER)}) == 4


@pytest.mark.parametrize("content", ["{}", "[]", "not json", '{"port": "x", "secret": 1}'])
def test_a_file_of_doors_that_the_agent_did_not_write_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "endpoint.json").write_text(content)
    with pytest.raises(FileNotWritten, match=r"endpoint\.json"):
        doors(tmp_path)


def test_answers_do_not_wait_for_a_renewal_ahead(running: Running) -> None:
    running.ask("GET", running.path())
    running.machine.pass_time(minutes=50)
    with running.machine.cache.alone(LEASE):
        assert running.ask("GET", running.path())[0] == 200
    running.machine.pass_time(minutes=5)
    assert running.holding.held()[LEASE].valid_until - running.machine.clock.now() < timedelta(minutes=6)
