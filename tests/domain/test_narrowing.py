"""A permission set without the services that nobody used."""

from __future__ import annotations

from typing import Any

import pytest

from keylease.domain import iam
from keylease.domain.narrowing import narrowed


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


@pytest.mark.parametrize(
    ("before", "used", "after", "dropped"),
    [
        (allow("s3:Get*", "ec2:*"), {"s3"}, [allow("s3:Get*")], ("ec2:*",)),
        (allow("S3:Get*"), {"s3"}, [allow("S3:Get*")], ()),
        (allow("*"), {"s3", "ec2"}, [allow("ec2:*", "s3:*")], ()),
        (allow("ec2:*"), {"s3"}, [], ("ec2:*",)),
        ({**allow(), "Action": "s3:*"}, {"s3"}, [allow("s3:*")], ()),
        (iam.deny("ec2:*"), {"s3"}, [iam.deny("ec2:*")], ()),
        (allow("s3:*", Condition={"Bool": {}}), {"s3"}, [allow("s3:*", Condition={"Bool": {}})], ()),
    ],
)
def test_what_was_not_used_goes_and_the_rest_stays_as_it_is(
    before: dict[str, Any], used: set[str], after: list[Any], dropped: tuple[str, ...]
) -> None:
    smaller = narrowed(iam.policy([before]), used=frozenset(used))

    assert smaller.document["Statement"] == after
    assert smaller.dropped == dropped


def test_what_is_allowed_by_exception_is_left_alone_and_said() -> None:
    statement = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}

    smaller = narrowed(iam.policy([statement]), used=frozenset({"s3"}))

    assert (smaller.document["Statement"], smaller.untouched) == ([statement], (1,))
