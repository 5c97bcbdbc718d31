"""What Microsoft Entra ID does otherwise.

- A tenant's issuer is `https://login.microsoftonline.com/<tenant>/v2.0`; a token must name the same tenant once
  more (`tid`), in format 2.0 (`ver`).
- Its `sub` is another one for each application; `oid` is the person's id in the directory, in every application and
  in Graph. So the subject is `oid`, together with the tenant in the issuer.
- Somebody in more than 200 groups gets none in the token, but a sign (`_claim_names`, `hasgroups`). Then Graph is
  asked; the address that the token names is never used.
- Version 2.0 tokens have no `amr`. A second factor is asked for, and seen, as an authentication context (`acrs`).
- `max_age` is not in Microsoft's documentation; `prompt=login` makes Entra ask anew, and `auth_time`, an optional
  claim, says whether it did.
- A sign-in on another device is one of a public client: without the secret.

From Microsoft's references of id token claims, optional claims, and the developer guide of authentication contexts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from keylease.errors import SignInRefused
from keylease.identity.claims import SignedClaims
from keylease.identity.provider import Provider, Registration

PUBLIC_CLOUD = "https://login.microsoftonline.com"
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""How Entra writes the id of a tenant, a person or a group."""


def issuer_of(tenant: str, *, authority: str = PUBLIC_CLOUD) -> str:
    """The issuer of a tenant's tokens; sovereign clouds have other authorities."""
    return f"{authority}/{tenant}/v2.0"


class Groups(Protocol):
    """Asks the directory for the groups of one person."""

    def of(self, subject: str) -> frozenset[str]:
        """All groups, also those by way of others. Raises `DirectoryUnreachable`."""
        ...


class Entra(Provider):
    """One tenant of Entra ID."""

    public_on_device = True

    def __init__(self, registration: Registration, *, tenant: str, graph: Groups | None = None) -> None:
        super().__init__(registration)
        self._tenant = tenant
        self._graph = graph

    def demands(self, *, max_age: timedelta | None, mfa: bool) -> Mapping[str, str]:
        """What is added to the address that a browser is sent to."""
        asked = {**super().demands(max_age=max_age, mfa=False)}
        if max_age is not None:
            asked["prompt"] = "login"
        if mfa and self.registration.mfa_context is not None:
            context = {"essential": True, "value": self.registration.mfa_context}
            asked["claims"] = json.dumps({"id_token": {"acrs": context}})
        return asked

    def subject(self, claims: SignedClaims) -> str:
        """The person's id in the directory. Raises `SignInRefused`."""
        if claims.text("tid") != self._tenant:
            raise SignInRefused("The token is from another tenant (tid).")
        if claims.text("ver") != "2.0":
            raise SignInRefused("The token is not in format 2.0 (ver).")
        subject = claims.text("oid")
        if subject is None or not ID.fullmatch(subject):
            raise SignInRefused(
                "The token does not say who you are in the directory (oid).",
                hint="It needs the scope `profile`: look at `sign_in.scopes`.",
            )
        return subject

    def groups(self, claims: SignedClaims, subject: str) -> frozenset[str]:
        """From the token, or from Graph where there are too many for a token."""
        if self._graph is None or not self.are_elsewhere(claims):
            return super().groups(claims, subject)
        roles = (claims.texts(name) for name in self.registration.groups_claims if name != "groups")
        return self._graph.of(subject).union(*roles)

    def are_elsewhere(self, claims: SignedClaims) -> bool:
        """Whether the groups were too many for the token, in any of the ways in which Entra says so."""
        if "groups" not in self.registration.groups_claims:
            return False
        signs = any(name == "hasgroups" or name.startswith("groups:") for name in claims.values)
        return signs or claims.text("groups") is not None or super().are_elsewhere(claims)
