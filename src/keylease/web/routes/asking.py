"""Asking: a new request, and a renewal. What is wrong is said on the form, with everything that was written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse, RedirectResponse, Response

from keylease.broker import Ask
from keylease.domain import until
from keylease.domain.lease import Kind
from keylease.domain.until import Until
from keylease.errors import (
    BadReason,
    BadRequest,
    BadUntil,
    BeyondHorizon,
    InThePast,
    KeyleaseError,
    NobodyDecides,
    NotGranted,
    SignInTooOld,
    TooLong,
    TooShort,
)
from keylease.web import errors, show
from keylease.web.offers import Offer, offers
from keylease.web.render import visited
from keylease.web.visit import Visit, Visiting
from keylease.web.wire import LeaseOut

router = APIRouter(include_in_schema=False)
WEEKS = (timedelta(weeks=1), timedelta(weeks=2), timedelta(weeks=4))
USUAL = timedelta(weeks=2)

_FIELDS: dict[type[KeyleaseError], str] = {
    BadUntil: "until",
    TooLong: "until",
    TooShort: "until",
    InThePast: "until",
    BeyondHorizon: "until",
    BadReason: "reason",
    BadRequest: "what",
    NotGranted: "what",
    NobodyDecides: "what",
}
"""Which field a failure is about; others are about the form as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """A choice of the form: how long, and when that would end if it were approved now."""

    value: str
    ttl: timedelta
    ends: datetime
    is_longest: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What stands in the form. `chosen` is a length of the list, `written` an end in the asker's own words."""

    what: str = ""
    chosen: str = ""
    written: str = ""
    reason: str = ""

    def until(self) -> Until:
        """The end asked for: what was written counts before what was chosen. Raises `BadUntil`."""
        text = self.written.strip() or self.chosen
        if not text:
            raise BadUntil("Choose how long, or write an end of your own.")
        return until.parse(text)


@router.get("/leases/new")
def about_to_ask(visit: Visiting, what: str = "") -> HTMLResponse:
    """The form; `what` preselects."""
    offered = offers(visit.app, visit.principal)
    chosen = offered[0].value if len(offered) == 1 else what
    return _form(visit, offered, Filled(what=chosen, chosen=until.write(_usual(offered))))


@router.post("/leases/new")
def ask(
    visit: Visiting,
    what: Annotated[str, Form()] = "",
    chosen: Annotated[str, Form()] = "",
    written: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Ask; where something is wrong, show the form again."""
    filled = Filled(what=what, chosen=chosen, written=written, reason=reason)
    offered = offers(visit.app, visit.principal)
    try:
        offer, kind = _chosen(offered, what)
        wanted = Ask(
            account=offer.account,
            permission_set=offer.permission_set.name,
            until=filled.until(),
            reason=reason,
            kind=kind,
        )
        lease = visit.app.broker.request(visit.principal, wanted)
    except SignInTooOld:
        raise
    except KeyleaseError as failure:
        errors.note(failure)
        return _form(visit, offered, filled, failure)
    return RedirectResponse(f"/leases/{lease.id}", 303)


@router.get("/leases/{lease_id}/renew")
def about_to_renew(visit: Visiting, lease_id: str) -> HTMLResponse:
    """The form of a renewal, filled in as last time; an instant of last time is over or no length at all."""
    lease = show.lease(visit, visit.app.visibility.lease(visit.principal, lease_id))
    limits = _limits(visit, lease)
    if lease.asked in {length.value for length in _lengths(limits, visit)}:
        filled = Filled(chosen=lease.asked, reason=lease.reason)
    elif isinstance(until.parse(lease.asked), timedelta):
        filled = Filled(written=lease.asked, reason=lease.reason)
    else:
        filled = Filled(chosen=until.write(min(USUAL, *limits)) if limits else "", reason=lease.reason)
    return _renewal(visit, lease_id, filled)


@router.post("/leases/{lease_id}/renew")
def renew(
    visit: Visiting,
    lease_id: str,
    chosen: Annotated[str, Form()] = "",
    written: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Ask again for what a lease gave."""
    filled = Filled(chosen=chosen, written=written, reason=reason)
    try:
        if not reason.strip():
            raise BadReason("Say in one sentence what you need the access key for.")
        renewed = visit.app.broker.renew(visit.principal, lease_id, until=filled.until(), reason=reason)
    except tuple(_FIELDS) as failure:
        return _renewal(visit, lease_id, filled, failure)
    return RedirectResponse(f"/leases/{renewed.id}", 303)


def _form(
    visit: Visit, offered: Sequence[Offer], filled: Filled, failure: KeyleaseError | None = None
) -> HTMLResponse:
    lengths = _lengths((offer.max_ttl for offer in offered), visit)
    return visited(
        visit,
        "new_request.html",
        status=errors.status(failure) if failure else 200,
        current="mine",
        offers=[(offer, sum(length.ttl <= offer.max_ttl for length in lengths)) for offer in offered],
        lengths=lengths,
        filled=filled,
        failure=failure,
        field=_FIELDS.get(type(failure)) if failure else None,
    )


def _renewal(visit: Visit, lease_id: str, filled: Filled, failure: KeyleaseError | None = None) -> HTMLResponse:
    lease = show.lease(visit, visit.app.visibility.lease(visit.principal, lease_id))
    return visited(
        visit,
        "renew.html",
        status=errors.status(failure) if failure else 200,
        current="mine",
        lease=lease,
        lengths=_lengths(_limits(visit, lease), visit),
        filled=filled,
        failure=failure,
        field=_FIELDS.get(type(failure)) if failure else None,
    )


def _limits(visit: Visit, lease: LeaseOut) -> list[timedelta]:
    """How long one may ask for the same again; nothing where no grant allows it any more."""
    again = (lease.account, lease.permission_set)
    return [
        offer.max_ttl
        for offer in offers(visit.app, visit.principal)
        if (offer.account, offer.permission_set.name) == again
    ]


def _chosen(offered: Sequence[Offer], what: str) -> tuple[Offer, Kind | None]:
    """What is meant, and as which kind: an offer's own value is for the first that it gives."""
    if not what:
        raise BadRequest("Choose what you need.", hint="")
    for offer in offered:
        if offer.value == what:
            return offer, None
        for kind in offer.permission_set.kinds:
            if what == f"{offer.value}:{kind}":
                return offer, kind
    raise NotGranted("No grant lets you lease that.")


def _usual(offered: Sequence[Offer]) -> timedelta:
    return min(USUAL, max((offer.max_ttl for offer in offered), default=USUAL))


def _lengths(limits: Iterable[timedelta], visit: Visit) -> list[Length]:
    """The choices up to the longest limit: whole weeks, and each limit that is no such week. Shortest first."""
    known = [limit for limit in limits if limit >= until.SHORTEST]
    longest = max(known, default=timedelta())
    ttls = {ttl for ttl in WEEKS if ttl <= longest} | {limit for limit in known if limit < WEEKS[-1]}
    return [
        Length(value=until.write(ttl), ttl=ttl, ends=ends, is_longest=ttl == longest)
        for ttl in sorted(ttls)
        if (ends := show.end_of(visit, ttl)) is not None
    ]
