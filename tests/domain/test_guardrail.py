"""Planning guardrails: what is made, changed and taken away, in which order, and what is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keylease.domain.guardrail import Change, Found, Phase, Plan, Resource, Verb, plan, same, words

ACCOUNT = "123456789012"


def resource(name: str, *, phase: Phase = Phase.GIVE, **properties: object) -> Resource:
    return Resource(
        kind="policy", name=name, guardrail="people", reason="So it is.", properties=properties, phase=phase
    )


def found(name: str, *, ours: bool = True, holds: str = "", strange: str = "", **properties: object) -> Found:
    return Found(kind="policy", name=name, properties=properties, ours=ours, holds=holds, strange=strange)


def planned(*desired: Resource, there: tuple[Found, ...] = (), adopt: tuple[str, ...] = ()) -> Plan:
    return plan(desired, account=ACCOUNT, found=there, adopt=adopt)


def test_what_is_missing_is_made_what_differs_is_changed_what_is_unwanted_goes() -> None:
    made = planned(
        resource("new", size=1),
        resource("changed", size=1),
        resource("same", size=1),
        there=(found("changed", size=2), found("same", size=1), found("unwanted", size=1)),
    )

    assert [(one.verb, one.name) for one in made.changes] == [
        (Verb.CREATE, "new"),
        (Verb.UPDATE, "changed"),
        (Verb.DELETE, "unwanted"),
    ]


def test_properties_that_a_resource_does_not_name_do_not_count_and_stay() -> None:
    made = planned(resource("one", size=1), there=(found("one", size=2, colour="red"),))

    assert made.changes[0].before == {"size": 2}


def test_what_observes_comes_first_and_what_denies_last_and_deletions_go_the_other_way() -> None:
    made = planned(
        resource("deny", phase=Phase.DENY),
        resource("give"),
        resource("observe", phase=Phase.OBSERVE),
        there=(replace(found("old-give"), phase=Phase.GIVE), replace(found("old-deny"), phase=Phase.DENY)),
    )

    assert [one.name for one in made.changes] == ["observe", "give", "deny", "old-deny", "old-give"]


@pytest.mark.parametrize("there", [found("one", ours=False, size=2), found("one", ours=False)])
def test_what_is_not_ours_is_left_unless_it_is_adopted_by_its_own_key(there: Found) -> None:
    refused = planned(resource("one", size=1), there=(there,), adopt=("policy/other",))
    adopted = planned(resource("one", size=1), there=(there,), adopt=("policy/one",))

    assert (refused.changes, [one.key for one in refused.left]) == ((), ["policy/one"])
    assert "--adopt policy/one" in refused.left[0].sentence
    assert [one.verb for one in adopted.changes] == [Verb.UPDATE]


def test_what_is_not_ours_and_not_wanted_is_not_even_mentioned() -> None:
    made = planned(there=(found("theirs", ours=False),))

    assert (made.changes, made.left) == ((), ())


def test_what_is_strange_is_said_and_what_is_held_stays() -> None:
    made = planned(there=(found("odd", ours=False, strange="Odd."), found("full", holds="it is full.")))

    assert {one.key: one.sentence for one in made.left} == {
        "policy/odd": "Odd. --adopt policy/odd takes it away.",
        "policy/full": "It is no longer wanted, but it is full.",
    }


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"AWS": ["a"]}, {"AWS": "a"}, True),
        ({"Action": ["b", "a"]}, {"Action": ["a", "b"]}, True),
        ({"Statement": [{"Action": "a"}]}, {"Statement": {"Action": ["a"]}}, True),
        ({"Statement": [{"Sid": "1"}, {"Sid": "2"}]}, {"Statement": [{"Sid": "2"}, {"Sid": "1"}]}, False),
        ({"Action": ["a", "b"]}, {"Action": ["a"]}, False),
        ({"Action": "a"}, {"Action": "A"}, False),
        (None, {}, False),
    ],
)
def test_a_document_that_aws_writes_otherwise_is_the_same_document(
    one: object, other: object, *, equal: bool
) -> None:
    assert same(one, other) is equal


def test_two_guardrails_cannot_want_one_thing() -> None:
    with pytest.raises(ValueError, match="differently"):
        planned(resource("one", size=1), resource("one", size=2))


@pytest.mark.parametrize(
    "other",
    [
        planned(resource("one", size=2)),
        planned(resource("two", size=1)),
        planned(resource("one", size=1), there=(found("one", size=3),)),
        planned(),
        plan([resource("one", size=1)], account="999999999999", found=()),
    ],
)
def test_the_digest_tells_plans_apart(other: Plan) -> None:
    assert other.digest != planned(resource("one", size=1)).digest


def test_the_digest_does_not_mind_the_order_of_names() -> None:
    assert planned(resource("one", a=1, b=2)).digest == planned(resource("one", b=2, a=1)).digest


@pytest.mark.parametrize(
    ("deletes", "ours", "share", "too_many"),
    [(3, 3, 0.0, False), (4, 4, 0.0, True), (4, 20, 0.2, False), (5, 20, 0.2, True), (20, 20, 1.0, False)],
)
def test_deleting_more_than_a_few_and_more_than_a_share_is_too_much(
    deletes: int, ours: int, share: float, *, too_many: bool
) -> None:
    kept = tuple(found(f"kept-{number}", size=1) for number in range(ours - deletes))
    gone = tuple(found(f"gone-{number}") for number in range(deletes))
    made = planned(*(resource(one.name, size=1) for one in kept), there=(*kept, *gone))

    assert made.deletes_more_than(share) is too_many


def change(before: dict[str, int] | None, after: dict[str, int] | None) -> Change:
    verb = Verb.CREATE if before is None else Verb.DELETE if after is None else Verb.UPDATE
    return Change(verb=verb, kind="k", name="n", guardrail="g", reason="r", before=before, after=after)


@pytest.mark.parametrize(
    ("done", "now", "back"),
    [
        (change(None, {"a": 1}), {"a": 1}, Verb.DELETE),
        (change({"a": 1}, {"a": 2}), {"a": 2}, Verb.UPDATE),
        (change({"a": 1}, None), None, Verb.CREATE),
        (change({"a": 1}, {"a": 2}), None, Verb.CREATE),
        (change(None, {"a": 1}), None, None),
        (change({"a": 1}, {"a": 2}), {"a": 1}, None),
    ],
)
def test_a_change_leads_back_from_what_is_there_now(
    done: Change, now: dict[str, int] | None, back: Verb | None
) -> None:
    step = done.back(now=now)

    assert (step.verb if step else None) == back
    assert step is None or (step.before, step.after) == (now, done.before)


def test_the_words_hold_every_document_in_full() -> None:
    made = planned(
        resource("one", document={"Statement": [1, 2]}), there=(found("one", document={"Statement": []}),)
    )

    text = "\n".join(words(made))

    assert "update policy/one: So it is." in text
    assert '  -   "Statement": []' in text
    assert "  +     2" in text
