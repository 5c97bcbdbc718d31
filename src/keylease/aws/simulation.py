"""Which of the actions that an identity should have AWS would refuse it: asked of AWS's own policy simulator.

The simulator judges what is attached to the identity, its boundary and the organization's policies, on names that
need not exist. Each statement of the expected policy is asked as it stands: its actions, on a resource that it
names, in a request that meets its conditions. An action with a wildcard stands for those that keylease calls.

Asking needs `iam:SimulatePrincipalPolicy`, which the broker's own policies do not give: they keep to what the
broker needs. An administrator may lend it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keylease.aws.clients import Clients
from keylease.aws.failures import ask
from keylease.domain.statement import Statement, as_list, conditions, covers, statements
from keylease.errors import AwsDenied

READS = (
    "iam:GetAccountAuthorizationDetails",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetUser",
    "iam:ListAccessKeys",
    "iam:ListAttachedUserPolicies",
    "iam:ListGroupsForUser",
    "iam:ListMFADevices",
    "iam:ListPolicyVersions",
    "iam:ListSSHPublicKeys",
    "iam:ListServiceSpecificCredentials",
    "iam:ListSigningCertificates",
    "iam:ListUserPolicies",
)
"""What the remover reads."""

_ANY = "keylease-doctor"
"""Stands where a pattern leaves a name open."""


def missing(clients: Clients, principal_arn: str, expected: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The actions that `expected` allows and AWS would refuse; None where keylease may not ask.

    `principal_arn` is a role's or a user's own ARN, not that of a session; `expected` names the account by its id.
    """
    try:
        refused = [
            _refused(clients, principal_arn, own) for own in statements(expected) if own["Effect"] == "Allow"
        ]
    except AwsDenied:
        return None
    return tuple(sorted({action for actions in refused for action in actions}))


def _refused(clients: Clients, principal_arn: str, own: Statement) -> list[str]:
    pages = (
        clients.iam()
        .get_paginator("simulate_principal_policy")
        .paginate(
            PolicySourceArn=principal_arn,
            ActionNames=[action for pattern in as_list(own["Action"]) for action in _actions(pattern)],
            ResourceArns=[
                resource.replace("*", _ANY) if resource != "*" else "*" for resource in as_list(own["Resource"])
            ],
            ContextEntries=list(_context(own)),
        )
    )
    results = ask(pages.build_full_result)["EvaluationResults"]
    return [result["EvalActionName"] for result in results if result["EvalDecision"] != "allowed"]


def _actions(pattern: str) -> list[str]:
    return [action for action in READS if covers(pattern, action)] if "*" in pattern else [pattern]


def _context(own: Statement) -> Iterator[Any]:
    for operator, key, values in conditions(own):
        kind = "stringList" if operator.startswith("ForA") else "string"
        yield {
            "ContextKeyName": key,
            "ContextKeyValues": [value.replace("*", _ANY) for value in values],
            "ContextKeyType": kind,
        }
