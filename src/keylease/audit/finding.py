"""Checks and findings: what every check is, and what it says.

A check is one file: a pure function from a snapshot to findings, and what people must know about it. The document
of checks is made from these words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from keylease.audit.snapshot import Snapshot


class Severity(StrEnum):
    """How bad, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a check found. `subject` is what it is about, `kind` what that is: `user`, `role`, `trail`.

    `about` tells two findings of one check on one subject apart. `severity` only where it differs from the check's.
    """

    kind: str
    subject: str
    sentence: str
    arn: str = ""
    about: str = ""
    region: str | None = None
    evidence: tuple[tuple[str, str], ...] = ()
    severity: Severity | None = None
    mend: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check. `cis` are its numbers in the CIS AWS Foundations Benchmark by version; `parts` are the facts of the
    snapshot that it needs, by name; `mend` says what to do, with keylease's command where there is one.
    """

    id: str
    title: str
    severity: Severity
    why: str
    mend: str
    parts: tuple[str, ...]
    find: Callable[[Snapshot], Iterable[Found]]
    cis: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding, whole: what a check found, in an account."""

    account: str
    check: Check
    found: Found

    @property
    def severity(self) -> Severity:
        """The finding's own, else the check's."""
        return self.found.severity or self.check.severity

    @property
    def mend(self) -> str:
        """What to do."""
        return self.found.mend or self.check.mend

    @property
    def fingerprint(self) -> str:
        """The same in every run for the same fault: 32 hexadecimal digits."""
        own = (
            self.account,
            self.check.id,
            self.found.kind,
            self.found.subject,
            self.found.region,
            self.found.about,
        )
        return hashlib.sha256("\n".join(part or "" for part in own).encode()).hexdigest()[:32]

    @property
    def cis(self) -> str:
        """The newest number that there is: `CIS-7.0:2.4`; empty where there is none."""
        newest = max(self.check.cis, key=_version, default=None)
        return f"CIS-{newest}:{self.check.cis[newest]}" if newest else ""


def _version(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def cis(*numbers: str) -> dict[str, str]:
    """The numbers of one control in the versions 3.0, 4.0.1, 5.0, 6.0 and 7.0; `-` where a version has none."""
    versions = ("3.0", "4.0.1", "5.0", "6.0", "7.0")
    return {version: number for version, number in zip(versions, numbers, strict=True) if number != "-"}
