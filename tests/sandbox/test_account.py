"""The sandbox's account gives what it should, to whom it should, until when it should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keylease.aws.clients import Clients
from keylease.aws.failures import ask
from keylease.aws.issuer import AwsIssuer
from keylease.domain import iam
from keylease.domain.broker_policy import issuer_policy, remover_policy
from keylease.domain.clock import SystemClock
from keylease.errors import AwsDenied
from keylease.sandbox.account import BUCKET, GROUP, OBJECT, build, enforceable, root
from keylease.sandbox.ministack import Ministack, ministack

HORIZON = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    with ministack(tmp_path_factory.mktemp("sandbox") / "log") as running:
        yield running


def leased(clients: Clients) -> AwsIssuer:
    issuer = AwsIssuer(clients, SystemClock())
    fence = iam.fence(SystemClock().now() + timedelta(hours=1))
    issuer.create_fence(fence)
    assert issuer.create_user("mara", fence, {"keylease:lease": "L-1"})
    issuer.join_group("mara", GROUP)
    return issuer


@pytest.mark.live
def test_a_lease_reads_adds_and_deletes_files_and_no_more(running: Ministack) -> None:
    account = build(root(running), horizon=SystemClock().now() + timedelta(days=1))
    issuing = Clients(account, account.issuer)
    access_key = leased(issuing).create_access_key("mara")
    s3 = issuing.with_access_key(access_key, "s3")
    assert ask(s3.get_object, Bucket=BUCKET, Key=OBJECT)["Body"].read() == b"moving pictures"
    ask(s3.put_object, Bucket=BUCKET, Key="new", Body=b"x")
    ask(s3.delete_object, Bucket=BUCKET, Key="new")
    with pytest.raises(AwsDenied):
        ask(s3.delete_bucket, Bucket=BUCKET)
    with pytest.raises(AwsDenied):
        ask(issuing.with_access_key(access_key, "iam").list_users)


@pytest.mark.live
def test_past_the_horizon_the_issuer_makes_nothing(running: Ministack) -> None:
    over = SystemClock().now() - timedelta(seconds=1)
    account = build(root(running, "333333333333"), horizon=over, bucket="over")
    issuer = AwsIssuer(Clients(account, account.issuer), SystemClock())
    with pytest.raises(AwsDenied, match="iam:CreatePolicy") as refused:
        issuer.create_fence(iam.fence(SystemClock().now() + timedelta(hours=1)))
    assert "horizon" in refused.value.hint


@pytest.mark.parametrize("document", [issuer_policy(horizon=HORIZON), remover_policy()], ids=["issuer", "remover"])
def test_what_is_enforced_here_has_the_same_actions_and_denials(document: dict[str, object]) -> None:
    mine, whole = enforceable(document)["Statement"], document["Statement"]
    assert isinstance(whole, list)
    full = [own for own in whole if "NotResource" not in own and "ArnNotLike" not in own.get("Condition", {})]
    assert len(whole) - len(full) == (2 if any("PutRolePolicy" in str(own["Action"]) for own in whole) else 0)
    assert [(own["Effect"], own["Action"]) for own in mine] == [(own["Effect"], own["Action"]) for own in full]
    assert [own for own in mine if own["Effect"] == "Deny"] == [own for own in full if own["Effect"] == "Deny"]


def test_what_ministack_cannot_judge_is_left_out_and_nothing_else() -> None:
    full = issuer_policy(horizon=HORIZON)["Statement"]
    mine = enforceable(issuer_policy(horizon=HORIZON))["Statement"]
    create = next(own for own in mine if own["Action"] == "iam:CreateUser")
    assert create["Resource"] == "*"
    assert create["Condition"] == {"ForAllValues:StringLike": {"aws:TagKeys": "keylease:*"}}
    sessions = [[own["Resource"] for own in one if "sts:AssumeRole" in own["Action"]] for one in (mine, full)]
    assert sessions[0] == sessions[1] != []
