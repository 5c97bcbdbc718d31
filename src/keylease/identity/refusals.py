"""What a provider refuses with, in words that say who has to do what.

A provider answers with one of OAuth's few codes; Entra adds a number of its own (`AADSTS50105`) to the description.
The description itself reaches nobody: on its way through a browser anybody could have written it. Numbers are from
Microsoft's list of error codes, which may change; one that is not here gets the sentence of its OAuth code.
"""

from __future__ import annotations

import re

from keylease.errors import DirectoryUnreachable, KeyleaseError, SignInRefused

ASK = "Ask whoever administers the directory."
SETTINGS = "An administrator of keylease looks at [sign_in] and runs `keylease doctor`."

TEMPORARY = frozenset({"temporarily_unavailable", "server_error"})

SAID: dict[str, tuple[str, str | None]] = {
    "access_denied": ("The sign-in was declined.", None),
    "authorization_declined": ("The sign-in was declined.", None),
    "consent_required": ("Nobody has allowed keylease to read who you are.", ASK),
    "interaction_required": ("The directory wants to ask you something first.", None),
    "login_required": ("You are not signed in to the directory.", None),
    "invalid_grant": ("The code is not valid: it was used, is too old, or belongs to another sign-in.", None),
    "expired_token": ("Nobody signed in with the code in time.", None),
    "bad_verification_code": ("The directory does not know this sign-in any more.", None),
    "invalid_client": ("The directory does not accept keylease's own credentials.", SETTINGS),
    "unauthorized_client": ("The directory does not let keylease ask in this way.", SETTINGS),
    "invalid_request": ("The directory cannot make sense of what keylease asks.", SETTINGS),
    "invalid_scope": ("The directory does not know a scope that keylease asks for.", SETTINGS),
}
"""By OAuth's code: what happened, and what to do where it is not to begin anew."""

ENTRA: dict[str, tuple[str, str | None]] = {
    "50011": ("The redirect address is not registered for keylease's application.", SETTINGS),
    "50020": ("Your account is not of this company's directory.", "Sign in with the company's account."),
    "50034": ("Your account is not of this company's directory.", "Sign in with the company's account."),
    "50053": ("Your account is locked after too many tries.", ASK),
    "50055": ("Your password has expired.", "Change it, then sign in again."),
    "50057": ("Your account is disabled in the directory.", ASK),
    "50072": ("The directory wants you to set up a second factor first.", None),
    "50074": ("The second factor was not given.", None),
    "50076": ("The directory asks for a second factor.", None),
    "50079": ("The directory wants you to set up a second factor first.", None),
    "50105": ("You are not assigned to keylease in the directory.", ASK),
    "53000": ("Your device does not comply with the company's rules.", ASK),
    "53001": ("Your device is not joined to the company's domain.", ASK),
    "53003": ("A rule of the company's Conditional Access blocks this sign-in.", ASK),
    "54005": ("The code was used already.", None),
    "65001": ("Nobody has allowed keylease to read who you are.", ASK),
    "65004": ("You did not allow keylease to read who you are.", None),
    "700016": ("The directory does not know keylease's application.", SETTINGS),
    "7000215": ("The directory does not accept keylease's client secret.", SETTINGS),
    "7000218": ("The directory takes no sign-in on another device for keylease's application.", SETTINGS),
    "7000222": ("keylease's client secret has expired.", "An administrator makes a new one in the directory."),
    "90094": ("An administrator must allow keylease in the directory first.", ASK),
}
"""By the number behind `AADSTS`."""


def refusal(unverified_error: str, unverified_description: str = "") -> KeyleaseError:
    """The failure for a provider's error answer."""
    if unverified_error in TEMPORARY:
        return DirectoryUnreachable("The directory cannot answer just now.")
    number = re.search(r"\bAADSTS(\d{5,8})\b", unverified_description)
    if number and number[1] in ENTRA:
        sentence, hint = ENTRA[number[1]]
        return SignInRefused(f"{sentence} (AADSTS{number[1]})", hint=hint)
    sentence, hint = SAID.get(unverified_error, ("The directory refuses the sign-in.", None))
    return SignInRefused(sentence + (f" (AADSTS{number[1]})" if number else ""), hint=hint)
