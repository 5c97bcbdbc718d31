"""Who administers an account, and plans that would take that away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from keylease.domain.guardrail import Change, Verb
from keylease.domain.lockout import Identities, Identity, danger, key_of
from keylease.domain.people_policy import administrator_policy, mfa_policy

ARN = "arn:aws:iam::123456789012:"
POLICY = f"{ARN}policy/keylease-baseline/keylease-administrators"
MFA = f"{ARN}policy/keylease-baseline/keylease-mfa"
AWS = "arn:aws:iam::aws:policy/AdministratorAccess"
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}]}


def everything(**more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", **more}]}


def user(name: str = "anna", **more: Any) -> Identity:
    return Identity(key=f"user/{name}", arn=f"{ARN}user/{name}", **more)


def role(name: str = "admin", **more: Any) -> Identity:
    return Identity(key=f"role/{name}", arn=f"{ARN}role/{name}", **more)


def account(*everybody: Identity, documents: Mapping[str, Any] | None = None) -> Identities:
    return Identities(everybody={one.key: one for one in everybody}, documents=documents or {})


GROUP = Identity(key="group/administrators", arn=f"{ARN}group/administrators", attached=frozenset({POLICY}))
DOCUMENTS = {POLICY: administrator_policy()}


@pytest.mark.parametrize(
    ("who", "administers"),
    [
        (user(attached=frozenset({AWS})), True),
        (user(inline=(everything(),)), True),
        (user(groups=("administrators",)), True),
        (user(attached=frozenset({POLICY})), True),
        (role(attached=frozenset({AWS}), trust=TRUST), True),
        (user(), False),
        (user(groups=("strangers",)), False),
        (
            user(inline=(everything(Condition={"DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}}),)),
            False,
        ),
        (user(inline=({"Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]},)), False),
        (user(inline=(everything(Resource="arn:aws:s3:::x"),)), False),
        (user(attached=frozenset({AWS}), boundary=POLICY), False),
        (
            user(
                attached=frozenset({AWS}),
                inline=({"Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]},),
            ),
            False,
        ),
        (role(attached=frozenset({AWS})), False),
        (role(attached=frozenset({AWS}), trust={"Statement": []}), False),
    ],
)
def test_an_administrator_is_who_plainly_may_do_everything(who: Identity, *, administers: bool) -> None:
    assert bool(account(who, GROUP, documents=DOCUMENTS).administrators()) is administers


def changed(kind: str, name: str, before: Any, after: Any) -> Change:
    verb = Verb.CREATE if before is None else Verb.DELETE if after is None else Verb.UPDATE
    return Change(verb=verb, kind=kind, name=name, guardrail="", reason="", before=before, after=after)


PATH = {"path": "/keylease-baseline/"}
WEAKER = changed(
    "policy",
    "keylease-administrators",
    {**PATH, "document": administrator_policy()},
    {**PATH, "document": {"Statement": []}},
)
DETACHED = changed("attachment", "group/administrators/keylease-administrators", {"policy": POLICY}, None)
GONE = changed("group", "administrators", PATH, None)
BOUND = changed(
    "role",
    "admin",
    {},
    {"path": "/", "trust": TRUST, "inline": {}, "boundary": POLICY, "longest": 3600, "tags": {}},
)
BERT = user("bert", groups=("administrators",))
ADMIN = role(attached=frozenset({AWS}), trust=TRUST)


def asked(change: Change, *everybody: Identity, caller: str = f"{ARN}root", temporary: bool = True) -> str | None:
    there = account(*everybody, documents=DOCUMENTS)
    return danger(there, [change], caller_arn=caller, arn=ARN, temporary=temporary)


@pytest.mark.parametrize("change", [WEAKER, DETACHED, GONE])
def test_a_plan_that_leaves_nobody_to_administer_is_dangerous(change: Change) -> None:
    assert "nobody but the root user" in (asked(change, GROUP, BERT) or "")
    assert asked(change, GROUP, BERT, ADMIN) is None


@pytest.mark.parametrize("change", [WEAKER, DETACHED, GONE])
def test_a_plan_that_cuts_off_whoever_applies_it_is_dangerous(change: Change) -> None:
    assert "you yourself" in (asked(change, GROUP, BERT, ADMIN, caller=f"{ARN}user/bert") or "")


def test_a_boundary_on_ones_own_role_is_dangerous() -> None:
    me = "arn:aws:sts::123456789012:assumed-role/admin/anna"
    assert "you yourself" in (asked(BOUND, GROUP, BERT, ADMIN, caller=me) or "")


def mfa(form: Any) -> list[Change]:
    policy = changed("policy", "keylease-mfa", None, {**PATH, "document": mfa_policy(form=form)})
    return [policy, changed("attachment", "group/administrators/keylease-mfa", None, {"policy": MFA})]


@pytest.mark.parametrize(
    ("form", "temporary", "caller", "dangerous"),
    [
        ("strict", False, "user/bert", True),
        ("strict", True, "user/bert", False),
        ("strict", False, "user/anna", False),
        ("spares-keys", False, "user/bert", False),
    ],
)
def test_mfa_is_not_demanded_of_whoever_applies_it_with_an_access_key(
    form: str, caller: str, *, temporary: bool, dangerous: bool
) -> None:
    there = account(GROUP, BERT, user(), documents=DOCUMENTS)

    found = danger(there, mfa(form), caller_arn=f"{ARN}{caller}", arn=ARN, temporary=temporary)

    assert ("MFA of you" in (found or "")) is dangerous


def test_an_account_that_nobody_administered_before_may_stay_so() -> None:
    assert asked(GONE, replace(GROUP, attached=frozenset())) is None


@pytest.mark.parametrize(
    ("arn", "key"),
    [
        (f"{ARN}user/people/bert", "user/bert"),
        ("arn:aws:sts::123456789012:assumed-role/admin/anna", "role/admin"),
        (f"{ARN}root", None),
        ("arn:aws:sts::123456789012:federated-user/bob", None),
    ],
)
def test_a_caller_is_known_by_kind_and_name(arn: str, key: str | None) -> None:
    assert key_of(arn) == key
