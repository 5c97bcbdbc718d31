"""What a tool is to be connected to: a lease, as far as a tool's file needs to know it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from keylease.agent import profiles
from keylease.domain.lease import Kind
from keylease.domain.partition import partition
from keylease.errors import BadRequest

_PATH = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/(?!\.{1,2}(?:/|$))[\w.@ +=,-]+)*/?", re.ASCII)
"""A bucket, and perhaps a prefix of signs that need no escape in any tool's file."""
_FORMS = {
    "lease_id": re.compile(r"L-[0-9a-z]{8}"),
    "expires_at": re.compile(r"[0-9T:.+Z-]{20,35}"),
    "region": re.compile(r"[a-z0-9-]{1,64}"),
}
"""What may stand in a file as it is; a server that was taken over could say anything."""
_SUFFIXES = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A lease and the way to it. Texts that people wrote are shown on one line."""

    lease_id: str
    kind: str
    profile: str
    """The profile that AWS programs know it by on the person's machine."""
    title: str
    account: str
    account_id: str
    expires_at: str
    region: str
    path: str = ""
    """A bucket, and perhaps a prefix; empty for all buckets."""
    access_key_id: str | None = None
    context_url: str | None = None
    """The agent's address for Cyberduck; None where nobody knows it, as on the server."""

    def __post_init__(self) -> None:
        if self.path and not _PATH.fullmatch(self.path):
            raise BadRequest(f"{self.path} is no bucket, or has a prefix that not every tool takes.")
        if not profiles.is_fit(self.profile):
            raise BadRequest(f"{self.profile} does not do as the name of a profile.")
        for name, form in _FORMS.items():
            if not form.fullmatch(getattr(self, name)):
                raise BadRequest(f"The lease's {name} is not of a form that can be written down.")

    @property
    def is_session(self) -> bool:
        """Whether the lease gives sessions."""
        return self.kind == Kind.SESSION

    @property
    def words(self) -> str:
        """What it is, on one line."""
        words = f"{self.title} in {self.account}, lease {self.lease_id}, until {self.expires_at}"
        return "".join(sign if sign.isprintable() else "\ufffd" for sign in " ".join(words.split()))

    @classmethod
    def to_lease(
        cls, lease: Mapping[str, Any], *, profile: str, region: str, path: str = "", context_url: str | None = None
    ) -> Self:
        """The connection to a lease as the server shows it."""
        names = ("kind", "title", "account", "account_id", "expires_at", "access_key_id")
        return cls(
            lease_id=lease["id"],
            profile=profile,
            region=region,
            path=path,
            context_url=context_url,
            **{name: lease[name] for name in names},
        )


def s3_host(region: str, *, regional: bool = False) -> str:
    """S3's host for a region; that of all regions where a partition has one and none is asked for."""
    name = partition(region)
    if name == "aws" and not regional:
        return "s3.amazonaws.com"
    return f"s3.{region}.{_SUFFIXES.get(name, 'amazonaws.com')}"
