"""From the ledger's records to what is shown of them: the same for JSON and pages."""

from __future__ import annotations

from datetime import datetime

from keylease.app import App
from keylease.domain import until
from keylease.domain.clock import to_text
from keylease.domain.event import GENESIS, ChainedEvent, verify
from keylease.domain.lease import ENDED, Lease, State
from keylease.domain.status import Status, status_of, time_left
from keylease.domain.until import Until
from keylease.errors import InThePast, TooShort
from keylease.health import State as Health
from keylease.web.offers import Offer, deciders
from keylease.web.visit import Visit
from keylease.web.wire import EventOut, HealthOut, LeaseOut, MayOut, MeOut, PersonOut, SetOut, VerifiedOut

_NOT_YET_USED = {Status.REQUESTED, Status.APPROVED, Status.COLLECTING}
"""To renew before anything was collected would be to ask for the same twice."""


def lease(visit: Visit, one: Lease) -> LeaseOut:
    """A lease as this visitor sees it now."""
    catalogue, now = visit.app.catalogue, visit.now
    permission_set = catalogue.permission_sets.get(one.permission_set)
    return LeaseOut(
        id=one.id,
        kind=one.kind,
        state=one.state,
        status=status_of(one, now),
        account=one.account,
        account_id=catalogue.accounts.get(one.account, ""),
        permission_set=one.permission_set,
        title=permission_set.title if permission_set else one.permission_set,
        warnings=one.warnings,
        share=one.share,
        reason=one.reason,
        owner=PersonOut(id=one.principal_id, name=one.principal_name),
        approver=PersonOut(id=one.approver_id, name=one.approver_name) if one.approver_name else None,
        approvers=approvers(visit.app, one),
        decision_reason=one.decision_reason,
        requested_at=one.requested_at,
        decided_at=one.decided_at,
        issued_at=one.issued_at,
        asked=until.write(one.asked),
        expires_at=one.expires_at,
        ended_at=one.ended_at,
        end_reason=one.end_reason,
        seconds_left=int(time_left(one, now).total_seconds()),
        renewal_of=one.renewal_of,
        retire_at=one.retire_at,
        user_name=one.user_name,
        access_key_id=one.access_key_id,
        may=may(visit, one),
    )


def may(visit: Visit, one: Lease) -> MayOut:
    """What this visitor may do with a lease. A refusal comes from the broker; this is what is worth offering."""
    mine = one.principal_id == visit.principal.id
    status = status_of(one, visit.now)
    return MayOut(
        approve=visit.app.visibility.may_decide(visit.principal, one),
        collect=mine and status is Status.APPROVED,
        revoke=one.state not in ENDED and (mine or visit.app.visibility.may_revoke(visit.principal, one)),
        renew=mine and status not in _NOT_YET_USED,
    )


def approvers(app: App, one: Lease) -> tuple[str, ...]:
    """Who may decide on a request, in words; nobody once it is decided or where its grant is gone."""
    grant = app.catalogue.grant(one.grant)
    if grant is None or one.state is not State.REQUESTED:
        return ()
    return deciders(app, grant.approvers, one.principal_id.partition("#")[2])


def end_if_approved(visit: Visit, one: Lease) -> datetime | None:
    """When a request would end if it were approved now; None where its instant has come meanwhile."""
    return end_of(visit, one.asked)


def end_of(visit: Visit, asked: Until) -> datetime | None:
    """When a lease that is approved now for so long would end; None where no lease can end by then."""
    try:
        return until.slot_end(asked, visit.now, slots=visit.app.catalogue.slots)
    except (InThePast, TooShort):
        return None


def event(link: ChainedEvent) -> EventOut:
    """One record of the audit chain."""
    act = link.event
    return EventOut(
        seq=link.seq,
        at=act.at,
        action=act.action,
        actor=act.actor,
        lease_id=act.lease_id,
        details=dict(act.details),
        hash=link.hash,
    )


def verified(visit: Visit) -> VerifiedOut:
    """The whole chain, followed from its start. Raises `NotAuditor` and `ChainBroken`."""
    last = verify(visit.app.visibility.events(visit.principal))
    return VerifiedOut(records=last.seq if last else 0, last_hash=last.hash if last else GENESIS)


def health(state: Health, now: datetime) -> HealthOut:
    """How keylease is doing, as counts: who may read no more may still watch it."""
    return HealthOut(
        well=state.is_well(now),
        passed_at=to_text(state.passed_at) if state.passed_at else None,
        alarms=sum(len(report.alarms) for report in state.reports),
        failures=sum(len(report.failures) for report in state.reports),
        horizons_near=len(state.near),
    )


def offer(one: Offer) -> SetOut:
    """A permission set that somebody may ask for."""
    return SetOut(
        permission_set=one.permission_set.name,
        title=one.permission_set.title,
        account=one.account,
        account_id=one.account_id,
        max_ttl=until.write(one.max_ttl),
        automatic=one.automatic,
        share=one.permission_set.share,
        warnings=one.warnings,
    )


def me(visit: Visit) -> MeOut:
    """Who is signed in."""
    principal = visit.principal
    return MeOut(
        id=principal.id,
        subject=principal.subject,
        name=principal.name,
        groups=tuple(sorted(principal.groups)),
        administrator=visit.is_administrator,
        auditor=visit.is_auditor,
    )
