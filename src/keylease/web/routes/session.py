"""Sessions, for the helper on a person's machine: one more, and the move to another machine.

Whoever asks proves with each request that it comes from the machine whose key it names (identity/proof.py); a
sign-in that was copied to another machine gets nothing here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse

from keylease.domain.clock import to_text
from keylease.identity.proof import Proofs
from keylease.web import show
from keylease.web.visit import Visiting, bearer
from keylease.web.wire import LeaseOut, SessionIn

HEADER = "DPoP"
router = APIRouter(tags=["sessions"])
as_long_as_may_be = SessionIn()

_extra: dict[str, Any] = {
    "parameters": [
        {
            "name": HEADER,
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": "Proof of possession (RFC 9449): ES256, jwk, htm, htu, iat, jti, and ath with a token",
        }
    ]
}


def _machine(request: Request) -> str:
    """The thumbprint of the key that has signed this request's proof. Raises `BadProof`."""
    proofs: Proofs = request.app.state.proofs
    sent = request.headers.getlist(HEADER)
    return proofs.thumbprint(sent, method=request.method, path=request.url.path, access_token=bearer(request))


Machine = Annotated[str, Depends(_machine)]


@router.post("/api/leases/{lease_id}/session", openapi_extra=_extra)
def session(visit: Visiting, machine: Machine, lease_id: str, ask: SessionIn = as_long_as_may_be) -> JSONResponse:
    """One more session, and with it `region` and `account_id`. The first one binds the lease to this machine.

    It ends at `expiration`, never later than the lease: AWS gives none of less than 15 minutes, and the lease's end
    still ends it. Answers with `lease`, `access_key_id`, `secret_access_key`, `session_token`, `expiration`.
    """
    wanted = timedelta(seconds=ask.seconds) if ask.seconds is not None else None
    taken = visit.app.session_leases.take(visit.principal, lease_id, machine=machine, wanted=wanted)
    given, shown = taken.credentials, show.lease(visit, taken.lease)
    # By hand: a model that failed its validation would print what it holds.
    content = {
        "lease": shown.model_dump(mode="json"),
        "access_key_id": given.access_key_id,
        "secret_access_key": given.secret_access_key.reveal(),
        "session_token": given.session_token.reveal(),
        "expiration": to_text(given.expiration),
        "region": visit.app.clouds[taken.lease.account].region,
        "account_id": shown.account_id,
    }
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


@router.post("/api/leases/{lease_id}/machine", openapi_extra=_extra)
def move(visit: Visiting, machine: Machine, lease_id: str) -> LeaseOut:
    """Let the lease give its sessions to this machine from now on. Needs a sign-in of the last 15 minutes."""
    return show.lease(visit, visit.app.session_leases.bind(visit.principal, lease_id, machine=machine))
