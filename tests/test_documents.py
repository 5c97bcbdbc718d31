"""What the documents say to type, to click and to expect is there."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from keylease import errors
from keylease.cli.program import app_of
from keylease.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


AHEAD = frozenset({"checks.md"})
"""Pages that name commands which are still to come."""


def typed() -> Iterator[tuple[str, str]]:
    """Each command of keylease's that a page has people type, with its page."""
    for page in PAGES:
        if page.name in AHEAD:
            continue
        text = page.read_text(encoding="utf-8")
        blocks = "".join(re.findall(r"```console\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
        lines = [line.removeprefix("$ ") for line in blocks.splitlines() if line.startswith("$ ")]
        for line in [*lines, *re.findall(r"`([^`\n]+)`", text)]:
            if found := re.search(r"(?:^|\$\()keylease ([a-z][^|>&)\n]*)", line):
                yield page.name, found[1].partition("  #")[0].strip()


COMMANDS = sorted(set(typed()))


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[" ".join(one) for one in COMMANDS])
def test_a_command_that_a_page_names_is_there_with_its_options(page: str, line: str) -> None:
    del page
    command: Any = typer.main.get_command(app_of())
    words = shlex.split(line)
    while hasattr(command, "commands") and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    command = getattr(command, "commands", {}).get("run", command)
    is_noun = hasattr(command, "commands") and not command.invoke_without_command
    assert command.name != "keylease", f"no command {line}"
    assert not (is_noun and words), f"no command {line}"
    ours = words[: words.index("--")] if "--" in words else words
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.partition("=")[0] for word in ours if word.startswith("--")} <= known | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_code_and_a_test_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    codes = {failure.code for failure in errors.tree()} | {errors.KeyleaseError.code}
    assert set(re.findall(r"\bKL-\d{3}\b", text)) <= codes
    for path in re.findall(r"`(tests/[\w/]+\.py)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", ["launch.md", "sessions.md"])
def test_a_section_of_the_configuration_is_one_that_is_read(page: str) -> None:
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    [block] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    read = Settings(**tomllib.loads(block))
    assert read.permission_sets
    assert page != "launch.md" or read.launch.stop_after is not None
