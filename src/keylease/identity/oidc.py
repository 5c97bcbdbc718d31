"""Sign-in with any OpenID provider: authorization code with PKCE, and a code on another device.

Nothing that a browser brings is believed. `state` ties it to the browser that began, PKCE ties the code to us, the
nonce ties the token to this sign-in; `iss`, where the answer carries it, to the provider (RFC 9207). What was
demanded at the beginning (a maximum age, a second factor) is demanded of the token, since whoever sits at the
browser may take it out of the address.

The person's own browser talks to the provider, so all of the provider's rules hold; keylease reads no page.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta

from keylease.domain.access import MFA
from keylease.domain.clock import Clock
from keylease.errors import SignInRefused
from keylease.identity.claims import Expected, verify
from keylease.identity.discovery import Discovery, Metadata
from keylease.identity.fetch import Fetch
from keylease.identity.keys import Keys
from keylease.identity.memory import LASTS, Memory
from keylease.identity.oauth import Client, Tokens
from keylease.identity.provider import Provider
from keylease.identity.refusals import refusal
from keylease.ports import Begun, SignedIn


class Verifier:
    """Makes somebody who signed in of what the token endpoint gave."""

    def __init__(self, provider: Provider, keys: Keys, clock: Clock) -> None:
        self.provider = provider
        self._keys = keys
        self._clock = clock

    def signed_in(
        self, tokens: Tokens, metadata: Metadata, *, nonce: str | None, max_age: timedelta | None = None
    ) -> SignedIn:
        """Who signed in. Raises `SignInRefused` and `DirectoryUnreachable`."""
        if tokens.unverified_id_token is None:
            raise SignInRefused("The directory sent no id token.", hint="It needs the scope `openid`.")
        now, registration = self._clock.now(), self.provider.registration
        expected = Expected(
            issuer=registration.issuer,
            client_id=registration.client_id,
            algorithms=registration.algorithms,
            now=now,
            nonce=nonce,
            access_token=tokens.access_token.reveal() if tokens.access_token else None,
            max_age=max_age,
        )
        claims = verify(
            tokens.unverified_id_token,
            expected,
            lambda kid, alg: self._keys.find(metadata.jwks_uri, kid=kid, alg=alg),
        )
        principal = self.provider.principal(claims)
        proven_at = principal.authenticated_at or claims.instant("iat") or now
        return SignedIn(principal=principal, authenticated_at=proven_at, methods=principal.methods)


class Oidc:
    """Implements `ports.SignIn`."""

    def __init__(self, provider: Provider, fetch: Fetch, clock: Clock) -> None:
        registration = provider.registration
        self.provider = provider
        self.issuer = registration.issuer
        self.discovery = Discovery(registration.issuer, fetch, clock)
        self.keys = Keys(fetch, clock)
        self.client = Client(registration.client_id, registration.client_secret, fetch)
        self.verifier = Verifier(provider, self.keys, clock)
        self._clock = clock

    def count_keys(self) -> int:
        """How many of the provider's keys could verify a token here. Raises `DirectoryUnreachable`."""
        allowed = self.provider.registration.algorithms
        signers = self.keys.read(self.discovery.read().jwks_uri)
        return sum(any(one.verifies(alg) for alg in allowed) for one in signers)

    def begin(self, *, redirect_uri: str, max_age: timedelta | None = None, mfa: bool = False) -> Begun:
        """Begin a sign-in. Raises `DirectoryUnreachable`."""
        memory = Memory(redirect_uri=redirect_uri, begun_at=self._clock.now(), max_age=max_age, mfa=mfa)
        parameters = {
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.provider.registration.scopes),
            "state": memory.state,
            "nonce": memory.nonce,
            **self.provider.demands(max_age=max_age, mfa=mfa),
        }
        address = self.client.authorization_address(self.discovery.read(), parameters, memory.verifier)
        return Begun(address=address, memory=memory.to_text())

    def complete(self, *, memory: str, unverified_answer: Mapping[str, str], redirect_uri: str) -> SignedIn:
        """Verify what the browser brought back. Raises `SignInRefused` and `DirectoryUnreachable`."""
        begun = self._remembered(memory, redirect_uri)
        metadata = self.discovery.read()
        code = _code(unverified_answer, begun, metadata)
        tokens = self.client.ask(
            metadata,
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=begun.verifier,
        )
        signed_in = self.verifier.signed_in(tokens, metadata, nonce=begun.nonce, max_age=begun.max_age)
        if begun.mfa and MFA not in signed_in.methods:
            raise SignInRefused("The directory signed you in without a second factor.", hint=_NO_FACTOR)
        return signed_in

    def _remembered(self, memory: str, redirect_uri: str) -> Memory:
        begun = Memory.from_text(memory)
        if self._clock.now() - begun.begun_at > LASTS:
            raise SignInRefused(f"The sign-in took longer than {LASTS.seconds // 60} minutes.")
        if begun.redirect_uri != redirect_uri:
            raise SignInRefused("The sign-in came back to another address than it was begun for.")
        return begun


_NO_FACTOR = "An administrator says with `sign_in.mfa_context` what the directory is to be asked for."


def _code(unverified_answer: Mapping[str, str], begun: Memory, metadata: Metadata) -> str:
    """The code in an answer that belongs to this sign-in. The state counts before anything else is read."""
    state = unverified_answer.get("state", "")
    if not hmac.compare_digest(state.encode(), begun.state.encode()):
        raise SignInRefused("The answer belongs to another sign-in (state).")
    issuer = unverified_answer.get("iss")
    if issuer != metadata.issuer and (issuer is not None or metadata.names_itself):
        raise SignInRefused("The answer is another issuer's (iss).")
    if "error" in unverified_answer:
        raise refusal(unverified_answer["error"], unverified_answer.get("error_description", ""))
    if not unverified_answer.get("code"):
        raise SignInRefused("The answer has no code.")
    return unverified_answer["code"]
