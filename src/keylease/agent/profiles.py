"""Profiles in the config file that AWS programs share, one for each lease; pure, bytes in and bytes out.

A section of keylease's begins with a marker that names the lease, and the region that was written:

    [profile media-archive]
    # keylease L-4k7m9q2x eu-central-1: sessions renew themselves until 2026-12-08T17:00:00Z
    credential_process = ...
    region = eu-central-1

The marker, `credential_process` and that very `region` behind it are keylease's; whatever else stands in the
section is the person's. A section without the marker, or whose `credential_process` no longer names the lease of
the marker, is not keylease's, and is never written to.

AWS programs prefer static credentials in the credentials file to a `credential_process` of the same name, without
a word. `shadow` finds such a section, `moved_away` gives it another name and changes nothing else.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from keylease.agent import sections
from keylease.agent.sections import Section
from keylease.errors import NotOurs

_MARKER = re.compile(rb"# keylease (\S+) (\S+): ")
_PROCESS = re.compile(rb"\s*credential_process\s*=")
_REGION = re.compile(rb"region\s*=\s*(\S+)\s*$")
_ANY_REGION = re.compile(rb"\s*region\s*=")
_STATIC = re.compile(rb"\s*aws_access_key_id\s*=\s*\S", re.IGNORECASE)
OVER = "# keylease over -: the lease that this profile was for has ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What goes into one section."""

    name: str
    lease_id: str
    command: str
    expires_at: str
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A file's new content, and what became of each profile."""

    content: bytes
    refused: Mapping[str, NotOurs] = field(default_factory=dict)
    removed: Sequence[str] = ()


def is_fit(name: str) -> bool:
    """Whether every program finds a profile of this name."""
    return sections.is_fit(name) and not any(sign.isspace() for sign in name) and name.lower() != "default"


def changed(content: bytes, wanted: Sequence[Profile], over: Iterable[str] = ()) -> Changed:
    """The config file with these profiles, and without those of the leases that are `over`."""
    removed = []
    for lease_id in over:
        place = _of(content, lease_id)
        if place is not None:
            there = sections.split(content)[place]
            removed.append(profile_of(_text(there)) or "")
            content = sections.removed(content, place, _own(there), instead=OVER)
    refused = {}
    for profile in wanted:
        try:
            content = with_profile(content, profile)
        except NotOurs as refusal:
            refused[profile.name] = refusal
    return Changed(content=content, refused=refused, removed=removed)


def with_profile(content: bytes, profile: Profile) -> bytes:
    """The config file with this profile. Raises `NotOurs` where there is one that keylease did not write."""
    return sections.put(content, _section(profile, content))


def shadow(credentials: bytes, name: str) -> bool:
    """Whether the credentials file has static credentials of this name, which win over the profile."""
    return any(
        text == name.encode() and any(_STATIC.match(line) for line in sections.split(credentials)[place])
        for text, place in sections.every(sections.split(credentials))
    )


def moved_away(credentials: bytes, name: str) -> tuple[bytes, str]:
    """The credentials file with the section of this name under another one, and that name."""
    lines = sections.split(credentials)
    taken = dict(sections.every(lines))
    new = next(
        one
        for one in (f"{name}-static{number or ''}" for number in range(len(taken) + 1))
        if one.encode() not in taken
    )
    header = taken[name.encode()].start
    before, after = lines[header].split(name.encode(), 1)
    lines[header] = before + new.encode() + after
    return b"".join(lines), new


def profile_of(text: bytes) -> str | None:
    """The profile that a header of the config file means, as botocore reads it; None where it is none."""
    try:
        words = shlex.split(text.decode())
    except ValueError:
        return None
    if words == ["default"]:
        return "default"
    return words[1] if len(words) == 2 and words[0] == "profile" else None


def _section(profile: Profile, content: bytes) -> Section:
    return Section(
        title=f"profile {profile.name}",
        lines=_written(profile, with_region=not _has_region_of_theirs(content, profile.name)),
        is_it=lambda text: profile_of(text) == profile.name,
        check=lambda there: _must_be_ours(there, profile.name),
        own=_own,
    )


def _written(profile: Profile, *, with_region: bool) -> tuple[str, ...]:
    region = profile.region if with_region else ""
    marker = f"# keylease {profile.lease_id} {region or '-'}: sessions renew themselves until {profile.expires_at}"
    lines = (marker, f"credential_process = {profile.command}")
    return (*lines, f"region = {region}") if region else lines


def _has_region_of_theirs(content: bytes, name: str) -> bool:
    lines = sections.split(content)
    place = sections.find(lines, lambda text: profile_of(text) == name, f"profile {name}")
    if place is None:
        return False
    own = _own(lines[place])
    return any(_ANY_REGION.match(line) and number not in own for number, line in enumerate(lines[place]))


def _must_be_ours(there: Sequence[bytes], name: str) -> None:
    marker = _MARKER.match(there[1]) if len(there) > 1 else None
    if marker is None:
        raise NotOurs(f"The profile {name} exists, and keylease did not write it.")
    processes = [line for line in there if _PROCESS.match(line)]
    if len(processes) > 1 or any(not line.rstrip().endswith(marker[1]) for line in processes):
        raise NotOurs(f"The profile {name} was changed since keylease wrote it.")


def _own(there: Sequence[bytes]) -> set[int]:
    """Where keylease's own lines stand, besides header and marker."""
    marker = _MARKER.match(there[1]) if len(there) > 1 else None
    own = set()
    for number, line in enumerate(there):
        if _PROCESS.match(line):
            own.add(number)
            following = _REGION.match(there[number + 1]) if number + 1 < len(there) else None
            if marker and following and following[1] == marker[2]:
                own.add(number + 1)
    return own


def _of(content: bytes, lease_id: str) -> slice | None:
    """The section of a lease, if it is still keylease's."""
    lines = sections.split(content)
    for text, place in sections.every(lines):
        marker = _MARKER.match(lines[place][1]) if len(lines[place]) > 1 else None
        name = profile_of(text)
        if marker and name and marker[1] == lease_id.encode():
            try:
                _must_be_ours(lines[place], name)
            except NotOurs:
                return None
            return place
    return None


def _text(there: Sequence[bytes]) -> bytes:
    return next(text for text, _ in sections.every(there))
