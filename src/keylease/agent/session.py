"""A session of a lease, as this machine holds it: credentials, when they end, and when to ask for the next.

Instants that come from the server are by its clock, which is AWS's as far as a lease is concerned. `behind` is how
far this machine's clock is behind it (negative: ahead); what is decided here is decided by this machine's clock,
so it is taken into account once, in `valid_until`.

A session is renewed when less than `MARGIN` is left, since AWS's SDKs ask again from then on, and a session that is
short altogether when a third of it is left. The last session of a lease ends with the lease and is not renewed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from keylease.agent import fast
from keylease.domain.clock import from_text, to_text
from keylease.domain.secret import Secret

MARGIN = timedelta(minutes=15)
"""botocore tries for new credentials from here on, other SDKs later."""
TURNED_BACK = timedelta(seconds=fast.TURNED_BACK)
NOTICED = timedelta(minutes=2)
"""A clock that is off by this much is spoken of; AWS refuses requests from about five minutes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Credentials of a lease."""

    lease_id: str
    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    expiration: datetime
    """When AWS refuses them, by its clock: never after `ends_at`."""
    ends_at: datetime
    """When the lease ends."""
    account_id: str
    region: str
    fetched_at: datetime
    behind: timedelta = timedelta()

    @property
    def valid_until(self) -> datetime:
        """When they end by this machine's clock."""
        return self.expiration - self.behind

    def renew_from(self, ahead: timedelta = timedelta()) -> datetime:
        """From when on to ask for the next session, by this machine's clock; `ahead` of what programs need."""
        if self.expiration >= self.ends_at:
            return self.valid_until
        return self.valid_until - min(MARGIN + ahead, (self.valid_until - self.fetched_at) / 3)

    def lasts(self, now: datetime, ahead: timedelta = timedelta()) -> bool:
        """Whether it will do without renewal. One from the future was fetched before the clock was turned back."""
        return self.fetched_at - TURNED_BACK <= now < self.renew_from(ahead)

    def as_process(self) -> dict[str, Any]:
        """As `credential_process` hands it on (AWS SDKs reference, "Process credential provider")."""
        return {
            "Version": 1,
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key.reveal(),
            "SessionToken": self.session_token.reveal(),
            "Expiration": to_text(self.expiration),
            "AccountId": self.account_id,
        }

    def as_container(self) -> dict[str, str]:
        """As a container's endpoint hands it on: flat, texts alone, since Cyberduck reads nothing else."""
        return {
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key.reveal(),
            "Token": self.session_token.reveal(),
            "Expiration": to_text(self.expiration),
            "AccountId": self.account_id,
        }

    def as_environment(self) -> dict[str, str]:
        """As AWS programs find it in their environment."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key.reveal(),
            "AWS_SESSION_TOKEN": self.session_token.reveal(),
            "AWS_CREDENTIAL_EXPIRATION": to_text(self.expiration),
        }

    def to_lines(self) -> bytes:
        """As it is cached; fast.py says what stands on the first two lines."""
        first = " ".join(str(int(at.timestamp())) for at in (self.fetched_at, self.valid_until, self.renew_from()))
        more = {
            "lease_id": self.lease_id,
            "ends_at": to_text(self.ends_at),
            "region": self.region,
            "fetched_at": to_text(self.fetched_at),
            "behind": int(self.behind.total_seconds()),
        }
        return "\n".join([first, json.dumps(self.as_process()), json.dumps(more), ""]).encode()

    @classmethod
    def from_lines(cls, content: bytes) -> Self | None:
        """The reverse of `to_lines`; None for what is not such a file."""
        lines = content.split(b"\n")
        try:
            return cls._of(json.loads(lines[1]), json.loads(lines[2]))
        except (ValueError, KeyError, IndexError, TypeError):
            return None

    @classmethod
    def _of(cls, process: Mapping[str, Any], more: Mapping[str, Any]) -> Self:
        return cls(
            lease_id=more["lease_id"],
            access_key_id=process["AccessKeyId"],
            secret_access_key=Secret(process["SecretAccessKey"]),
            session_token=Secret(process["SessionToken"]),
            expiration=from_text(process["Expiration"]),
            ends_at=from_text(more["ends_at"]),
            account_id=process["AccountId"],
            region=more["region"],
            fetched_at=from_text(more["fetched_at"]),
            behind=timedelta(seconds=more["behind"]),
        )


def clock_warning(behind: timedelta) -> str:
    """What to say of this machine's clock; nothing where it is right."""
    if abs(behind) < NOTICED:
        return ""
    minutes = round(abs(behind).total_seconds() / 60)
    off = "behind" if behind > timedelta() else "ahead"
    return f"This machine's clock is {minutes} minutes {off}; AWS may refuse its requests until it is set."
