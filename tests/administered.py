"""An account in ministack as an administrator would set it up: the broker's whole policies on its two roles.

What ministack cannot enforce of these policies is not asked of it here: these tests read, and write as root.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aws.live import GROUP, USER, LiveCloud, cloud
from keylease import settings
from keylease.domain import iam
from keylease.domain.ahead import midnight
from keylease.domain.broker_policy import issuer_policy, remover_policy
from keylease.domain.clock import SystemClock
from keylease.domain.group_policy import group_policy
from keylease.domain.role_policy import session_role_policy, trust_policy
from keylease.sandbox.account import ROLE, gives
from keylease.sandbox.ministack import SECRET, Ministack
from keylease.settings import Settings

ISSUER, REMOVER = "keylease-issuer", "keylease-remover"
CONFIGURATION = """\
fences_ahead = {ahead}

[accounts.media]
id = "{id}"
endpoint_url = "{endpoint}"
issuer = {{ role_arn = "{issuer}" }}
remover = {{ role_arn = "{remover}" }}

[permission_sets.archive]
title = "The archive"
group = "{group}"

[grants.media]
groups = ["media"]
permission_sets = ["archive"]
accounts = ["media"]
max_ttl = "4w"
"""


@dataclass(frozen=True)
class Administered:
    """One account; `horizon` is that of its group, its session role and its issuer."""

    live: LiveCloud
    horizon: datetime
    home: Path

    @property
    def admin(self) -> Any:
        """IAM as the root user sees it."""
        return self.live.admin

    def configuration(self, *, ahead: bool = False) -> str:
        """The configuration file's text."""
        at = self.live.account
        return CONFIGURATION.format(
            ahead=str(ahead).lower(),
            id=at.id,
            endpoint=at.endpoint_url,
            issuer=at.issuer.role_arn,
            remover=at.remover.role_arn,
            group=GROUP,
        )

    def settings(self, *, ahead: bool = False) -> Settings:
        """The configuration, read."""
        return settings.parse(self.configuration(ahead=ahead), origin=self.home / "keylease.toml")

    def make_fence(self, fence: iam.Fence) -> str:
        """Make a fence as root, since ministack would not let the issuer; its ARN."""
        self.admin.create_policy(PolicyName=fence.name, Path=iam.FENCE_PATH, PolicyDocument=fence.document)
        return self.live.account.fence_arn(fence.name)

    def make_user(self) -> iam.Fence:
        """Make the user `USER` as a lease does, behind a fence, in the group."""
        fence = iam.fence(SystemClock().now() + timedelta(hours=12))
        boundary = self.make_fence(fence)
        self.admin.create_user(UserName=USER, Path=iam.USER_PATH, PermissionsBoundary=boundary)
        self.admin.add_user_to_group(UserName=USER, GroupName=GROUP)
        return fence

    def put_role_policy(self, role: str, document: Mapping[str, Any]) -> None:
        """Replace a broker role's policy."""
        self.admin.put_role_policy(RoleName=role, PolicyName="keylease", PolicyDocument=json.dumps(document))

    def keylease(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command as an administrator does whose shell holds root's credentials."""
        (self.home / "keylease.toml").touch()
        own = {"PATH": os.environ["PATH"], "HOME": str(self.home), "AWS_EC2_METADATA_DISABLED": "true"}
        credentials = {"AWS_ACCESS_KEY_ID": self.live.account.id, "AWS_SECRET_ACCESS_KEY": SECRET}
        return subprocess.run(
            [sys.executable, "-m", "keylease", *words],
            env=own | credentials | environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def group_policy(self) -> str:
        """The ARN of the policy that the sandbox has attached to its group."""
        return f"arn:aws:iam::{self.live.account.id}:policy{iam.GROUP_PATH}{GROUP}"

    @property
    def ceiling(self) -> str:
        """The ARN of the ceiling of the sandbox's session role."""
        return f"arn:aws:iam::{self.live.account.id}:policy{iam.CEILING_PATH}{ROLE}"

    def write(self, policy_arn: str, document: Mapping[str, Any]) -> None:
        """Put a document into force as a managed policy's next version."""
        text = json.dumps(document)
        self.admin.create_policy_version(PolicyArn=policy_arn, PolicyDocument=text, SetAsDefault=True)

    def in_force(self, policy_arn: str) -> Any:
        """A managed policy's document as it is in force."""
        version = self.admin.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
        found = self.admin.get_policy_version(PolicyArn=policy_arn, VersionId=version)
        return found["PolicyVersion"]["Document"]

    def as_issuer(self) -> dict[str, str]:
        """The environment of a shell that holds the issuer's own session."""
        sts = self.live.root.sts()
        made = sts.assume_role(RoleArn=self.live.account.issuer.role_arn or "", RoleSessionName="thief")[
            "Credentials"
        ]
        return {
            "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
            "AWS_SESSION_TOKEN": made["SessionToken"],
        }


def administered(running: Ministack, home: Path, *, ahead: bool = False) -> Administered:
    """A new account, and a configuration file for it in `home`."""
    horizon = midnight(SystemClock().now() + timedelta(weeks=26))
    made = Administered(live=cloud(running), horizon=horizon, home=home)
    at = made.live.account.id
    made.put_role_policy(ISSUER, issuer_policy(horizon=horizon, account=at, fences_ahead=ahead))
    made.put_role_policy(REMOVER, remover_policy(account=at))
    given = gives(made.live.bucket)
    made.write(made.group_policy, group_policy(given, horizon=horizon))
    made.write(made.ceiling, session_role_policy(given, horizon=horizon))
    trust = json.dumps(trust_policy(made.live.account.issuer.role_arn or ""))
    made.admin.update_assume_role_policy(RoleName=ROLE, PolicyDocument=trust)
    (home / "keylease.toml").write_text(made.configuration(ahead=ahead))
    return made


def edit(made: Administered, fence: iam.Fence) -> None:
    """Do to a fence what a thief with an administrator's rights would."""
    document = json.dumps(iam.policy([{"Effect": "Allow", "Action": "*", "Resource": "*"}]))
    arn = made.live.account.fence_arn(fence.name)
    made.admin.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
