"""Sections of the files that AWS programs share, written without touching anything else.

Pure: a file's bytes in, the new bytes out. Lines that keylease did not write come out byte for byte as they went
in, whatever they hold: comments, CRLF, a byte order mark, other encodings.

A section of keylease's begins with a marker, a comment behind its header. Inside such a section keylease replaces
its own lines and leaves the rest. Which section is keylease's, and which lines, is for the caller to say, who
knows what its markers look like; a section that is not keylease's is never written to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from keylease.errors import FileNotWritten, NotOurs

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*([^\]]*?)\s*\]")
_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_UNFIT = set("[]#;\"'\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of keylease's: what it is called, and what keylease writes into it."""

    title: str
    """What stands between the brackets."""
    lines: tuple[str, ...]
    """The marker, then keylease's own lines."""
    is_it: Callable[[bytes], bool]
    """Whether a header's text means this section."""
    check: Callable[[Sequence[bytes]], None]
    """Raises `NotOurs` where a section that is there is not keylease's to write."""
    own: Callable[[Sequence[bytes]], set[int]]
    """The places of the lines in a section that are keylease's own, besides header and marker."""


def is_fit(name: str) -> bool:
    """Whether every program reads a section of this name alike: no brackets, quotes, comment or control signs.

    `[DEFAULT]` is none: Python's configparser hands what stands there to every other section, and some programs
    look at no capitals. `default` is AWS's own name for what is used without a name.
    """
    if name != "default" and name.lower() == "default":
        return False
    return bool(name) and name == name.strip() and name.isprintable() and not _UNFIT & set(name)


def put(content: bytes, section: Section) -> bytes:
    """The file with this section. Raises `NotOurs` where one of that name is not keylease's.

    Raises `FileNotWritten` for what would be more than the section's own lines: a server may have sent it.
    """
    if "]" in section.title or not all(text.isprintable() for text in (section.title, *section.lines)):
        raise FileNotWritten(
            f"What belongs into the section {section.title} holds control signs or brackets.",
            hint="It came from the keylease server, which never sends such. Ask who runs it.",
        )
    lines = split(content)
    place = find(lines, section.is_it, section.title)
    ending = line_ending(content)
    written = [line.encode() for line in section.lines]
    if place is None:
        return content + _gap(content, ending) + ending.join([f"[{section.title}]".encode(), *written, b""])
    there = lines[place]
    section.check(there)
    kept = _without(there, {0, 1} | section.own(there))
    ours = [line + ending for line in written]
    return b"".join([*lines[: place.start + 1], *ours, *kept, *lines[place.stop :]])


def may_hold(content: bytes, section: Section) -> None:
    """Raises `NotOurs` where `put` would."""
    lines = split(content)
    place = find(lines, section.is_it, section.title)
    if place is not None:
        section.check(lines[place])


def removed(content: bytes, place: slice, own: set[int], *, instead: str) -> bytes:
    """The file without keylease's own lines of a section.

    The header goes too, unless somebody added a setting of theirs: then it stays, with `instead` as its marker.
    """
    lines = split(content)
    there = lines[place]
    kept = _without(there, {0, 1} | own)
    if any(_says_something(line) for line in kept):
        head = [there[0], instead.encode() + line_ending(content)]
        return b"".join([*lines[: place.start], *head, *kept, *lines[place.stop :]])
    before = lines[: place.start]
    if before and not before[-1].strip():
        before = before[:-1]  # what parted the section from what is before it
    mark = _BOM if there[0].startswith(_BOM) else b""
    return mark + b"".join([*before, *kept, *lines[place.stop :]])


def split(content: bytes) -> list[bytes]:
    """The lines with their endings. Raises `NotOurs` for an encoding in which nobody can tell lines apart."""
    if content.startswith(_WIDE) or b"\0" in content:
        raise NotOurs("The file is not in an encoding that AWS programs read.")
    return _LINE.findall(content)


def find(lines: Sequence[bytes], is_it: Callable[[bytes], bool], title: str) -> slice | None:
    """The lines of a section, from its header on; None where there is none. Raises `NotOurs` for two of them."""
    found = [place for text, place in every(lines) if is_it(text)]
    if len(found) > 1:
        raise NotOurs(f"The section [{title}] stands there twice.")
    return found[0] if found else None


def every(lines: Sequence[bytes]) -> Iterator[tuple[bytes, slice]]:
    """Each section: its header's text, and its lines."""
    headers = [number for number, line in enumerate(lines) if line.removeprefix(_BOM).lstrip()[:1] == b"["]
    for number, start in enumerate(headers):
        text = _HEADER.match(lines[start])
        if text:
            stop = headers[number + 1] if number + 1 < len(headers) else len(lines)
            yield text[1], slice(start, stop)


def line_ending(content: bytes) -> bytes:
    """The file's own."""
    first = re.search(rb"\r\n|\n|\r", content)
    return first[0] if first else b"\n"


def _without(lines: Sequence[bytes], places: set[int]) -> list[bytes]:
    return [line for number, line in enumerate(lines) if number not in places]


def _says_something(line: bytes) -> bool:
    return bool(line.strip()) and line.lstrip()[:1] not in {b"#", b";"}


def _gap(content: bytes, ending: bytes) -> bytes:
    """What parts a new section from what is before it."""
    if not content.removeprefix(_BOM):
        return b""
    return ending if content.endswith((b"\n", b"\r")) else ending * 2
