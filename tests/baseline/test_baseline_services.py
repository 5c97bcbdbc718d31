"""Guardrails outside IAM: the trail and its bucket, Config, Access Analyzer, costs, EC2's defaults, federation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from baseline.guarded import Guarded, guarded
from baseline.stand_in_services import StandIn, stand_in
from keylease.aws import kinds
from keylease.aws.kinds.kind import Asked
from keylease.baseline.desired import resources
from keylease.baseline.planning import wanted
from keylease.domain.guardrail import Phase
from keylease.errors import ApplyStopped
from keylease.sandbox.ministack import Ministack

pytestmark = pytest.mark.live

CONFIGURATION = """
[permission_sets.archive]
title = "The archive"
group = "archive"
[baseline.sets.archive]
gives = "billing"
[baseline]
parts = ["trace", "cost", "ec2", "federation"]
[baseline.trace]
config = true
[baseline.cost]
monthly_usd = 300
anomaly_usd = 50
tell = ["money@example.com"]
brake = true
[baseline.federation.keylease-entra]
saml_metadata = "metadata.xml"
[baseline.federation.keylease-entra.roles.directory-reader]
managed = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
hours = 8
[baseline.federation.app]
issuer = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"
client_ids = ["app-one"]
roles.app-writer = { subjects = ["pairwise-anna"] }
"""
THEIRS = "arn:aws:ce::123456789012:anomalymonitor/theirs"
METADATA = "<EntityDescriptor>" + "x" * 1000 + "</EntityDescriptor>"


@pytest.fixture
def services(ministack_server: Ministack) -> Iterator[StandIn]:
    with stand_in(ministack_server.endpoint) as running:
        yield running


@pytest.fixture
def account(services: StandIn, tmp_path: Path) -> Guarded:
    (tmp_path / "metadata.xml").write_text(METADATA)
    return guarded(services.endpoint, tmp_path, CONFIGURATION)


def there(account: Guarded) -> Mapping[str, Any]:
    """All that the readings show of what is wanted; but for the service's own role, which stays."""
    of = account.baseline()
    keys = frozenset(one.key for one in resources(wanted(of)))
    asked = Asked(keys=keys, regions=wanted(of).regions)
    found = kinds.read(of.place, asked, of.parts)
    return {one.key: one.properties for one in found if one.kind != "service-linked-role"}


def s3(account: Guarded) -> Any:
    return account.clients.service("s3", attempts=1)


def test_all_of_it_is_made_a_second_plan_is_empty_and_taking_it_back_leaves_nothing(account: Guarded) -> None:
    before = there(account)

    applied = account.apply()

    assert applied[0].kind == "bucket"
    assert [change.kind for change in applied[1:2]] == ["trail"]
    assert account.plan().changes == ()
    account.roll_back()
    assert there(account) == before == {}


def test_the_bucket_is_locked_versioned_encrypted_closed_and_lets_only_its_trail_write(account: Guarded) -> None:
    account.apply()
    name = f"keylease-trail-{account.account.id}"

    lock = s3(account).get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]["Rule"]
    policy = json.loads(s3(account).get_bucket_policy(Bucket=name)["Policy"])
    status = account.clients.service("cloudtrail", attempts=1).get_trail_status(Name="keylease-trail")

    assert lock == {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 365}}
    assert s3(account).get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert all(s3(account).get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    assert {one["Sid"] for one in policy["Statement"]} >= {"TrailWrites", "OnlyTls", "KeepFiles"}
    assert status["IsLogging"] is True


def test_every_call_may_fail_and_the_next_apply_goes_on_from_there(account: Guarded) -> None:
    before, stopped = there(account), 0
    for _ in range(100):
        with account.failing_at(3):
            try:
                account.go_on()
                break
            except ApplyStopped:
                stopped += 1

    assert stopped > 10
    assert account.plan().changes == ()
    account.roll_everything_back()
    assert there(account) == before


def test_a_trail_that_somebody_stopped_and_a_policy_that_somebody_opened_are_put_right(account: Guarded) -> None:
    account.apply()
    account.clients.service("cloudtrail", attempts=1).stop_logging(Name="keylease-trail")
    name = f"keylease-trail-{account.account.id}"
    s3(account).delete_bucket_policy(Bucket=name)
    account.clients.service("config", attempts=1).stop_configuration_recorder(ConfigurationRecorderName="keylease")

    changed = {change.key: change.differing for change in account.plan().changes}

    assert changed == {
        f"bucket/{name}": ("policy",),
        "trail/keylease-trail": ("logging",),
        "config-channel/channel": ("recording",),
    }
    account.apply()
    assert account.plan().changes == ()


def test_a_budget_that_somebody_raised_is_put_right_with_all_its_alarms(account: Guarded) -> None:
    account.apply()
    budgets = account.clients.service("budgets", attempts=1)
    whole = {"BudgetName": "keylease-month", "TimeUnit": "MONTHLY", "BudgetType": "COST"}
    limit = {"BudgetLimit": {"Amount": "9000", "Unit": "USD"}}
    budgets.update_budget(AccountId=account.account.id, NewBudget=whole | limit)

    account.apply()

    assert there(account)["budget/keylease-month"] == {
        "usd": 300,
        "alarms": [["ACTUAL", 80], ["ACTUAL", 100], ["FORECASTED", 100]],
        "tell": ["money@example.com"],
    }


def test_the_brake_that_aws_has_put_on_is_left_on(account: Guarded) -> None:
    account.apply()
    name, policy = (
        "archive",
        f"arn:aws:iam::{account.account.id}:policy/keylease-baseline/cost/keylease-over-budget",
    )
    account.admin.create_group(GroupName=name, Path="/keylease/baseline/")
    account.admin.attach_group_policy(GroupName=name, PolicyArn=policy)

    assert account.plan().changes == ()
    assert account.plan().left == ()


def test_a_budget_is_changed_and_its_brake_stays(account: Guarded, services: StandIn) -> None:
    account.apply()
    more = CONFIGURATION.replace("monthly_usd = 300", "monthly_usd = 400").replace("money@", "finance@")

    account.apply(configuration=more)

    assert account.plan(configuration=more).changes == ()
    assert len(services.state.actions) == 1


def test_a_bucket_with_files_in_it_stays_when_an_apply_is_taken_back(account: Guarded) -> None:
    account.apply()
    name = f"keylease-trail-{account.account.id}"
    s3(account).put_object(Bucket=name, Key="AWSLogs/one.json.gz", Body=b"{}")

    plan = account.roll_back()

    assert [left.key for left in plan.left] == [f"bucket/{name}"]
    assert there(account).keys() == {f"bucket/{name}"}


def test_an_analyzer_a_monitor_and_a_recorder_of_somebody_elses_will_do(
    account: Guarded, services: StandIn
) -> None:
    services.state.analyzers["theirs"] = "ACCOUNT"
    services.state.monitors[THEIRS] = {
        "MonitorArn": THEIRS,
        "MonitorName": "Default-Services-Monitor",
        "MonitorType": "DIMENSIONAL",
        "MonitorDimension": "SERVICE",
    }
    group = {"allSupported": True, "includeGlobalResourceTypes": True}
    config = account.clients.service("config", attempts=1)
    config.put_configuration_recorder(
        ConfigurationRecorder={"name": "default", "roleARN": "arn:aws:iam::1:role/x", "recordingGroup": group}
    )

    kinds_made = {change.kind for change in account.apply()}

    assert not kinds_made & {"analyzer", "anomaly-monitor", "config-recorder"}
    assert services.state.alarms.popitem()[1]["MonitorArnList"] == [THEIRS]
    account.roll_back()
    assert services.state.analyzers == {"theirs": "ACCOUNT"}


def test_what_observes_is_made_before_everything_else(account: Guarded) -> None:
    phases = [one.phase for one in resources(wanted(account.baseline())) if one.kind in {"bucket", "trail"}]

    assert phases == [Phase.OBSERVE, Phase.OBSERVE]
