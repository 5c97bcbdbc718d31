"""What is wrong with the credentials of an account, or of all accounts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import Profile
from keylease.cli.cell import Cell, harmless
from keylease.cli.context import OPERATORS, Invocation, WrongUsage, command, operator
from keylease.errors import FindingsBeyondLimit, NotAllSeen

if TYPE_CHECKING:
    from keylease.audit.finding import Check, Finding, Severity
    from keylease.audit.outcome import Outcome
    from keylease.audit.snapshot import Fact, Snapshot
    from keylease.aws.audit.organization import Asked

    Found = list[tuple[str, Fact[Snapshot]]]

commands = typer.Typer()

STYLES = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan"}
MOST_DRAWN = 5
"""Findings of one check that a terminal shows."""

FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on", metavar="SEVERITY", help="Fail where something is as bad: critical, high, medium, low."
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--check", metavar="ID", help="This check alone (docs/checks.md); may be repeated."),
]
Regions = Annotated[
    list[str] | None,
    typer.Option("--region", metavar="NAME", help="This region alone; may be repeated. Else all that are on."),
]
Known = Annotated[
    list[str] | None,
    typer.Option("--known", metavar="ACCOUNT", help="An account that roles may trust; may be repeated."),
]
KeyIds = Annotated[
    bool, typer.Option("--key-ids", help="Name access keys by their ids: one call more for each user with a key.")
]
Everywhere = Annotated[
    bool, typer.Option("--organization", help="All accounts of the organization, from its management account.")
]
Role = Annotated[
    str | None,
    typer.Option("--role", metavar="NAME", help="With --organization: the role to enter members by."),
]
AllowGaps = Annotated[bool, typer.Option("--allow-gaps", help="With --fail-on: do not fail for what was not seen.")]
Suppressions = Annotated[
    Path | None, typer.Option("--suppressions", metavar="PATH", help="Findings that are accepted, as TOML.")
]
Last = Annotated[
    Path | None,
    typer.Option("--last", metavar="PATH", help="The last run's report: compared with, then written anew."),
]

ToHtml = Annotated[Path | None, typer.Option("--html", metavar="PATH", help="Write it as a page, too.")]
ToCsv = Annotated[Path | None, typer.Option("--csv", metavar="PATH", help="Write it as a table, too.")]
ToSarif = Annotated[Path | None, typer.Option("--sarif", metavar="PATH", help="Write it for code scanning, too.")]
ToOcsf = Annotated[Path | None, typer.Option("--ocsf", metavar="PATH", help="Write it for a security lake, too.")]


@command(
    commands,
    "audit",
    panel=OPERATORS,
    examples=(
        "keylease audit --profile admin",
        "keylease audit --fail-on high --suppressions accepted.toml",
        "keylease audit --html audit.html --csv audit.csv --sarif audit.sarif --ocsf audit.ocsf.json",
        "keylease audit --organization --profile management --html audit.html",
        "keylease audit --check root-access-key --check root-mfa --json",
    ),
    common=operator,
)
def audit(  # noqa: PLR0913 - each is an option of its own on the command line
    call: Invocation,
    *,
    profile: Profile = None,
    organization: Everywhere = False,
    role: Role = None,
    only: Only = None,
    region: Regions = None,
    known: Known = None,
    key_ids: KeyIds = False,
    fail_on: FailOn = None,
    allow_gaps: AllowGaps = False,
    suppressions: Suppressions = None,
    last: Last = None,
    to_html: ToHtml = None,
    to_csv: ToCsv = None,
    to_sarif: ToSarif = None,
    to_ocsf: ToOcsf = None,
) -> None:
    """Say what is wrong with an account's credentials, worst first. Nothing is written to AWS.

    Needs no configuration: it looks at the account that the credentials are of. AWS's own SecurityAudit policy is
    enough for nearly all of it; what could not be looked at is said.
    """
    from keylease.audit.outcome import needed
    from keylease.audit.snapshot import Limits
    from keylease.aws.audit.organization import Asked

    if role and not organization:
        raise WrongUsage("--role goes with --organization.")
    limit, checks = _severity(fail_on), _chosen(only)
    accepted = _suppressions(suppressions)
    limits = Limits(known_accounts=frozenset(known or ()))
    asked = Asked(parts=needed(checks), regions=tuple(region or ()), limits=limits, key_ids=key_ids)
    with call.terminal.working("Looking at the accounts" if organization else "Looking at the account"):
        found = _all_accounts(call, profile, role, asked) if organization else _one_account(call, profile, asked)
    outcome = _concluded(call, found, checks, accepted, last)
    _write(call, outcome)
    _write_files(call, outcome, {"page": to_html, "table": to_csv, "sarif": to_sarif, "ocsf": to_ocsf})
    _fail(outcome, limit, allow_gaps=allow_gaps)


def _one_account(call: Invocation, profile: str | None, asked: Asked) -> Found:
    from keylease.aws.audit import collect
    from keylease.aws.audit.account import opened

    clients, _ = opened(profile)
    snapshot = collect(
        clients,
        call.clock,
        parts=asked.parts,
        regions=asked.regions,
        limits=asked.limits,
        key_ids=asked.key_ids,
    )
    return [(clients.account.id, snapshot)]


def _all_accounts(call: Invocation, profile: str | None, role: str | None, asked: Asked) -> Found:
    from keylease.aws.audit.account import opened
    from keylease.aws.audit.organization import ROLE, collect_all, members

    clients, _ = opened(profile)
    there = members(clients, call.clock, profile=profile, role=role or ROLE)

    def tell(number: int) -> None:
        if number % 10 == 0 or number == len(there):
            call.terminal.say(f"{number} of {len(there)} accounts are looked at.")

    collected = collect_all(there, clients, call.clock, asked, on_done=tell)
    return [(member.id, snapshot) for member, snapshot in collected]


def _severity(written: str | None) -> Severity | None:
    from keylease.audit.finding import Severity

    if written is None:
        return None
    if written not in list(Severity):
        raise WrongUsage(f"--fail-on takes {', '.join(Severity)}.")
    return Severity(written)


def _chosen(only: list[str] | None) -> tuple[Check, ...]:
    from keylease.audit.checks import ALL

    if not only:
        return ALL
    if unknown := sorted(set(only) - {check.id for check in ALL}):
        raise WrongUsage(f"There is no check {', '.join(unknown)}. There are: {', '.join(one.id for one in ALL)}.")
    return tuple(check for check in ALL if check.id in only)


def _suppressions(path: Path | None) -> Any:
    from keylease.audit.checks import ALL
    from keylease.audit.suppression import parse

    if path is None:
        return ()
    return parse(_read(path), checks=(check.id for check in ALL))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{path} cannot be read: {error}.") from None


def _concluded(
    call: Invocation, found: Found, checks: tuple[Check, ...], accepted: Any, last: Path | None
) -> Outcome:
    from keylease.audit.outcome import compared, conclude
    from keylease.audit.report import examine
    from keylease.audit.snapshot import Unseen

    reports = [examine(snapshot, checks) for _, snapshot in found if not isinstance(snapshot, Unseen)]
    unreached = {account: snapshot.why for account, snapshot in found if isinstance(snapshot, Unseen)}
    outcome = conclude(reports, now=call.clock.now(), suppressions=accepted, unreached=unreached)
    if last is not None and last.exists():
        outcome = compared(outcome, _read(last))
    if last is not None:
        _keep(last, outcome)
    return outcome


def _keep(path: Path, outcome: Outcome) -> None:
    import json

    from keylease.audit.outcome import as_json

    write_file(path, json.dumps(as_json(outcome), indent=2))


def write_file(path: Path, text: str) -> None:
    """Write a report. It tells where a company is weak, so a new file is its owner's alone."""
    import os

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise WrongUsage(f"{path} cannot be written: {error}.") from None


def _write_files(call: Invocation, outcome: Outcome, paths: dict[str, Path | None]) -> None:
    import json
    from importlib import resources

    from keylease.audit.formats import ocsf, page, sarif, table

    css = resources.files("keylease.web").joinpath("static/keylease.css")
    written = {
        "page": lambda: page.render(outcome, css=css.read_text("utf-8")),
        "table": lambda: table.render(outcome),
        "sarif": lambda: json.dumps(sarif.render(outcome), indent=2),
        "ocsf": lambda: json.dumps(ocsf.render(outcome), indent=2),
    }
    for name, path in paths.items():
        if path is not None:
            write_file(path, written[name]())
            call.terminal.say(f"Written: {path}")


def _write(call: Invocation, outcome: Outcome) -> None:
    from keylease.audit.outcome import as_json

    if call.options.as_json:
        call.terminal.json(as_json(outcome))
    elif call.terminal.draws:
        _draw(outcome)
    else:
        call.terminal.table((), [_cells(finding) for finding in outcome.findings])
    _say(call, outcome)


def _say(call: Invocation, outcome: Outcome) -> None:
    """What people must know besides the findings."""
    if not call.terminal.draws:
        for account, gap in outcome.gaps:
            call.terminal.say(f"{account}: not looked at: {_gap(gap)}")
    for account, why in outcome.unreached.items():
        call.terminal.say(f"{account} was not reached, so nothing is known of it. {why}")
    for one in outcome.over:
        call.terminal.say(f"A suppression is over since {one.until}: {one.check} {one.subject} ({one.reason})")
    if outcome.comparison:
        new, gone = len(outcome.comparison.new), len(outcome.comparison.gone)
        call.terminal.say(f"Since {outcome.comparison.since}: {new} new, {gone} gone.")
    call.terminal.say(_summary(outcome))


def _summary(outcome: Outcome) -> str:
    from keylease.audit.finding import Severity

    counted = {one: sum(finding.severity is one for finding in outcome.findings) for one in Severity}
    words = ", ".join(f"{count} {one}" for one, count in counted.items() if count) or "Nothing found"
    missing = sorted({check for _, gap in outcome.gaps for check in gap.checks})
    checks = "1 check" if len(missing) == 1 else f"{len(missing)} checks"
    unseen = f"; {checks} could not look at everything" if missing else ""
    away = f"; {len(outcome.suppressed)} suppressed" if outcome.suppressed else ""
    return f"{words}{away}{unseen}."


def _gap(gap: Any) -> str:
    where = f" in {gap.region}" if gap.region else ""
    return f"{', '.join(gap.checks)}{where}. {gap.why} {gap.hint}".strip()


def _cells(finding: Finding) -> list[Cell]:
    found = finding.found
    texts = (finding.account, str(finding.severity), finding.check.id, found.subject, found.region or "")
    return [Cell(text) for text in (*texts, found.sentence, finding.mend)]


def _draw(outcome: Outcome) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    new = outcome.comparison.new if outcome.comparison else frozenset()
    for report in outcome.reports:
        name = f"{report.account} ({report.alias})" if report.alias else report.account
        console.print(Text(harmless(f"account {name}"), style="bold"))
        by_check: dict[str, list[Finding]] = {}
        for finding in report.findings:
            by_check.setdefault(finding.check.id, []).append(finding)
        for findings in by_check.values():
            _draw_check(console, findings, new)
        for gap in report.gaps:
            console.print(Text(harmless(f"? not looked at: {_gap(gap)}"), style="yellow"))
        console.print()


def _draw_check(console: Any, findings: list[Finding], new: frozenset[str]) -> None:
    """The findings of one check: what, the evidence of each, and once why and what to do."""
    from rich.padding import Padding
    from rich.text import Text

    worst, check = findings[0].severity, findings[0].check
    heading = Text(f" {worst} ", style=STYLES[worst])
    heading.append(f" {check.title}", style="bold")
    heading.append(f"  {check.id}{f', {findings[0].cis}' if findings[0].cis else ''}", style="dim")
    console.print(heading)
    for finding in findings[:MOST_DRAWN]:
        line = Text(harmless(finding.found.sentence))
        line.append("  new", style="bold magenta") if finding.fingerprint in new else None
        console.print(Padding(line, (0, 0, 0, 2)))
        evidence = "; ".join(f"{name}: {value}" for name, value in finding.found.evidence)
        if evidence:
            console.print(Padding(Text(harmless(evidence), style="dim"), (0, 0, 0, 4)))
    if len(findings) > MOST_DRAWN:
        console.print(
            Padding(Text(f"and {len(findings) - MOST_DRAWN} more (--json has all)", style="dim"), (0, 0, 0, 2))
        )
    console.print(Padding(Text(check.why, style="dim"), (0, 0, 0, 2)))
    console.print(Padding(Text(harmless(f"→ {findings[0].mend}"), style="cyan"), (0, 0, 1, 2)))


def _fail(outcome: Outcome, limit: Severity | None, *, allow_gaps: bool) -> None:
    if limit is None:
        return
    if count := outcome.as_bad_as(limit):
        raise FindingsBeyondLimit(f"{count} findings are {limit} or worse.")
    if (outcome.gaps or outcome.unreached) and not allow_gaps:
        missing = [*sorted({check for _, gap in outcome.gaps for check in gap.checks}), *outcome.unreached]
        raise NotAllSeen(f"Nothing {limit} was found, but not everything could be looked at: {', '.join(missing)}.")
