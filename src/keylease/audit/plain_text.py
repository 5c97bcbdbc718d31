"""Secrets that stand in plain text: what a text holds that opens something, and for how long it would.

Precise rather than eager: an access key id of AWS's own form that is not from an example, a secret access key
beside one or under a name that says so, a Bedrock API key, a private key, and the tokens of GitHub, GitLab and
Slack. What a variable is called is no proof alone: names of secrets, ARNs and references are everywhere.

A value is never given back, only what it is; an access key id is no secret and is.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_KEY_ID = re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])")
_SECRET = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_SAYS_SO = re.compile(r"aws.{0,20}(?:secret|key|pwd|pw|pass)|secret.?access.?key", re.IGNORECASE)
_OTHERS = {
    "a Bedrock API key": re.compile(r"(?<![A-Za-z0-9])ABSK[A-Za-z0-9+/]{109,269}={0,2}"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "a GitHub token": re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82})"),
    "a GitLab token": re.compile(r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20}"),
    "a Slack token": re.compile(r"(?<![A-Za-z0-9])xox[abpr]-[0-9]{10,13}-[A-Za-z0-9-]{20,}"),
}
_NEAR = 400
"""Characters around a key id in which its secret would stand."""
LEAST_ENTROPY = 4.0
"""Bits a character; a hash written in hexadecimal digits has less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret that was found: `name` is where (a variable), `what` it is; `key_id` where it has one."""

    name: str
    what: str
    key_id: str = ""


def find(texts: Mapping[str, str]) -> Iterator[Secret]:
    """The secrets in these texts, each once."""
    ids = [(name, match) for name, text in texts.items() for match in _key_ids(text)]
    for name, match in ids:
        yield Secret(name=name, what="an access key id of AWS", key_id=match[0])
    for name, text in texts.items():
        if _holds_secret(name, text, has_ids=bool(ids)):
            yield Secret(name=name, what="a secret access key of AWS")
        for what, pattern in _OTHERS.items():
            if pattern.search(text):
                yield Secret(name=name, what=what)


def _key_ids(text: str) -> Iterator[re.Match[str]]:
    for match in _KEY_ID.finditer(text):
        if not match[0].endswith("EXAMPLE") and entropy(match[0]) >= 3:
            yield match


def _holds_secret(name: str, text: str, *, has_ids: bool) -> bool:
    for match in _SECRET.finditer(text):
        before = text[max(0, match.start() - 40) : match.start()]
        around = text[max(0, match.start() - _NEAR) : match.end() + _NEAR]
        said = _SAYS_SO.search(f"{name} {before}") is not None
        near = has_ids and (any(True for _ in _key_ids(around)) or said)
        if "EXAMPLE" not in match[0] and (said or near) and entropy(match[0]) > LEAST_ENTROPY:
            return True
    return False


def entropy(text: str) -> float:
    """Shannon's, in bits a character."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
