"""What docs/how-to/account.md tells an administrator to type, typed, against the sandbox's AWS."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from keylease.domain import iam
from keylease.sandbox import tools
from keylease.sandbox.account import gives
from keylease.sandbox.ministack import SECRET, Ministack

pytestmark = pytest.mark.live

PAGE = Path(__file__).parents[2] / "docs/how-to/account.md"
ACCOUNT = "210987654321"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)

CONFIGURATION = """
[accounts.media]
id = "{account}"
endpoint_url = "{endpoint}"
issuer = {{ role_arn = "arn:aws:iam::{account}:role/keylease-broker/keylease-issuer" }}
remover = {{ role_arn = "arn:aws:iam::{account}:role/keylease-broker/keylease-remover" }}

[permission_sets.media-archive]
title = "Read, add and delete files in the archive"
group = "media-archive"
role = "media-archive"

[grants.media]
groups = ["media"]
permission_sets = ["media-archive"]
accounts = ["media"]
max_ttl = "4w"
approvers = {{ groups = ["leads"] }}
"""


def commands() -> list[str]:
    """Every command of the page, a line each, for the test's account."""
    text = "".join(block.replace("\\\n", " ") for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    return [line.removeprefix("$ ").replace("ACCOUNT", ACCOUNT) for line in text.splitlines()]


def test_the_commands_of_the_page_make_an_account_in_which_nothing_is_to_be_fixed(
    ministack_server: Ministack, tmp_path: Path
) -> None:
    owner = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    trust = iam.policy([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": owner}])
    (tmp_path / "trust.json").write_text(json.dumps(trust))
    (tmp_path / "media-archive.json").write_text(json.dumps(iam.policy(gives("archive"))))
    text = CONFIGURATION.format(account=ACCOUNT, endpoint=ministack_server.endpoint)
    (tmp_path / "keylease.toml").write_text(text)
    environment = administrator(ministack_server, tmp_path)
    typed = [line for line in commands() if line.startswith(("aws ", "keylease "))]
    assert len(typed) == len(commands()) >= 14
    for line in typed:
        done = run(line, environment, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    examined = run("keylease doctor --json", environment, tmp_path)
    rows = json.loads(examined.stdout)["rows"]
    assert [row["sentence"] for row in rows if row["account"] and row["verdict"] != "ok"] == []
    assert {"permissions", "group", "role", "horizon"} <= {row["check"] for row in rows}


def administrator(aws: Ministack, home: Path) -> dict[str, str]:
    """A shell with the root user's credentials and the two programs."""
    programs = home / "bin"
    programs.mkdir()
    (programs / "aws").symlink_to(tools.program("aws"))
    (programs / "keylease").write_text(f'#!/bin/sh\nexec {sys.executable} -m keylease "$@"\n')
    (programs / "keylease").chmod(0o755)
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def run(line: str, environment: dict[str, str], home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", line], env=environment, cwd=home, capture_output=True, text=True, timeout=60, check=False
    )
