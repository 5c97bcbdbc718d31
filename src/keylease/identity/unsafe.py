"""The development sign-in: a person is whom they say they are, out of a list in the configuration.

It proves nothing. It is there for the sandbox, and for trying keylease on a machine that nobody else can reach;
without `sign_in.allow_unsafe_people` it knows nobody. In a browser it goes the way of every sign-in, to a page of
our own in place of the directory's; a second factor is believed where one was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

from keylease.domain.access import MFA, Principal
from keylease.domain.clock import Clock
from keylease.domain.secret import random
from keylease.errors import SignInNeeded, SignInRefused
from keylease.ports import Begun, SignedIn

PAGE = "/sign-in/unsafe"
"""Where a browser chooses."""


class UnsafePeople:
    """Takes a person's subject for proof. Implements `ports.SignIn`."""

    def __init__(self, people: Iterable[Principal], clock: Clock) -> None:
        self.people = {person.subject: person for person in people}
        self.issuer = next((person.issuer for person in self.people.values()), "nobody")
        self._clock = clock

    def principal(self, unverified_credential: str) -> Principal:
        """The principal of that subject. Raises `SignInNeeded`."""
        return self._signed_in(unverified_credential, mfa=True).principal

    def begin(self, *, redirect_uri: str, max_age: timedelta | None = None, mfa: bool = False) -> Begun:  # noqa: ARG002 - it is always fresh, and our own page knows the way back
        """Begin a sign-in at our own page."""
        state = random().reveal()
        return Begun(
            address=f"{PAGE}?{urlencode({'state': state})}", memory=json.dumps({"state": state, "mfa": mfa})
        )

    def complete(self, *, memory: str, unverified_answer: Mapping[str, str], redirect_uri: str) -> SignedIn:  # noqa: ARG002 - there is no directory that sees it
        """Believe it. Raises `SignInRefused`."""
        begun = json.loads(memory)
        if unverified_answer.get("state") != begun["state"]:
            raise SignInRefused("The answer belongs to another sign-in.")
        try:
            return self._signed_in(unverified_answer.get("person", ""), mfa=begun["mfa"])
        except SignInNeeded as nobody:
            raise SignInRefused(nobody.sentence) from None

    def _signed_in(self, subject: str, *, mfa: bool) -> SignedIn:
        person = self.people.get(subject)
        if person is None:
            raise SignInNeeded("Nobody of that name may sign in here.")
        now, methods = self._clock.now(), frozenset({MFA} if mfa else ())
        known = replace(person, authenticated_at=now, methods=methods)
        return SignedIn(principal=known, authenticated_at=now, methods=methods)
