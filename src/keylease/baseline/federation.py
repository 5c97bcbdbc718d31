"""Guardrails for people who come from the company's directory: providers, and the roles that they take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keylease.baseline.wanted import Document, Wanted
from keylease.domain.federation_policy import oidc_trust, saml_trust
from keylease.domain.guardrail import PEOPLE_PATH, Resource
from keylease.domain.iam import policy

if TYPE_CHECKING:
    from keylease.baseline_settings import FederatedRole, Provider


def federation(wanted: Wanted) -> Iterator[Resource]:
    """Providers and their roles. Raises `BadGuardrail` for metadata that cannot be read."""
    for name, rules in wanted.settings.baseline.federation.items():
        guardrail = f"federation.{name}"
        yield _provider(wanted, name, rules, guardrail)
        for role, given in rules.roles.items():
            yield _role(wanted, role, given, _trust(wanted, name, rules, given), guardrail)
            for arn in given.managed:
                yield Resource(
                    kind="attachment",
                    name=f"role/{role}/{arn.rpartition('/')[2]}",
                    guardrail=guardrail,
                    reason="It is what the role gives.",
                    properties={"policy": arn},
                )


def _provider(wanted: Wanted, name: str, rules: Provider, guardrail: str) -> Resource:
    reason = "People come with the company's sign-in; no user is made for them here."
    if rules.saml_metadata is not None:
        properties: Document = {"metadata": wanted.file(rules.saml_metadata)}
        return Resource(kind="saml-provider", name=name, guardrail=guardrail, reason=reason, properties=properties)
    issuer = (rules.issuer or "").removeprefix("https://")
    properties = {"client_ids": sorted(rules.client_ids)}
    return Resource(kind="oidc-provider", name=issuer, guardrail=guardrail, reason=reason, properties=properties)


def _trust(wanted: Wanted, name: str, rules: Provider, given: FederatedRole) -> Document:
    if rules.issuer is None:
        return saml_trust(wanted.iam(f"saml-provider/{name}"), partition=wanted.account.partition)
    arn = wanted.iam(f"oidc-provider/{rules.issuer.removeprefix('https://')}")
    return oidc_trust(arn, client_ids=rules.client_ids, subjects=given.subjects)


def _role(wanted: Wanted, name: str, given: FederatedRole, trust: Document, guardrail: str) -> Resource:
    inline = {"keylease": policy(wanted.statements(given.policy))} if given.policy else {}
    return Resource(
        kind="role",
        name=name,
        guardrail=guardrail,
        reason="People who come from the directory take this role; it ends by itself after some hours.",
        properties={
            "path": PEOPLE_PATH,
            "trust": trust,
            "longest": given.hours * 3600,
            "boundary": None,
            "inline": inline,
            "tags": {"keylease:baseline": "federation"},
        },
    )
