"""`keylease baseline` as an administrator runs it, against a real account."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aws.live import fresh_account
from baseline.guarded import ACCOUNT
from keylease.cli import program
from keylease.sandbox.ministack import SECRET, Ministack

pytestmark = pytest.mark.live

Run = Callable[..., "Ran"]
RULES = '[baseline]\nparts = ["people", "settled"]\n[baseline.people.passwords]\nlength = {length}\n'


@pytest.fixture
def account_id() -> str:
    return fresh_account()


@pytest.fixture
def configure(ministack_server: Ministack, tmp_path: Path, account_id: str) -> Callable[[int], None]:
    def write(length: int) -> None:
        text = ACCOUNT.format(id=account_id, endpoint=ministack_server.endpoint) + RULES.format(length=length)
        (tmp_path / "keylease.toml").write_text(text)

    write(14)
    return write


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(
    tmp_path: Path, account_id: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)

    def started(*words: str) -> Ran:
        status = program.run(["baseline", *words])
        told = capsys.readouterr()
        return Ran(status, told.out, told.err)

    return started


@pytest.mark.usefixtures("configure")
def test_a_plan_is_reviewed_applied_by_its_digest_and_taken_back(run: Run, tmp_path: Path) -> None:
    planned = run("plan", "--json", "--html", "plan.html")
    plan = json.loads(planned.stdout)
    assert planned.returncode == 3
    page = (tmp_path / "plan.html").read_text()
    assert plan["digest"] in page
    assert "MultiFactorAuthPresent" in page

    applied = run("apply", plan["digest"][:12])
    assert applied.returncode == 0
    assert "5 of 6: create" in applied.stderr
    assert (run("plan").returncode, run("plan").stderr) == (0, "There is nothing to change.\n")

    listed = json.loads(run("applies", "--json").stdout)
    assert [(one["done"], one["taken_back"]) for one in listed] == [(6, False)]
    assert run("rollback", "--yes").returncode == 0
    assert json.loads(run("plan", "--json").stdout)["digest"] == plan["digest"]
    assert run("rollback", "--yes").returncode == 144


def test_a_digest_of_another_plan_and_nobody_to_ask_change_nothing(
    run: Run, configure: Callable[[int], None]
) -> None:
    digest = json.loads(run("plan", "--json").stdout)["digest"]
    configure(20)

    assert run("apply", digest).returncode == 47
    assert run("apply", digest[:3]).returncode == 47
    assert run("apply").returncode == 2
    assert run("applies").stdout == ""
