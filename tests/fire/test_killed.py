"""Killed anywhere, again and again: nothing is lost, nothing is twice. `make soak` does so for much longer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fire.programs_under_fire import under_fire
from keylease.sandbox.ministack import Ministack

SOAK = os.environ.get("KEYLEASE_SOAK")
LEASES, KILLS = (int(SOAK), 10**6) if SOAK else (10, 2)


@pytest.mark.live
def test_one_process_on_sqlite_that_is_killed_again_and_again(ministack_server: Ministack, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keylease.db"
    with under_fire(ministack_server, tmp_path, url, servers=1, workers=0, seed=1) as fire:
        fire.use(leases=LEASES, at_once=8, kill_every=4.0, kills=KILLS)
        fire.settle()
        fire.judge()
        assert fire.kills
        assert fire.held


@pytest.mark.live
def test_several_servers_and_workers_on_postgresql_with_one_killed_every_few_seconds(
    ministack_server: Ministack, tmp_path: Path, postgres_url: str
) -> None:
    several = 3 if SOAK else 2
    with under_fire(
        ministack_server, tmp_path, postgres_url, servers=several, workers=3 if SOAK else 1, seed=2
    ) as fire:
        fire.use(leases=LEASES, at_once=8, kill_every=3.0, kills=KILLS)
        fire.settle()
        fire.judge()
        assert fire.kills
        assert fire.held
