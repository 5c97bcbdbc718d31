"""What only root can do today, and how without a key of root. Data, from `tasks.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True, kw_only=True)
class RootTask:
    """A task. `still`: whether only root can do it. `assume_root`: AWS's policy for a short session that can."""

    what: str
    how: str
    still: bool
    assume_root: str = ""


SESSIONS = {
    "audit": "IAMAuditRootUserCredentials",
    "delete-credentials": "IAMDeleteRootUserCredentials",
    "create-password": "IAMCreateRootUserPassword",
    "unlock-bucket": "S3UnlockBucketPolicy",
    "unlock-queue": "SQSUnlockQueuePolicy",
}
"""The five tasks of AssumeRoot, by our names (botocore, sts: AssumeRoot, TaskPolicyArn)."""


@cache
def tasks() -> tuple[RootTask, ...]:
    """All of them, those that are no longer root's at the end."""
    read = tomllib.loads(resources.files(__package__).joinpath("tasks.toml").read_text("utf-8"))
    listed = [(entry, True) for entry in read["task"]] + [(entry, False) for entry in read["no_longer"]]
    return tuple(RootTask(still=still, **entry) for entry, still in listed)
