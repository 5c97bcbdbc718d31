"""Profiles in people's config files: what is not keylease's stays as it is, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import botocore.configloader
import pytest
from aws_files import BOM, CORPUS
from hypothesis import given
from hypothesis import strategies as st

from keylease.agent import private_file, profiles
from keylease.agent.profiles import OVER, Profile
from keylease.errors import FileNotWritten, NotOurs


def profile(name: str = "media-archive", number: int = 1, region: str = "eu-central-1") -> Profile:
    return Profile(
        name=name,
        lease_id=f"L-{number:08d}",
        command=f"/opt/python -I -S /opt/keylease/fast.py L-{number:08d}",
        expires_at="2026-12-08T17:00:00Z",
        region=region,
    )


MEDIA, LATER, LOGS = profile(), profile(number=2), profile("logs", 3)
WRITTEN = (
    b"[profile media-archive]\n"
    b"# keylease L-00000001 eu-central-1: sessions renew themselves until 2026-12-08T17:00:00Z\n"
    b"credential_process = /opt/python -I -S /opt/keylease/fast.py L-00000001\n"
    b"region = eu-central-1\n"
)
FILES = pytest.mark.parametrize("content", CORPUS.values(), ids=CORPUS)
ANY_FILE = st.sampled_from(list(CORPUS.values()))


def ends_with_a_line(content: bytes) -> bytes:
    return content if not content.removeprefix(BOM) or content.endswith((b"\n", b"\r")) else content + b"\n"


@FILES
def test_a_new_profile_is_added_after_everything_that_was_there(content: bytes) -> None:
    assert profiles.with_profile(content, MEDIA).startswith(content)


@FILES
def test_what_was_added_and_taken_away_again_leaves_the_file_as_it_was(content: bytes) -> None:
    several = profiles.changed(content, [MEDIA, LOGS])
    assert not several.refused
    away = profiles.changed(several.content, [], [LOGS.lease_id, MEDIA.lease_id])
    assert away.content == ends_with_a_line(content)
    assert away.removed == ["logs", "media-archive"]


@FILES
def test_writing_it_again_changes_nothing(content: bytes) -> None:
    once = profiles.changed(content, [MEDIA, LOGS]).content
    assert profiles.changed(once, [MEDIA, LOGS]).content == once


@FILES
def test_a_renewed_lease_takes_the_place_of_the_old_one(content: bytes) -> None:
    after = b"[profile last]\nregion = z\n"
    old = profiles.with_profile(content, MEDIA) + after
    assert profiles.with_profile(old, LATER) == profiles.with_profile(content, LATER) + after


@given(ANY_FILE, ANY_FILE)
def test_only_keyleases_own_lines_ever_change(before: bytes, after: bytes) -> None:
    after = b"[profile between]\n" + after.removeprefix(BOM)
    content = profiles.with_profile(before, MEDIA) + after
    changed = profiles.changed(content, [LATER, LOGS]).content
    assert changed.startswith(ends_with_a_line(before)[: len(before)])
    assert after in changed


THEIRS = b"output = json\n# mine\nregion = us-west-2\ns3 =\n  addressing_style = path\n"


def test_settings_that_somebody_added_stay_and_theirs_is_the_region() -> None:
    section = b"".join(WRITTEN.splitlines(keepends=True)[:3])
    content = section.replace(b"eu-central-1", b"-", 1) + THEIRS
    again = profiles.with_profile(content, LATER)
    assert again.endswith(THEIRS)
    assert again.count(b"region =") == 1
    assert profiles.with_profile(again, LATER) == again


def test_a_region_that_somebody_changed_stays_changed() -> None:
    content = WRITTEN.replace(b"region = eu-central-1", b"region = eu-west-1")
    assert b"region = eu-west-1\n" in profiles.with_profile(content, LATER)
    assert profiles.with_profile(content, LATER).count(b"region =") == 1


def test_a_section_with_somebodys_settings_is_emptied_of_ours_and_filled_again_later() -> None:
    content = WRITTEN + b"output = json\n"
    emptied = profiles.changed(content, [], [MEDIA.lease_id]).content
    assert emptied == b"[profile media-archive]\n" + OVER.encode() + b"\noutput = json\n"
    assert profiles.with_profile(emptied, LATER).endswith(b"region = eu-central-1\noutput = json\n")


NOT_OURS = [
    b"[profile media-archive]\nregion = x\n",
    b"[profile media-archive]",
    b'[profile "media-archive"]\nregion = x\n',
    b"[profile   media-archive ]\n",
    b"  [profile media-archive]\n",
    BOM + b"[profile media-archive]\r\n",
    b"[profile media-archive]\n\n" + WRITTEN.split(b"\n", 1)[1],
    WRITTEN.replace(b"fast.py L-00000001", b"other.sh"),
    WRITTEN + b"credential_process = another\n",
    WRITTEN + WRITTEN,
    b"[profile media-archive]\n" + WRITTEN,
]


@pytest.mark.parametrize("content", NOT_OURS)
def test_a_profile_that_keylease_did_not_write_is_never_touched(content: bytes) -> None:
    done = profiles.changed(content, [MEDIA, LOGS])
    assert isinstance(done.refused["media-archive"], NotOurs)
    assert done.content.startswith(content)
    assert "logs" not in done.refused


@pytest.mark.parametrize("content", NOT_OURS[:-2])
def test_nor_is_it_taken_away(content: bytes) -> None:
    assert profiles.changed(content, [], [MEDIA.lease_id]).content == content


@pytest.mark.parametrize("content", ["[default]\n".encode("utf-16"), "[default]\n".encode("utf-16-le")])
def test_an_encoding_in_which_lines_cannot_be_told_apart_is_left_alone(content: bytes) -> None:
    with pytest.raises(NotOurs):
        profiles.with_profile(content, MEDIA)


READABLE = [name for name in CORPUS if name not in {"old mac", "unclosed", "latin-1", "keys without a section"}]


@pytest.mark.parametrize("name", READABLE)
def test_botocore_reads_what_was_there_and_what_was_added(name: str, tmp_path: Path) -> None:
    content = CORPUS[name].removeprefix(BOM)
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_bytes(content)
    after.write_bytes(profiles.changed(content, [MEDIA, LOGS]).content)
    read = botocore.configloader.load_config
    added = read(str(after))["profiles"]
    assert added.pop("media-archive") == {"credential_process": MEDIA.command, "region": "eu-central-1"}
    assert added.pop("logs") == {"credential_process": LOGS.command, "region": "eu-central-1"}
    assert added == read(str(before))["profiles"]


@pytest.mark.parametrize("name", ["media", "mädia", "a.b@c", "x/y", "日本"])
def test_a_name_that_every_program_finds_is_fit(name: str) -> None:
    assert profiles.is_fit(name)


@pytest.mark.parametrize("name", ["", "default", "DEFAULT", "a b", "a#b", "a;b", "a]b", 'a"b', "a\tb", "a\u202eb"])
def test_a_name_that_programs_read_differently_is_not(name: str) -> None:
    assert not profiles.is_fit(name)


SHADOWS = [
    (b"[media-archive]\naws_access_key_id = AKIA\naws_secret_access_key = x\n", True),
    (b"[ media-archive ]\r\nAWS_ACCESS_KEY_ID=AKIA\r\n", True),
    (BOM + b"[media-archive]\n# x\naws_access_key_id=AKIA\n", True),
    (b"[media-archive]\nregion = x\n", False),
    (b"[media-archive]\naws_access_key_id =\n", False),
    (b"[media-archive-2]\naws_access_key_id = AKIA\n", False),
    (b"", False),
]


@pytest.mark.parametrize(("credentials", "wins"), SHADOWS)
def test_static_credentials_of_the_same_name_are_found_and_moved_away_by_name_alone(
    credentials: bytes, *, wins: bool
) -> None:
    content = b"[default]\naws_access_key_id = A\n\n" + credentials if credentials[:1] == b"[" else credentials
    assert profiles.shadow(content, "media-archive") is wins
    if wins:
        moved, new = profiles.moved_away(content, "media-archive")
        assert new == "media-archive-static"
        assert moved.replace(b"media-archive-static", b"media-archive") == content
        assert not profiles.shadow(moved, "media-archive")


def test_a_name_that_is_taken_is_not_given_twice() -> None:
    content = b"[m]\naws_access_key_id = A\n[m-static]\n[m-static1]\n"
    assert profiles.moved_away(content, "m")[1] == "m-static2"


def test_a_config_file_keeps_its_mode_and_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "real", tmp_path / "config"
    target.write_bytes(b"[default]\n")
    target.chmod(0o644)
    link.symlink_to(target)
    private_file.write(link, lambda before: profiles.with_profile(before, MEDIA), private=False)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o644
    assert target.read_bytes().endswith(WRITTEN)


def test_a_file_that_somebody_made_read_only_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(b"[default]\n")
    path.chmod(0o400)
    with pytest.raises(FileNotWritten, match="read-only"):
        private_file.write(path, lambda before: profiles.with_profile(before, MEDIA), private=False)
    assert path.read_bytes() == b"[default]\n"


def test_a_file_that_needs_no_change_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(WRITTEN)
    path.chmod(0o600)
    before = path.stat()
    private_file.write(path, lambda content: profiles.with_profile(content, MEDIA))
    assert path.stat().st_ino == before.st_ino


ADD = """
import sys
from pathlib import Path
from keylease.agent import private_file, profiles
for number in range(20):
    name = f"{sys.argv[2]}-{number}"
    one = profiles.Profile(name=name, lease_id=f"L-{name}", command=f"x L-{name}", expires_at="z")
    private_file.write(Path(sys.argv[1]), lambda before: profiles.with_profile(before, one), private=False)
"""


def test_several_who_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(CORPUS["200 profiles"])
    names = ["a", "b", "c"]
    several = [subprocess.Popen([sys.executable, "-c", ADD, str(path), name]) for name in names]
    assert [one.wait(timeout=60) for one in several] == [0] * len(names)
    assert path.read_bytes().startswith(CORPUS["200 profiles"])
    parser = RawConfigParser()
    parser.read(path)
    assert len(parser.sections()) == 200 + 60
