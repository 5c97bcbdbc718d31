"""Roles that whoever has a token of a public provider can assume: any repository on GitHub, for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Snapshot, seen
from keylease.domain.statement import Statement, as_list, conditions, statements

PUBLIC = (
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "agent.buildkite.com",
    "app.terraform.io",
    "accounts.google.com",
)
"""Providers that give a token to anybody who has an account there."""


def find(at: Snapshot) -> Iterator[Found]:
    """A trust in a public provider that asks for no subject, or for any."""
    for role in seen(at.iam).roles:
        for one in statements(role.trust):
            provider = _public(one)
            if provider and not _asks_for_subject(one):
                sentence = f"Anybody with an account at {provider} can assume the role {role.name}."
                yield Found(kind="role", subject=role.name, arn=role.arn, about=provider, sentence=sentence)


def _public(statement: Statement) -> str | None:
    named = statement.get("Principal")
    federated = as_list(named.get("Federated")) if isinstance(named, Mapping) else []
    if statement.get("Effect") != "Allow":
        return None
    return next((host for host in PUBLIC for one in federated if str(one).endswith(f"oidc-provider/{host}")), None)


def _asks_for_subject(statement: Statement) -> bool:
    return any(
        key.endswith((":sub", ":repository", ":repository_owner", ":project_path"))
        and values
        and not any(value.strip("*:") in {"", "repo", "project_path", "organization"} for value in values)
        for _, key, values in conditions(statement)
    )


CHECK = Check(
    id="trust-web-identity",
    title="A role trusts a public identity provider without asking who",
    severity=Severity.CRITICAL,
    why="The provider vouches for every one of its users; the role must say which of them it means.",
    mend="Ask for the subject in the trust policy: `token.actions.githubusercontent.com:sub` like "
    "`repo:COMPANY/REPOSITORY:*`.",
    parts=("iam",),
    find=find,
)
