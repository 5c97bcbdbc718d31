"""Adoption on real accounts in ministack: the date that AWS enforces, beside a boundary, and the command line."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from audit.in_process import InProcess
from audit.seeded import Making, allow, document
from audit.test_audit_live import through
from aws import live
from aws.faulty_proxy import Answer, faulty_proxy
from cli.command_line import Ended
from keylease.adopt.adoption import Promise
from keylease.aws.adoption import POLICY, AwsUsers
from keylease.aws.audit.reader import Reader
from keylease.domain.clock import SystemClock, from_text
from keylease.sandbox import account as sandbox
from keylease.sandbox.ministack import SECRET, Ministack
from notify.servers import smtp

pytestmark = pytest.mark.live


class Account:
    """An account with users whose access keys are in use."""

    def __init__(self, running: Ministack) -> None:
        self.making = Making(sandbox.root(running, live.fresh_account()))
        self.running, self.endpoint = running, running.endpoint
        self.iam = self.making.iam
        self.making.group("lookers", allow("iam:GetUser", "iam:ListUsers"))
        self.users = AwsUsers(Reader(sandbox.root(running, self.making.account), SystemClock()))

    def person(self, name: str, **more: Any) -> Any:
        """A user with a key; IAM as that user, with the key."""
        self.making.user(name, "lookers", **more)
        made = self.iam.create_access_key(UserName=name)["AccessKey"]
        return boto3.client(
            "iam",
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id=made["AccessKeyId"],
            aws_secret_access_key=made["SecretAccessKey"],
        )


@pytest.fixture
def account(ministack_server: Ministack) -> Account:
    return Account(ministack_server)


def works(client: Any) -> bool:
    try:
        client.list_users()
    except ClientError as error:
        code = error.response["Error"]["Code"]
    else:
        return True
    assert code in {"AccessDenied", "InvalidClientTokenId"}
    return False


def wait_for(instant: Any) -> None:
    while SystemClock().now() < instant:
        time.sleep(0.1)  # noqa: TID251 - AWS's own clock decides here


def test_aws_refuses_the_key_at_the_date_and_a_boundary_stays(account: Account) -> None:
    bob = account.person("bob")
    wide = account.iam.create_policy(PolicyName="cap", PolicyDocument=document(allow("*")))["Policy"]["Arn"]
    account.iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=wide)
    end = SystemClock().now() + timedelta(seconds=3)
    account.users.fence("bob", end)
    assert works(bob)
    wait_for(end)
    assert not works(bob)
    assert account.iam.get_user(UserName="bob")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == wide
    account.users.unfence("bob")
    assert works(bob)


def test_a_date_is_read_back_moved_and_taken_off_and_all_of_it_twice(account: Account) -> None:
    account.person("bob")
    first, second = (SystemClock().now() + timedelta(days=days) for days in (10, 20))
    for until in (first, first, second):
        account.users.fence("bob", until)
    found = account.users.one("bob")
    assert found is not None
    assert found.fenced_until == second
    assert account.iam.list_user_policies(UserName="bob")["PolicyNames"] == [POLICY]
    account.users.unfence("bob")
    account.users.unfence("bob")
    found = account.users.one("bob")
    assert found is not None
    assert found.fenced_until is None


def test_where_a_users_own_policies_leave_no_room_the_date_is_a_policy_of_its_own(account: Account) -> None:
    bob = account.person("bob")
    full = Answer(409, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user bob")
    first, second = (SystemClock().now() + timedelta(days=days) for days in (-2, -1))
    with faulty_proxy(account.endpoint) as proxy:
        proxy.plan("PutUserPolicy", full, full)
        clients = through(sandbox.root(account.running, account.making.account), proxy)
        users = AwsUsers(Reader(clients, SystemClock()))
        for until in (first, second):
            users.fence("bob", until)
    assert not works(bob)
    found = account.users.one("bob")
    assert found is not None
    assert found.fenced_until == second
    assert len(account.iam.list_attached_user_policies(UserName="bob")["AttachedPolicies"]) == 1
    account.users.unfence("bob")
    assert works(bob)


def test_a_policy_of_that_name_that_says_something_else_counts_as_no_date(account: Account) -> None:
    account.person("bob")
    account.iam.put_user_policy(UserName="bob", PolicyName=POLICY, PolicyDocument=document(allow("*")))
    found = account.users.one("bob")
    assert found is not None
    assert found.fenced_until is None


def test_a_promise_survives_the_tags(account: Account) -> None:
    account.person("bob")
    now = SystemClock().now()
    promise = Promise(
        owner="bob@example.com",
        ends_at=now,
        keys=("AKIA1", "AKIA2"),
        told_at=now,
        warned=(14, 7),
        postponed="2026 späte",
    )
    account.users.tag("bob", promise.tags())
    from keylease.adopt.adoption import promise_of

    [holder] = account.users.adopted()
    assert promise_of(holder.tags) == promise


class Adopt:
    def __init__(self, account: Account, line: InProcess) -> None:
        self.line = line
        line.set(
            AWS_ENDPOINT_URL=account.endpoint,
            AWS_ACCESS_KEY_ID=account.making.account,
            AWS_SECRET_ACCESS_KEY=SECRET,
            KEYLEASE_SERVER="https://keylease.example.com",
        )

    def __call__(self, *words: str) -> Ended:
        return self.line("adopt", *words)

    def mails(self) -> list[Any]:
        return [message_from_bytes(path.read_bytes()) for path in sorted((self.line.home / "mails").glob("*.eml"))]


def test_plan_start_postpone_and_undo_as_an_administrator_does_it(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bob, build = account.person("bob", owner="bob@example.com"), account.person("ci-build", owner="ops@example.com")
    account.person("eve", owner="")
    adopt = Adopt(account, InProcess(monkeypatch, capsys, tmp_path))
    plan = json.loads(adopt("plan", "--until", "6w", "--no-trail", "--json").out)
    rows = {row["user"]: row for row in plan["users"]}
    assert rows["bob"]["ends_at"]
    assert rows["ci-build"]["ends_at"] is None
    assert "OIDC" in rows["ci-build"]["why_not"]
    assert "owner" in rows["eve"]["why_not"]
    assert account.users.adopted() == ()

    refused = adopt("start", "--until", "6w", "--no-trail", "--outbox", "mails")
    assert refused.status == 2
    assert account.users.adopted() == ()

    with smtp() as (postman, address):
        (tmp_path / "mail").write_text(address)
        started = adopt("start", "--until", "6w", "--no-trail", "--mail-file", "mail", "--yes")
    assert started.status == 0, started.err
    [(to, mail)] = postman.mails
    assert to == ["bob@example.com"]
    assert "ends on" in mail["Subject"]
    assert "https://keylease.example.com/leases/new" in mail.as_string()
    [bobs] = account.users.adopted()
    assert bobs.name == "bob"
    assert bobs.fenced_until is not None
    later = adopt("postpone", "bob", "--until", "9w", "--reason", "late", "--outbox", "mails", "--json")
    assert from_text(json.loads(later.out)["ends_at"]) > bobs.fenced_until
    assert works(bob)
    assert adopt("undo", "bob", "--outbox", "mails").status == 0
    assert account.users.adopted() == ()
    assert works(bob)
    assert works(build)
