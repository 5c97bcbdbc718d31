"""Groups, names and ids: what the claims of a verified token become."""

from __future__ import annotations

from typing import Any

import pytest
from serving import Reply
from stand_in_graph import Person, stand_in_graph
from stand_in_issuer import ACCESS_TOKEN, MARA, SigningIn, StandInIssuer, signed

from keylease.domain.access import Principal
from keylease.errors import DirectoryUnreachable, SignInRefused
from keylease.testing import FakeClock

MEDIA = "11111111-0000-4000-8000-000000000001"


def who(signing_in: SigningIn, **changes: Any) -> Principal:
    return signing_in.finish(signed(signing_in.claims(signing_in.begin(), **changes))).principal


GROUPS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "groups and roles": ({}, {MEDIA, "keylease.media"}),
    "no groups": ({"groups": None}, {"keylease.media"}),
    "an empty list": ({"groups": []}, {"keylease.media"}),
    "neither": ({"groups": None, "roles": None}, set()),
    "a single role": ({"roles": "keylease.media"}, {MEDIA, "keylease.media"}),
    "other claims say nothing": ({"wids": ["admin"], "group": ["admin"]}, {MEDIA, "keylease.media"}),
}


@pytest.mark.parametrize(("changes", "groups"), GROUPS.values(), ids=GROUPS.keys())
def test_groups_come_from_the_claims(signing_in: SigningIn, changes: dict[str, Any], groups: set[str]) -> None:
    assert who(signing_in, **changes).groups == groups


def test_only_from_those_that_the_configuration_names(issuer: StandInIssuer, clock: FakeClock) -> None:
    roles_alone = SigningIn(issuer, clock, groups_claims=("roles",))
    assert who(roles_alone).groups == {"keylease.media"}
    assert who(roles_alone, groups=None, hasgroups=True).groups == {"keylease.media"}
    assert who(SigningIn(issuer, clock, groups_claims=())).groups == frozenset()


TOO_MANY: dict[str, dict[str, Any]] = {
    "a pointer": {
        "groups": None,
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": "https://evil.example/getMemberObjects"}},
    },
    "a sign": {"groups": None, "hasgroups": True},
    "a source's name": {"groups": "src1"},
    "a source in the name": {"groups": None, "groups:src1": {"endpoint": "x"}},
    "a pointer that cannot be read": {"groups": None, "_claim_names": "groups"},
}


@pytest.mark.parametrize("changes", TOO_MANY.values(), ids=TOO_MANY.keys())
def test_too_many_for_a_token_are_refused_where_graph_is_not_asked(
    signing_in: SigningIn, changes: dict[str, Any]
) -> None:
    with pytest.raises(SignInRefused, match="more groups") as refused:
        who(signing_in, **changes)
    assert "Graph" in refused.value.hint


@pytest.mark.parametrize("changes", TOO_MANY.values(), ids=TOO_MANY.keys())
def test_too_many_for_a_token_are_asked_of_graph(
    issuer: StandInIssuer, clock: FakeClock, changes: dict[str, Any]
) -> None:
    many = {f"22222222-0000-4000-8000-{number:012d}" for number in range(7)}
    with stand_in_graph() as graph:
        graph.people = {MARA: Person(groups=many)}
        graph.token = ACCESS_TOKEN
        signing_in = SigningIn(issuer, clock, graph=graph.address)
        assert who(signing_in, **changes).groups == many | {"keylease.media"}
        assert {one.path.partition("?")[0] for one in graph.asked} == {f"/v1.0/users/{MARA}/getMemberGroups"}
        graph.busy = [Reply(503, {}, {"Retry-After": "11"})]
        with pytest.raises(DirectoryUnreachable):
            who(signing_in, **changes)


NAMES: dict[str, tuple[dict[str, Any], str]] = {
    "the name": ({}, "Mara Lind"),
    "what people type, to show": ({"name": None}, "mara@example.com"),
    "the id": ({"name": None, "preferred_username": None}, MARA),
    "nothing visible": ({"name": " \u200b ", "preferred_username": 5}, MARA),
    "lines and signs that do not print": ({"name": "Mara\n\x1b[31m Lind\u202e"}, "Mara [31m Lind"),
    "far too long": ({"name": "x" * 300}, "x" * 200),
    "no text": ({"name": ["Mara"]}, "mara@example.com"),
}


@pytest.mark.parametrize(("changes", "name"), NAMES.values(), ids=NAMES.keys())
def test_a_name_is_only_shown(signing_in: SigningIn, changes: dict[str, Any], name: str) -> None:
    shown = who(signing_in, **changes)
    assert (shown.name, shown.subject) == (name, MARA)


def test_a_person_stays_the_same_whatever_they_are_called(signing_in: SigningIn) -> None:
    before = who(signing_in)
    after = who(signing_in, name="M. Lind-Holm", preferred_username="m.holm@example.com", sub="other-pairwise")
    assert before.id == after.id == f"{signing_in.issuer.issuer}#{MARA}"
