"""One AWS account and the two identities that keylease has in it, as the configuration names them."""

from __future__ import annotations

from dataclasses import dataclass, field

from keylease.domain import iam
from keylease.ports import AccessKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Where an identity's credentials come from. Nothing set: where AWS's SDK finds some by itself.

    With `role_arn` that role is assumed, with what the SDK finds or `profile` holds. `access_key` is for the
    sandbox; no configuration names one.
    """

    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    access_key: AccessKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account. `region` signs the calls; `endpoint_url` only where AWS is not AWS."""

    id: str
    partition: str = "aws"
    region: str = "us-east-1"
    endpoint_url: str | None = None
    issuer: Identity = field(default_factory=Identity)
    remover: Identity = field(default_factory=Identity)
    session_external_id: str | None = None
    """What session roles here want to hear from the issuer besides."""

    def fence_arn(self, name: str) -> str:
        """The ARN that a fence of this name has here."""
        return f"{self.fences}{name}"

    def session_role_arn(self, name: str) -> str:
        """The ARN that a session role of this name has here."""
        return f"arn:{self.partition}:iam::{self.id}:role{iam.SESSION_PATH}{name}"

    @property
    def fences(self) -> str:
        """What the ARN of every fence here begins with."""
        return f"arn:{self.partition}:iam::{self.id}:policy{iam.FENCE_PATH}"
