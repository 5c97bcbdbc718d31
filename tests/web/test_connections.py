"""A lease's page offers what `keylease connect` makes, to its owner, and as long as the lease gives something."""

from __future__ import annotations

import json
import plistlib
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from web_world import World, page_of, with_sessions

from keylease.agent import shells
from keylease.agent.connection import Connection
from keylease.agent.files import FILES, ONLY_ACCESS_KEYS, file_for
from keylease.domain.lease import Lease
from keylease.web.connections import ENDINGS, TOOLS


@pytest.fixture
def world(serve: Callable[[dict[str, Any]], World]) -> World:
    made = serve(with_sessions())
    made.cloud.roles.names.add("media")
    return made


def granted(world: World) -> Lease:
    return world.approved(wanted="media/uploads")


def download(world: World, lease: Lease, tool: str, who: str = "tomas") -> httpx.Response:
    with world.browser(who) as client:
        return client.get(f"/leases/{lease.id}/files/{tool}")


def test_every_file_of_the_command_line_is_offered_but_the_one_that_needs_the_persons_machine() -> None:
    assert set(TOOLS) == set(FILES) - {"cyberduck-profile"}
    assert set(ENDINGS) == set(shells.SHELLS)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_is_that_of_the_command_line(world: World, tool: str) -> None:
    lease = granted(world)
    with world.program("tomas") as client:
        view = client.get(f"/api/leases/{lease.id}").json()
    there = file_for(tool, Connection.to_lease(view, profile="uploads", region=world.app.clouds["media"].region))
    answer = download(world, lease, tool)
    assert answer.status_code == 200
    assert answer.content == there.content
    assert answer.headers["content-disposition"] == f'attachment; filename="{there.name}"'
    assert answer.headers["content-type"].split(";")[0] == there.media_type


def test_the_page_links_to_each_and_every_link_answers(world: World) -> None:
    lease = granted(world)
    page = page_of(world, "tomas", f"/leases/{lease.id}")
    links = [link for link in page.links if link.startswith(f"/leases/{lease.id}/files/")]
    assert len(links) == len(TOOLS) + len(shells.SHELLS)
    with world.browser("tomas") as client:
        assert {client.get(link).status_code for link in links} == {200}
    for words in ("keylease configure", "keylease connect cyberduck uploads", f"uploads-file={lease.id}"):
        assert words in page.text
    for program in ONLY_ACCESS_KEYS.values():
        assert program in page.text
    assert "/leases/new" in page.links


def test_a_shells_lines_set_the_profile(world: World) -> None:
    script = download(world, granted(world), "env-sh").text
    seen = subprocess.run(["/bin/sh", "-c", f"{script}\nenv"], env={}, capture_output=True, text=True, check=True)
    assert {"AWS_PROFILE=uploads", "AWS_REGION=us-east-1"} <= set(seen.stdout.splitlines())
    assert "uploads.ps1" in download(world, granted(world), "env-powershell").headers["content-disposition"]


def test_a_leased_access_keys_bookmark_names_it_and_nothing_holds_the_secret(world: World) -> None:
    lease = world.active()
    bookmark = plistlib.loads(download(world, lease, "cyberduck-bookmark").content)
    assert bookmark["Username"] == lease.access_key_id
    page = page_of(world, "tomas", f"/leases/{lease.id}")
    assert f"keylease collect {lease.id} --profile media-write" in page.text
    everything = "".join(download(world, lease, tool).text for tool in TOOLS)
    assert "fake/secret" not in everything


@pytest.mark.parametrize(
    ("made", "status", "code"),
    [
        (lambda world: world.ask(wanted="media/uploads"), 409, "KL-402"),
        (lambda world: world.app.broker.revoke(world.person("tomas"), granted(world).id), 409, "KL-405"),
    ],
    ids=["not-approved", "over"],
)
def test_what_gives_nothing_connects_nothing(
    world: World, made: Callable[[World], Lease], status: int, code: str
) -> None:
    lease = made(world)
    page = page_of(world, "tomas", f"/leases/{lease.id}")
    assert not [link for link in page.links if "/files/" in link]
    answer = download(world, lease, "rclone")
    assert (answer.status_code, code in answer.text) == (status, True)


def test_nobody_else_gets_files_or_sees_them_offered(world: World) -> None:
    lease = granted(world)
    assert not [link for link in page_of(world, "priya", f"/leases/{lease.id}").links if "/files/" in link]
    assert "KL-305" in download(world, lease, "rclone", "priya").text
    assert "KL-401" in download(world, lease, "rclone", "nils").text


@pytest.mark.parametrize("tool", ["cyberduck-profile", "nope", "env-csh", "transmit"])
def test_what_there_is_not_is_no_file(world: World, tool: str) -> None:
    assert download(world, granted(world), tool).status_code in {400, 404, 409, 422}


def test_a_set_whose_name_is_no_profiles_is_connected_by_no_file(
    serve: Callable[[dict[str, Any]], World],
) -> None:
    settings = json.loads(json.dumps(with_sessions()).replace('"uploads"', '"default"'))
    world = serve(settings)
    world.cloud.roles.names.add("media")
    lease = world.approved(wanted="media/default")
    assert "Connect a program" not in page_of(world, "tomas", f"/leases/{lease.id}").text
    assert download(world, lease, "rclone").status_code == 422
