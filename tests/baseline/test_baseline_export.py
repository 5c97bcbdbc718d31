"""The guardrails as CloudFormation and Terraform: whole, valid, and saying what they cannot hold."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from baseline.guarded import Guarded, guarded
from baseline.test_baseline_applied import SMALL
from baseline.test_baseline_services import CONFIGURATION, METADATA
from keylease.baseline.cloudformation import cloudformation
from keylease.baseline.desired import PARTS, resources
from keylease.baseline.planning import wanted
from keylease.baseline.terraform import terraform
from keylease.domain.guardrail import Resource

NEWER = "W3037"
"""Its list of actions lacks those that the patterns of our denials match."""
LINTER = Path(sys.executable).with_name("cfn-lint")
REST = (
    CONFIGURATION.partition("[baseline.trace]")[1]
    + CONFIGURATION.partition("[baseline.trace]")[2]
    + '[baseline.organization]\nregions = ["eu-central-1"]\ntargets = ["r-abcd"]\n'
)


@pytest.fixture
def everything(tmp_path: Path) -> list[Resource]:
    (tmp_path / "metadata.xml").write_text(METADATA)
    account: Guarded = guarded("http://127.0.0.1:9", tmp_path, "")
    whole = SMALL.replace("{id}", account.account.id) + REST
    parts = json.dumps(list(PARTS))
    account.configuration = re.sub(r"parts = .*", f"parts = {parts}", whole, count=1)
    found = resources(wanted(account.baseline()))
    assert {one.kind for one in found} == {*KINDS, "attachment"}
    return found


KINDS = {
    *("policy", "group", "role", "instance-profile", "password-policy", "account-alias", "ebs-encryption"),
    *("imds-defaults", "saml-provider", "oidc-provider", "policy-type", "scp", "bucket", "trail", "budget"),
    *("service-linked-role", "config-recorder", "config-channel", "config-rule", "analyzer"),
    *("anomaly-monitor", "anomaly-alarm", "budget-action"),
}


def test_cloudformation_is_accepted_by_its_linter(everything: list[Resource], tmp_path: Path) -> None:
    file = tmp_path / "guardrails.json"
    file.write_text(cloudformation(everything, region="us-east-1").text)

    linted = subprocess.run(
        [LINTER, "--ignore-checks", NEWER, "--regions", "us-east-1", "--format", "parseable", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert (linted.stdout, linted.returncode) == ("", 0)


def test_what_a_tool_has_no_word_for_is_said(everything: list[Resource]) -> None:
    of_cloudformation = cloudformation(everything, region="us-east-1").left
    of_terraform = terraform(everything, region="us-east-1").left

    assert set(of_cloudformation) == {
        "password-policy/account",
        "account-alias/account",
        "ebs-encryption/us-east-1",
        "imds-defaults/us-east-1",
        "policy-type/SERVICE_CONTROL_POLICY",
    }
    assert of_terraform == ("policy-type/SERVICE_CONTROL_POLICY",)


def test_terraform_refers_only_to_what_it_declares_and_templates_nothing_else(everything: list[Resource]) -> None:
    text = terraform(everything, region="us-east-1").text
    declared = {f"{kind}.{name}" for kind, found in json.loads(text)["resource"].items() for name in found}

    references = set(re.findall(r"(?<!\$)\$\{([a-z0-9_]+\.[A-Za-z0-9_]+)\.\w+\}", text))
    waits = {one for found in _dicts(json.loads(text)) for one in found.get("depends_on", [])}

    assert references | waits <= declared
    assert len(re.findall(r"(?<!\$)\$\{", text)) == len(re.findall(r"(?<!\$)\$\{aws_", text))
    assert "$${aws:username}" in text


def _dicts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(one for inner in value.values() for one in _dicts(inner))]
    return [one for inner in value for one in _dicts(inner)] if isinstance(value, list) else []


def test_every_document_is_in_both_as_it_is_in_the_plan(everything: list[Resource]) -> None:
    template = json.loads(cloudformation(everything, region="us-east-1").text)["Resources"]
    of_terraform = json.loads(terraform(everything, region="us-east-1").text)["resource"]["aws_iam_policy"]

    for one in everything:
        if one.kind == "policy":
            made = next(
                each["Properties"]
                for each in template.values()
                if each["Properties"].get("ManagedPolicyName") == one.name
            )
            text = next(each["policy"] for each in of_terraform.values() if each["name"] == one.name)
            assert made["PolicyDocument"] == one.properties["document"]
            assert json.loads(text.replace("$${", "${")) == one.properties["document"]


def test_both_are_the_same_for_the_same_guardrails(everything: list[Resource]) -> None:
    for export in (cloudformation, terraform):
        assert export(everything, region="us-east-1") == export(list(everything), region="us-east-1")
