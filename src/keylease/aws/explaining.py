"""Whether AWS would allow one request, asked of AWS's own policy simulator, and which statements speak of it.

The simulator judges all that is attached to a user or role, its boundary and the organization's policies. It names
the policies that decided, mostly; the statements are looked up here in the identity's own documents: those of the
deciding effect whose actions and resources match. A resource's own policy is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keylease.aws import inspector
from keylease.aws.clients import Clients
from keylease.aws.failures import NoSuchEntity, ask
from keylease.aws.inspector import NamedPolicy
from keylease.domain import clock
from keylease.domain.statement import Statement, as_list, covers, statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked: who, what, on what, when, from where. `mfa` is None where the request says nothing of it."""

    principal_arn: str
    action: str
    resource: str
    at: datetime
    region: str
    mfa: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """One statement that speaks of a request, with the policy that holds it."""

    policy: str
    number: int
    statement: Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """`decision`: allowed, explicitDeny or implicitDeny, as AWS says. `missing`: context that AWS would need."""

    decision: str
    decided_by: tuple[str, ...]
    speaking: tuple[Speaking, ...]
    by_organization: bool | None
    by_boundary: bool | None
    missing: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """Whether AWS would allow it."""
        return self.decision == "allowed"


def arn_of(clients: Clients, entity: str, name: str) -> str:
    """The ARN of a user or role by its name."""
    get: Any = getattr(clients.iam(), f"get_{entity}")
    arn: str = ask(get, **{f"{entity.title()}Name": name})[entity.title()]["Arn"]
    return arn


def explain(clients: Clients, request: Request) -> Explained:
    """Ask AWS. Raises the failures of `errors.py` whose names begin with Aws."""
    answer: Any = ask(
        clients.iam().simulate_principal_policy,
        PolicySourceArn=request.principal_arn,
        ActionNames=[request.action],
        ResourceArns=[request.resource],
        ContextEntries=list(_context(request)),
    )
    found = answer["EvaluationResults"][0]
    effect = "Deny" if found["EvalDecision"] == "explicitDeny" else "Allow"
    documents = _documents(clients, request.principal_arn)
    return Explained(
        decision=found["EvalDecision"],
        decided_by=tuple(sorted({one["SourcePolicyId"] for one in found.get("MatchedStatements", [])})),
        speaking=tuple(speaking(documents, request, effect)),
        by_organization=found.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations"),
        by_boundary=found.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary"),
        missing=tuple(sorted(found.get("MissingContextValues", []))),
    )


def _context(request: Request) -> Iterator[Any]:
    known = {
        "aws:CurrentTime": (clock.to_text(request.at), "date"),
        "aws:PrincipalArn": (request.principal_arn, "string"),
        "aws:RequestedRegion": (request.region, "string"),
        **({} if request.mfa is None else {"aws:MultiFactorAuthPresent": (str(request.mfa).lower(), "boolean")}),
    }
    for key, (value, kind) in known.items():
        yield {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind}


def _documents(clients: Clients, arn: str) -> list[NamedPolicy]:
    """All policies of a user with its groups, or of a role, and the boundary of either."""
    entity, name = arn.split(":", 5)[5].split("/", maxsplit=1)[0], arn.rpartition("/")[2]
    found = list(inspector.standing(clients, arn).policies)
    get: Any = getattr(clients.iam(), f"get_{entity}")
    whole: Mapping[str, Any] = ask(get, **{f"{entity.title()}Name": name})[entity.title()]
    boundary = whole.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    if boundary:
        try:
            version = ask(clients.iam().get_policy, PolicyArn=boundary)["Policy"]["DefaultVersionId"]
            answer: Any = ask(clients.iam().get_policy_version, PolicyArn=boundary, VersionId=version)
        except NoSuchEntity:
            return found
        document = answer["PolicyVersion"]["Document"]
        name = f"{boundary.rpartition('/')[2]} (boundary)"
        found.append(NamedPolicy(name=name, arn=boundary, document=_parsed(document)))
    return found


def _parsed(document: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    return found


def speaking(policies: Sequence[NamedPolicy], request: Request, effect: str) -> Iterator[Speaking]:
    """The statements of this effect that match the action and the resource, whatever their conditions say."""
    for policy in policies:
        for number, statement in enumerate(statements(policy.document), start=1):
            if statement.get("Effect") == effect and _matches(statement, request):
                yield Speaking(policy=policy.name, number=number, statement=statement)


def _matches(statement: Statement, request: Request) -> bool:
    return _named(statement, "Action", request.action) and _named(statement, "Resource", request.resource)


def _named(statement: Statement, member: str, value: str) -> bool:
    if f"Not{member}" in statement:
        return not any(covers(str(one), value) for one in as_list(statement[f"Not{member}"]))
    return any(covers(str(one), value) for one in as_list(statement.get(member)))
