"""The tree of failures: codes and exit statuses are each one's own, and never move."""

from __future__ import annotations

import pytest

from keylease import errors


def test_codes_and_exit_statuses_are_distinct() -> None:
    tree = list(errors.tree())
    assert len({failure.code for failure in tree}) == len(tree)
    assert len({failure.exit_status for failure in tree}) == len(tree)
    assert not {failure.exit_status for failure in tree} & {0, 1, 2, 3, 130}


@pytest.mark.parametrize("failure", list(errors.tree()), ids=lambda failure: failure.__name__)
def test_every_failure_says_what_to_do_and_belongs_to_one_who_must_act(failure: type[errors.KeyleaseError]) -> None:
    kinds = (errors.Invalid, errors.Refused, errors.Missing, errors.Conflict, errors.Unavailable, errors.Unsafe)
    assert sum(issubclass(failure, kind) for kind in kinds) == 1
    assert failure.hint != errors.KeyleaseError.hint
    assert failure.__doc__
    assert errors.by_code(failure.code) is failure


def test_an_unknown_code_is_still_a_failure() -> None:
    assert errors.by_code("KL-999") is errors.KeyleaseError
