"""Moving the horizon in a real ministack, as an administrator does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from administered import ISSUER, REMOVER, Administered, administered
from aws.live import GROUP, USER
from cli.command_line import CommandLine
from keylease import horizon
from keylease.aws import administration
from keylease.aws.account import Identity
from keylease.aws.clients import Clients
from keylease.domain import iam
from keylease.domain.ahead import midnight
from keylease.domain.broker_policy import issuer_policy
from keylease.domain.clock import SystemClock, to_text
from keylease.domain.group_policy import group_policy
from keylease.domain.role_policy import session_role_policy, trust_policy
from keylease.domain.secret import Secret
from keylease.errors import AwsDenied, PlanOutdated
from keylease.ports import AccessKey
from keylease.sandbox import account as sandbox
from keylease.sandbox.account import ROLE
from keylease.sandbox.ministack import SECRET, Ministack

pytestmark = pytest.mark.live

READS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
NEW = midnight(SystemClock().now() + timedelta(weeks=40))
MOVE = ("horizon", "move", "--to", to_text(NEW))


@pytest.fixture
def account(ministack_server: Ministack, tmp_path: Path) -> Administered:
    made = administered(ministack_server, tmp_path)
    trust = json.dumps(trust_policy(made.live.account.issuer.role_arn or ""))
    made.admin.create_role(RoleName="archive", Path=iam.SESSION_PATH, AssumeRolePolicyDocument=trust)
    document = json.dumps(session_role_policy([READS], horizon=made.horizon))
    made.admin.put_role_policy(RoleName="archive", PolicyName="keylease", PolicyDocument=document)
    return made


def documents(account: Administered) -> list[Any]:
    admin = account.admin
    return [
        account.in_force(account.group_policy),
        admin.get_role_policy(RoleName="archive", PolicyName="keylease")["PolicyDocument"],
        account.in_force(account.ceiling),
        admin.get_role_policy(RoleName=ISSUER, PolicyName="keylease")["PolicyDocument"],
    ]


def expected(account: Administered, end: Any) -> list[Any]:
    return [
        group_policy(sandbox.gives(account.live.bucket), horizon=end),
        session_role_policy([READS], horizon=end),
        session_role_policy(sandbox.gives(account.live.bucket), horizon=end),
        issuer_policy(horizon=end, account=account.live.account.id),
    ]


def everything(account: Administered) -> Any:
    answer = account.admin.get_account_authorization_details()
    del answer["ResponseMetadata"]
    return answer


def planned(account: Administered) -> horizon.Plan:
    at = account.live.account
    return horizon.plan(horizon.bearers(account.live.root, [GROUP], at.issuer.role_arn), to=NEW)


def test_all_dates_are_moved_and_nothing_else(account: Administered) -> None:
    remover = account.admin.get_role_policy(RoleName=REMOVER, PolicyName="keylease")["PolicyDocument"]
    assert documents(account) == expected(account, account.horizon)
    moved = account.keylease(*MOVE, "--yes")
    assert (moved.returncode, moved.stdout.splitlines()) == (
        0,
        [
            f"media\t{of}\t{policy}\t{to_text(account.horizon)}\t{to_text(NEW)}"
            for of, policy in (
                (f"group {GROUP}", GROUP),
                ("session role archive", "keylease"),
                (f"session role {ROLE}", ROLE),
                (f"issuer {ISSUER}", "keylease"),
            )
        ],
    )
    assert documents(account) == expected(account, NEW)
    assert account.admin.get_role_policy(RoleName=REMOVER, PolicyName="keylease")["PolicyDocument"] == remover


def test_a_second_run_has_nothing_to_change(account: Administered) -> None:
    assert account.keylease(*MOVE, "--yes").returncode == 0
    before = everything(account)
    again = account.keylease(*MOVE, "--yes", "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)[0]["moves"] == []
    assert everything(account) == before


def test_without_a_terminal_and_without_yes_the_plan_is_shown_and_nothing_changed(account: Administered) -> None:
    before = everything(account)
    shown = account.keylease(*MOVE, "--json")
    [plan] = json.loads(shown.stdout)
    assert (shown.returncode, plan["applied"], len(plan["moves"])) == (2, False, 4)
    assert plan["digest"] == planned(account).digest
    assert "--yes" in shown.stderr
    assert everything(account) == before


@pytest.mark.parametrize(("answer", "moved"), [("no", False), ("yes", True)])
def test_on_a_terminal_it_shows_the_plan_and_asks(account: Administered, answer: str, *, moved: bool) -> None:
    terminal = CommandLine("http://127.0.0.1:9", account.home)
    ended = terminal.on_terminal(
        *MOVE,
        person=None,
        answers=(("[yes/no]", answer),),
        AWS_ACCESS_KEY_ID=account.live.account.id,
        AWS_SECRET_ACCESS_KEY=SECRET,
    )
    assert ended.status == 0
    assert "Change the date of these 4 policies?" in ended.out
    assert ("Nothing was changed." in ended.out) is not moved
    assert documents(account) == expected(account, NEW if moved else account.horizon)


def test_a_document_that_was_changed_since_stops_it_before_anything_is_written(account: Administered) -> None:
    plan = planned(account)
    document = iam.policy([iam.end_of_all(account.horizon), READS])
    account.put_role_policy(ISSUER, document)
    before = everything(account)
    with pytest.raises(PlanOutdated, match=ISSUER):
        list(horizon.apply(account.live.root, plan))
    assert everything(account) == before


def test_a_document_that_is_changed_while_it_is_applied_stops_it_there(account: Administered) -> None:
    moving = horizon.apply(account.live.root, planned(account))
    next(moving)
    account.put_role_policy(ISSUER, iam.policy([READS]))
    with pytest.raises(PlanOutdated, match=ISSUER):
        list(moving)
    assert documents(account) == [*expected(account, NEW)[:3], iam.policy([READS])]


def test_a_policy_that_is_gone_stops_it(account: Administered) -> None:
    plan = planned(account)
    account.admin.delete_role_policy(RoleName="archive", PolicyName="keylease")
    with pytest.raises(PlanOutdated, match="session role archive"):
        list(horizon.apply(account.live.root, plan))


def managed(account: Administered, versions: int) -> str:
    """The group's policy as a customer managed one with so many versions; the second of them is in force."""
    document = json.dumps(group_policy([READS], horizon=account.horizon))
    made = account.admin.create_policy(PolicyName="readers", PolicyDocument=document)["Policy"]["Arn"]
    for number in range(2, versions + 1):
        account.admin.create_policy_version(PolicyArn=made, PolicyDocument=document, SetAsDefault=number == 2)
    account.admin.attach_group_policy(GroupName=GROUP, PolicyArn=made)
    return str(made)


@pytest.mark.parametrize(
    ("versions", "after"),
    [
        (1, ["v1", "v2"]),
        (2, ["v1", "v2", "v3"]),
        (4, ["v1", "v2", "v3", "v4", "v5"]),
        (5, ["v2", "v3", "v4", "v5", "v6"]),
    ],
)
def test_a_customer_managed_policy_gets_a_version_and_loses_its_oldest_where_five_are_there(
    account: Administered, versions: int, after: list[str]
) -> None:
    arn = managed(account, versions)
    assert account.keylease(*MOVE, "--yes").returncode == 0
    found = account.admin.list_policy_versions(PolicyArn=arn)["Versions"]
    assert sorted(one["VersionId"] for one in found) == after
    assert [one["VersionId"] for one in found if one["IsDefaultVersion"]] == [after[-1]]
    document = account.admin.get_policy_version(PolicyArn=arn, VersionId=after[-1])["PolicyVersion"]["Document"]
    assert document == group_policy([READS], horizon=NEW)


def test_what_aws_manages_and_what_has_no_horizon_is_told_and_ends_with_1(account: Administered) -> None:
    account.admin.attach_group_policy(GroupName=GROUP, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    moved = account.keylease(*MOVE, "--yes", "--json")
    assert moved.returncode == 1
    [plan] = json.loads(moved.stdout)
    assert plan["applied"]
    assert plan["left"] == [
        {"of": f"group {GROUP}", "policy": "ReadOnlyAccess", "why": "AWS manages it, and it has no horizon."}
    ]
    assert documents(account) == expected(account, NEW)


def test_the_broker_s_own_credentials_are_refused(account: Administered) -> None:
    before = everything(account)
    refused = account.keylease(*MOVE, "--yes", **account.as_issuer())
    assert refused.returncode == 39
    assert "the issuer's own credentials" in refused.stderr
    assert everything(account) == before


def test_the_broker_itself_could_not_do_it(account: Administered) -> None:
    for clients in (account.live.issuing, account.live.removing):
        for move in planned(account).moves:
            with pytest.raises(AwsDenied):
                administration.write(clients, move.place, move.after)
    assert documents(account) == expected(account, account.horizon)


def test_credentials_of_another_account_change_nothing(account: Administered) -> None:
    elsewhere = account.keylease(*MOVE, "--yes", AWS_ACCESS_KEY_ID="999999999999")
    assert elsewhere.returncode == 46
    assert "999999999999" in elsewhere.stderr


def test_an_account_that_is_not_configured_is_wrong_usage(account: Administered) -> None:
    assert account.keylease(*MOVE, "--yes", "--account", "nowhere").returncode == 2


def test_a_key_works_up_to_the_horizon_and_again_once_it_is_moved(account: Administered) -> None:
    """The horizon is AWS's to enforce: a lease that goes on beyond it is refused from that second on."""
    clock = SystemClock()
    account.make_user()
    made = account.admin.create_access_key(UserName=USER)["AccessKey"]
    use = use_of(account, made)
    assert use()
    near = clock.now() + timedelta(seconds=5)
    assert account.keylease("horizon", "move", "--to", to_text(near), "--yes").returncode == 0
    while clock.now() < near:
        clock.sleep(0.1)
    assert not use()
    assert account.keylease(*MOVE, "--yes").returncode == 0
    assert use()


def use_of(account: Administered, made: Any) -> Callable[[], bool]:
    key = AccessKey(access_key_id=made["AccessKeyId"], secret_access_key=Secret(made["SecretAccessKey"]))
    s3 = Clients(account.live.root.account, Identity(access_key=key)).service("s3", attempts=1)

    def use() -> bool:
        try:
            s3.list_objects_v2(Bucket=account.live.bucket)
        except ClientError:
            return False
        return True

    return use


def test_all_horizons_are_shown(account: Administered) -> None:
    shown = account.keylease("horizon", "--json")
    assert shown.returncode == 0
    found = [(one["what"], one["name"], one["horizon"]) for one in json.loads(shown.stdout)]
    end = to_text(account.horizon)
    roles = [("session role", "archive", end), ("session role", ROLE, end)]
    assert found == [("group", GROUP, end), *roles, ("issuer", ISSUER, end)]
    lines = account.keylease("horizon", "show").stdout.splitlines()
    assert [line.split("\t")[:3] for line in lines] == [["media", what, name] for what, name, _ in found]


def test_an_account_that_does_not_answer_hides_no_other(account: Administered) -> None:
    away = '\n[accounts.away]\nid = "999999999999"\nendpoint_url = "http://127.0.0.1:9"\n'
    (account.home / "keylease.toml").write_text(account.configuration() + away)
    shown = account.keylease("horizon", "--json")
    assert shown.returncode == 50
    assert {one["account"] for one in json.loads(shown.stdout)} == {"media"}
