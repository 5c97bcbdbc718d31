"""The credentials file: what is not keylease's stays as it is, byte for byte."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from configparser import RawConfigParser
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keylease.cli import credentials_file as file
from keylease.cli.credentials_file import Profile
from keylease.domain.secret import Secret
from keylease.errors import FileNotWritten, NotOurs


def profile(name: str = "media", number: int = 1) -> Profile:
    return Profile(
        name=name,
        lease_id=f"L-{number:08d}",
        access_key_id=f"AKIAFAKE{number:012d}",
        secret_access_key=Secret(f"fake/secret+{number:028d}"),
        expires_at="2026-12-08T17:00:00Z",
    )


MEDIA, LATER = profile(), profile(number=2)
WRITTEN = (
    b"[media]\n"
    b"# keylease L-00000001 AKIAFAKE000000000001: AWS refuses it from 2026-12-08T17:00:00Z on\n"
    b"aws_access_key_id = AKIAFAKE000000000001\n"
    b"aws_secret_access_key = fake/secret+0000000000000000000000000001\n"
)

ENDINGS = st.sampled_from([b"\n", b"\r\n", b"\r"])
LINES = st.one_of(
    st.sampled_from(
        [
            b"",
            b"# a comment about [media]",
            b"; [media]",
            b"[default]",
            b"  [indented]  ; comment",
            b"[profile x]",
            b'[we"ird] name]',
            b"[media2]",
            b"[Media]",
            b"[]",
            b"[unclosed",
            b"aws_access_key_id = AKIAOTHER",
            b"aws_secret_access_key=abc/+=",
            b"region = eu-central-1",
            b"s3 =\r",
            b"   max_concurrent_requests = 20",
            "[mädia]".encode(),
            "[mädia]".encode("latin-1"),
        ]
    ),
    st.binary(max_size=20).map(lambda line: line.translate(None, b"\0\r\n")),
)
FILES = st.builds(
    lambda mark, lines, last: mark + b"".join(line + ending for line, ending in lines) + last,
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.lists(st.tuples(LINES, ENDINGS), max_size=12),
    st.one_of(st.just(b""), LINES),
).filter(lambda content: not content.startswith((b"\xff\xfe", b"\xfe\xff")))


@given(FILES)
def test_a_new_profile_is_added_after_everything_that_was_there(content: bytes) -> None:
    assert file.with_profile(content, MEDIA).startswith(content)


@given(FILES)
def test_writing_the_same_profile_again_changes_nothing(content: bytes) -> None:
    once = file.with_profile(content, MEDIA)
    assert file.with_profile(once, MEDIA) == once


@given(FILES, FILES)
def test_a_profile_of_keyleases_is_replaced_in_place_and_nothing_around_it(before: bytes, after: bytes) -> None:
    after = b"[next]\n" + after.removeprefix(b"\xef\xbb\xbf")
    once = file.with_profile(before, MEDIA)
    assert file.with_profile(once + after, LATER) == file.with_profile(before, LATER) + after


@given(FILES)
def test_lines_that_people_added_to_keyleases_section_stay(content: bytes) -> None:
    once = file.with_profile(content, MEDIA)
    ending = once[-2:] if once.endswith(b"\r\n") else once[-1:]
    added = b"# mine" + ending + b"region = eu-west-1" + ending
    again = file.with_profile(once + added, LATER)
    assert again == file.with_profile(content, LATER) + added


@given(FILES, st.text(max_size=12).filter(file.is_fit))
def test_profiles_of_keyleases_do_not_touch_each_other(content: bytes, name: str) -> None:
    try:
        both = file.with_profile(file.with_profile(content, profile(name)), profile("the-other"))
    except NotOurs:
        return
    assert file.with_profile(both, profile(name)) == both
    first_again = file.with_profile(both, profile(name, 3))
    assert file.with_profile(first_again, profile("the-other")) == first_again


def test_an_empty_file_holds_the_profile_alone() -> None:
    assert file.with_profile(b"", MEDIA) == WRITTEN


def test_the_line_ending_is_that_of_the_file() -> None:
    written = file.with_profile(b"[default]\r\nregion = x", MEDIA)
    assert written == b"[default]\r\nregion = x\r\n\r\n" + WRITTEN.replace(b"\n", b"\r\n")


def test_programs_read_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "credentials"
    content = file.with_profile(b"[default]\naws_access_key_id = A\naws_secret_access_key = B\n", MEDIA)
    path.write_bytes(file.with_profile(content, profile("other")))
    parser = RawConfigParser()
    parser.read(path)
    assert parser.sections() == ["default", "media", "other"]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    found = botocore.session.Session(profile="media").get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key) == (MEDIA.access_key_id, MEDIA.secret_access_key.reveal())


@pytest.mark.parametrize(
    "content",
    [
        b"[media]\naws_access_key_id = AKIAMINE\n",
        b"[ media ]\n",
        b"  [media] ; indented\n",
        b"\xef\xbb\xbf[media]\r\n",
        b"[media]",
        b"[media]\n# keylease is good\naws_access_key_id = AKIAMINE\n",
        b"[media]\n\n" + WRITTEN.split(b"\n", 1)[1],
        WRITTEN.replace(b"id = AKIAFAKE000000000001", b"id = AKIAMINE"),
        WRITTEN + b"aws_access_key_id = AKIAMINE\n",
        WRITTEN + b"AWS_ACCESS_KEY_ID = AKIAMINE\n",
        WRITTEN + b"aws_session_token = x\n",
        WRITTEN + WRITTEN,
        b"[media]\n" + WRITTEN,
        "[media]\n".encode("utf-16"),
        "[media]\n".encode("utf-16-le"),
    ],
)
def test_what_keylease_did_not_write_is_never_replaced(content: bytes) -> None:
    with pytest.raises(NotOurs):
        file.with_profile(content, MEDIA)
    with pytest.raises(NotOurs):
        file.may_hold(content, "media")


@pytest.mark.parametrize(
    "name", ["media", "Media archive", "mädia", "a.b@c", "2026/x", "default", "default-2", "日本"]
)
def test_a_name_that_every_program_reads_alike_is_fit(name: str) -> None:
    assert file.is_fit(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " x",
        "x ",
        "a]b",
        "[a",
        "a#b",
        "a;b",
        "a\nb",
        "a\tb",
        'a"b',
        "a'b",
        "a\\b",
        "a\x1bb",
        "a\u202eb",
        "DEFAULT",
        "Default",
        "dEFAULT",
    ],
)
def test_a_name_that_programs_read_differently_is_not_fit(name: str) -> None:
    assert not file.is_fit(name)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "media]\n[default"},
        {"name": "media\n"},
        {"lease_id": "L-1\n[default]"},
        {"access_key_id": "AKIA\rx"},
        {"secret_access_key": Secret("a\nb")},
        {"secret_access_key": Secret("a\x00b")},
        {"expires_at": "2026-12-08T17:00:00Z\n[default]\ncredential_process = touch pwned"},
        {"expires_at": "2026\u2028x"},
        {"expires_at": "2026\x85x"},
    ],
)
def test_nothing_with_a_line_break_or_a_control_sign_is_written(changes: dict[str, Any]) -> None:
    with pytest.raises(FileNotWritten) as raised:
        file.with_profile(b"[default]\n", replace(MEDIA, **changes))
    assert "pwned" not in raised.value.sentence


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "credentials"
    file.write_private(path, lambda before: before + b"x")
    assert path.read_bytes() == b"x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_becomes_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(b"x")
    path.chmod(0o644)
    file.write_private(path, lambda before: before + b"y")
    assert path.read_bytes() == b"xy"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    target, link = tmp_path / "real", tmp_path / "link"
    target.write_bytes(b"x")
    link.symlink_to(target)
    file.write_private(link, lambda before: before + b"y")
    assert link.is_symlink()
    assert target.read_bytes() == b"xy"


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
SOMEBODY, ANOTHER = 12345, 54321


@pytest.fixture
def open_to_all(tmp_path: Path) -> Path:
    """A folder as /tmp is one."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def refused(path: Path) -> None:
    """Neither beforehand nor while it is written does keylease take this path, and nothing is left there."""
    before = sorted(path.parent.iterdir())
    for act in (file.check_writable, lambda path: file.write_private(path, lambda _: b"secret")):
        with pytest.raises(FileNotWritten):
            act(path)
    assert sorted(path.parent.iterdir()) == before
    assert b"secret" not in b"".join(one.read_bytes() for one in path.parent.iterdir() if one.is_file())


@as_root
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o1777, 0o777])
def test_who_put_a_file_there_before_does_not_get_what_is_written(mode: int, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in").chmod(mode)
    path = tmp_path / "in" / "key.json"
    path.touch()
    os.chown(path, SOMEBODY, SOMEBODY)
    refused(path)


@as_root
def test_under_sudo_a_file_stays_that_of_the_one_who_called_it(
    open_to_all: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = open_to_all / "key.json"
    path.touch()
    os.chown(path, SOMEBODY, SOMEBODY)
    monkeypatch.setenv("SUDO_UID", str(SOMEBODY))
    file.write_private(path, lambda _: b"secret")
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (SOMEBODY, 0o600)
    monkeypatch.setenv("SUDO_UID", str(ANOTHER))
    with pytest.raises(FileNotWritten):
        file.write_private(path, lambda _: b"another")
    assert path.read_bytes() == b"secret"


@as_root
def test_a_file_in_somebodys_own_folder_stays_theirs(tmp_path: Path) -> None:
    path = tmp_path / "home" / "credentials"
    path.parent.mkdir()
    path.touch()
    for one in (path.parent, path):
        os.chown(one, SOMEBODY, SOMEBODY)
    file.write_private(path, lambda _: b"x")
    assert (path.read_bytes(), path.stat().st_uid) == (b"x", SOMEBODY)
    os.chown(path, ANOTHER, ANOTHER)
    refused(path)


def test_no_link_is_followed_where_everybody_may_make_one(open_to_all: Path, tmp_path: Path) -> None:
    (open_to_all / "link").symlink_to(tmp_path / "target")
    refused(open_to_all / "link")
    (open_to_all / "folder").symlink_to(tmp_path)
    with pytest.raises(FileNotWritten):
        file.write_private(open_to_all / "folder" / "key.json", lambda _: b"secret")
    (tmp_path / "to-the-link").symlink_to(open_to_all / "link")
    with pytest.raises(FileNotWritten):
        file.write_private(tmp_path / "to-the-link", lambda _: b"secret")
    (tmp_path / "to-the-link").unlink()
    (tmp_path / "to-the-link").symlink_to(open_to_all / "own")
    file.write_private(tmp_path / "to-the-link", lambda _: b"x")
    assert (open_to_all / "own").read_bytes() == b"x"
    assert {one.name for one in tmp_path.iterdir()} == {"open", "to-the-link"}


@as_root
def test_no_folder_of_somebody_elses_is_entered_where_everybody_may_make_one(open_to_all: Path) -> None:
    path = open_to_all / "folder" / "key.json"
    path.parent.mkdir()
    path.touch()
    for one in (path.parent, path):
        os.chown(one, SOMEBODY, SOMEBODY)
    refused(path)


def test_a_change_that_fails_leaves_the_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(b"[media]\n")
    with pytest.raises(NotOurs):
        file.write_private(path, lambda before: file.with_profile(before, MEDIA))
    assert [one.name for one in tmp_path.iterdir()] == ["credentials"]
    assert path.read_bytes() == b"[media]\n"


def test_a_place_that_cannot_be_written_is_said_beforehand(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path, tmp_path / "file" / "credentials", Path("/dev/full")):
        with pytest.raises(FileNotWritten):
            file.check_writable(path)
    file.check_writable(tmp_path / "file")
    file.check_writable(tmp_path / "new" / "folder" / "credentials")


def test_a_write_that_fails_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileNotWritten):
        file.write_private(tmp_path / "file" / "credentials", lambda before: before)


ADD = """
import sys
from pathlib import Path
from keylease.cli import credentials_file as file
from keylease.domain.secret import Secret
for number in range(20):
    name = f"{sys.argv[2]}-{number}"
    one = file.Profile(name=name, lease_id="L", access_key_id="A", secret_access_key=Secret("s"), expires_at="z")
    file.write_private(Path(sys.argv[1]), lambda before: file.with_profile(before, one))
"""


def test_several_keyleases_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(b"[default]\n")
    names = ["a", "b", "c", "d"]
    several = [subprocess.Popen([sys.executable, "-c", ADD, str(path), name]) for name in names]
    assert [one.wait(timeout=60) for one in several] == [0] * len(names)
    parser = RawConfigParser()
    parser.read(path)
    assert set(parser.sections()) == {"default"} | {f"{name}-{number}" for name in names for number in range(20)}
