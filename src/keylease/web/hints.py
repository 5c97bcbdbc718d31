"""What to do next, in the words of whoever reads it.

A failure's own hint is written for a terminal, and for somebody who may change the server. On a page the same is
done with buttons; and who only asks for a lease cannot create a group or edit a policy, so they are told whom to
tell. Administrators read the failure's own hint, here and there.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from keylease import errors
from keylease.errors import KeyleaseError
from keylease.web.visit import caller, given

OPERATORS = (
    errors.AwsCredentials,
    errors.AwsDenied,
    errors.AwsFailed,
    errors.AwsQuota,
    errors.BadConfiguration,
    errors.ChainBroken,
    errors.FenceDiffers,
    errors.FenceMissing,
    errors.GroupMissing,
    errors.LedgerEmpty,
    errors.RoleMissing,
    errors.StoreFailed,
    errors.StoreFull,
    errors.StoreNewer,
)
"""What only somebody who runs the server can mend."""
TELL = "Nothing was used up. Tell an administrator of keylease the code and the time; nobody else can mend this."
ON_PAGES: Mapping[type[KeyleaseError], str] = {
    errors.AlreadyCollected: (
        "Lost it? Open the lease: “New key, same end” makes another. Not you? Give it back at once."
    ),
    errors.BadRequest: "Go back to where you came from, and try again.",
    errors.BeyondHorizon: "Ask for an end before that date; an administrator can move it.",
    errors.ChainBroken: "Nothing was handed out. Tell an administrator: somebody changed the ledger by hand.",
    errors.LeaseOver: "If you still need it, ask again: the form is filled in as last time.",
    errors.NoSuchLease: "“My leases” shows yours. Those of others are seen by whoever decides on them.",
    errors.NotApproved: "The lease says who may decide.",
    errors.NotApprover: "The lease says who may decide.",
    errors.NotGranted: "“New request” shows what you may ask for.",
    errors.NotYours: "“My leases” shows yours.",
    errors.NothingToReplace: "The lease says what can be done with it.",
    errors.OtherKind: "Access keys are collected; sessions come by themselves after `keylease configure`.",
    errors.OwnRequest: "The lease says who else may decide.",
    errors.TooLate: "Once it was collected, a lease can be taken away.",
}
"""For people in front of a page, whose buttons have no names of commands."""


def hint(request: Request, failure: KeyleaseError, *, on_page: bool) -> str:
    """What this reader can do now."""
    if isinstance(failure, OPERATORS) and not _administers(request):
        return TELL
    if on_page and failure.hint == type(failure).hint:
        return ON_PAGES.get(type(failure), failure.hint)
    return failure.hint


def _administers(request: Request) -> bool:
    try:
        who = caller(request).principal
    except KeyleaseError:  # nobody is signed in, or the ledger that would know is what fails
        return False
    return given(request).catalogue.administrators.includes(who)
