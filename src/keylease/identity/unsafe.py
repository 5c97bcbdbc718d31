"""The development sign-in: a person is whom they say they are, out of a list in the configuration.

It proves nothing. It is there for the sandbox, and for trying keylease on a machine that nobody else can reach;
without `sign_in.allow_unsafe_people` it knows nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

from keylease.domain.access import Principal
from keylease.errors import SignInNeeded


class UnsafePeople:
    """Takes a person's subject for proof."""

    def __init__(self, people: Iterable[Principal]) -> None:
        self._people = {person.subject: person for person in people}

    def principal(self, unverified_credential: str) -> Principal:
        """The principal of that subject. Raises `SignInNeeded`."""
        person = self._people.get(unverified_credential)
        if person is None:
            raise SignInNeeded("Nobody of that name may sign in here.")
        return person
