"""Guardrails on a real account: applied, applied again, drifted, failed at each call, taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aws.faulty_proxy import Answer, Lost, faulty_proxy
from baseline.guarded import NOW, Guarded, guarded
from keylease.aws.account import Identity
from keylease.aws.clients import Clients
from keylease.baseline import applying, kept
from keylease.baseline.planning import review
from keylease.domain.guardrail import Verb
from keylease.domain.secret import Secret
from keylease.errors import ApplyStopped, BadGuardrail, LockedOut, PlanOutdated, TooManyDeletes
from keylease.ports import AccessKey
from keylease.sandbox.ministack import Ministack
from keylease.testing import FakeClock

pytestmark = pytest.mark.live

SETS = """
[permission_sets.archive]
title = "The archive"
group = "archive"
role = "archive"
[baseline.sets.archive]
gives = "buckets"
buckets = ["media-archive"]
prefix = "2026/"
"""
SMALL = (
    """
[baseline]
parts = ["people", "sets", "broker", "launch", "settled"]
[baseline.people]
alias = "media-{id}"
break_glass = ["arn:aws:iam::{id}:user/anna"]
[baseline.broker]
trusted = ["arn:aws:iam::{id}:root"]
[baseline.launch_roles.web]
managed = ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]
"""
    + SETS
)
WITHOUT_SETS = SMALL.replace(SETS, "")
PEOPLE = '[baseline]\nparts = ["people"]\n[baseline.people]\n'
Make = Callable[[str], Guarded]


@pytest.fixture
def make(ministack_server: Ministack, tmp_path: Path) -> Make:
    def made(configuration: str = SMALL) -> Guarded:
        one = guarded(ministack_server.endpoint, tmp_path, configuration)
        one.configuration = configuration.replace("{id}", one.account.id)
        return one

    return made


def test_a_second_plan_after_an_apply_is_empty_and_taking_it_back_leaves_the_account_as_before(make: Make) -> None:
    account = make(SMALL)
    account.admin.create_group(GroupName="developers")
    before = account.state()

    applied = account.apply()

    assert len(applied) > 15
    assert account.plan().changes == ()
    account.roll_back()
    assert account.state() == before


def test_denials_come_last_and_what_is_attached_exists_before(make: Make) -> None:
    keys = [change.key for change in make(SMALL).plan().changes]

    assert keys[-1] == "attachment/group/keylease-administrators/keylease-mfa"
    assert keys.index("policy/keylease-archive-ceiling") < keys.index("role/archive")


def test_every_call_of_an_apply_may_fail_and_the_next_apply_goes_on_from_there(make: Make) -> None:
    account = make(SMALL)
    states = []
    for _ in range(100):
        states.append(account.state())
        with account.failing_at(1):  # each apply comes one call further than the one before
            try:
                account.go_on()
                break
            except ApplyStopped:
                continue

    assert len(states) > 20
    assert account.plan().changes == ()
    for before in reversed(states):
        account.roll_back()
        assert account.state() == before


def test_a_rollback_that_fails_is_gone_on_with(make: Make) -> None:
    account = make(SMALL)
    before = account.state()
    account.apply()
    for number in (0, 3, 5):
        with account.failing_at(number), pytest.raises(ApplyStopped):
            account.roll_back()

    account.roll_back()

    assert account.state() == before


def test_an_answer_that_is_lost_after_the_call_does_no_harm(make: Make, ministack_server: Ministack) -> None:
    account = make(SMALL)
    with faulty_proxy(ministack_server.endpoint) as proxy:
        for action in ("CreatePolicy", "CreateGroup", "CreateRole", "CreateInstanceProfile", "AttachGroupPolicy"):
            proxy.plan(action, Lost())
        account.through(proxy.endpoint).apply()

    assert account.plan().changes == ()


def test_a_role_that_was_just_made_may_be_unknown_as_a_principal_for_some_seconds(
    make: Make, ministack_server: Ministack
) -> None:
    account, clock = make(SMALL), FakeClock()
    began = clock.now()
    with faulty_proxy(ministack_server.endpoint) as proxy:
        unknown = Answer(400, "MalformedPolicyDocument", "Invalid principal in policy")
        proxy.plan("CreateRole", None, None, None, unknown, unknown)
        of = replace(account.through(proxy.endpoint).baseline(), clock=clock)
        list(applying.apply(of, digest=review(of).plan.digest, now=NOW))

    assert account.plan().changes == ()
    assert clock.now() - began == timedelta(seconds=6)


def test_a_document_that_aws_will_never_take_stops_the_apply(make: Make, ministack_server: Ministack) -> None:
    account, clock = make(SMALL), FakeClock()
    with faulty_proxy(ministack_server.endpoint) as proxy:
        proxy.plan("CreateRole", *[Answer(400, "MalformedPolicyDocument")] * 9)
        of = replace(account.through(proxy.endpoint).baseline(), clock=clock)
        with pytest.raises(ApplyStopped, match="MalformedPolicyDocument"):
            list(applying.apply(of, digest=review(of).plan.digest, now=NOW))


def test_what_a_password_policy_holds_besides_is_kept(make: Make, ministack_server: Ministack) -> None:
    account = make('[baseline]\nparts = ["settled"]\n')
    account.admin.update_account_password_policy(MinimumPasswordLength=8, MaxPasswordAge=90, HardExpiry=True)
    with faulty_proxy(ministack_server.endpoint) as proxy:
        account.through(proxy.endpoint).apply("password-policy/account")

    said = next(one for one in proxy.said if one.get("Action") == "UpdateAccountPasswordPolicy")
    assert (said["MinimumPasswordLength"], said["MaxPasswordAge"], said["HardExpiry"]) == ("14", "90", "true")


def test_drift_is_shown_with_what_it_was_and_is_put_right(make: Make) -> None:
    account = make(SMALL)
    account.apply()
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    wide = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    arn = f"arn:aws:iam::{account.account.id}:policy/keylease/baseline/keylease-archive"
    account.admin.create_policy_version(PolicyArn=arn, PolicyDocument=wide, SetAsDefault=True)
    account.admin.put_role_policy(RoleName="archive", PolicyName="more", PolicyDocument=wide)

    changes = {change.key: change for change in account.plan().changes}

    assert changes.keys() == {"policy/keylease-archive", "role/archive"}
    assert changes["policy/keylease-archive"].before == {
        "path": "/keylease/baseline/",
        "document": json.loads(wide),
    }
    account.apply()
    assert account.plan().changes == ()


def test_drift_between_two_applies_is_there_again_when_the_second_is_taken_back(make: Make) -> None:
    account = make(SMALL)
    account.apply()
    account.admin.update_role(RoleName="archive", MaxSessionDuration=7200)
    drifted = account.state()
    account.apply()

    account.roll_back()

    assert account.state() == drifted


def test_what_somebody_changed_after_an_apply_is_left_alone_when_it_is_taken_back(make: Make) -> None:
    account = make(SMALL)
    account.apply()
    account.admin.update_role(RoleName="archive", MaxSessionDuration=7200)

    plan = account.roll_back()

    assert [left.key for left in plan.left] == ["role/archive"]
    assert account.left == ["policy/keylease-archive-ceiling"]  # the role wears it
    assert account.admin.get_role(RoleName="archive")["Role"]["MaxSessionDuration"] == 7200


def test_what_was_reviewed_is_not_carried_out_on_an_account_that_has_changed(make: Make) -> None:
    account = make(SMALL)
    of = account.baseline()
    digest = review(of).plan.digest
    account.admin.create_group(GroupName="archive", Path="/keylease/baseline/")
    before = account.state()

    with pytest.raises(PlanOutdated):
        list(applying.apply(of, digest=digest, now=of.horizon))
    assert account.state() == before


def test_what_keylease_did_not_make_is_left_alone_until_it_is_adopted(make: Make) -> None:
    account = make(SMALL)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": account.account.id}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    account.admin.create_role(RoleName="archive", AssumeRolePolicyDocument=document, Path="/keylease/session/")
    account.admin.update_account_password_policy(MinimumPasswordLength=8, PasswordReusePrevention=2)
    before = account.state()

    plan = account.plan()
    assert {left.key for left in plan.left} == {"role/archive", "password-policy/account"}

    account.apply("role/archive", "password-policy/account")
    assert account.plan("role/archive", "password-policy/account").left == ()
    assert account.admin.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == 14
    account.roll_back()
    assert account.state() == before


def test_a_policy_that_somebody_attached_to_a_group_of_ours_is_said_and_taken_off_only_when_adopted(
    make: Make,
) -> None:
    account = make(SMALL)
    account.apply()
    account.admin.attach_group_policy(GroupName="archive", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    key = "attachment/group/archive/ReadOnlyAccess"

    plan = account.plan()
    assert (plan.changes, [left.key for left in plan.left]) == ((), [key])

    account.apply(key)
    assert account.plan().left == ()


def test_what_is_no_longer_wanted_goes_but_not_too_much_at_once(make: Make) -> None:
    account = make(SMALL)
    account.apply()
    fewer = WITHOUT_SETS.replace("{id}", account.account.id)

    with pytest.raises(TooManyDeletes):
        account.apply(configuration=fewer)
    gone = account.apply(configuration=fewer, force=True)

    assert {change.verb for change in gone} == {Verb.DELETE}
    assert account.plan(configuration=fewer).changes == ()


def test_a_group_with_people_in_it_stays_and_says_why(make: Make) -> None:
    account = make(SMALL)
    account.apply()
    account.admin.create_user(UserName="anna")
    account.admin.add_user_to_group(UserName="anna", GroupName="archive")

    plan = account.plan(configuration=WITHOUT_SETS.replace("{id}", account.account.id))

    left = next(one for one in plan.left if one.key == "group/archive")
    assert "people are in it" in left.sentence


def test_parts_that_are_not_looked_at_are_neither_made_nor_taken_away(make: Make) -> None:
    account = make(SMALL)
    account.apply()

    only_people = '[baseline]\nparts = ["people"]\n'

    gone = {change.key for change in account.plan(configuration=only_people).changes}
    assert gone == {"role/keylease-break-glass"}


def test_a_horizon_that_was_moved_stays_moved(make: Make) -> None:
    account = make(SMALL)
    account.apply()
    of = account.baseline()

    later = replace(of, horizon=of.horizon + timedelta(weeks=10))

    assert review(later).plan.changes == ()


def test_what_would_leave_the_root_user_alone_is_not_carried_out(make: Make) -> None:
    account = make(PEOPLE + 'break_glass = ["arn:aws:iam::{id}:user/anna"]\n')
    account.apply()

    with pytest.raises(LockedOut, match="nobody but the root user"):
        account.apply(configuration=PEOPLE)
    assert account.admin.get_role(RoleName="keylease-break-glass")


def test_nobody_demands_mfa_of_themselves_while_calling_with_an_access_key(make: Make) -> None:
    account = make(PEOPLE + 'mfa = "strict"\nmfa_groups = ["developers"]\n')
    account.admin.create_group(GroupName="developers")
    account.admin.create_user(UserName="anna")
    account.admin.add_user_to_group(GroupName="developers", UserName="anna")
    account.admin.attach_user_policy(UserName="anna", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    made = account.admin.create_access_key(UserName="anna")["AccessKey"]
    key = AccessKey(access_key_id=made["AccessKeyId"], secret_access_key=Secret(made["SecretAccessKey"]))
    of = replace(account.baseline(), clients=Clients(account.account, Identity(access_key=key)))
    reviewed = review(of)

    with pytest.raises(LockedOut, match="MFA of you"):
        list(applying.apply(of, digest=reviewed.plan.digest, now=of.horizon))
    assert account.admin.list_attached_group_policies(GroupName="developers")["AttachedPolicies"] == []


def test_an_mfa_group_that_is_not_there_is_refused_before_anything_is_done(make: Make) -> None:
    account = make('[baseline]\nparts = ["people"]\n[baseline.people]\nmfa_groups = ["developers"]\n')

    with pytest.raises(BadGuardrail, match="developers"):
        account.plan()


def test_what_an_apply_keeps_is_its_owners_alone(make: Make) -> None:
    account = make(SMALL)
    account.apply()
    of = account.baseline()

    last = kept.last(of.home / of.settings.baseline.keep, of.account.id)

    assert last.path.stat().st_mode & 0o777 == 0o600
    assert last.path.parent.stat().st_mode & 0o777 == 0o700


def test_an_account_is_read_with_a_handful_of_calls(make: Make) -> None:
    account = make(SMALL)
    account.apply()
    account.reads.clear()

    account.plan()

    details = account.reads.count("iam.GetAccountAuthorizationDetails")
    roles = account.reads.count("iam.GetRole")
    assert (details, roles) == (4, 5)  # one for each of our roles: none of the listings says how long sessions last
    assert len(account.reads) == details + roles + 4
