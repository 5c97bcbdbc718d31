"""Real clients of AWS on somebody's machine, and keylease's ways to each of them.

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
from pathlib import Path
from typing import Any

import pytest
from laptop import Laptop, agent
from live_company import BUCKET, OBJECT

import nodejs
from cli.command_line import COMMAND, Ended
from keylease.sandbox import tools
from keylease.sandbox.company import free_port

HERE = Path(__file__).parent
SECTION = "fresh"
PROFILE = "media-archive"
Use = Callable[[Laptop, dict[str, str]], Ended]


def debian(name: str) -> str:
    """A program of Debian's. Without it a test is skipped; where everything must be tested it fails."""
    found = shutil.which(name)
    if found is None:
        assert os.environ.get("CI") != "true", f"{name} is missing: apt-get install {name}"
        pytest.skip(f"{name} is missing: apt-get install {name}")
    return found


def aws(laptop: Laptop, variables: dict[str, str]) -> Ended:
    return laptop.run(tools.program("aws"), "s3", "ls", "--recursive", f"s3://{BUCKET}/", **variables)


def boto3(laptop: Laptop, variables: dict[str, str], *, times: int = 1, seconds: float = 0) -> Ended:
    program = (sys.executable, str(HERE / "list_with_boto3.py"))
    return laptop.run(*program, BUCKET, str(times), str(seconds), **variables)


def javascript(laptop: Laptop, variables: dict[str, str], *, times: int = 1, seconds: float = 0) -> Ended:
    program = (nodejs.install(HERE / "js"), str(HERE / "js" / "list.mjs"))
    return laptop.run(*program, BUCKET, str(times), str(seconds), **variables)


def rclone(laptop: Laptop, variables: dict[str, str]) -> Ended:
    return laptop.run(debian("rclone"), "--config", rclone_config(laptop), "ls", f"sandbox:{BUCKET}", **variables)


def s3cmd(laptop: Laptop, variables: dict[str, str]) -> Ended:
    """Where no variables lead to credentials, `keylease exec` gives them."""
    host = laptop.more["AWS_ENDPOINT_URL"].removeprefix("http://")
    flags = ["--no-ssl", f"--host={host}", f"--host-bucket={host}", "--region=us-east-1", "--config=/none"]
    ls = [debian("s3cmd"), *flags, "ls", "--recursive", f"s3://{BUCKET}/"]
    through = [] if variables else [*COMMAND, "exec", laptop.lease, "--"]
    return laptop.run(*through, *ls, **variables)


CLIENTS: dict[str, tuple[Use, tuple[str, ...]]] = {
    "aws": (aws, ("cp", "ct", "file")),
    "boto3": (boto3, ("cp", "ct", "file")),
    "javascript": (javascript, ("cp", "ct", "file")),
    "rclone": (rclone, ("cp", "ct", "file")),
    "s3cmd": (s3cmd, ("file", "exec")),
}


@contextmanager
def way(laptop: Laptop, face: str) -> Iterator[dict[str, str]]:
    """The variables that lead a client to one of keylease's faces."""
    if face == "exec":
        yield {}
    elif face == "cp":
        yield {"AWS_PROFILE": PROFILE, "AWS_SDK_LOAD_CONFIG": "1"}
    elif face == "file":
        with agent(laptop, "--write-profile", f"{SECTION}={laptop.lease}"):
            yield {"AWS_PROFILE": SECTION, "AWS_REGION": "us-east-1"}
    else:
        with agent(laptop):
            yield container(laptop)


def container(laptop: Laptop) -> dict[str, str]:
    lines = laptop.keylease("connect", "env", laptop.lease, "--through", "endpoint").out.splitlines()
    return dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))


def rclone_config(laptop: Laptop) -> str:
    """What `keylease connect` writes, at the sandbox's address; which credentials, the environment says.

    For the provider AWS rclone puts the bucket into the host's name, and the sandbox has no such names.
    """
    path = laptop.home / "rclone.conf"
    made = laptop.keylease("connect", "rclone", laptop.lease).out.replace(f"[{PROFILE}]", "[sandbox]")
    made = made.replace("provider = AWS", "provider = Other")
    own = [line for line in made.splitlines() if not line.startswith("profile")]
    path.write_text(
        "\n".join([*own, f"endpoint = {laptop.more['AWS_ENDPOINT_URL']}", "force_path_style = true", ""])
    )
    return str(path)


@contextmanager
def rclone_running(laptop: Laptop, variables: dict[str, str]) -> Iterator[Callable[[], str]]:
    """One rclone that stays; what it lists."""
    port = free_port()
    address = ("--rc-no-auth", f"--rc-addr=127.0.0.1:{port}")
    process = laptop.start(debian("rclone"), "--config", rclone_config(laptop), "rcd", *address, **variables)

    def listed() -> str:
        found = _asked(port, "operations/list", {"fs": f"sandbox:{BUCKET}", "remote": OBJECT.rpartition("/")[0]})
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
        _asked(port, "rc/noop", {})
    except OSError:
        return False
    return True


def _asked(port: int, path: str, body: dict[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found
