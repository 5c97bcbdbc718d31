"""What watches the server gets: readiness, figures, and logs that name the request."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from keylease import log
from keylease.app import App, Beside, assemble
from keylease.domain.secret import Secret
from keylease.errors import StoreAway
from keylease.health import Health
from keylease.pacing import MemoryPaces, Pacing
from keylease.settings import Account, Settings
from keylease.testing import away
from keylease.testing_sign_ins import memory_kept
from keylease.testing_telling import memory_telling
from keylease.web import create
from world import World

ALERTS = Path(__file__).parents[2] / "docs" / "alerts.yml"
TOKEN = {"Authorization": "Bearer figures"}


@pytest.fixture
def world() -> World:
    return World()


def app_of(world: World) -> App:
    """The parts of that world as a server has them."""
    settings = Settings(accounts={"main": Account(id="123456789012")})
    return assemble(
        settings,
        world.store,
        world.clouds,
        world.clock,
        beside=Beside(kept=memory_kept(), telling=memory_telling()),
    )


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    app = app_of(world)
    web = create(app, metrics_token=Secret("figures"))
    with TestClient(web, base_url="http://127.0.0.1") as made:
        made.app_state = app  # type: ignore[attr-defined] # so that tests run passes
        yield made


def figures(client: TestClient) -> dict[tuple[str, ...], float]:
    """Each figure by its name and its labels' values."""
    answer = client.get("/metrics", headers=TOKEN)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_the_figures_say_what_stands_in_the_ledger_and_what_passes_saw(world: World, client: TestClient) -> None:
    world.requested()
    lease = world.active()
    health: Health = client.app_state.health  # type: ignore[attr-defined]
    health.run_pass()
    found = figures(client)
    assert found["keylease_leases", "main", "active"] == found["keylease_leases", "main", "requested"] == 1
    assert found["keylease_leases", "main", "stuck"] == found["keylease_overdue_removal_seconds", "main"] == 0
    assert (
        found["keylease_fences", "main"] == found["keylease_leased_users", "main"] == found["keylease_well",] == 1
    )
    world.clock.move_to(lease.expires_at + timedelta(minutes=3))
    world.cloud.before = away
    health.run_pass()
    found = figures(client)
    assert found["keylease_overdue_removal_seconds", "main"] == 180
    assert found["keylease_away", "main"] == 1
    assert found["keylease_well",] == 0


def test_what_came_of_calls_is_counted(world: World) -> None:
    pacing = Pacing(MemoryPaces(), "main", world.clock)
    pacing.answered()
    pacing.refused()
    assert pacing.counts == {"answered": 1, "throttled": 1}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}, {"Authorization": "figures "}])
def test_without_the_token_there_are_no_figures(client: TestClient, headers: dict[str, str]) -> None:
    refused = client.get("/metrics", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "KL-509")


def test_where_no_token_is_set_nobody_has_it(world: World) -> None:
    with TestClient(create(app_of(world)), base_url="http://127.0.0.1") as client:
        assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 403


def test_ready_is_who_can_read_the_ledger(
    world: World, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/readyz").json() == {"ready": True}

    def gone(*_: object) -> None:
        raise StoreAway("The ledger's database does not answer (gone).")

    monkeypatch.setattr(world.store, "figures", gone)
    refused = client.get("/readyz")
    assert (refused.status_code, refused.json()["code"]) == (503, "KL-607")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_names_its_request_and_never_a_secret(form: str) -> None:
    record = logging.LogRecord("keylease.x", logging.INFO, "", 0, "got %s\nand", (Secret("hunter2"),), None)
    log.request_id.set("0123abcd")
    try:
        line = log.FORMS[form]().format(record)
    finally:
        log.request_id.set("")
    assert "0123abcd" in line
    assert "hunter2" not in line
    if form == "json":
        assert "\n" not in line
        assert json.loads(line)["level"] == "info"


def test_the_example_of_alerts_names_figures_that_there_are(client: TestClient) -> None:
    client.app_state.health.run_pass()  # type: ignore[attr-defined]
    names = {name for name, *_ in figures(client)} | {"keylease_aws_calls_total"}
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert len(rules) >= 6
    for rule in rules:
        used = {word for word in rule["expr"].replace("{", " ").replace("(", " ").split() if "keylease_" in word}
        assert used, rule["alert"]
        assert {word.split("[")[0].strip(")") for word in used} <= names
