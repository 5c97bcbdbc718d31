"""Guardrails of an organization, on an emulator that carries one: made, put in force, moved, taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aws.live import fresh_account
from baseline.guarded import Guarded, guarded
from keylease.domain.iam import FENCE_LIMIT, canonical
from keylease.domain.organization_policy import LIMIT, Denials, for_boundary, service_control_policies
from keylease.domain.people_policy import boundary_policy
from keylease.errors import ApplyStopped, BadConfiguration
from keylease.sandbox.ministack import Ministack

RULES = """
[baseline]
parts = ["organization"]
[baseline.organization]
regions = ["eu-central-1", "eu-west-1"]
targets = [{targets}]
"""


@pytest.fixture
def account(ministack_server: Ministack, tmp_path: Path) -> Guarded:
    return guarded(ministack_server.endpoint, tmp_path, RULES.format(targets=""))


def organizations(account: Guarded) -> Any:
    return account.clients.service("organizations", attempts=1)


def in_force(account: Guarded, target: str) -> dict[str, str]:
    """The policies on a target by name, but for AWS's own, which not every emulator puts everywhere."""
    client = organizations(account)
    there = client.list_policies_for_target(TargetId=target, Filter="SERVICE_CONTROL_POLICY")["Policies"]
    return {one["Name"]: one["Id"] for one in there if not one["AwsManaged"]}


def root_of(account: Guarded) -> str:
    root: str = organizations(account).list_roots()["Roots"][0]["Id"]
    return root


@pytest.mark.live
def test_policies_hold_where_the_company_says_and_nowhere_before(account: Guarded) -> None:
    root = root_of(account)
    made = organizations(account).create_organizational_unit(ParentId=root, Name="pilot")
    unit = made["OrganizationalUnit"]["Id"]

    account.apply()
    assert in_force(account, unit).keys() == set()

    account.configuration = RULES.format(targets=json.dumps(unit))
    account.apply()
    assert in_force(account, unit).keys() == {
        "keylease-regions",
        "keylease-expensive",
        "keylease-protect",
    }
    assert account.plan().changes == ()

    account.configuration = RULES.format(targets=json.dumps(root))
    account.apply()
    assert in_force(account, unit).keys() == set()
    for _ in range(3):
        account.roll_back()
    assert in_force(account, unit).keys() == in_force(account, root).keys() == set()


@pytest.mark.live
def test_every_call_may_fail_and_the_next_apply_goes_on(account: Guarded) -> None:
    account.configuration = RULES.format(targets=json.dumps(root_of(account)))
    for _ in range(20):
        with account.failing_at(1):
            try:
                account.go_on()
                break
            except ApplyStopped:
                continue

    assert account.plan().changes == ()
    account.roll_everything_back()
    assert in_force(account, root_of(account)).keys() == set()


@pytest.mark.live
def test_a_policy_that_somebody_emptied_or_took_off_is_put_right(account: Guarded) -> None:
    root = root_of(account)
    account.configuration = RULES.format(targets=json.dumps(root))
    account.apply()
    ids, client = in_force(account, root), organizations(account)
    client.update_policy(PolicyId=ids["keylease-regions"], Content='{"Version":"2012-10-17","Statement":[]}')
    client.detach_policy(PolicyId=ids["keylease-protect"], TargetId=root)

    changed = {change.name: change.differing for change in account.plan().changes}

    assert changed == {"keylease-regions": ("document",), "keylease-protect": ("targets",)}
    account.apply()
    assert account.plan().changes == ()


@pytest.mark.live
def test_a_target_that_has_no_room_is_refused_before_anything_is_made(account: Guarded) -> None:
    root, client = root_of(account), organizations(account)
    for number in range(9):
        made = client.create_policy(
            Name=f"theirs-{number}",
            Type="SERVICE_CONTROL_POLICY",
            Description="",
            Content='{"Version":"2012-10-17","Statement":[]}',
        )
        client.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=root)
    account.configuration = RULES.format(targets=json.dumps(root))

    with pytest.raises(ApplyStopped, match="takes no more"):
        account.apply()

    assert not any(name.startswith("keylease") for name in in_force(account, root))


def test_a_target_must_look_like_one(tmp_path: Path) -> None:
    account = guarded("http://127.0.0.1:9", tmp_path, RULES.format(targets='"everybody"'))

    with pytest.raises(BadConfiguration, match="targets"):
        account.baseline()


EXEMPT = [f"arn:aws:iam::{fresh_account()}:role/some-quite-long-name-{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("name", "size"),
    [("keylease-regions", 2700), ("keylease-expensive", 5000), ("keylease-protect", 4600)],
)
def test_the_policies_fit_with_room_for_those_whom_a_company_exempts(name: str, size: int) -> None:
    document = service_control_policies(Denials(regions=("eu-central-1",), exempt=EXEMPT))[name]

    assert len(canonical(document)) < size < LIMIT


def test_the_boundary_fits_with_a_dozen_regions() -> None:
    regions = [f"ap-southeast-{number}" for number in range(12)]

    assert len(canonical(boundary_policy(for_boundary(Denials(regions=regions))))) < FENCE_LIMIT
