"""A grant that wants a fresh sign-in with a second factor, from a terminal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from test_cli_sign_in import Person

from world import CATALOGUE, World

ASK = ("request", "archive", "--account", "main", "--until", "1w", "--reason", "Winter masters")


@pytest.fixture
def world() -> World:
    strict = replace(CATALOGUE.grants[0], mfa=True, max_sign_in_age=timedelta(hours=1))
    return World(catalogue=replace(CATALOGUE, grants=(strict,)))


def test_the_terminal_says_how_to_sign_in_anew_and_then_the_same_command_goes_through(
    server: str, world: World, tmp_path: Path
) -> None:
    person = Person(server, tmp_path / "person").signed_in()
    for missing in ("second factor", "no older than 1h"):
        refused = person.background(*ASK)
        assert (refused.status, refused.out) == (37, ""), refused.err
        assert missing in refused.err
        assert "`keylease login --fresh` signs you in anew" in refused.err
        assert person.login("--fresh", "--mfa").status == 0
        assert person.background(*ASK).status == 0
        world.clock.pass_time(hours=1, seconds=1)
    assert len(person.walked) == 3
