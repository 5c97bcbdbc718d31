"""The command of a profile, read by every way in which AWS programs read one."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest
from botocore.compat import compat_shell_split

from keylease.agent.command import credential_process, written
from keylease.errors import FileNotWritten

SHOW = "import json, sys; print(json.dumps(sys.argv[1:]))"
PATHS = [
    "/opt/keylease/fast.py",
    "/Users/mara/Library/Application Support/keylease/fast.py",
    "/home/mära/keylease+2/fast@1.py",
    "/home/o'neill/key lease/fast.py",
    '/home/a "b"/fast.py',
    "/home/$HOME/`id`/!x/fast.py",
    "/home/a%b/(c)/fast&.py",
]


@pytest.mark.parametrize("path", PATHS)
def test_botocore_and_a_shell_read_the_same_words(path: str) -> None:
    words = [path, "-I", "L-4k7m9q2x"]
    line = written(words)
    assert shlex.split(line) == words
    assert compat_shell_split(line, platform="linux") == words
    ran = subprocess.run(
        ["/bin/sh", "-c", f"{shlex.quote(sys.executable)} -c {shlex.quote(SHOW)} {line}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout) == words


@pytest.mark.parametrize("path", [r"C:\keylease\python.exe", r"C:\Users\MARA~1\python.exe"])
def test_on_windows_a_plain_path_stands_without_quotes(path: str) -> None:
    line = written([path, "-I", r"C:\keylease\fast.py", "L-4k7m9q2x"], windows=True)
    assert '"' not in line
    assert compat_shell_split(line, platform="win32") == [path, "-I", r"C:\keylease\fast.py", "L-4k7m9q2x"]


def test_on_windows_only_the_program_may_have_spaces() -> None:
    line = written([r"C:\Program Files\python.exe", "-I", "x"], windows=True)
    assert compat_shell_split(line, platform="win32") == [r"C:\Program Files\python.exe", "-I", "x"]
    with pytest.raises(FileNotWritten):
        written(["python.exe", r"C:\Program Files\fast.py"], windows=True)


UNFIT = ["/a/it's $HOME/fast.py", "/a # b/fast.py", "/a ; b/fast.py", "/a\nb/fast.py"]


@pytest.mark.parametrize("path", UNFIT)
def test_what_programs_read_differently_is_refused(path: str) -> None:
    with pytest.raises(FileNotWritten):
        written([path, "x"])


def test_this_machines_own_command_is_one_that_runs() -> None:
    words = shlex.split(credential_process("L-4k7m9q2x"))
    assert words[0] == sys.executable
    assert words[-1] == "L-4k7m9q2x"
