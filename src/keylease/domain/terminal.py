"""What a terminal and the server must agree on when the terminal signs in. Both sides use these very lines.

A terminal makes a verifier and shows its challenge (RFC 7636, S256 and nothing else). It waits for its code on a
port of 127.0.0.1 at one fixed path (RFC 8252), or has a person paste it. `number` is for the person's eyes: the
terminal and the page show the same four digits, so nobody allows somebody else's terminal by mistake.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from keylease.domain.secret import Secret, digest
from keylease.errors import SignInRefused

ACCESS_PREFIX, REFRESH_PREFIX = "kla_", "klr_"
"""They tell what was found to whoever finds one where it should not be."""
LANDING = "/signed-in"
"""The one path on which a terminal waits for its code."""
LONGEST_MACHINE = 64
AGAIN = "Run `keylease login` again."

_CHALLENGE = re.compile(r"[\w-]{43}", re.ASCII)
_VERIFIER = re.compile(r"[\w.~-]{43,128}", re.ASCII)
_REFRESH = re.compile(rf"{REFRESH_PREFIX}[\w-]{{43}}", re.ASCII)
_LOOPBACK = re.compile(rf"http://127\.0\.0\.1:([1-9]\d{{0,4}}){LANDING}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a terminal asks for. Without `redirect` the code is shown, to be pasted. Raises `SignInRefused`."""

    challenge: str
    redirect: str = ""
    state: str = ""
    machine: str = ""
    """What the terminal calls its machine."""

    def __post_init__(self) -> None:
        if not _CHALLENGE.fullmatch(self.challenge):
            raise SignInRefused("The terminal sent no proper challenge.", hint=AGAIN)
        if self.redirect and not _is_loopback(self.redirect):
            raise SignInRefused(f"A terminal listens at {LANDING} on 127.0.0.1 and nowhere else.", hint=AGAIN)

    @property
    def number(self) -> str:
        """Four digits, for eyes to compare."""
        return number_of(self.challenge)


def challenge_of(verifier: Secret) -> str:
    """The challenge that a verifier answers."""
    hashed = hashlib.sha256(verifier.reveal().encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def answers(verifier: Secret, challenge: str) -> bool:
    """Whether this is the verifier of that challenge."""
    is_one = _VERIFIER.fullmatch(verifier.reveal()) is not None
    return is_one and hmac.compare_digest(challenge_of(verifier), challenge)


def number_of(challenge: str) -> str:
    """The four digits of a challenge."""
    return f"{int(digest('number', challenge), 16) % 10_000:04}"


def is_refresh_token(text: str) -> bool:
    """Whether a text has the form of a refresh token: 256 bits behind their prefix."""
    return _REFRESH.fullmatch(text) is not None


def named(machine: str) -> str:
    """A machine's name as far as it can be shown."""
    return "".join(sign for sign in machine if sign.isprintable())[:LONGEST_MACHINE]


def _is_loopback(redirect: str) -> bool:
    found = _LOOPBACK.fullmatch(redirect)
    return found is not None and int(found[1]) < 65_536
