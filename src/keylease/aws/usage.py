"""Which services somebody has really used, as IAM follows it: for 400 days back, some hours late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from keylease.aws.clients import Clients
from keylease.aws.failures import ask
from keylease.domain.clock import Clock
from keylease.errors import AwsFailed, AwsUnreachable

_PAUSE, _TRIES = 1.0, 60


def services_used(clients: Clients, arn: str, *, within: timedelta, clock: Clock) -> frozenset[str]:
    """The services that this user, group, role or policy has used within that time, by their names in policies."""
    job = ask(clients.iam().generate_service_last_accessed_details, Arn=arn)["JobId"]
    since = clock.now() - within
    found: set[str] = set()
    answer = _finished(clients, job, clock)
    while True:
        found |= {one["ServiceNamespace"] for one in answer["ServicesLastAccessed"] if _used(one, since)}
        if not answer.get("IsTruncated"):
            return frozenset(found)
        get = clients.iam().get_service_last_accessed_details
        answer = ask(get, JobId=job, Marker=answer["Marker"])


def _finished(clients: Clients, job: str, clock: Clock) -> Any:
    for _ in range(_TRIES):
        answer = ask(clients.iam().get_service_last_accessed_details, JobId=job)
        if answer["JobStatus"] == "COMPLETED":
            return answer
        if answer["JobStatus"] == "FAILED":
            raise AwsFailed("IAM could not say what was used.")
        clock.sleep(_PAUSE)
    raise AwsUnreachable("IAM took longer than a minute to say what was used.")


def _used(one: Mapping[str, Any], since: datetime) -> bool:
    last: datetime | None = one.get("LastAuthenticated")
    return last is not None and last >= since
