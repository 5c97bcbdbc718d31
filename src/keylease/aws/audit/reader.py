"""Asking AWS for an audit: every page, patiently, and whatever is refused as a fact of its own.

Nothing here writes to AWS, and only operations that read can be asked. AWS that asks for fewer calls makes it wait
and go on. A permission that is missing is an `Unseen` with the action by its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from keylease.audit.snapshot import Fact, Unseen
from keylease.aws.clients import Clients
from keylease.aws.failures import ask
from keylease.domain.clock import Clock
from keylease.errors import AwsDenied, AwsFailed, AwsThrottled, KeyleaseError

T = TypeVar("T")

ATTEMPTS = 3
"""Of one call, by botocore, which slows down by itself."""
PATIENCE = 20
"""How often one call is taken up again after that, each time after a longer wait."""
READ_WITHIN = 120.0
"""Seconds that one answer may take: a page of a thousand users with their policies is written slowly."""
LONGEST_WAIT = 30.0
"""Seconds."""
READS = ("describe_", "get_", "list_", "generate_credential_report", "lookup_events")
_PREFIXES = {"stepfunctions": "states", "organizations": "organizations", "configservice": "config"}


class NoSuchThing(Exception):
    """AWS answered with a code that the caller expects."""


class Reader:
    """Reads one account."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self.clients = clients
        self.clock = clock

    @property
    def home(self) -> str:
        """The region that the credentials are set up for."""
        return self.clients.account.region

    def one(
        self, service: str, operation: str, *, region: str | None = None, **parameters: Any
    ) -> Mapping[str, Any]:
        """One answer. Raises the failures of `errors.py` that begin with Aws."""
        client = self._client(service, operation, region)
        answer: Mapping[str, Any] = self._patiently(lambda: ask(getattr(client, operation), **parameters))
        return answer

    def expecting(
        self, codes: str, service: str, operation: str, *, region: str | None = None, **parameters: Any
    ) -> Mapping[str, Any] | None:
        """One answer; None where AWS answers with one of these codes (a pattern)."""

        def call() -> Mapping[str, Any] | None:
            try:
                found: Mapping[str, Any] = getattr(client, operation)(**parameters)
            except ClientError as error:
                if re.fullmatch(codes, str(error.response.get("Error", {}).get("Code"))):
                    return None
                raise
            return found

        client = self._client(service, operation, region)
        return self._patiently(lambda: ask(call))

    def every(
        self, service: str, operation: str, member: str, *, region: str | None = None, **parameters: Any
    ) -> list[Any]:
        """All that a listing holds; a page that is refused for now is asked for again."""
        client = self._client(service, operation, region)
        if not client.can_paginate(operation):
            return list(self.one(service, operation, region=region, **parameters).get(member, []))
        pages = iter(client.get_paginator(operation).paginate(**parameters))
        found: list[Any] = []
        while (page := self._patiently(lambda: ask(next, pages, None))) is not None:
            found += page.get(member, [])
        return found

    def _client(self, service: str, operation: str, region: str | None) -> Any:
        if not operation.startswith(READS):
            raise AwsFailed(f"An audit does not call {operation}.")
        return self.clients.service(service, attempts=ATTEMPTS, region=region)

    def _patiently(self, call: Callable[[], T]) -> T:
        for turn in range(PATIENCE):
            try:
                return call()
            except AwsThrottled:
                self.clock.sleep(min(2.0**turn, LONGEST_WAIT))
        return call()


def learn(service: str, operation: str, question: Callable[[], T]) -> Fact[T]:
    """The answer to a question, or why there is none; what was refused is named by `service:Operation`."""
    try:
        return question()
    except AwsDenied as refused:
        named = re.search(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]+", refused.sentence)
        is_sure = named is not None and (service == "iam" or not named[0].startswith("iam:"))
        action = named[0] if named and is_sure else f"{service}:{operation}"
        hint = f"Give the credentials {action}, which AWS's own SecurityAudit policy has."
        return Unseen(why=f"AWS does not allow these credentials {action}.", hint=hint)
    except KeyleaseError as failure:
        return Unseen(why=failure.sentence, hint=failure.hint)
