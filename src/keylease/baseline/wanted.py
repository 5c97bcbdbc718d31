"""What a part of the baseline is told: the settings, the account, and the horizons that are in force there.

A document that is there already keeps its horizon: `keylease horizon move` moves it, and a second plan stays empty.
What is made anew gets the one that this run was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from keylease.aws.account import Account
from keylease.domain.iam import FENCE_LIMIT, canonical
from keylease.domain.role_policy import horizon_of_role
from keylease.domain.statement import Statement, statements
from keylease.errors import BadGuardrail
from keylease.settings import Settings

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All that the parts are made from. `present`: the documents of policies that are there, by name."""

    settings: Settings
    account: Account
    horizon: datetime
    home: Path
    present: Mapping[str, Document] = field(default_factory=dict)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that are looked at."""
        return self.settings.baseline.regions or (self.account.region,)

    def iam(self, resource: str) -> str:
        """An ARN of IAM in this account."""
        return f"arn:{self.account.partition}:iam::{self.account.id}:{resource}"

    def horizon_of(self, name: str, read: Callable[[Document], datetime | None] = horizon_of_role) -> datetime:
        """The horizon of the policy of that name where it has one, else that of this run."""
        there = self.present.get(name)
        known = read(there) if there else None
        return known or self.horizon

    def file(self, path: Path) -> str:
        """The text of a file beside the configuration. Raises `BadGuardrail`."""
        try:
            return (self.home / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as wrong:
            raise BadGuardrail(f"{path} cannot be read: {wrong}.") from None

    def statements(self, path: Path) -> Sequence[Statement]:
        """The statements of a policy document in a file. Raises `BadGuardrail`."""
        try:
            found = statements(json.loads(self.file(path)))
        except (ValueError, AttributeError) as wrong:
            raise BadGuardrail(f"{path} is no policy document: {wrong}.") from None
        if not found:
            raise BadGuardrail(f"{path} holds no statements.")
        return found


def fitting(document: Document, what: str) -> Document:
    """The document, where AWS takes one of its size as a managed policy. Raises `BadGuardrail`."""
    length = len(canonical(document))
    if length > FENCE_LIMIT:
        raise BadGuardrail(f"{what} has {length:,} characters, and AWS takes {FENCE_LIMIT:,}: let it give less.")
    return document
