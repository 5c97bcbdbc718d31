"""plan_vs_floor: a plan of a large account, beside a script that only reads the same.

The account has 5,000 users, 500 roles and 1,000 policies with documents of a kilobyte. A server here answers in
pages of a thousand at most, as IAM does, after a wait that stands for the way to AWS. The floor asks for the same
pages with AWS's SDK, one after the other, and throws them away. What a plan adds is the comparison; what it saves
is asking for several things at once.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from urllib.parse import parse_qs, quote

import boto3

from bench.result import Result
from keylease import settings
from keylease.aws.account import Account, Identity
from keylease.aws.clients import Clients
from keylease.baseline.planning import Baseline, review
from keylease.domain.clock import SystemClock
from keylease.domain.secret import Secret
from keylease.ports import AccessKey

ACCOUNT = "123456789012"
USERS, ROLES, POLICIES, PAGE = 5_000, 500, 1_000, 1_000
WAITS = (0.0, 0.05)
"""Seconds before each answer: none, and the way to a region not far away."""
RUNS = 5
CONFIGURATION = f"""
[accounts.media]
id = "{ACCOUNT}"
[permission_sets.archive]
title = "The archive"
group = "archive"
role = "archive"
[baseline]
parts = ["people", "sets", "broker", "settled"]
[baseline.sets.archive]
gives = "buckets"
buckets = ["media-archive"]
[baseline.broker]
trusted = ["arn:aws:iam::{ACCOUNT}:root"]
"""
_SPACE = 'xmlns="https://iam.amazonaws.com/doc/2010-05-08/"'
_PARTS = {"User": "UserDetailList", "Group": "GroupDetailList", "Role": "RoleDetailList"}
_DATE = "<CreateDate>2026-01-01T00:00:00Z</CreateDate>"


def measure() -> Iterator[Result]:
    """A line for each wait: seconds of a plan and of the floor, and the calls of each."""
    for wait in WAITS:
        with _account(wait) as (server, endpoint):
            of = _baseline(endpoint)
            review(of)  # clients are made once in a process
            floor = _floor(endpoint)
            floor()
            ours, calls = _timed(server, partial(review, of))
            theirs, their_calls = _timed(server, floor)
        yield Result(
            name="plan_vs_floor",
            case=f"{round(wait * 1000)} ms away",
            value=round(ours, 3),
            unit="s",
            against="reading the same, one call after the other",
            ratio=round(ours / theirs, 2),
            more={
                "against_value": round(theirs, 3),
                "calls": calls,
                "against_calls": their_calls,
                "users": USERS,
                "roles": ROLES,
                "policies": POLICIES,
            },
        )


def _timed(server: _Server, run: Callable[[], object]) -> tuple[float, int]:
    seconds = []
    for _ in range(RUNS):
        server.calls = 0
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return median(seconds), server.calls


def _baseline(endpoint: str) -> Baseline:
    key = AccessKey(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key=Secret("bench"))
    account = Account(id=ACCOUNT, endpoint_url=endpoint)
    return Baseline(
        settings=settings.parse(CONFIGURATION),
        clients=Clients(account, Identity(access_key=key)),
        horizon=datetime(2027, 6, 1, tzinfo=UTC),
        home=Path(tempfile.gettempdir()),
    )


def _floor(endpoint: str) -> Callable[[], None]:
    credentials = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "bench"}
    iam = boto3.client("iam", region_name="us-east-1", endpoint_url=endpoint, **credentials)
    sts = boto3.client("sts", region_name="us-east-1", endpoint_url=endpoint, **credentials)

    def read() -> None:
        for part in (*_PARTS, "LocalManagedPolicy"):
            pages = iam.get_paginator("get_account_authorization_details").paginate(
                Filter=[part], PaginationConfig={"PageSize": PAGE}
            )
            for _ in pages:
                pass
        iam.list_instance_profiles(PathPrefix="/keylease/launch/")
        iam.get_account_password_policy()
        iam.list_account_aliases()
        sts.get_caller_identity()

    return read


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    calls = 0
    wait = 0.0


@contextmanager
def _account(wait: float) -> Iterator[tuple[_Server, str]]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.wait = wait
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Answer one call."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        said = {name: values[0] for name, values in parse_qs(body).items()}
        self.server.calls += 1
        SystemClock().sleep(self.server.wait)
        action = said["Action"]
        part = said.get("Filter.member.1", "")
        answer = _answer(action, part, int(said.get("Marker", "0")), int(said.get("MaxItems", "100")))
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@cache
def _answer(action: str, part: str, start: int, size: int) -> bytes:
    if action == "GetAccountAuthorizationDetails":
        inner = _details(part, start, size)
    elif action == "GetCallerIdentity":
        inner = f"<Arn>arn:aws:iam::{ACCOUNT}:user/user-1</Arn><UserId>A</UserId><Account>{ACCOUNT}</Account>"
    elif action == "GetAccountPasswordPolicy":
        inner = "<PasswordPolicy><MinimumPasswordLength>14</MinimumPasswordLength></PasswordPolicy>"
    else:
        member = "AccountAliases" if action == "ListAccountAliases" else "InstanceProfiles"
        inner = f"<{member}></{member}><IsTruncated>false</IsTruncated>"
    space = _SPACE if action != "GetCallerIdentity" else 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
    return f"<{action}Response {space}><{action}Result>{inner}</{action}Result></{action}Response>".encode()


def _details(part: str, start: int, size: int) -> str:
    size = min(size, PAGE)
    total = {"User": USERS, "Role": ROLES, "LocalManagedPolicy": POLICIES}.get(part, 0)
    make = {"User": _user, "Role": _role, "LocalManagedPolicy": _policy}.get(part)
    end = min(start + size, total)
    found = "".join(f"<member>{make(number)}</member>" for number in range(start, end)) if make else ""
    member = _PARTS.get(part, "Policies")
    more = f"<IsTruncated>true</IsTruncated><Marker>{end}</Marker>" if end < total else ""
    return f"<{member}>{found}</{member}>{more or '<IsTruncated>false</IsTruncated>'}"


def _arn(kind: str, number: int) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{kind}/{kind}-{number}"


def _document(*, trust: bool = False) -> str:
    statements = [
        {"Effect": "Allow", "Action": f"s3:Get{number}", "Resource": f"arn:aws:s3:::bucket-{number}/*"}
        for number in range(12)
    ]
    principal = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    return quote(json.dumps({"Version": "2012-10-17", "Statement": [principal] if trust else statements}))


def _user(number: int) -> str:
    attached = f"<member><PolicyName>policy-1</PolicyName><PolicyArn>{_arn('policy', 1)}</PolicyArn></member>"
    return (
        f"<UserName>user-{number}</UserName><UserId>AIDA{number}</UserId><Path>/</Path>{_DATE}"
        f"<Arn>{_arn('user', number)}</Arn><GroupList></GroupList>"
        f"<AttachedManagedPolicies>{attached}</AttachedManagedPolicies>"
    )


def _role(number: int) -> str:
    return (
        f"<RoleName>role-{number}</RoleName><RoleId>AROA{number}</RoleId><Path>/</Path>{_DATE}"
        f"<Arn>{_arn('role', number)}</Arn>"
        f"<AssumeRolePolicyDocument>{_document(trust=True)}</AssumeRolePolicyDocument>"
        f"<RolePolicyList><member><PolicyName>own</PolicyName><PolicyDocument>{_document()}</PolicyDocument></member>"
        "</RolePolicyList><AttachedManagedPolicies></AttachedManagedPolicies>"
    )


def _policy(number: int) -> str:
    version = (
        f"<member><Document>{_document()}</Document><VersionId>v1</VersionId>"
        f"<IsDefaultVersion>true</IsDefaultVersion>{_DATE}</member>"
    )
    return (
        f"<PolicyName>policy-{number}</PolicyName><PolicyId>ANPA{number}</PolicyId><Path>/</Path>"
        f"<Arn>{_arn('policy', number)}</Arn><DefaultVersionId>v1</DefaultVersionId>"
        f"<PolicyVersionList>{version}</PolicyVersionList>"
    )
