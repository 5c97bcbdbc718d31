"""Real clients use a lease's sessions on ministack, each in every way in which it takes credentials.

cp: a profile with `credential_process`. ct: the agent's endpoint. file: the section that the agent keeps fresh.
exec: `keylease exec`. What a client does not take it is not asked for; docs/how-to/clients.md has the table.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from account import OBJECT, Account
from laptop import LEASE, Laptop
from stand_in import StandIn
from test_agent_command import agent

import nodejs
from cli.command_line import COMMAND, Ended
from keylease.sandbox import tools
from keylease.sandbox.company import free_port

pytestmark = pytest.mark.live
HERE = Path(__file__).parent
SECTION = "fresh"
Use = Callable[[Laptop, Account, dict[str, str]], Ended]


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the SDK for JavaScript installed."""
    return nodejs.install(HERE / "js")


@pytest.fixture
def laptop(laptop: Laptop, aws_account: Account) -> Laptop:
    assert aws_account
    assert laptop.keylease("configure").status == 0
    return laptop


def debian(name: str) -> str:
    """A program of Debian's."""
    found = shutil.which(name)
    if found is None:
        assert os.environ.get("CI") != "true", f"{name} is missing: apt-get install {name}"
        pytest.skip(f"{name} is missing: apt-get install {name}")
    return found


def aws(laptop: Laptop, account: Account, variables: dict[str, str]) -> Ended:
    return laptop.run(tools.program("aws"), "s3", "ls", "--recursive", f"s3://{account.bucket}/", **variables)


def boto3(laptop: Laptop, account: Account, variables: dict[str, str]) -> Ended:
    return laptop.run(sys.executable, str(HERE / "list_with_boto3.py"), account.bucket, "1", "0", **variables)


def javascript(laptop: Laptop, account: Account, variables: dict[str, str]) -> Ended:
    return laptop.run(
        nodejs.install(HERE / "js"), str(HERE / "js" / "list.mjs"), account.bucket, "1", "0", **variables
    )


def rclone(laptop: Laptop, account: Account, variables: dict[str, str]) -> Ended:
    config = rclone_config(laptop, account)
    return laptop.run(debian("rclone"), "--config", config, "ls", f"sandbox:{account.bucket}", **variables)


def rclone_config(laptop: Laptop, account: Account) -> str:
    """What `keylease connect` writes, at the sandbox's address; which credentials, the environment says.

    For the provider AWS rclone puts the bucket into the host's name, and the sandbox has no such names.
    """
    path = laptop.home / "rclone.conf"
    made = laptop.keylease("connect", "rclone", LEASE).out.replace("[media-archive]", "[sandbox]")
    made = made.replace("provider = AWS", "provider = Other")
    own = [line for line in made.splitlines() if not line.startswith("profile")]
    path.write_text("\n".join([*own, f"endpoint = {account.endpoint}", "force_path_style = true", ""]))
    return str(path)


def s3cmd(laptop: Laptop, account: Account, variables: dict[str, str]) -> Ended:
    host = account.endpoint.removeprefix("http://")
    flags = ["--no-ssl", f"--host={host}", f"--host-bucket={host}", "--region=us-east-1", "--config=/none"]
    ls = [debian("s3cmd"), *flags, "ls", "--recursive", f"s3://{account.bucket}/"]
    through = [] if variables else [*COMMAND, "exec", LEASE, "--"]
    return laptop.run(*through, *ls, **variables)


@contextmanager
def way(laptop: Laptop, face: str) -> Iterator[dict[str, str]]:
    """The variables that lead a client to one of keylease's faces."""
    if face == "exec":
        yield {}
    elif face == "cp":
        yield {"AWS_PROFILE": "media-archive", "AWS_SDK_LOAD_CONFIG": "1"}
    elif face == "file":
        with agent(laptop, "--write-profile", f"{SECTION}={LEASE}"):
            yield {"AWS_PROFILE": SECTION, "AWS_REGION": "us-east-1"}
    else:
        with agent(laptop):
            yield container(laptop)


def container(laptop: Laptop) -> dict[str, str]:
    lines = laptop.keylease("connect", "env", LEASE, "--through", "endpoint").out.splitlines()
    return dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))


CLIENTS: dict[str, tuple[Use, tuple[str, ...]]] = {
    "aws": (aws, ("cp", "ct", "file")),
    "boto3": (boto3, ("cp", "ct", "file")),
    "javascript": (javascript, ("cp", "ct", "file")),
    "rclone": (rclone, ("cp", "ct", "file")),
    "s3cmd": (s3cmd, ("file", "exec")),
}
PAIRS = [(client, face) for client, (_, faces) in CLIENTS.items() for face in faces]


@pytest.mark.parametrize(("client", "face"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_a_client_lists_the_bucket(
    laptop: Laptop, aws_account: Account, server: StandIn, client: str, face: str
) -> None:
    use, _ = CLIENTS[client]
    with way(laptop, face) as variables:
        done = use(laptop, aws_account, variables)
    assert done.status == 0, done.err
    assert OBJECT in done.out
    assert server.asked == 1


def test_credentials_that_nobody_knows_are_refused_or_the_above_shows_nothing(
    laptop: Laptop, aws_account: Account
) -> None:
    wrong = {"AWS_ACCESS_KEY_ID": "ASIANOBODY", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "x"}
    assert aws(laptop, aws_account, wrong).status != 0


def used(ended: Ended) -> list[str]:
    """The access keys that signed, in their order; each call listed the bucket."""
    assert ended.status == 0, ended.err
    lines = [line.split(" ", 1) for line in ended.out.splitlines()]
    assert all(OBJECT in listed for _, listed in lines)
    return [access_key for access_key, _ in lines]


@pytest.mark.parametrize("face", ["cp", "ct"])
def test_one_boto3_client_goes_on_across_two_renewals(
    laptop: Laptop, aws_account: Account, server: StandIn, face: str
) -> None:
    server.lasts = timedelta(seconds=6)
    laptop.age(left=timedelta(seconds=-1))
    with way(laptop, face) as variables:
        done = laptop.run(
            sys.executable, str(HERE / "list_with_boto3.py"), aws_account.bucket, "10", "2", **variables
        )
    assert len(set(used(done))) >= 3


@pytest.mark.parametrize("face", ["cp", "ct"])
def test_one_javascript_client_goes_on_across_two_renewals(
    laptop: Laptop, aws_account: Account, server: StandIn, face: str, node: str
) -> None:
    server.lasts = timedelta(seconds=6)
    laptop.age(left=timedelta(seconds=-1))
    with way(laptop, face) as variables:
        done = laptop.run(node, str(HERE / "js" / "list.mjs"), aws_account.bucket, "10", "2", **variables)
    assert len(set(used(done))) >= 3


@contextmanager
def rclone_running(laptop: Laptop, account: Account, variables: dict[str, str]) -> Iterator[Callable[[], str]]:
    """One rclone that stays; what it lists."""
    port = free_port()
    process = laptop.start(
        debian("rclone"),
        "--config",
        rclone_config(laptop, account),
        "rcd",
        "--rc-no-auth",
        f"--rc-addr=127.0.0.1:{port}",
        **variables,
    )

    def listed() -> str:
        body = json.dumps({"fs": f"sandbox:{account.bucket}", "remote": "2026"}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/operations/list", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return " ".join(one["Path"] for one in found["list"])

    try:
        for _ in range(100):
            time.sleep(0.1)  # noqa: TID251 - a real process
            if process.poll() is not None or _answers(port):
                break
        yield listed
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _answers(port: int) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            urllib.request.Request(f"http://127.0.0.1:{port}/rc/noop", method="POST"),
            timeout=5,
        ):
            return True
    except OSError:
        return False


@pytest.mark.parametrize("face", ["cp", "ct"])
def test_one_rclone_goes_on_across_two_renewals(
    laptop: Laptop, aws_account: Account, server: StandIn, face: str
) -> None:
    server.lasts = timedelta(seconds=6)
    laptop.age(left=timedelta(seconds=-1))
    with way(laptop, face) as variables, rclone_running(laptop, aws_account, variables) as listed:
        for number in range(9):
            if number:
                time.sleep(2)  # noqa: TID251 - real sessions end in real time
            assert OBJECT in listed()
    assert server.asked >= 3
