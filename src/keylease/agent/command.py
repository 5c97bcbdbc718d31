"""The command of a `credential_process` line, written so that every AWS program reads it as the same words.

botocore splits it as a shell would and starts it without one; the SDKs for JavaScript, Go, Java and the rest, and
Cyberduck, hand it to `sh -c` or to `cmd /C`; the toolkit for JetBrains trips over any quotes. So a word is written
as it stands where that will do, in double quotes where it has spaces, and in single quotes only where it must be.
`cmd` keeps the quotes of one word only where that is the program itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from keylease.agent import fast
from keylease.errors import FileNotWritten

_PLAIN = re.compile(r"[\w@+=:,./-]+")
_PLAIN_ON_WINDOWS = re.compile(r"[\w@+=:,.\\/~-]+")
_SPACED_ON_WINDOWS = re.compile(r"[\w@+=:,.\\/~ ()-]+")
_COMMENT = re.compile(r"(?:^|\s)[#;]")
"""What some programs take for the beginning of a comment, even inside quotes."""


def credential_process(lease_id: str) -> str:
    """The command for a lease on this machine. Raises `FileNotWritten` where keylease lies at a path that no
    program but some reads alike.
    """
    paths = [_short(path) for path in (sys.executable, fast.__file__)]
    return written([paths[0], "-I", "-S", paths[1], lease_id], windows=sys.platform == "win32")


def written(words: Sequence[str], *, windows: bool = False) -> str:
    """The words as one line. Raises `FileNotWritten` where there is no line that all programs read alike."""
    quote = _on_windows if windows else _elsewhere
    line = " ".join(quote(word, is_program=number == 0) for number, word in enumerate(words))
    if _COMMENT.search(line) or not line.isprintable():
        raise _unfit(line)
    return line


def _elsewhere(word: str, *, is_program: bool) -> str:
    del is_program
    if _PLAIN.fullmatch(word):
        return word
    if not set(word) & set('"\\$`!'):
        return f'"{word}"'
    if "'" not in word:
        return f"'{word}'"
    raise _unfit(word)


def _on_windows(word: str, *, is_program: bool) -> str:
    if _PLAIN_ON_WINDOWS.fullmatch(word):
        return word
    if is_program and _SPACED_ON_WINDOWS.fullmatch(word):
        return f'"{word}"'
    raise _unfit(word)


def _short(path: str) -> str:
    """On Windows the path's short form, which has no spaces, where the volume keeps short names."""
    if sys.platform != "win32" or " " not in path:
        return path
    import ctypes

    room = ctypes.create_unicode_buffer(1024)
    length = ctypes.windll.kernel32.GetShortPathNameW(path, room, len(room))
    return room.value if 0 < length < len(room) else path


def _unfit(text: str) -> FileNotWritten:
    return FileNotWritten(
        f"AWS programs do not all read this path alike: {text}",
        hint="Install keylease, or the Python that runs it, at a path of plain letters and digits.",
    )
