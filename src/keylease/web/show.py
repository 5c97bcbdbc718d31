"""From the ledger's records to what is shown of them: the same for JSON and pages."""

from __future__ import annotations

from datetime import datetime

from keylease.app import App
from keylease.aws.tags import encode
from keylease.domain import session, until
from keylease.domain.access import PermissionSet
from keylease.domain.clock import to_text
from keylease.domain.event import DIGEST, GENESIS, ChainedEvent
from keylease.domain.iam import SESSION_PATH
from keylease.domain.lease import ENDED, Kind, Lease, State
from keylease.domain.status import Status, closes_at, status_of, time_left
from keylease.domain.until import Until
from keylease.errors import InThePast, TooShort
from keylease.health import State as Health
from keylease.sets import can
from keylease.web.offers import Offer, deciders
from keylease.web.visit import Visit
from keylease.web.wire import EventOut, HealthOut, LeaseOut, MayOut, MeOut, PersonOut, SetOut, VerifiedOut

_IN_USE = {Status.COLLECTING, Status.ACTIVE, Status.ENDING_SOON}
_WAIT = {State.REQUESTED, State.APPROVED}
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
        role_arn=_role_arn(visit, one),
        session_seconds=_session_seconds(one, permission_set),
        last_session_at=one.last_session_at,
        sessions_until=one.sessions_until,
        closes_at=closes_at(one, catalogue.patience) if one.state in _WAIT else None,
        tags={name: encode(value) for name, value in session.tags(one).items()},
    )


def in_detail(visit: Visit, one: Lease) -> LeaseOut:
    """A single lease, with what it lets people do."""
    permission_set = visit.app.catalogue.permission_sets.get(one.permission_set)
    return lease(visit, one).model_copy(
        update={"can": can(visit.app.clouds, one.account, permission_set, one.kind)}
    )


def _role_arn(visit: Visit, one: Lease) -> str | None:
    if one.role is None or one.account not in visit.app.clouds:
        return None
    partition = visit.app.clouds[one.account].partition
    return f"arn:{partition}:iam::{visit.app.catalogue.accounts.get(one.account, '')}:role{SESSION_PATH}{one.role}"


def _session_seconds(one: Lease, permission_set: PermissionSet | None) -> int | None:
    """How long a single session lasts at most, as the configuration says now."""
    if one.kind is not Kind.SESSION or permission_set is None:
        return None
    return int(permission_set.session.total_seconds())


def may(visit: Visit, one: Lease) -> MayOut:
    """What this visitor may do with a lease. A refusal comes from the broker; this is what is worth offering."""
    mine = one.principal_id == visit.principal.id
    status = status_of(one, visit.now)
    return MayOut(
        approve=visit.app.visibility.may_decide(visit.principal, one),
        collect=mine and status is Status.APPROVED and one.kind is Kind.ACCESS_KEY,
        revoke=one.state not in ENDED and (mine or visit.app.visibility.may_revoke(visit.principal, one)),
        renew=mine and status not in _NOT_YET_USED,
        replace=mine and one.kind is Kind.ACCESS_KEY and status in _IN_USE,
        undo=visit.app.second_thoughts.may_undo(visit.principal, one),
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
        details={name: value for name, value in act.details.items() if name != DIGEST},
        hash=link.hash,
    )


def verified(visit: Visit) -> VerifiedOut:
    """The whole chain, followed from its start. Raises `NotAuditor` and `ChainBroken`."""
    last = visit.app.visibility.verified(visit.principal)
    return VerifiedOut(records=last.seq if last else 0, last_hash=last.hash if last else GENESIS)


def health(state: Health, now: datetime) -> HealthOut:
    """How keylease is doing, as counts: who may read no more may still watch it."""
    return HealthOut(
        well=state.is_well(now),
        passed_at=to_text(state.passed_at) if state.passed_at else None,
        alarms=sum(len(report.alarms) for report in state.reports),
        failures=sum(len(report.failures) for report in state.reports),
        horizons_near=len(state.near),
        directory_silent_since=to_text(state.silent_since) if state.silent_since else None,
        left_running=sum(one.runs for report in state.reports for one in report.left_running),
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
        sentence=one.permission_set.sentence,
        can=one.can,
        kinds=one.permission_set.kinds,
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
        authenticated_at=principal.authenticated_at,
        methods=tuple(sorted(principal.methods)),
        signed_in_until=visit.caller.until,
    )
