"""Guardrails: plan them, review them, apply them, take them back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import AccountName, Profile, chosen, configuration_file, configured
from keylease.cli.cell import Cell
from keylease.cli.context import OPERATORS, Invocation, WrongUsage, command, operator
from keylease.domain import clock

if TYPE_CHECKING:
    from keylease.baseline.kept import Kept
    from keylease.baseline.planning import Baseline, Reviewed
    from keylease.domain.guardrail import Change, Left, Plan

commands = typer.Typer()
nouns = typer.Typer(rich_markup_mode="rich", help="Guardrails: plan them, review them, apply them, take them back.")
commands.add_typer(nouns, name="baseline", rich_help_panel=OPERATORS)

HORIZON = "26w"

Adopt = Annotated[
    list[str] | None,
    typer.Option("--adopt", metavar="KIND/NAME", help="Change this, though it is not ours. Repeatable."),
]
Horizon = Annotated[
    str, typer.Option("--horizon", metavar="UNTIL", help="For what is made anew: from when on it allows nothing.")
]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write the plan as a page that anybody can open.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking; needed where nobody can be asked.")]
Force = Annotated[bool, typer.Option("--force", help="Also where it deletes more than baseline.deletes allows.")]
Digest = Annotated[
    str | None,
    typer.Argument(metavar="[DIGEST]", help="The digest of the plan that was reviewed, or how it begins."),
]


@command(
    nouns,
    "plan",
    panel=OPERATORS,
    examples=(
        "keylease baseline plan --profile admin",
        "keylease baseline plan --html plan.html",
        "keylease baseline plan --adopt password-policy/account --json",
    ),
    common=operator,
)
def plan(
    call: Invocation,
    *,
    profile: Profile = None,
    account: AccountName = None,
    adopt: Adopt = None,
    horizon: Horizon = HORIZON,
    html: Html = None,
) -> None:
    """Read the account and show what would be created, changed or deleted, and why. Nothing is changed.

    Ends with 3 where there is something to do.
    """
    of = baseline_of(call, profile=profile, account=account, adopt=adopt, horizon=horizon)
    with call.terminal.working("Reading the account"):
        from keylease.baseline import planning

        reviewed = planning.review(of)
    if html is not None:
        _write_page(call, reviewed, html)
    _show(call, reviewed)
    if reviewed.plan.changes:
        raise typer.Exit(3)


@command(
    nouns,
    "apply",
    panel=OPERATORS,
    examples=("keylease baseline apply 3f9c2a71 --profile admin", "keylease baseline apply --profile admin"),
    common=operator,
)
def apply(
    call: Invocation,
    digest: Digest = None,
    *,
    profile: Profile = None,
    account: AccountName = None,
    adopt: Adopt = None,
    horizon: Horizon = HORIZON,
    force: Force = False,
    yes: Yes = False,
) -> None:
    """Carry out exactly the plan that was reviewed. Without its digest, show it and ask.

    Refused where the account has changed since, where somebody would be locked out, or where too much would go.
    """
    from keylease.baseline import applying, planning
    from keylease.errors import PlanOutdated

    of = baseline_of(call, profile=profile, account=account, adopt=adopt, horizon=horizon)
    with call.terminal.working("Reading the account"):
        reviewed = planning.review(of)
    if digest is None:
        _show(call, reviewed, as_json=False)
    elif len(digest) < 8 or not reviewed.plan.digest.startswith(digest):
        raise PlanOutdated(f"The plan due now has the digest {reviewed.plan.digest[:12]}, not {digest[:12]}.")
    if not _agreed(call, reviewed.plan, yes=yes or digest is not None):
        return
    now = call.clock.now()
    steps = applying.apply(of, digest=reviewed.plan.digest, now=now, force=force)
    done = _followed(call, steps, len(reviewed.plan.changes))
    _concluded(call, reviewed.plan, done)


@command(
    nouns,
    "rollback",
    panel=OPERATORS,
    examples=("keylease baseline rollback --profile admin", "keylease baseline rollback --yes"),
    common=operator,
)
def rollback(call: Invocation, *, profile: Profile = None, account: AccountName = None, yes: Yes = False) -> None:
    """Take the last apply back, as it was kept. Run it again for the one before that.

    What somebody has changed since is left alone.
    """
    from keylease.baseline import applying, kept

    of = baseline_of(call, profile=profile, account=account, adopt=None, horizon=HORIZON)
    last = kept.last(of.home / of.settings.baseline.keep, of.account.id)
    with call.terminal.working("Reading the account"):
        undoing = applying.undoing(of, last)
    call.terminal.say(f"Taking back what was applied at {clock.to_text(last.began)}:")
    _tell(call, undoing)
    if undoing.changes and not _agreed(call, undoing, yes=yes):
        return
    done = _followed(call, applying.take_back(of, last, undoing), len(undoing.changes))
    _concluded(call, undoing, done)


@command(nouns, "applies", panel=OPERATORS, examples=("keylease baseline applies",), common=operator)
def applies(call: Invocation, *, account: AccountName = None) -> None:
    """List what each apply has kept: when, how much of it was done, and whether it was taken back."""
    from keylease.baseline import kept

    settings = configured(call)
    folder = configuration_file(call).absolute().parent / settings.baseline.keep
    found = [(name, one) for name, at in chosen(settings, account).items() for one in kept.every(folder, at.id)]
    if call.options.as_json:
        call.terminal.json([_kept_as_json(name, one) for name, one in found])
        return
    call.terminal.table(("ACCOUNT", "APPLIED", "DONE", "STATE", "FILE"), [_kept_row(*one) for one in found])


def baseline_of(
    call: Invocation, *, profile: str | None, account: str | None, adopt: list[str] | None, horizon: str
) -> Baseline:
    """The baseline of the one account that is meant, with an administrator's clients there."""
    from keylease.aws.administration import administrators
    from keylease.baseline.planning import Baseline
    from keylease.domain import ahead, until

    settings = configured(call)
    end = ahead.horizon(until.parse(horizon), call.clock.now())
    with call.terminal.working("Asking AWS who you are"):
        clients = administrators(chosen(settings, account), profile=profile, only=account)
    if len(clients) != 1:
        raise WrongUsage(f"Name one of {', '.join(clients)} with --account.")
    return Baseline(
        settings=settings,
        clients=next(iter(clients.values())),
        horizon=end,
        home=configuration_file(call).absolute().parent,
        adopt=frozenset(adopt or ()),
    )


def _show(call: Invocation, reviewed: Reviewed, *, as_json: bool = True) -> None:
    if call.options.as_json:
        if as_json:
            call.terminal.json(_as_json(reviewed))
        return
    _tell(call, reviewed.plan)
    for sentence in _against(reviewed):
        call.terminal.say(sentence)
    if reviewed.plan.changes:
        call.terminal.say(f"Apply exactly this with: keylease baseline apply {reviewed.plan.digest[:12]}")


def _tell(call: Invocation, plan: Plan) -> None:
    from keylease.domain import guardrail

    for line in guardrail.words(plan):
        call.terminal.write(line)
    if not plan.changes:
        call.terminal.say("There is nothing to change.")


def _against(reviewed: Reviewed) -> list[str]:
    much = f"It deletes {reviewed.plan.deletes} things, which needs --force." if reviewed.deletes_too_much else ""
    refused = f"It will be refused: {reviewed.locks_out}" if reviewed.locks_out else ""
    return [sentence for sentence in (refused, much) if sentence]


def _write_page(call: Invocation, reviewed: Reviewed, path: Path) -> None:
    from keylease.agent import private_file
    from keylease.baseline import report

    page = report.page(reviewed, now=call.clock.now())
    private_file.write(path, lambda _: page.encode())
    call.terminal.say(f"{path} shows the plan.")


def _agreed(call: Invocation, plan: Plan, *, yes: bool) -> bool:
    if not plan.changes:
        return False
    if yes:
        return True
    if not call.terminal.asks:
        raise WrongUsage("Nobody can be asked here: name the plan's digest, or --yes.")
    number = len(plan.changes)
    what = "this change" if number == 1 else f"these {number} changes"
    agreed = call.terminal.choose(f"Carry out {what}?", ("yes", "no")) == "yes"
    if not agreed:
        call.terminal.say("Nothing was changed.")
    return agreed


def _followed(call: Invocation, steps: Any, number: int) -> int:
    from keylease.domain.guardrail import Left

    done = 0
    for position, step in enumerate(steps, start=1):
        if isinstance(step, Left):
            call.terminal.say(f"{position} of {number}: left {step.key}. {step.sentence}")
        else:
            done += 1
            call.terminal.say(f"{position} of {number}: {step.verb} {step.key}")
    return done


def _concluded(call: Invocation, plan: Plan, done: int) -> None:
    if call.options.as_json:
        call.terminal.json({**_plan_as_json(plan), "done": done})
    elif done:
        call.terminal.say(f"{done} done. `keylease baseline rollback` takes an apply back.")


def _as_json(reviewed: Reviewed) -> dict[str, Any]:
    return {
        **_plan_as_json(reviewed.plan),
        "refused": reviewed.locks_out,
        "needs_force": reviewed.deletes_too_much,
    }


def _plan_as_json(plan: Plan) -> dict[str, Any]:
    return {
        "account": plan.account,
        "digest": plan.digest,
        "changes": [_change_as_json(change) for change in plan.changes],
        "left": [_left_as_json(left) for left in plan.left],
    }


def _change_as_json(change: Change) -> dict[str, Any]:
    return {
        "change": change.verb,
        "kind": change.kind,
        "name": change.name,
        "guardrail": change.guardrail,
        "reason": change.reason,
        "before": change.before,
        "after": change.after,
    }


def _left_as_json(left: Left) -> dict[str, Any]:
    return {"key": left.key, "why": left.sentence}


def _kept_row(name: str, kept: Kept) -> list[Cell]:
    return [
        Cell(name, style="bold"),
        Cell(clock.to_text(kept.began)),
        Cell(f"{len(_done(kept))} of {len(kept.changes)}"),
        Cell("taken back" if kept.taken_back else "in force"),
        Cell(str(kept.path)),
    ]


def _kept_as_json(name: str, kept: Kept) -> dict[str, Any]:
    return {
        "account": name,
        "applied_at": clock.to_text(kept.began),
        "digest": kept.digest,
        "changes": len(kept.changes),
        "done": len(_done(kept)),
        "taken_back": kept.taken_back,
        "file": str(kept.path),
    }


def _done(kept: Kept) -> list[str]:
    return [state for state in kept.states if state == "done"]
