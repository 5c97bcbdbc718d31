from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keylease.domain import iam, role_policy

END = datetime(2026, 12, 8, 17, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zoned


@given(INSTANTS, st.booleans())
def test_a_name_states_the_instant_and_one_content_has_one_name(until: datetime, share: bool) -> None:  # noqa: FBT001 - drawn
    fence = iam.fence(until, share=share)

    assert fence == iam.fence(until, share=share)
    assert iam.fence_until(fence.name) == fence.until == until.replace(microsecond=0)
    assert iam.is_genuine(fence.name, fence.document)
    assert len(fence.name) <= 128


def test_names_differ_where_the_content_differs() -> None:
    names = {
        iam.fence(END + timedelta(seconds=s), share=share).name for s in (0, 1, 3600) for share in (True, False)
    }

    assert len(names) == 6
    assert iam.fence(END).name.startswith("keylease-fence-20261208T170000Z-")
    assert iam.fence(END, share=True).name.startswith("keylease-fence-20261208T170000Z-share-")


def test_a_fence_is_in_utc_and_never_later_than_asked() -> None:
    local = END.astimezone(timezone(timedelta(hours=5, minutes=30))) + timedelta(microseconds=999_999)

    assert iam.fence(local) == iam.fence(END)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        iam.fence(END.replace(tzinfo=None))


@pytest.mark.parametrize("share", [True, False])
def test_a_fence_leaves_room_for_what_aws_invents(share: bool) -> None:  # noqa: FBT001 - a case
    assert iam.FENCE_LIMIT - iam.size(iam.fence(END, share=share).document) >= 1000


def test_a_session_policy_leaves_room_for_tags() -> None:
    assert iam.SESSION_POLICY_LIMIT - len(role_policy.session_policy(END)) >= 300


def test_the_size_is_that_of_the_document_without_white_space() -> None:
    document = iam.fence(END).document

    assert iam.size(json.dumps(json.loads(document), indent=8)) == iam.size(document) == len(document)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "AdministratorAccess",
        "keylease-fence-20261208T170000Z",
        "keylease-fence-20261308T170000Z-0123456789abcdef",
        "keylease-fence-20261208T170000Z-0123456789ABCDEF",
        "keylease-fence-20261208T170000Z-open-0123456789abcdef",
        "keylease-fence-20261208T170000Z-0123456789abcdef\n",
        "x-keylease-fence-20261208T170000Z-0123456789abcdef",
    ],
)
def test_no_other_name_states_an_instant_or_is_genuine(name: str) -> None:
    assert iam.fence_until(name) is None
    assert not iam.is_genuine(name, iam.fence(END).document)


def test_white_space_and_the_order_of_keys_do_not_matter() -> None:
    fence = iam.fence(END)
    parsed = json.loads(fence.document)
    other = {key: parsed[key] for key in reversed(list(parsed))}

    assert iam.is_genuine(fence.name, json.dumps(other, indent=1))


def test_two_instants_are_not_exchanged() -> None:
    assert not iam.is_genuine(iam.fence(END).name, iam.fence(END + timedelta(seconds=1)).document)
    assert not iam.is_genuine(iam.fence(END).name, iam.fence(END, share=True).document)


@pytest.mark.parametrize("document", ["", "no JSON", "[]", "null", "1", '{"Statement": 1}', "{}", "[" * 100_000])
def test_what_cannot_be_read_is_not_genuine(document: str) -> None:
    assert not iam.is_genuine(iam.fence(END).name, document)


YEAR_1 = "keylease-fence-00010101T000000Z-0123456789abcdef"
ODD_NAMES = [
    YEAR_1,
    "keylease-fence-99991231T235959Z-0123456789abcdef",
    "keylease-fence-99991231T235959Z-share-0123456789abcdef",
    "keylease-fence-00000000T000000Z-0123456789abcdef",
    "keylease-fence-\u0662\u0660261208T170000Z-0123456789abcdef",
    "keylease-fence-20261208T170000Z-0123456789abcde\ud800",
    "\ud800",
    "\x00",
]
DEEP = 900
ODD_DOCUMENTS = [
    '{"Statement": "\\ud800"}',
    '{"Statement": [{"Effect": "Deny", "Action": "\\udfff", "Resource": "*"}]}',
    '{"\\ud800": 1}',
    "\ud800",
    '"' + "\ud800" + '"',
    "{" * 100_000,
    '{"a":' * DEEP + "1" + "}" * DEEP,
    '{"a":' * 100_000 + "1" + "}" * 100_000,
    '{"Statement": ' + "[" * DEEP + "]" * DEEP + "}",
    '{"a": ' + "9" * 10_000 + "}",
    '{"a": 1e999}',
    '{"a": NaN}',
    '{"Statement": [{"Effect": "Deny", "Action": {"a": 1}, "Resource": {"b": 2}, "Condition": 7}]}',
    '{"Statement": [{"Effect": "Deny", "Action": [[["*"]]], "Resource": "*"}]}',
    '{"Statement": [{"Effect": "Deny", "Action": "iam:' + "*?" * 5000 + '*z", "Resource": "*"}]}',
]


@pytest.mark.parametrize("document", [iam.fence(END).document, *ODD_DOCUMENTS])
@pytest.mark.parametrize("name", [iam.fence(END).name, f"{iam.fence(END).name[:-16]}{'0' * 16}", *ODD_NAMES])
def test_no_name_and_no_document_is_too_odd_to_be_called_not_genuine(name: str, document: str) -> None:
    genuine = (iam.fence(END).name, iam.fence(END).document)

    assert iam.is_genuine(name, document) == ((name, document) == genuine)


@pytest.mark.parametrize("document", ODD_DOCUMENTS)
def test_an_odd_document_with_the_digest_that_its_name_states_is_not_genuine(document: str) -> None:
    try:
        digest = iam._digest(iam.canonical(json.loads(document)))
    except (ValueError, RecursionError):
        digest = "0" * 16

    assert not iam.is_genuine(f"{iam.fence(END).name[:-16]}{digest}", document)


@given(st.text(), st.text())
def test_no_text_raises(name: str, document: str) -> None:
    assert not iam.is_genuine(name, document)
    assert not iam.is_genuine(iam.fence(END).name, document)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_instant_that_no_fence_can_have_is_none(name: str) -> None:
    assert iam.fence_until(name) is None


def edited(**changes: Any) -> str:
    return iam.canonical(json.loads(iam.fence(END).document) | changes)


def test_a_fence_that_was_edited_is_not_genuine() -> None:
    statements = json.loads(iam.fence(END).document)["Statement"]
    fence = iam.fence(END)
    for number in range(len(statements)):
        assert not iam.is_genuine(fence.name, edited(Statement=statements[:number] + statements[number + 1 :]))
    assert not iam.is_genuine(fence.name, edited(Statement=[*statements[1:], statements[0]]))
    assert not iam.is_genuine(fence.name, edited(Id="mine"))


def test_a_name_that_is_there_twice_in_a_document_is_not_genuine() -> None:
    fence = iam.fence(END)
    twice = fence.document.replace('"Version":', '"Version":"2008-10-17","Version":', 1)

    assert json.loads(twice) == json.loads(fence.document)
    assert not iam.is_genuine(fence.name, twice)


def other_edition(*statements: dict[str, Any]) -> tuple[str, str]:
    document = iam.canonical(iam.policy(statements))
    digest = iam.fence(END).name  # its form; the digest below is the document's own
    return digest[:-16] + iam._digest(document), document


ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": iam.before(END)}
CORE = iam.deny(["iam:A*", "iam:C*", "iam:D*", "iam:P*", "iam:S*", "iam:U*", "sts:A*"])


def test_a_fence_of_another_edition_is_genuine_where_it_ends_all_and_cannot_be_undone() -> None:
    name, document = other_edition(ALLOW, iam.end_of_all(END), CORE)

    assert iam.is_genuine(name, document)
    assert iam.fence_until(name) == END


@pytest.mark.parametrize(
    "statements",
    [
        (ALLOW, CORE),
        (ALLOW, iam.end_of_all(END)),
        (ALLOW, iam.end_of_all(END + timedelta(seconds=1)), CORE),
        (ALLOW, iam.deny("s3:*", iam.since(END)), CORE),
        (ALLOW, iam.deny("*", iam.before(END)), CORE),
        (ALLOW, iam.end_of_all(END), {**CORE, "Condition": iam.since(END)}),
        (ALLOW, iam.end_of_all(END), {**CORE, "Resource": "arn:aws:iam::*:user/x"}),
        (ALLOW, iam.end_of_all(END), {**CORE, "Effect": "Allow"}),
        (ALLOW, iam.end_of_all(END), iam.deny(["iam:A*", "iam:C*", "iam:P*", "iam:S*", "iam:U*", "sts:A*"])),
        (ALLOW, {**iam.end_of_all(END), "Principal": "*"}, CORE),
    ],
)
def test_a_fence_of_another_edition_that_does_not_hold_is_not_genuine(
    statements: tuple[dict[str, Any], ...],
) -> None:
    assert not iam.is_genuine(*other_edition(*statements))


def test_a_fence_of_another_edition_has_the_digest_that_its_name_states() -> None:
    name, document = other_edition(ALLOW, iam.end_of_all(END), CORE)

    assert not iam.is_genuine(name[:-1] + ("0" if name[-1] != "0" else "1"), document)
