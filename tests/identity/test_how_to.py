"""What the guides say to copy is what keylease reads."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from keylease.settings import Settings, SignIn

GUIDES = Path(__file__).parent.parent.parent / "docs" / "how-to"
ENTRA, OPENID = ((GUIDES / name).read_text(encoding="utf-8") for name in ("entra.md", "openid.md"))


def blocks(guide: str) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)


@pytest.mark.parametrize("guide", [ENTRA, OPENID], ids=["entra", "openid"])
def test_the_section_to_copy_is_read(guide: str) -> None:
    [whole] = [tomllib.loads(block) for block in blocks(guide) if "[sign_in]" in block]
    assert SignIn(**whole["sign_in"]).provider is not None
    assert whole["administrators"]["people"]


@pytest.mark.parametrize("guide", [ENTRA, OPENID], ids=["entra", "openid"])
def test_what_is_commented_out_there_is_read_too(guide: str) -> None:
    [block] = [block for block in blocks(guide) if "[sign_in]" in block]
    uncommented = re.sub(r"^# (\w+ = )", r"\1", block, flags=re.MULTILINE)
    assert SignIn(**tomllib.loads(uncommented)["sign_in"]).mfa_context


@pytest.mark.parametrize("guide", [ENTRA, OPENID], ids=["entra", "openid"])
def test_every_setting_that_a_guide_names_is_there(guide: str) -> None:
    for section, name in re.findall(r"`(sign_in|server)\.(\w+)`", guide):
        known = Settings.model_fields[section].annotation
        assert known is not None
        assert name in known.model_fields


def test_the_clouds_have_addresses_that_are_taken() -> None:
    rows = re.findall(
        r"^\| [^|]+ \| `?(\(default\)|https://[^`|]+)`? \| `(https://[^`]+)` \|$", ENTRA, re.MULTILINE
    )
    assert len(rows) == 3
    for authority, graph in rows:
        whole = {"provider": "entra", "tenant": "7f3b1c9e-0a4d-4c1b-9e57-2f6f0c3d8a11", "client_id": "x"}
        other = {} if authority == "(default)" else {"authority": authority}
        assert SignIn(**whole, **other, graph=graph, client_secret="x").graph == graph
