"""aws_cli_overhead: `aws sts get-caller-identity` with a profile of keylease's, beside one with static keys.

Both ask the same ministack with the same credentials: once they stand in the credentials file, once the command
line client starts keylease for them, as it does for every command that somebody types.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import boto3

from bench.leased_machine import LEASE, environment, machine
from bench.programs import middle, side_by_side, spread
from bench.result import Result
from keylease.agent.command import credential_process
from keylease.agent.profiles import Profile, with_profile
from keylease.domain.clock import to_text
from keylease.sandbox import tools
from keylease.sandbox.ministack import Ministack, ministack

ROUNDS = 25
CALL = ("sts", "get-caller-identity", "--profile")


def measure() -> Iterator[Result]:
    """One line."""
    with tempfile.TemporaryDirectory() as folder, ministack() as aws:
        home = Path(folder)
        _profiles(home, aws)
        command = (tools.program("aws"), *CALL)
        taken = side_by_side(
            {"keylease": (*command, "renewing"), "static": (*command, "static")},
            ROUNDS,
            environment(home, AWS_ENDPOINT_URL=aws.endpoint),
        )
    ours, theirs = middle(taken["keylease"]), middle(taken["static"])
    yield Result(
        name="aws_cli_overhead",
        value=ours,
        unit="ms",
        against="static keys in the credentials file",
        ratio=round(ours / theirs, 3),
        more={"against_value": theirs, "rounds": ROUNDS, **spread(taken["keylease"])},
    )


def _profiles(home: Path, aws: Ministack) -> None:
    """Two profiles with the same credentials."""
    root = boto3.client("iam", **aws.root())
    root.create_user(UserName="mara")
    made = root.create_access_key(UserName="mara")["AccessKey"]
    session = boto3.client(
        "sts",
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
    ).get_session_token()["Credentials"]
    held = machine(home, (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]))
    profile = Profile(
        name="renewing",
        lease_id=LEASE,
        command=credential_process(LEASE),
        expires_at=to_text(held.ends_at),
        region="us-east-1",
    )
    (home / ".aws").mkdir()
    config = with_profile(b"[profile static]\nregion = us-east-1\n", profile)
    (home / ".aws" / "config").write_bytes(config)
    lines = [
        f"{name.lower()} = {value}" for name, value in held.as_environment().items() if "EXPIRATION" not in name
    ]
    (home / ".aws" / "credentials").write_text("\n".join(["[static]", *lines, ""]), encoding="ascii")
