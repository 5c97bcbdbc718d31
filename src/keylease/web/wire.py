"""The JSON that goes over the wire, both ways.

What comes in has exactly the documented fields; an unknown one is refused, and so is a text that not every store
takes. What goes out only grows: a field is never renamed or taken away. Instants are ISO 8601 with Z, durations are
written as people write them (`2w`).
No model here holds a secret: the one answer that does is built by hand where it is sent.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from keylease.domain.lease import EndReason, Kind, State
from keylease.domain.status import Status
from keylease.domain.words import is_storable


class Wire(BaseModel):
    """One shape on the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WireIn(Wire):
    """One shape that comes in. Its texts have no control signs but white space, and can be encoded."""

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, given: object) -> object:
        texts = given.items() if isinstance(given, dict) else ()
        for name, text in texts:
            if isinstance(text, str) and not is_storable(text):
                raise PydanticCustomError("text", "{name} holds a control sign", {"name": name})
        return given


class AskIn(WireIn):
    """What somebody asks for. `until`: a duration such as `2w`, or an instant with its zone.

    Without a `kind` it is the first that the permission set gives.
    """

    permission_set: str
    account: str
    until: str
    reason: str
    kind: Kind | None = None


class ApproveIn(WireIn):
    """An earlier end than was asked for, or none."""

    until: str | None = None


class DenyIn(WireIn):
    """One sentence for the owner."""

    reason: str


class AcknowledgeIn(WireIn):
    """The access key that arrived."""

    access_key_id: str


class SessionIn(WireIn):
    """How long a session is to last at most; as long as may be without it. AWS gives none of less than 900 s."""

    seconds: int | None = Field(default=None, ge=1, le=43_200)


class RenewIn(WireIn):
    """What is to differ from last time."""

    until: str | None = None
    reason: str | None = None


class PersonOut(Wire):
    """Somebody, as they were called when it happened."""

    id: str | None
    name: str


class MayOut(Wire):
    """What the one who asks may do with this lease now."""

    approve: bool
    collect: bool
    revoke: bool
    renew: bool
    replace: bool = False
    undo: bool = False


class LeaseOut(Wire):
    """A lease as its owner, its approvers and auditors see it."""

    id: str
    kind: Kind
    state: State
    status: Status
    account: str
    account_id: str
    permission_set: str
    title: str
    warnings: tuple[str, ...]
    share: bool
    reason: str
    owner: PersonOut
    approver: PersonOut | None
    approvers: tuple[str, ...]
    decision_reason: str | None
    requested_at: datetime
    decided_at: datetime | None
    issued_at: datetime | None
    asked: str
    expires_at: datetime
    ended_at: datetime | None
    end_reason: EndReason | None
    seconds_left: int
    renewal_of: str | None
    retire_at: datetime | None
    user_name: str | None
    access_key_id: str | None
    may: MayOut
    role_arn: str | None = None
    session_seconds: int | None = None
    last_session_at: datetime | None = None
    sessions_until: datetime | None = None
    closes_at: datetime | None = None
    """When it closes by itself, where it waits for a decision or for its owner."""
    can: tuple[str, ...] = ()
    """What it lets people do, in plain words; told for a single lease."""
    tags: dict[str, str] = {}
    """What the tags of an instance that this lease launches must say."""


class SetOut(Wire):
    """A permission set in an account that one may ask for."""

    permission_set: str
    title: str
    account: str
    account_id: str
    max_ttl: str
    automatic: bool
    share: bool
    warnings: tuple[str, ...]
    sentence: str = ""
    can: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()


class MeOut(Wire):
    """Who is signed in."""

    id: str
    subject: str
    name: str
    groups: tuple[str, ...]
    administrator: bool
    auditor: bool
    authenticated_at: datetime | None = None
    methods: tuple[str, ...] = ()
    signed_in_until: datetime | None = None


class EventOut(Wire):
    """One record of the audit chain."""

    seq: int
    at: datetime
    action: str
    actor: str
    lease_id: str | None
    details: dict[str, str | int | bool | None]
    hash: str


class VerifiedOut(Wire):
    """The audit chain holds up to here."""

    ok: bool = True
    records: int
    last_hash: str


class LaunchRoleOut(Wire):
    """A role that a lease may pass to what it launches, and the instance profiles that hand it on."""

    arn: str
    instance_profiles: tuple[str, ...]


class HealthOut(Wire):
    """The server answers; the rest counts what the last pass saw. `well`: nobody needs to look."""

    ok: bool = True
    well: bool
    passed_at: str | None
    alarms: int
    failures: int
    horizons_near: int
    directory_silent_since: str | None
    left_running: int
    """Instances whose lease is over and that run on."""


class ReadyOut(Wire):
    """The server can serve."""

    ready: bool = True


class ErrorOut(Wire):
    """What went wrong: a code that never changes, what happened, and what to do next."""

    code: str
    sentence: str
    hint: str
