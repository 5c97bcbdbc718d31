"""`keylease console`: the address that signs a browser in goes to the browser, and to nobody who looks on."""

from __future__ import annotations

import http.client
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from laptop import LEASE, Laptop
from sample_session import SESSION
from stand_in import StandIn

from keylease.agent.console import address
from keylease.agent.onward import Onward
from keylease.agent.partitions import PARTITIONS
from keylease.domain.partition import partition
from keylease.domain.secret import Secret
from keylease.errors import AwsFailed, AwsUnreachable

TOKEN = "a/token+="
GIVEN = json.dumps({"SigninToken": TOKEN}).encode()
BROWSER = f"""#!{sys.executable}
import http.client, os, pathlib, sys, urllib.parse
home, parts = pathlib.Path(os.environ["HOME"]), urllib.parse.urlsplit(sys.argv[1])
(home / "arguments").write_text(" ".join(sys.argv[1:]))
for name in ("first", "again"):
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", parts.path)
    answer = connection.getresponse()
    seen = [str(answer.status), *(answer.getheader(one) or "" for one in ("Location", "Referrer-Policy"))]
    (home / name).write_text("\\n".join(seen))
    connection.close()
"""


@contextmanager
def federation(answer: bytes, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A stand-in for AWS's sign-in endpoint; its address, and what it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def laptop(laptop: Laptop) -> Laptop:
    laptop.keylease("configure")
    browser = laptop.home / "browser"
    browser.write_text(BROWSER)
    browser.chmod(0o755)
    return laptop


def test_the_browser_is_sent_to_the_console_and_its_arguments_hold_no_secret(
    laptop: Laptop, server: StandIn
) -> None:
    with federation(GIVEN) as (endpoint, asked):
        done = laptop.keylease(
            "console", LEASE, BROWSER=str(laptop.home / "browser"), AWS_ENDPOINT_URL_SIGNIN=endpoint
        )
    assert done.status == 0, done.err
    assert "The console is open in your browser, until" in done.err
    status, location, referrer = (laptop.home / "first").read_text().splitlines()
    assert (status, referrer) == ("303", "no-referrer")
    query = parse_qs(urlsplit(location).query, strict_parsing=True)
    assert query["SigninToken"] == [TOKEN]
    assert query["Issuer"] == [server.address]
    [path] = asked
    session = json.loads(parse_qs(urlsplit(path).query)["Session"][0])
    assert session["sessionId"] == server.given[-1]["AccessKeyId"]
    arguments = (laptop.home / "arguments").read_text()
    for secret in ("token", session["sessionKey"], session["sessionToken"], "SigninToken"):
        assert secret not in arguments + done.out + done.err
    assert (laptop.home / "again").read_text().split() == ["404"], "it opens once"


@pytest.mark.parametrize("words", [("--print",), ()], ids=["asked-for", "no-browser"])
def test_without_a_browser_the_address_is_printed(laptop: Laptop, words: tuple[str, ...]) -> None:
    with federation(GIVEN) as (endpoint, _):
        done = laptop.keylease(
            "console", LEASE, *words, BROWSER="/no/such/browser", AWS_ENDPOINT_URL_SIGNIN=endpoint, PATH="/nowhere"
        )
    assert done.status == 0, done.err
    assert parse_qs(urlsplit(done.out.strip()).query)["SigninToken"] == [TOKEN]
    assert words or "Anybody can use this address" in done.err


def test_credentials_do_not_go_to_another_machine_in_the_clear(laptop: Laptop, server: StandIn) -> None:
    asked = server.asked
    done = laptop.keylease("console", LEASE, AWS_ENDPOINT_URL_SIGNIN="http://signin.example")
    assert (done.status, done.out, server.asked) == (2, "", asked)


def test_a_lease_that_is_over_opens_nothing(laptop: Laptop, server: StandIn) -> None:
    laptop.age()
    server.refuse = (409, "KL-405")
    assert laptop.keylease("console", LEASE, "--print").status == 44


REGIONS = [
    ("eu-central-1", "aws", "signin.aws.amazon.com", "console.aws.amazon.com"),
    ("cn-north-1", "aws-cn", "signin.amazonaws.cn", "console.amazonaws.cn"),
    ("us-gov-west-1", "aws-us-gov", "signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
    ("eusc-de-east-1", "aws-eusc", "eusc-de-east-1.signin.amazonaws-eusc.eu", "console.amazonaws-eusc.eu"),
]


@pytest.mark.parametrize(("region", "name", "sign_in", "page"), REGIONS)
def test_each_partition_has_its_own_console(region: str, name: str, sign_in: str, page: str) -> None:
    assert partition(region) == name
    assert PARTITIONS[name].sign_in_at(region) == f"https://{sign_in}/federation"
    assert PARTITIONS[name].console_at(region) == f"https://{page}/console/home?region={region}"


def test_the_consoles_address_is_made_of_a_sign_in_token() -> None:
    with federation(GIVEN) as (endpoint, asked):
        made = address(SESSION, issuer="https://keylease.example", federation=f"{endpoint}/federation").reveal()
    query = parse_qs(urlsplit(made).query, strict_parsing=True)
    assert query == {
        "Action": ["login"],
        "Issuer": ["https://keylease.example"],
        "Destination": ["https://console.aws.amazon.com/console/home?region=eu-central-1"],
        "SigninToken": [TOKEN],
    }
    [call] = [parse_qs(urlsplit(path).query, strict_parsing=True) for path in asked]
    assert call["Action"] == ["getSigninToken"]
    assert "SessionDuration" not in call
    assert json.loads(call["Session"][0]) == {
        "sessionId": "ASIAFAKE",
        "sessionKey": "fake/secret",
        "sessionToken": "fake/token",
    }


@pytest.mark.parametrize(("answer", "status"), [(b"<html>", 400), (b"{}", 200), (b"[]", 200)])
def test_a_console_that_gives_no_token_is_a_failure_without_a_secret(answer: bytes, status: int) -> None:
    with federation(answer, status) as (endpoint, _), pytest.raises(AwsFailed) as refused:
        address(SESSION, issuer="x", federation=endpoint)
    assert "fake/" not in f"{refused.value} {refused.value.hint}"


def test_a_console_that_does_not_answer_is_one_too() -> None:
    with pytest.raises(AwsUnreachable):
        address(SESSION, issuer="x", federation="http://127.0.0.1:9/federation")


@pytest.mark.parametrize(("path", "host"), [("/", None), ("/guess", None), (None, "elsewhere.example")])
def test_who_does_not_know_the_way_or_comes_by_another_name_is_not_sent_on(
    path: str | None, host: str | None
) -> None:
    with Onward(Secret("https://console.example")) as onward:
        parts = urlsplit(onward.address)
        connection = http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=10)
        connection.request("GET", path or parts.path, headers={"Host": host} if host else {})
        assert connection.getresponse().status == 404
        connection.close()
        assert not onward.wait(0)
