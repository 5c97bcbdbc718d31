"""`make bench` as a program sees it: what stands on standard output, and what a wrong name gets.

Only the measurements that cost nothing run here, and none is held to a speed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHEAP = ("calls_per_lease", "policy_sizes")
DOCUMENTS = {"fence", "fence, share", "session policy", "group policy, an example", "issuer", "remover"}
DENIALS = {"keylease-regions", "keylease-expensive", "keylease-protect"}
GUARDRAILS = (
    DENIALS
    | {"keylease-boundary"}
    | {f"group, {one}" for one in ("read-only", "billing", "databases", "power-user")}
)
LIMITS = {"session policy": 2048, **dict.fromkeys(DENIALS, 10240)}


def bench(*names: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *names]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def cheap() -> subprocess.CompletedProcess[str]:
    return bench(*CHEAP)


@pytest.fixture(scope="module")
def refused() -> subprocess.CompletedProcess[str]:
    return bench("policy_sizes", "nope")


@pytest.fixture(scope="module")
def lines(cheap: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert cheap.returncode == 0, cheap.stderr
    return [json.loads(line) for line in cheap.stdout.splitlines()]


def of(lines: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["name"] == name]


def test_each_line_is_one_figure_with_its_name_value_and_unit(lines: list[dict[str, Any]]) -> None:
    assert {line["name"] for line in lines} == set(CHEAP)
    for line in lines:
        assert isinstance(line["value"], int | float)
        assert line["unit"]


def test_what_is_compared_says_with_what_and_gives_the_ratio(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        theirs = line["least"] if line["name"] == "calls_per_lease" else line["limit"]
        assert line["against"]
        assert line["ratio"] == pytest.approx(line["value"] / theirs, abs=0.001)


def test_the_table_for_people_has_a_row_for_each_figure(
    cheap: subprocess.CompletedProcess[str], lines: list[dict[str, Any]]
) -> None:
    heading, *rows = cheap.stderr.splitlines()
    assert heading.split() == ["measurement", "value", "unit", "ratio", "against"]
    assert len(rows) == len(lines)


def test_each_act_of_a_lease_is_counted_beside_the_least_possible(lines: list[dict[str, Any]]) -> None:
    [line] = of(lines, "calls_per_lease")
    acts = line["acts"]
    assert set(acts) == {"issue_new_slot", "issue_shared_slot", "end_not_last", "end_last_of_slot"}
    assert line["value"] == sum(act["value"] for act in acts.values())
    assert line["least"] == sum(act["least"] for act in acts.values())
    for act in acts.values():
        assert act["value"] == sum(act["calls"].values())
        assert act["value"] >= act["least"]


def test_only_the_first_lease_of_a_slot_makes_the_fence_and_only_the_last_takes_it_along(
    lines: list[dict[str, Any]],
) -> None:
    [line] = of(lines, "calls_per_lease")
    with_fence = {
        act for act, seen in line["acts"].items() if seen["calls"].keys() & {"CreatePolicy", "DeletePolicy"}
    }
    assert with_fence == {"issue_new_slot", "end_last_of_slot"}


def test_every_document_is_measured_against_its_own_limit_and_fits(lines: list[dict[str, Any]]) -> None:
    sizes = {line["case"]: line for line in of(lines, "policy_sizes")}
    assert set(sizes) == DOCUMENTS | GUARDRAILS
    for case, line in sizes.items():
        assert line["limit"] == LIMITS.get(case, 6144)
        assert line["free"] == line["limit"] - line["value"] >= 0


def test_a_name_that_is_not_there_is_refused_with_the_list_before_anything_runs(
    refused: subprocess.CompletedProcess[str],
) -> None:
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "no measurement nope" in refused.stderr
    assert measurements(refused.stderr) >= {*CHEAP, "expiry_lag", "issue_end_sqlite"}


def test_every_measurement_has_a_section_in_the_docs_and_no_file_is_left_out(
    refused: subprocess.CompletedProcess[str],
) -> None:
    names = measurements(refused.stderr)
    assert names >= {path.stem for path in (ROOT / "bench").glob("*.py") if "\ndef measure(" in path.read_text()}
    lines = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8").splitlines()
    headings = [line.removeprefix("## ").split(", ") for line in lines if line.startswith("## ")]
    assert names <= {name for heading in headings for name in heading}


def measurements(complaint: str) -> set[str]:
    return set(complaint.strip().rstrip(".").partition("There are: ")[2].split(", "))
