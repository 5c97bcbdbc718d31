from __future__ import annotations

import re
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from itertools import product
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keylease.domain.statement import allows, always_denied, covers, overlap, statements

PATTERNS = st.text(alphabet="ab*?", max_size=6)
WORDS = ["".join(letters) for length in range(7) for letters in product("ab", repeat=length)]


@given(PATTERNS, PATTERNS)
def test_two_patterns_overlap_where_one_word_matches_both(one: str, other: str) -> None:
    both = [word for word in WORDS if fnmatchcase(word, one) and fnmatchcase(word, other)]

    assert overlap(one, other) == overlap(other, one)
    assert overlap(one, other) or not both
    assert bool(both) or not overlap(one, other) or len(one) + len(other) > 6


@given(PATTERNS, PATTERNS)
def test_a_pattern_covers_another_only_where_it_matches_all_of_its_words(one: str, other: str) -> None:
    if covers(one, other):
        assert all(fnmatchcase(word, one) for word in WORDS if fnmatchcase(word, other))


def old_covers(pattern: str, other: str) -> bool:
    """What is asked, by a matcher that goes back and forth: right, and endless for some patterns."""
    parts = (".*" if part == "*" else "[^*]" if part == "?" else re.escape(part) for part in pattern.lower())
    return re.fullmatch("".join(parts), other.lower(), re.DOTALL) is not None


def old_overlap(one: str, other: str) -> bool:
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return old_overlap(one[1:], other) or old_overlap(one, other[1:])
    if other[0] == "*":
        return old_overlap(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and old_overlap(one[1:], other[1:])


@given(PATTERNS, PATTERNS)
@settings(max_examples=1000)
def test_matching_step_by_step_is_matching_back_and_forth(one: str, other: str) -> None:
    assert covers(one, other) == old_covers(one, other)
    assert overlap(one, other) == old_overlap(one, other)


def steps(call: Callable[[], object]) -> int:
    """How many lines of Python a call runs; the clock of a busy machine would say less."""
    count, before = 0, sys.gettrace()

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


HARD: list[Callable[[int], tuple[str, str]]] = [
    lambda n: ("iam:" + "*?" * n + "*z", "iam:" + "a" * n),
    lambda n: ("iam:" + "*a" * n + "*z", "iam:" + "a" * n),
    lambda n: ("*" * n + "z", "*" * n),
    lambda n: ("*a" * n + "*z", "*a" * n),
    lambda n: ("a?" * n, "?a" * n + "*"),
]


@pytest.mark.parametrize("hard", HARD)
@pytest.mark.parametrize("matcher", [covers, overlap])
def test_steps_grow_with_the_length_of_the_patterns_and_no_faster(
    matcher: Callable[[str, str], bool], hard: Callable[[int], tuple[str, str]]
) -> None:
    few, many = (steps(lambda: matcher(*hard(n))) for n in (100, 1000))  # noqa: B023 - at once

    assert many < 11 * few


@pytest.mark.parametrize(
    ("pattern", "action", "answer"),
    [
        ("iam:*", "iam:CreateUser", True),
        ("IAM:create*", "iam:CreateUser", True),
        ("*", "s3:Get*", True),
        ("s3:Get?", "s3:Get*", False),
        ("s3:G*s", "s3:GetObject", False),
        ("s3.GetObject", "s3:GetObject", False),
    ],
)
def test_actions_are_matched_as_iam_does(pattern: str, action: str, answer: bool) -> None:  # noqa: FBT001 - a case
    assert covers(pattern, action) == answer


def allow(action: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*", **more}


def deny(action: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": "*", **more}


@pytest.mark.parametrize(
    ("every", "answer"),
    [
        ([allow("ssm:GetParameter")], True),
        ([allow("ssm:Get*")], True),
        ([allow("ssm:*Parameters")], False),
        ([allow(["s3:*", "SSM:getparameter"], Condition={"Bool": {"a": "b"}}, Resource="arn:x")], True),
        ([allow("*"), deny("ssm:*")], False),
        ([allow("*"), deny("ssm:*", Resource="arn:x")], True),
        ([allow("*"), deny("ssm:*", Condition={"Bool": {"a": "b"}})], True),
        ([allow("*"), deny("ssm:GetParameters*")], True),
        ([{"Effect": "Allow", "NotAction": "ssm:*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "NotAction": ["s3:*"], "Resource": "*"}], True),
        ([{"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}, allow("ssm:*")], True),
        ([], False),
    ],
)
def test_what_documents_allow(every: list[dict[str, Any]], answer: bool) -> None:  # noqa: FBT001 - a case
    assert allows([{"Statement": every}], "ssm:GetParameter") == answer
    assert allows([{"Statement": [one]} for one in every], "ssm:GetParameter") == answer


def test_a_pattern_is_allowed_where_one_action_of_it_is() -> None:
    assert allows([{"Statement": allow("quicksight:UpdateFolderPermissions")}], "quicksight:Update*Permissions")
    assert not allows([{"Statement": allow("quicksight:UpdateFolder")}], "quicksight:Update*Permissions")


@pytest.mark.parametrize("document", [{}, {"Statement": None}, {"Statement": "x"}, {"Statement": ["x"]}])
def test_what_is_no_document_has_no_statements(document: dict[str, Any]) -> None:
    assert statements(document) == []
    assert not allows([document], "s3:GetObject")


def test_a_denial_counts_always_only_without_condition_and_for_everything() -> None:
    every = [
        deny("a:*", Sid="A"),
        deny("b:*", Condition={}),
        deny("c:*", Resource=["x", "*"]),
        deny("d:*", Principal="*"),
    ]

    assert list(always_denied(every)) == ["a:*", "c:*"]
