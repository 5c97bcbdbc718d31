"""A plan as one HTML page: no scripts, nothing from elsewhere, to be read, printed and sent to who has to agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from keylease.baseline.planning import Reviewed
from keylease.domain import clock
from keylease.domain.guardrail import Change


def page(reviewed: Reviewed, *, now: datetime) -> str:
    """The page. Everything that others wrote is escaped."""
    environment = Environment(
        loader=PackageLoader("keylease.baseline", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("plan.html")
    return template.render(
        plan=reviewed.plan,
        locks_out=reviewed.locks_out,
        deletes_too_much=reviewed.deletes_too_much,
        changes=[_shown(change) for change in reviewed.plan.changes],
        when=clock.to_text(now),
    )


def _shown(change: Change) -> dict[str, Any]:
    return {"change": change, "differing": list(_differing(change))}


def _differing(change: Change) -> Iterator[tuple[str, str | None, str | None]]:
    for name in change.differing:
        yield name, _text(change.before, name), _text(change.after, name)


def _text(properties: Any, name: str) -> str | None:
    if properties is None or properties.get(name) is None:
        return None
    value = properties[name]
    return value if isinstance(value, str) else json.dumps(value, indent=2, sort_keys=True)
