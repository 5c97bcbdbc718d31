"""The whole audit of real accounts in ministack: seeded faults and nothing else, and a clean twin account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from audit.seeded import KEY_ID, SECRET, Making, allow, key, row, says
from aws import live
from aws.faulty_proxy import THROTTLED, FaultyProxy, faulty_proxy
from keylease.audit.checks import ALL
from keylease.audit.outcome import needed
from keylease.audit.report import Report, examine
from keylease.aws.account import Identity
from keylease.aws.audit import collect
from keylease.aws.clients import Clients
from keylease.domain.clock import SystemClock, to_text
from keylease.domain.secret import Secret
from keylease.ports import AccessKey
from keylease.sandbox import account as sandbox
from keylease.sandbox.ministack import Ministack
from keylease.testing import FakeClock

pytestmark = pytest.mark.live

REGION = "us-east-1"
NOW = SystemClock().now()
SILENT = {"secret-in-user-data", "trail-bucket-open"}
"""ministack does not list launch templates' versions by `$Default`, nor answer for an account's public access."""
READS = ("Describe", "Get", "List", "GenerateCredentialReport", "Head")


@pytest.fixture
def proxy(ministack_server: Ministack) -> Iterator[FaultyProxy]:
    with faulty_proxy(ministack_server.endpoint) as running:
        yield running


@pytest.fixture
def root(ministack_server: Ministack, proxy: FaultyProxy) -> Clients:
    made = sandbox.root(ministack_server, live.fresh_account())
    return through(made, proxy)


def through(clients: Clients, proxy: FaultyProxy, on_call: Callable[[str], None] | None = None) -> Clients:
    return Clients(
        replace(clients.account, endpoint_url=proxy.endpoint),
        sandbox._identity(clients.account.id),
        on_call=on_call,
    )


def before(days: int) -> str:
    return to_text(NOW - timedelta(days=days))


def audited(clients: Clients, clock: FakeClock | SystemClock | None = None) -> Report:
    snapshot = collect(clients, clock or SystemClock(), parts=needed(ALL), regions=(REGION,))
    return examine(snapshot, ALL)


def found(report: Report) -> set[str]:
    return {f"{finding.check.id} {finding.found.subject}" for finding in report.findings}


def settle(making: Making) -> None:
    """What every account here has: guards that are on, a group, a person, places without secrets."""
    making.group("readers", allow("s3:GetObject"))
    making.user("priya", "readers")
    making.iam.create_access_key(UserName="priya")
    making.iam.update_account_password_policy(MinimumPasswordLength=14, PasswordReusePrevention=24)
    making.role("web", {"Service": "ec2.amazonaws.com"}, allow("s3:GetObject"))
    making.budget()
    making.scps()


def well(account: str) -> list[dict[str, str]]:
    return [
        row("<root_account>", account, password_enabled="not_supported", mfa_active="true"),
        row("priya", account, **key(1, before(10), before(1))),
    ]


def test_a_clean_account_has_no_findings(root: Clients, proxy: FaultyProxy) -> None:
    making = Making(root)
    settle(making)
    making.trail(validated=True, protected=True)
    making.recorder()
    making.function(TABLE="media")
    making.task(BUCKET="media")
    making.parameter("/app/host", "db.example.com")
    making.parameter("/app/key", KEY_ID, "SecureString")
    making.stack("harmless")
    says(proxy, well(making.account))
    report = audited(root)
    assert found(report) == set()
    assert {check for gap in report.gaps for check in gap.checks} <= SILENT


def test_every_seeded_fault_is_found_and_nothing_else(root: Clients, proxy: FaultyProxy) -> None:
    making = Making(root)
    settle(making)
    making.trail(validated=False, protected=False)
    making.function(AWS_ACCESS_KEY_ID=KEY_ID, AWS_SECRET_ACCESS_KEY=SECRET)
    making.task(AWS_SECRET_ACCESS_KEY=SECRET)
    making.parameter("/app/key", KEY_ID)
    making.stack(KEY_ID)
    making.group("admins", allow("*"))
    making.group("movers", allow("iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"))
    making.user("anna", "admins")
    making.iam.create_access_key(UserName="anna")
    making.user("bob", "movers", owner="")
    making.iam.create_access_key(UserName="bob")
    making.user("carl")
    making.role("runner", {"Service": "lambda.amazonaws.com"}, allow("*"))
    making.role("open", {"AWS": "*"})
    making.role("vendor", {"AWS": "arn:aws:iam::555544443333:root"})
    making.iam.delete_account_password_policy()
    account = making.account
    rows = [
        row("<root_account>", account, **key(1, before(400), before(2))),
        row("priya", account, **key(1, before(10), before(1)), password_enabled="true"),
        row("anna", account, **key(1, before(200), before(1))),
        row("bob", account, **key(1, before(80), before(60)), **key(2, before(20))),
        row("carl", account, cert_1_active="true"),
    ]
    says(proxy, rows)
    report = audited(root)
    bucket = f"trail-{account}"
    assert found(report) == {
        "root-access-key root",
        "root-mfa root",
        "root-used root",
        "console-without-mfa priya",
        "administrator anna",
        "star-star admins",
        "key-old anna",
        "escalation bob",
        "key-without-owner bob",
        "key-unused bob",
        "key-never-used bob",
        "key-second bob",
        "user-outside-groups carl",
        "signing-certificate carl",
        "administrator runner",
        "star-star runner",
        "trust-everybody open",
        "trust-outside vendor",
        f"password-length {account}",
        f"password-reuse {account}",
        "trail-not-validated all",
        f"trail-bucket-unprotected {bucket}",
        f"config-off {account}",
        "secret-in-function thumb",
        "secret-in-task web",
        "secret-in-parameter /app/key",
        "secret-in-stack site",
    }
    assert {check for gap in report.gaps for check in gap.checks} == SILENT


def test_no_secret_that_was_found_stands_in_the_report(root: Clients, proxy: FaultyProxy) -> None:
    making = Making(root)
    making.function(AWS_SECRET_ACCESS_KEY=SECRET)
    making.parameter("/app/secret", f"aws_secret_access_key={SECRET}")
    says(proxy, well(making.account))
    snapshot = collect(root, SystemClock(), parts=needed(ALL), regions=(REGION,))
    report = examine(snapshot, ALL)
    assert {"secret-in-function thumb", "secret-in-parameter /app/secret"} <= found(report)
    assert SECRET not in repr(report)
    assert SECRET not in repr(snapshot)


def test_an_audit_only_reads(root: Clients, proxy: FaultyProxy) -> None:
    making = Making(root)
    settle(making)
    making.trail(validated=True, protected=True)
    says(proxy, well(making.account))
    calls: list[str] = []
    audited(through(root, proxy, calls.append))
    assert len(calls) > 20
    assert [call for call in calls if not call.partition(".")[2].startswith(READS)] == []


def test_a_user_more_costs_no_call(root: Clients, proxy: FaultyProxy) -> None:
    making = Making(root)
    settle(making)
    counted = []
    for name in ("first", "second"):
        calls: list[str] = []
        says(proxy, well(making.account))
        collect(through(root, proxy, calls.append), SystemClock(), parts={"report", "iam", "summary"})
        counted.append(sorted(calls))
        making.user(name, "readers")
    assert counted[0] == counted[1]


def test_throttling_makes_it_wait_and_go_on(root: Clients, proxy: FaultyProxy) -> None:
    making = Making(root)
    settle(making)
    says(proxy, well(making.account))
    proxy.plan("GetAccountAuthorizationDetails", *[THROTTLED] * 3)
    clock = FakeClock(datetime(2026, 11, 24, tzinfo=UTC))
    snapshot = collect(root, clock, parts={"iam"})
    assert examine(snapshot, [check for check in ALL if check.parts == ("iam",)]).gaps == ()
    assert proxy.seen.count("GetAccountAuthorizationDetails") == 4


def test_what_may_not_be_seen_is_said_and_the_rest_is_audited(root: Clients) -> None:
    making = Making(root)
    settle(making)
    making.function(AWS_ACCESS_KEY_ID=KEY_ID)
    making.user("auditor")
    making.iam.put_user_policy(
        UserName="auditor", PolicyName="own", PolicyDocument=auditing("iam:Get*", "iam:List*", "lambda:*")
    )
    made = making.iam.create_access_key(UserName="auditor")["AccessKey"]
    secret = Secret(made["SecretAccessKey"])
    identity = Identity(access_key=AccessKey(access_key_id=made["AccessKeyId"], secret_access_key=secret))
    report = audited(Clients(root.account, identity))
    seen, gaps = found(report), {check: gap.why for gap in report.gaps for check in gap.checks}
    assert {"policy-on-user auditor", "secret-in-function thumb"} <= seen
    assert "iam:GenerateCredentialReport" in gaps["key-old"]
    assert {"trail-off", "config-off", "secret-in-parameter", "budget-missing"} <= gaps.keys()
    assert not gaps.keys() & {line.partition(" ")[0] for line in seen}
    assert not gaps.keys() & set(report.ran)


def auditing(*actions: str) -> str:
    from audit.seeded import document

    return document(allow(*actions))
