"""What doctor says of facts: nothing where nothing is wrong, and each weakness with what to do about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from doctor_facts import HORIZON, READS, SET, account, facts, fences_until, machine, session_role, without
from doctor_weaknesses import DENIED, ISSUES, WEAKNESSES, Break, change, issuer, remover, with_groups, with_policies
from keylease.doctor import Row, Verdict, examine, needs_mending
from keylease.doctor.facts import LedgerFacts
from keylease.domain import iam
from keylease.domain.access import PermissionSet
from keylease.domain.broker_policy import issuer_policy
from keylease.domain.group_policy import LEASED_USERS, group_policy
from keylease.domain.outlive import SHARED
from keylease.domain.plan import Observed
from keylease.domain.role_policy import session_role_policy, trust_policy
from keylease.errors import AwsCredentials, AwsUnreachable, ChainBroken, StoreNewer


def told(rows: list[Row], verdict: Verdict) -> list[Row]:
    return [row for row in rows if row.verdict is verdict]


def test_an_account_in_order_has_nothing_to_fix() -> None:
    rows = examine(facts())
    assert told(rows, Verdict.FIX) + told(rows, Verdict.NOT_CHECKED) == []
    assert not needs_mending(rows)


@pytest.mark.parametrize(
    ("broken", "check", "says", "remedy"),
    [row[1:] for row in WEAKNESSES],
    ids=[row[0].replace(" ", "-") for row in WEAKNESSES],
)
def test_each_weakness_is_told_with_what_to_do(broken: Break, check: str, says: str, remedy: str) -> None:
    rows = examine(facts(broken(account())))
    found = [row for row in told(rows, Verdict.FIX) if row.check == check and says in row.sentence]
    assert found, told(rows, Verdict.FIX)
    assert all(remedy in row.remedy for row in found)
    assert all(row.account == "media" for row in found)
    assert needs_mending(rows)


@pytest.mark.parametrize("broken", [row[1] for row in WEAKNESSES], ids=[row[0] for row in WEAKNESSES])
def test_whatever_is_not_well_has_a_remedy(broken: Break) -> None:
    rows = examine(facts(broken(account())))
    assert all(row.remedy for row in rows if row.verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("of", "check", "says"),
    [
        (machine(accounts=0), "configuration", "nobody can lease"),
        (machine(grants=0), "configuration", "nobody can lease"),
        (machine(allow_unsafe_people=True, unsafe_people=3), "sign-in", "without any proof"),
        (machine(allow_unsafe_people=True, listen="0.0.0.0:80"), "sign-in", "not this machine alone"),
        (machine(unsafe_people=3), "sign-in", "does not start"),
        (
            machine(ledger=LedgerFacts(place="x", records=ChainBroken("Record 3 is bad."))),
            "audit-chain",
            "Record 3",
        ),
        (machine(ledger=LedgerFacts(place="x", records=StoreNewer("Schema 9."))), "ledger", "Schema 9"),
    ],
)
def test_what_is_wrong_with_keylease_itself_is_told(of: Any, check: str, says: str) -> None:
    [row] = told(examine(facts(of=of)), Verdict.FIX)
    assert (row.check, row.account) == (check, None)
    assert says in row.sentence
    assert row.remedy


def test_a_ledger_that_is_not_there_yet_is_no_fault() -> None:
    rows = examine(facts(of=machine(ledger=LedgerFacts(place="x.db", records=None))))
    assert not needs_mending(rows)
    assert any("not there yet" in row.sentence for row in rows)


def test_the_statement_that_gives_a_missing_permission_is_told() -> None:
    rows = examine(facts(with_policies("issuer", without(ISSUES, "iam:AddUserToGroup"))(account())))
    [row] = told(rows, Verdict.FIX)
    assert row.statement == {
        "Effect": "Allow",
        "Action": ["iam:AddUserToGroup"],
        "Resource": "arn:aws:iam::*:group/keylease/*",
    }


def test_what_a_remedy_tells_to_add_mends_a_group() -> None:
    rows = examine(facts(with_groups(iam.policy([READS]))(account())))
    statements = [row.statement or {} for row in told(rows, Verdict.FIX)]
    condition = next(one for one in statements if "Condition" in one)
    denials = next(one for one in statements if "Statement" in one)
    guarded = iam.policy([{**READS, **condition}])
    assert told(examine(facts(with_groups(guarded, dict(denials))(account()))), Verdict.FIX) == []
    without = told(examine(facts(with_groups(guarded)(account()))), Verdict.FIX)
    assert {row.statement == denials for row in without} == {True}


@pytest.mark.parametrize(
    ("sets", "needs"),
    [
        ((SET,), True),
        ((replace(SET, share=True),), False),
        ((SET, replace(SET, name="publish", share=True)), False),
        ((SET, replace(SET, name="publish", group="others", share=True)), True),
    ],
)
def test_a_group_need_not_deny_sharing_where_one_of_its_permission_sets_shares(
    sets: tuple[PermissionSet, ...], *, needs: bool
) -> None:
    at = with_groups(group_policy([READS], horizon=HORIZON, share=True))(account())
    rows = examine(facts(replace(at, sets=sets, groups={**at.groups, "others": at.groups[SET.group]})))
    denies = [row for row in told(rows, Verdict.FIX) if "does not deny" in row.sentence]
    assert bool(denies) == needs


def test_what_a_group_denies_is_no_note() -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    at = with_groups(group_policy([everything], horizon=HORIZON))(account())
    said = [row.sentence for row in examine(facts(replace(at, sets=(replace(SET, share=True),))))]
    assert any("no-fence" in row.check for row in examine(facts(at)))
    assert not any(SHARED in sentence for sentence in said)


def test_what_a_remedy_tells_to_add_mends_a_session_role() -> None:
    broken = change(roles=(session_role(iam.policy([READS]), trust=trust_policy("*")),))(account())
    statements = [row.statement or {} for row in told(examine(facts(broken)), Verdict.FIX)]
    trust = next(one for one in statements if "Principal" in one["Statement"][0])
    whole = next(one for one in statements if "Principal" not in one["Statement"][0])
    ceiling = iam.policy([READS, *whole["Statement"]])
    mended = change(roles=(session_role(ceiling, trust=trust),))(account())
    assert told(examine(facts(mended)), Verdict.FIX) == []


@pytest.mark.parametrize("name", ["an endless issuer", "the issuer's horizon"])
def test_a_horizon_is_told_once_and_not_as_a_policy_that_is_too_wide(name: str) -> None:
    [broken] = [row[1] for row in WEAKNESSES if row[0] == name]
    assert [row.check for row in told(examine(facts(broken(account()))), Verdict.FIX)] == ["horizon"]


def test_what_no_fence_can_stop_is_a_note() -> None:
    secrets = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    rows = examine(facts(with_groups(group_policy([secrets], horizon=HORIZON))(account())))
    [note] = [row for row in rows if row.check == "no-fence"]
    assert note.verdict is Verdict.OK
    assert note.sentence.startswith("archive: It can read stored secrets")


def test_a_set_that_shares_is_held_to_less() -> None:
    shares = replace(SET, share=True, role="archive")
    role = session_role(session_role_policy([READS], horizon=HORIZON, share=True))
    assert not needs_mending(examine(facts(change(sets=(shares,), roles=(role,))(account()))))


def test_a_group_that_also_denies_keeps_its_horizon() -> None:
    denies = iam.policy([iam.deny("s3:DeleteObject")])
    at = with_groups(group_policy([READS], horizon=HORIZON), denies)(account())
    rows = examine(facts(at))
    assert not needs_mending(rows)
    assert any("the group archive-readers is" in row.sentence for row in rows if row.check == "horizon")


def test_fences_ahead_that_reach_far_are_well() -> None:
    ahead = issuer_policy(horizon=HORIZON, fences_ahead=True)
    observed = Observed(fences=fences_until(HORIZON, share=True))
    at = change(fences_ahead=True, observed=observed, sets=(replace(SET, share=True),))(account())
    assert not needs_mending(examine(facts(with_policies("issuer", ahead)(at))))


UNREADABLE = [
    ("issuer", {"standing": DENIED}, {"identity", "permissions", "role"}),
    ("remover", {"standing": DENIED}, {"identity", "permissions"}),
    ("groups", {SET.group: DENIED}, {"group"}),
    ("other_groups", DENIED, {"group"}),
    ("roles", DENIED, {"role"}),
    ("quotas", DENIED, {"quotas"}),
    ("observed", DENIED, {"user", "fence"}),
]


@pytest.mark.parametrize(("field", "value", "checks"), UNREADABLE, ids=[row[0] for row in UNREADABLE])
def test_what_cannot_be_read_is_not_checked_and_all_else_is(field: str, value: Any, checks: set[str]) -> None:
    """The verdicts of all other checks stay as they are."""
    sound = account()
    broken = getattr(sound, field)
    at = replace(sound, **{field: replace(broken, **value) if field in {"issuer", "remover"} else value})
    rows = examine(facts(at))
    unknown = told(rows, Verdict.NOT_CHECKED)
    assert {row.check for row in unknown} == checks
    assert all(DENIED.sentence in row.sentence and row.remedy == DENIED.hint for row in unknown)
    assert told(rows, Verdict.FIX) == []
    assert {row.check for row in examine(facts())} - {row.check for row in rows} <= checks


def test_an_account_into_which_nobody_can_look_is_told_once() -> None:
    none = AwsCredentials("There are no AWS credentials to use.")
    at = issuer(caller=none, standing=none)(remover(caller=none, standing=none)(account()))
    rows = [row for row in examine(facts(at)) if row.account]
    assert [(row.check, row.verdict) for row in rows] == [
        ("credentials", Verdict.FIX),
        ("credentials", Verdict.FIX),
        ("clock", Verdict.OK),
        ("contents", Verdict.NOT_CHECKED),
    ]


def test_one_account_that_is_away_hides_no_other() -> None:
    away = AwsUnreachable("AWS did not answer.")
    gone = replace(issuer(caller=away)(remover(caller=away)(account())), name="far")
    both = replace(facts(), accounts=(gone, account()))
    rows = examine(both)
    assert [row.check for row in rows if row.account == "far"] == ["account"]
    assert [row for row in rows if row.account == "media"] == [row for row in examine(facts()) if row.account]


def test_a_check_that_stumbles_hides_no_other() -> None:
    odd = {**READS, "Condition": 7}
    at = change(roles=None)(with_groups(iam.policy([odd]))(account()))
    rows = examine(facts(at))
    stumbled = [row for row in told(rows, Verdict.NOT_CHECKED) if "failed" in row.sentence]
    assert {row.check for row in stumbled} == {"roles", "horizons"}
    assert any(row.check == "quotas" for row in rows)


def test_dates_that_nobody_can_read_are_told_and_break_nothing() -> None:
    for date in ("1795000000", "2027-06-01", "soon", ["2027-06-01T00:00:00Z", "never"]):
        condition = {"DateLessThan": {"aws:CurrentTime": date}, "ArnLike": {"aws:PrincipalArn": LEASED_USERS}}
        endless = iam.policy([{**READS, "Condition": condition}])
        denial = {**iam.deny("*"), "Condition": {"DateGreaterThanEquals": {"aws:CurrentTime": date}}}
        at = change(roles=(session_role(iam.policy([READS, denial])),))(with_groups(endless)(account()))
        rows = told(examine(facts(at)), Verdict.FIX)
        assert any("without a horizon" in row.sentence for row in rows)
        assert any("no horizon" in row.sentence for row in rows)


def test_the_moment_of_near_is_three_weeks() -> None:
    for seconds, near in ((-1, True), (0, False)):
        end = datetime(2026, 12, 15, 12, tzinfo=UTC) + timedelta(seconds=seconds)
        rows = examine(facts(with_groups(group_policy([READS], horizon=end))(account())))
        assert needs_mending(rows) is near
