"""Templates to pages.

Everything that is put into a page is escaped; a name that a template uses and nobody gave is a failure. Times come
as instants and are worded by `when`, with the request's one `now`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from keylease.domain import clock, until
from keylease.web import when
from keylease.web.visit import Visit

HERE = Path(__file__).parent
_UNBROKEN = "\N{NO-BREAK SPACE}"


def page(template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page that knows nobody: sign-in and failures."""
    frame = {"visit": None, "waiting": 0, "now": None, "current": ""}
    return HTMLResponse(_environment().get_template(template).render(frame | context), status)


def visited(visit: Visit, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page for somebody who is signed in, with what their navigation shows."""
    waiting = len(visit.app.visibility.waiting(visit.principal))
    return page(template, status=status, **{"visit": visit, "waiting": waiting, "now": visit.now} | context)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "instant": _instant,
        "left": _with_now(when.left),
        "ago": _with_now(when.ago),
        "point": _with_now(when.point),
        "duration": when.length,
        "asked": _asked,
        "told": _told,
        "initials": _initials,
        "either": _either,
        "person": _person,
    }
    environment.globals["percent_left"] = when.percent_left
    return environment


def _with_now(words: Any) -> Any:
    @pass_context
    def worded(context: Context, at: datetime) -> str:
        return str(words(at, context["now"]))

    return worded


@pass_context
def _instant(context: Context, at: datetime) -> Markup:
    """The exact time, for people and for machines; a line may break after the day, and nowhere else."""
    words = when.exact(at, context["now"]).replace(" ", _UNBROKEN).replace(f",{_UNBROKEN}", ", ")
    return Markup(f'<time datetime="{clock.to_text(at)}">{words}</time>')  # noqa: S704 - both are made of an instant


@pass_context
def _told(context: Context, text: str) -> Markup:
    """A failure's words: what stands between backticks is a command, and an instant is worded as all others are."""
    commands = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    commands = re.sub(r"\bL-[0-9a-z]{8}\b", r'<span class="id">\g<0></span>', commands)
    instants = re.sub(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\b", lambda at: _worded(at[0], context["now"]), commands)
    return Markup(instants)  # noqa: S704 - escaped before anything was put around it


def _worded(text: str, now: datetime | None) -> str:
    try:
        return when.exact(clock.from_text(text), now)
    except ValueError:
        return text


def _asked(text: str) -> str:
    """`2 weeks, to `, before the exact end of a duration; nothing before an instant, which says it all."""
    asked = until.parse(text)
    return f"{when.length(asked)}, to " if isinstance(asked, timedelta) else ""


def _initials(name: str) -> str:
    words = re.findall(r"\w+", name)
    return "".join(word[0] for word in words[:2]).upper() or "?"


def _either(names: tuple[str, ...]) -> str:
    """`anna`, `anna or jonas`, `anna, jonas or a member of leads`."""
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


@pass_context
def _person(context: Context, actor: str) -> str:
    """An actor of the audit trail by name where the sign-in knows it; the API gives the whole id."""
    subject = actor.partition("#")[2] or actor
    visit: Visit = context["visit"]
    return visit.app.unsafe_people.get(subject, subject)
