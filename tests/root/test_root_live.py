"""The path, the alarm and root of members, on real accounts in ministack; AssumeRoot is answered in its place."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.in_process import InProcess
from audit.seeded import Making
from audit.test_audit_live import through
from aws import live
from aws.faulty_proxy import FaultyProxy, Said, faulty_proxy
from keylease.aws.audit.reader import Reader
from keylease.aws.root import RULE, alarmed, member_root, remove_member_root, set_alarm, short_session
from keylease.domain.clock import SystemClock
from keylease.errors import NotRoot
from keylease.sandbox import account as sandbox
from keylease.sandbox.ministack import SECRET, Ministack

pytestmark = pytest.mark.live


@pytest.fixture
def proxy(ministack_server: Ministack) -> Iterator[FaultyProxy]:
    with faulty_proxy(ministack_server.endpoint) as running:
        yield running


def session_of(account: str) -> Said:
    """What STS answers to AssumeRoot: here credentials that ministack takes for that account's root."""
    return Said(
        '<AssumeRootResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRootResult><Credentials>'
        f"<AccessKeyId>{account}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
        "<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        "</AssumeRootResult></AssumeRootResponse>"
    )


def test_an_alarm_is_set_once_and_seen(ministack_server: Ministack) -> None:
    clients = sandbox.root(ministack_server, live.fresh_account())
    reader = Reader(clients, SystemClock())
    assert not alarmed(reader, "us-east-1")
    topics = {set_alarm(clients, "us-east-1", "security@example.com") for _ in range(2)}
    assert len(topics) == 1
    assert alarmed(reader, "us-east-1")
    rules: Any = clients.service("events", attempts=3)
    assert [rule["Name"] for rule in rules.list_rules()["Rules"]] == [RULE]
    rules.disable_rule(Name=RULE)
    assert not alarmed(reader, "us-east-1")


def test_a_short_session_asks_for_one_task_and_fifteen_minutes(
    ministack_server: Ministack, proxy: FaultyProxy
) -> None:
    clients = through(sandbox.root(ministack_server, live.fresh_account()), proxy)
    proxy.plan("AssumeRoot", session_of("111122223333"))
    given = short_session(clients, "111122223333", "S3UnlockBucketPolicy")
    said = next(one for one in proxy.said if one.get("Action") == "AssumeRoot")
    assert said["TargetPrincipal"] == "111122223333"
    assert said["TaskPolicyArn.arn"] == "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"
    assert said["DurationSeconds"] == "900"
    assert given["AWS_ACCESS_KEY_ID"] == "111122223333"


def test_root_credentials_of_a_member_are_found_by_one_session_and_deleted_by_another(
    ministack_server: Ministack, proxy: FaultyProxy
) -> None:
    clients = through(sandbox.root(ministack_server, live.fresh_account()), proxy)
    member = live.fresh_account()
    listed = Said(
        '<ListAccessKeysResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListAccessKeysResult>'
        "<AccessKeyMetadata><member><AccessKeyId>AKIAQ3EGRIQ7SHXFTZ5K</AccessKeyId><Status>Active</Status></member>"
        "</AccessKeyMetadata><IsTruncated>false</IsTruncated></ListAccessKeysResult></ListAccessKeysResponse>"
    )
    nothing = (
        "<{0}Response xmlns='https://iam.amazonaws.com/doc/2010-05-08/'><{0}Result><MFADevices/><Certificates/>"
        "<IsTruncated>false</IsTruncated></{0}Result></{0}Response>"
    )
    proxy.plan("AssumeRoot", session_of(member), session_of(member))
    proxy.plan("ListAccessKeys", listed)
    for operation in ("ListMFADevices", "ListSigningCertificates", "GetLoginProfile", "DeleteAccessKey"):
        proxy.plan(operation, Said(nothing.format(operation)))
    proxy.plan("DeleteLoginProfile", Said(nothing.format("DeleteLoginProfile")))
    found = list(member_root(clients, member))
    assert found == [("access key", "AKIAQ3EGRIQ7SHXFTZ5K"), ("password", "login profile")]
    remove_member_root(clients, member, found)
    tasks = [one["TaskPolicyArn.arn"].rpartition("/")[2] for one in proxy.said if one.get("Action") == "AssumeRoot"]
    assert tasks == ["IAMAuditRootUserCredentials", "IAMDeleteRootUserCredentials"]
    assert {"DeleteAccessKey", "DeleteLoginProfile"} <= set(proxy.seen)


@pytest.fixture
def line(
    ministack_server: Ministack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> InProcess:
    made = InProcess(monkeypatch, capsys, tmp_path)
    making = Making(sandbox.root(ministack_server, live.fresh_account()))
    making.user("bob")
    key = making.iam.create_access_key(UserName="bob")["AccessKey"]
    (tmp_path / "bob").write_text(
        f"[bob]\naws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    made.set(
        AWS_ENDPOINT_URL=ministack_server.endpoint,
        AWS_ACCESS_KEY_ID=making.account,
        AWS_SECRET_ACCESS_KEY=SECRET,
        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "bob"),
    )
    return made


def test_the_path_is_shown_from_what_aws_says(line: InProcess) -> None:
    ended = line("root", "path", "--region", "us-east-1", "--json")
    found = json.loads(ended.out)
    assert ended.status == 0, ended.err
    assert found["next"] == "way-in"
    assert {one["id"]: one["state"] for one in found["steps"]}["alarm"] == "open"


def test_uses_are_read_from_log_files_too(line: InProcess) -> None:
    record = {
        "userIdentity": {"type": "Root", "accessKeyId": "AKIAQ3EGRIQ7SHXFTZ5K"},
        "eventTime": "2026-11-20T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "PutObject",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "Cyberduck",
    }
    folder = line.home / "logs" / "2026"
    folder.mkdir(parents=True)
    (folder / "one.json.gz").write_bytes(gzip.compress(json.dumps({"Records": [record]}).encode()))
    [use] = json.loads(line("root", "uses", "--logs", "logs", "--json").out)
    assert (use["actions"], use["by"]) == (["s3:PutObject"], "access key")


def test_a_key_of_root_is_touched_with_roots_own_credentials_alone(line: InProcess) -> None:
    ended = line("root", "deactivate", "AKIAX", "--profile", "bob", "--yes")
    assert ended.status == NotRoot.exit_status
