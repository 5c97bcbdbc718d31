"""Fills the parts of the documents that are made from the code, or says (`--check`) which are out of date.

A part stands between `<!-- made from the code: NAME -->` and `<!-- end -->`; NAME is a function below.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from keylease import errors
from keylease.domain.lease import ENDED, IN_AWS, TRANSITIONS, State

ROOT = Path(__file__).resolve().parent.parent
PART = re.compile(r"(<!-- made from the code: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def life() -> Iterator[str]:
    """The life of a lease as a diagram."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {State.REQUESTED}"
    for (before, event), after in TRANSITIONS.items():
        yield f"    {before} --> {after} : {event}"
    yield f"    {State.REVOKING} --> {State.STUCK} : fail, again and again"
    for state in sorted(ENDED):
        yield f"    {state} --> [*]"
    yield "```"


def transitions() -> Iterator[str]:
    """The same as a table."""
    yield "| state | AWS may hold something | event | then |"
    yield "| --- | --- | --- | --- |"
    for (before, event), after in TRANSITIONS.items():
        yield f"| {before} | {'yes' if before in IN_AWS else 'no'} | {event} | {after} |"


def failures() -> Iterator[str]:
    """Every failure: code, exit status, sentence, hint."""
    yield "| code | exit status | what happened | what to do |"
    yield "| --- | --- | --- | --- |"
    for failure in errors.tree():
        happened = " ".join((failure.__doc__ or "").split())
        yield f"| {failure.code} | {failure.exit_status} | {happened} | {failure.hint} |"


def settings() -> Iterator[str]:
    """Every setting with its default."""
    from keylease.settings import Settings

    yield "| setting | default |"
    yield "| --- | --- |"
    yield from _fields(Settings, "")


def _fields(model: type, prefix: str) -> Iterator[str]:
    from pydantic import BaseModel

    from keylease.domain.until import write

    for name, field in model.model_fields.items():  # type: ignore[attr-defined] # a pydantic model has it
        kind, default = field.annotation, field.get_default()
        inner = next((one for one in getattr(kind, "__args__", ()) if isinstance(one, type)), None)
        table = getattr(kind, "__args__", (None, None))[-1] if str(kind).startswith("dict") else None
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _fields(kind, f"{prefix}{name}.")
        elif isinstance(table, type) and issubclass(table, BaseModel):
            yield from _fields(table, f"{prefix}{name}.NAME.")
        elif field.is_required():
            yield f"| `{prefix}{name}` | must be given |"
        elif hasattr(default, "total_seconds"):
            yield f"| `{prefix}{name}` | `{write(default)}` |"
        elif default in (None, {}, (), frozenset(), ""):
            yield f"| `{prefix}{name}` | nothing |"
        elif inner is not None and issubclass(inner, BaseModel):
            yield from _fields(inner, f"{prefix}{name}.")
        elif isinstance(default, tuple):
            yield f"| `{prefix}{name}` | `{json.dumps(default)}` |"
        else:
            yield f"| `{prefix}{name}` | `{str(default).lower() if isinstance(default, bool) else default}` |"


def checks() -> Iterator[str]:
    """Every check of the audit: what, how bad, why, what to do, its CIS numbers."""
    from keylease.audit.checks import ALL

    yield "| check | severity | newest CIS number |"
    yield "| --- | --- | --- |"
    for check in ALL:
        yield f"| [{check.id}](#{check.id}) | {check.severity} | {_newest(check.cis)} |"
    for check in ALL:
        yield from ("", f"## {check.id}", "", f"{check.title}. Severity: {check.severity}.", "")
        yield from (check.why, "", f"What to do: {check.mend}")
        if check.cis:
            numbers = ", ".join(f"{number} in {version}" for version, number in check.cis.items())
            yield from ("", f"CIS AWS Foundations Benchmark: {numbers}.")
        yield from ("", f"Looks at: {', '.join(f'`{part}`' for part in check.parts)}.")


def _newest(cis: Mapping[str, str]) -> str:
    newest = max(cis, key=lambda version: tuple(map(int, version.split("."))), default=None)
    return f"{newest}: {cis[newest]}" if newest else "-"


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    one.__name__: one for one in (life, transitions, failures, settings, checks)
}


def filled(text: str) -> str:
    """The document with its parts as the code has them now."""
    return PART.sub(lambda found: found[1] + "\n".join(PARTS[found[2]]()) + "\n" + found[3], text)


def main() -> int:
    """Fill, or check."""
    stale = []
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]):
        text = path.read_text(encoding="utf-8")
        if filled(text) != text:
            stale.append(path)
            if "--check" not in sys.argv:
                path.write_text(filled(text), encoding="utf-8")
    for path in stale:
        sys.stdout.write(
            f"{path.relative_to(ROOT)}: {'out of date: run `make docs`' if '--check' in sys.argv else 'written'}\n"
        )
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
