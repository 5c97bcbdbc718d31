"""How a provider is spoken to, and how its claims are read.

`Provider` is any OpenID provider, by the standard alone. What one of them does otherwise is a subclass
(`entra.py`), chosen by a setting; nothing else knows of it.

A principal is the issuer and a subject that never changes hands, never an address or a name. What the directory
says of groups is read from the claims that the configuration names; where it says that they stand elsewhere, they
are never taken for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from keylease.domain.access import MFA, Principal
from keylease.domain.secret import Secret
from keylease.errors import SignInRefused
from keylease.identity.claims import SignedClaims

LONGEST_NAME = 200
"""Characters; a name also stands in an IAM tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """keylease as the provider knows it, and what is taken from its tokens."""

    issuer: str
    client_id: str
    client_secret: Secret | None = field(default=None, compare=False)
    scopes: tuple[str, ...] = ("openid", "profile")
    algorithms: frozenset[str] = frozenset({"RS256"})
    groups_claims: tuple[str, ...] = ("groups", "roles")
    mfa_context: str | None = None
    """What is asked for where a grant demands a second factor, and counts as one: `acr`, or with Entra `acrs`."""
    device_code: bool = False


class Provider:
    """Any OpenID provider."""

    public_on_device = False
    """Whether a sign-in on another device goes without keylease's secret."""

    def __init__(self, registration: Registration) -> None:
        self.registration = registration

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return urlsplit(self.registration.issuer).hostname or self.registration.issuer

    def demands(self, *, max_age: timedelta | None, mfa: bool) -> Mapping[str, str]:
        """What is added to the address that a browser is sent to."""
        asked = {} if max_age is None else {"max_age": str(int(max_age.total_seconds()))}
        if mfa and self.registration.mfa_context is not None:
            asked["acr_values"] = self.registration.mfa_context
        return asked

    def principal(self, claims: SignedClaims) -> Principal:
        """Who signed in. Raises `SignInRefused`, and `DirectoryUnreachable` where groups must be asked for."""
        subject = self.subject(claims)
        return Principal(
            issuer=self.registration.issuer,
            subject=subject,
            name=self._name(claims) or subject,
            groups=self.groups(claims, subject),
            authenticated_at=claims.instant("auth_time"),
            methods=self._methods(claims),
        )

    def subject(self, claims: SignedClaims) -> str:
        """Who it is, for ever. Raises `SignInRefused`."""
        subject = claims.text("sub")
        if subject is None:
            raise SignInRefused("The token does not say whom it is about (sub).")
        return subject

    def groups(self, claims: SignedClaims, subject: str) -> frozenset[str]:
        """The groups that the token lists. Raises `SignInRefused` where it says that they stand elsewhere."""
        del subject
        if self.are_elsewhere(claims):
            raise SignInRefused("You are in more groups than the directory writes into a token.", hint=TOO_MANY)
        return self.listed(claims)

    def listed(self, claims: SignedClaims) -> frozenset[str]:
        """What stands in the claims that the configuration names."""
        return frozenset().union(*(claims.texts(name) for name in self.registration.groups_claims))

    def are_elsewhere(self, claims: SignedClaims) -> bool:
        """Whether one of those claims is only pointed at (OpenID Connect Core 1.0, section 5.6.2)."""
        elsewhere = claims.values.get("_claim_names", {})
        if not isinstance(elsewhere, dict):
            return True
        return any(name in elsewhere for name in self.registration.groups_claims)

    def _methods(self, claims: SignedClaims) -> frozenset[str]:
        """By what means they signed in: the provider's words, and `mfa` where one of them counts as that."""
        context = claims.words("acr") | claims.words("acrs")
        means = claims.words("amr") | context
        return means | {MFA} if self.registration.mfa_context in context else means

    def _name(self, claims: SignedClaims) -> str:
        """A name to show; nothing rests on it."""
        name = claims.text("name") or claims.text("preferred_username") or ""
        shown = "".join(sign for sign in " ".join(name.split()) if sign.isprintable())
        return shown[:LONGEST_NAME].strip()


TOO_MANY = (
    "An administrator names the groups that the directory writes, uses app roles, or lets keylease ask Graph."
)
