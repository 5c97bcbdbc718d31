from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from keylease.domain import iam, policy_text
from keylease.domain.broker_policy import issuer_policy, remover_policy, wider_than

HORIZON = datetime(2027, 1, 5, tzinfo=UTC)
ISSUER = issuer_policy(horizon=HORIZON)
REMOVER = remover_policy()
DOCUMENTS = {"keylease-issuer": ISSUER, "keylease-remover": REMOVER}


@pytest.mark.parametrize("document", [ISSUER, REMOVER, issuer_policy(horizon=HORIZON, account="123456789012")])
def test_a_brokers_policy_fits_and_is_not_wider_than_itself(document: dict[str, Any]) -> None:
    assert iam.size(iam.canonical(document)) < iam.FENCE_LIMIT
    assert wider_than(document, document) == []


def test_partition_and_account_are_those_asked_for() -> None:
    text = iam.canonical(issuer_policy(horizon=HORIZON, partition="aws-cn", account="123456789012"))

    assert "arn:aws-cn:iam::123456789012:user/keylease/*" in text
    assert "arn:aws:" not in text


def test_with_fences_ahead_the_issuer_makes_no_fences_and_is_otherwise_the_same() -> None:
    ahead = issuer_policy(horizon=HORIZON, fences_ahead=True)

    assert wider_than(ahead, ISSUER) == []
    assert wider_than(ISSUER, ahead) == [
        "It allows iam:CreatePolicy on arn:aws:iam::*:policy/keylease/fence/* without a condition."
    ]


@pytest.mark.parametrize("document", [ISSUER, REMOVER])
def test_neither_names_what_takes_a_boundary_off_or_an_access_key_back_on(document: dict[str, Any]) -> None:
    allowed = [statement["Action"] for statement in document["Statement"] if statement["Effect"] == "Allow"]

    assert not re.search(r"Boundary|UpdateAccessKey|CreatePolicyVersion|iam:(Put[^R]|Attach)", json.dumps(allowed))


def test_only_the_remover_writes_policies_of_roles_and_only_where_they_wear_a_ceiling() -> None:
    assert "PutRolePolicy" not in json.dumps(ISSUER)
    (given,) = [
        own for own in REMOVER["Statement"] if own["Effect"] == "Allow" and "RolePolicy" in str(own["Action"])
    ]
    assert given["Resource"] == "arn:aws:iam::*:role/keylease/session/*"
    assert given["Condition"] == {
        "ArnLike": {"iam:PermissionsBoundary": "arn:aws:iam::*:policy/keylease/ceiling/*"}
    }


def test_the_remover_touches_instances_only_where_it_is_to_watch_them() -> None:
    assert "ec2:" not in json.dumps(REMOVER)
    watches, stops = remover_policy(watches=True), remover_policy(watches=True, stops=True)
    assert "It allows ec2:DescribeInstances on * without a condition." in wider_than(watches, REMOVER)
    assert wider_than(stops, watches) == ["It allows ec2:StopInstances on arn:aws:ec2:*:*:instance/*."]
    assert wider_than(REMOVER, stops) == []
    assert "Terminate" not in json.dumps(stops)


@pytest.mark.parametrize("number", [-2, -1])
def test_a_remover_without_one_of_its_denials_of_roles_is_told(number: int) -> None:
    less = [own for place, own in enumerate(REMOVER["Statement"]) if place != len(REMOVER["Statement"]) + number]
    said = "It does not deny iam:DeleteRolePolicy, iam:PutRolePolicy as it should."
    assert wider_than(iam.policy(less), REMOVER) == [said]


ROLES_OF_ONE = "arn:aws:iam::123456789012:role/keylease/session/*"
CEILINGS = {"ArnNotLike": {"iam:PermissionsBoundary": "arn:aws:iam::*:policy/*"}}
OF_OTHERS = {"Effect": "Deny", "Action": "iam:*RolePolicy", "Resource": "arn:aws:iam::*:role/other/*"}


@pytest.mark.parametrize(
    ("number", "changes", "is_as_much"),
    [
        (-2, {"NotResource": ROLES_OF_ONE}, True),
        (-2, {"NotResource": "arn:aws:iam::*:role/keylease/*"}, False),
        (-1, {"Condition": {}}, True),
        (-1, {"Condition": CEILINGS}, False),
        (-1, {"Action": "iam:*"}, True),
    ],
)
def test_a_denial_may_spare_less_than_it_should_and_not_more(
    number: int, changes: dict[str, Any], *, is_as_much: bool
) -> None:
    document = iam.policy(REMOVER["Statement"])
    document["Statement"][number] = {**REMOVER["Statement"][number], **changes}
    assert (wider_than(document, REMOVER) == []) is is_as_much


def test_a_denial_on_some_resources_is_none_on_all_others() -> None:
    document = iam.policy([*REMOVER["Statement"][:-2], OF_OTHERS, REMOVER["Statement"][-1]])
    assert len(wider_than(document, REMOVER)) == 1


def test_one_account_is_narrower_than_every_account() -> None:
    one = issuer_policy(horizon=HORIZON, account="123456789012")

    assert wider_than(one, ISSUER) == []
    assert wider_than(remover_policy(account="123456789012"), REMOVER) == []
    assert "It allows iam:CreateAccessKey on arn:aws:iam::*:user/keylease/* without a condition." in wider_than(
        ISSUER, one
    )


def changed(number: int, **changes: Any) -> dict[str, Any]:
    every = [dict(statement) for statement in ISSUER["Statement"]]
    every[number] |= changes
    return iam.policy(every)


GROUPS = "arn:aws:iam::*:group/keylease/*"
USERS = "arn:aws:iam::*:user/keylease/*"
ADD = "iam:AddUserToGroup"
ALL_BUT = {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}
ELSEWHERE = {"Effect": "Allow", "Action": "s3:*", "NotResource": "x"}
FIRST_OF_NEVER = "iam:AddRoleToInstanceProfile, iam:Attach*Policy, iam:CreateLoginProfile"
NOT_LEASED = {"ArnLike": {"iam:PermissionsBoundary": "arn:aws:iam::*:policy/*"}}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (changed(0, Resource="*"), "It allows iam:CreateUser on *."),
        (changed(0, Condition={}), f"It allows iam:CreateUser on {USERS} without a condition."),
        (changed(0, Condition=NOT_LEASED), f"It allows iam:CreateUser on {USERS}."),
        (changed(2, Action=[ADD, "iam:Attach*"]), f"It allows iam:Attach* on {GROUPS} without a condition."),
        (changed(2, Action="iam:*"), f"It allows iam:* on {GROUPS} without a condition."),
        (iam.policy([*ISSUER["Statement"], ALL_BUT]), "It allows all but s3:*."),
        (iam.policy([*ISSUER["Statement"], ELSEWHERE]), "It allows s3:*."),
        (iam.policy(ISSUER["Statement"][:-1]), "It does not deny * as it should."),
        (issuer_policy(horizon=HORIZON.replace(year=2028)), "It does not deny * as it should."),
        (
            changed(8, Action=["iam:UpdateUser"]),
            f"It does not deny {FIRST_OF_NEVER} and more as it should.",
        ),
    ],
)
def test_each_thing_beyond_what_is_expected_is_said(document: dict[str, Any], found: str) -> None:
    assert wider_than(document, ISSUER) == [found]


def test_more_conditions_and_fewer_statements_are_not_wider() -> None:
    condition = {**ISSUER["Statement"][0]["Condition"], "Bool": {"aws:SecureTransport": "true"}}

    assert wider_than(changed(0, Condition=condition), ISSUER) == []
    assert wider_than(iam.policy(ISSUER["Statement"][3:]), ISSUER) == []


def test_json_is_one_document_as_aws_takes_it_or_a_table_of_several() -> None:
    assert json.loads(policy_text.as_json({"keylease-remover": REMOVER})) == REMOVER
    assert json.loads(policy_text.as_json(DOCUMENTS)) == DOCUMENTS


def test_cloudformation_is_yaml_that_holds_the_very_documents() -> None:
    resources = yaml.safe_load(policy_text.as_cloudformation(DOCUMENTS))["Resources"]

    assert {resource["Type"] for resource in resources.values()} == {"AWS::IAM::ManagedPolicy"}
    found = {
        one["Properties"]["ManagedPolicyName"]: one["Properties"]["PolicyDocument"] for one in resources.values()
    }
    assert found == DOCUMENTS


def test_terraform_holds_the_very_documents_and_no_expression_of_its_own() -> None:
    variable = iam.policy([{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}/%{x}"}])
    text = policy_text.as_terraform({"keylease-issuer": ISSUER, "own": variable})
    first, second = re.findall(r"jsonencode\((.*?)\)\n\}", text, re.DOTALL)

    assert re.findall(r'resource "aws_iam_policy" "(\w+)"', text) == ["keylease_issuer", "own"]
    assert json.loads(first) == ISSUER
    assert json.loads(second.replace("$${", "${").replace("%%{", "%{")) == variable
    assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", text)
