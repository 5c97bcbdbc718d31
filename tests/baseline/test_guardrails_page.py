"""docs/guardrails.md is held to what there is: its example, its switches, its sizes, its commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from keylease import settings
from keylease.aws.account import Account
from keylease.baseline.desired import PARTS, resources
from keylease.baseline.wanted import Wanted
from keylease.baseline_settings import Baseline
from keylease.cli import guardrails
from keylease.cli.baseline import nouns
from keylease.domain.iam import canonical
from keylease.domain.organization_policy import Denials, for_boundary, service_control_policies
from keylease.domain.people_policy import boundary_policy

PAGE = (Path(__file__).parents[2] / "docs" / "guardrails.md").read_text(encoding="utf-8")
assert guardrails.commands  # its import registers the rest of the commands
SWITCHED = ("people", "trace", "cost", "organization")
NOT_SWITCHES = {
    "passwords",
    "length",
    "remembered",
    "expires_days",
    "bucket",
    "tell",
    "mfa_groups",
    "lock",
    "exempt",
}


def example() -> settings.Settings:
    [block] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    return settings.parse(block)


def test_the_example_is_read_and_makes_guardrails() -> None:
    account = Account(id="123456789012", region="eu-central-1")
    horizon = datetime(2027, 6, 1, tzinfo=UTC)

    found = resources(Wanted(settings=example(), account=account, horizon=horizon, home=Path()))

    made = {one.guardrail.partition(".")[0] for one in found}
    assert made == {"trace", "cost", "people", "sets", "broker", "ec2"}


def switches() -> Iterator[str]:
    for part in SWITCHED:
        rules = Baseline.model_fields[part].annotation
        assert isinstance(rules, type)
        assert issubclass(rules, BaseModel)
        yield from (f"{part}.{name}" for name in rules.model_fields if name not in NOT_SWITCHES)


@pytest.mark.parametrize("switch", list(switches()))
def test_every_switch_is_explained(switch: str) -> None:
    assert f"`{switch}`" in PAGE or f"`{switch.partition('.')[2]}`" in PAGE


@pytest.mark.parametrize("part", list(PARTS))
def test_every_part_has_a_section(part: str) -> None:
    assert re.search(rf"^### .*\b{part}\b", PAGE, re.MULTILINE)


def test_every_command_is_on_the_page_and_none_that_is_not_there() -> None:
    shown = set(re.findall(r"keylease baseline ([a-z][a-z-]+)", PAGE))

    assert shown == {command.name for command in nouns.registered_commands}


def test_the_sizes_on_the_page_are_the_documents_own() -> None:
    denials = Denials(regions=("eu-central-1", "eu-west-1"))
    sizes = {name: len(canonical(document)) for name, document in service_control_policies(denials).items()}
    sizes["keylease-boundary"] = len(canonical(boundary_policy(for_boundary(denials))))

    said = {
        name: int(size.replace(",", ""))
        for name, size in re.findall(r"^\| (keylease-\w+) \| ([\d,]+) \|", PAGE, re.MULTILINE)
    }

    assert said.keys() == sizes.keys()
    assert {name: abs(said[name] - size) < 100 for name, size in sizes.items()} == dict.fromkeys(sizes, True)
