"""What every kind of guardrail can do in AWS, and how ours is told from what is not.

A kind creates, updates and deletes one thing by its name and its properties, which are plain JSON. Each is safe to
repeat: what is there already or gone already is no failure. Readings are made by service, since one call shows
several kinds; a reading gives what is ours and what the baseline wants, whoever made it.

Ours is what lies under one of the baseline's own paths, carries the tag `keylease:baseline`, or, where AWS knows
neither paths nor tags, has a name that begins with `keylease-`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from keylease.aws.clients import Clients
from keylease.aws.session import ATTEMPTS
from keylease.domain.guardrail import OUR_PATHS, Found, Properties

TAG = "keylease:baseline"
PREFIX = "keylease-"


class Kind(Protocol):
    """One kind of thing. Each method raises the failures of `errors.py` whose names begin with Aws."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it with these properties."""

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Change what differs."""

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where guardrails are: an account, reached with an administrator's clients."""

    clients: Clients

    def service(self, name: str, region: str | None = None) -> Any:
        """A service's client; the account's own region where none is named."""
        return self.clients.service(name, attempts=ATTEMPTS, region=region)

    @property
    def iam(self) -> Any:
        """IAM's client."""
        return self.service("iam")

    def arn(self, service: str, resource: str, *, region: str = "") -> str:
        """An ARN of this account."""
        account = self.clients.account
        return f"arn:{account.partition}:{service}:{region}:{account.id}:{resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reading is asked for: the keys that the baseline wants or adopts, and the regions that it looks at."""

    keys: frozenset[str] = frozenset()
    regions: tuple[str, ...] = ()
    shared: dict[str, Any] = field(default_factory=dict)
    """What one reading leaves for whoever looks at the whole: the identities of the account."""

    def names(self, kind: str) -> list[str]:
        """The names of one kind among the keys, sorted."""
        return sorted(key.partition("/")[2] for key in self.keys if key.startswith(f"{kind}/"))


Reading = Callable[[Place, Asked], Iterable[Found]]


def is_ours(*, path: str = "", tags: Mapping[str, str] | None = None, name: str | None = None) -> bool:
    """Whether the baseline made it. Pass the name only where there is neither path nor tag."""
    return path in OUR_PATHS or TAG in (tags or {}) or (name or "").startswith(PREFIX)


def tag_list(tags: Mapping[str, str], *, upper: bool = True) -> list[dict[str, str]]:
    """Tags as most services take them."""
    key, value = ("Key", "Value") if upper else ("key", "value")
    return [{key: name, value: text} for name, text in sorted(tags.items())]


def differing(before: Properties, after: Properties) -> Iterator[str]:
    """The names of the properties that are to change."""
    return (name for name in after if before.get(name) != after[name])
