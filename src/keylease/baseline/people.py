"""Guardrails for people: administrators with MFA, MFA for everybody, break-glass, passwords, the alias."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keylease.baseline.wanted import Wanted, fitting
from keylease.domain import organization_policy, people_policy
from keylease.domain.guardrail import PEOPLE_PATH, Phase, Resource

ADMINISTRATORS = "keylease-administrators"
MFA = "keylease-mfa"
BREAK_GLASS = "keylease-break-glass"
BOUNDARY = "keylease-boundary"
_TAGS = {"keylease:baseline": "people"}


def people(wanted: Wanted) -> Iterator[Resource]:
    """Groups, roles and policies of people."""
    rules = wanted.settings.baseline.people
    if rules.administrators:
        yield from _administrators(wanted)
    if rules.break_glass:
        yield from _break_glass(wanted)
    if rules.boundary:
        document = people_policy.boundary_policy(organization_policy.for_boundary(_organization(wanted)))
        yield _policy(
            wanted, "people.boundary", BOUNDARY, "A boundary to give to roles and users of this account.", document
        )
    if rules.mfa != "off":
        yield from _mfa(wanted)


def _administrators(wanted: Wanted) -> Iterator[Resource]:
    name = "people.administrators"
    yield _policy(
        wanted,
        name,
        ADMINISTRATORS,
        "Administrators may do everything, billing included, once they have signed in with MFA.",
        people_policy.administrator_policy(),
    )
    reason = "Administrators are people in a group, so that nobody needs the root user."
    yield _group(ADMINISTRATORS, name, reason)
    yield attachment(wanted, f"group/{ADMINISTRATORS}", ADMINISTRATORS, guardrail=name, reason=reason)


def _break_glass(wanted: Wanted) -> Iterator[Resource]:
    rules, name = wanted.settings.baseline.people, "people.break_glass"
    reason = "One role stays for the day when nothing else works: every denial spares it, and each use stands out."
    properties = {
        "path": PEOPLE_PATH,
        "trust": people_policy.break_glass_trust(rules.break_glass),
        "longest": 3600,
        "boundary": None,
        "inline": {"everything": people_policy.everything()},
        "tags": _TAGS,
    }
    yield Resource(kind="role", name=BREAK_GLASS, guardrail=name, reason=reason, properties=properties)


def _mfa(wanted: Wanted) -> Iterator[Resource]:
    rules, name = wanted.settings.baseline.people, "people.mfa"
    assert rules.mfa != "off"  # noqa: S101 - for the type checker; the caller asks first
    spared = "An access key, which never carries MFA, goes on." if rules.mfa == "spares-keys" else ""
    reason = f"Without MFA one may set up MFA and nothing else. {spared}".strip()
    document = people_policy.mfa_policy(form=rules.mfa, partition=wanted.account.partition)
    yield _policy(wanted, name, MFA, reason, document)
    own = (ADMINISTRATORS,) if rules.administrators else ()
    for group in (*own, *rules.mfa_groups):
        yield attachment(wanted, f"group/{group}", MFA, guardrail=name, reason=reason, phase=Phase.DENY)


def settled(wanted: Wanted) -> Iterator[Resource]:
    """What the account has once: the password policy, the alias."""
    rules = wanted.settings.baseline.people
    if rules.passwords.enabled:
        yield Resource(
            kind="password-policy",
            name="account",
            guardrail="people.passwords",
            reason="Passwords are long, and not one that was used before.",
            properties=_passwords(wanted),
            phase=Phase.SETTLE,
        )
    if rules.alias:
        yield Resource(
            kind="account-alias",
            name="account",
            guardrail="people.alias",
            reason="People sign in at an address with a name, not with twelve digits.",
            properties={"alias": rules.alias},
            phase=Phase.SETTLE,
        )


def _passwords(wanted: Wanted) -> dict[str, Any]:
    rules = wanted.settings.baseline.people.passwords
    optional = {"PasswordReusePrevention": rules.remembered, "MaxPasswordAge": rules.expires_days}
    return {
        "MinimumPasswordLength": rules.length,
        "RequireSymbols": False,
        "RequireNumbers": False,
        "RequireUppercaseCharacters": False,
        "RequireLowercaseCharacters": False,
        "AllowUsersToChangePassword": True,
        **{name: value for name, value in optional.items() if value},
    }


def ec2(wanted: Wanted) -> Iterator[Resource]:
    """EC2's defaults, region by region."""
    rules = wanted.settings.baseline.ec2
    for region in wanted.regions:
        if rules.imdsv2:
            yield Resource(
                kind="imds-defaults",
                name=region,
                guardrail="ec2.imdsv2",
                reason="An instance gives its role's credentials only to who asks by IMDSv2.",
                properties={"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
                phase=Phase.SETTLE,
            )
        if rules.encrypted_disks:
            yield Resource(
                kind="ebs-encryption",
                name=region,
                guardrail="ec2.encrypted_disks",
                reason="New disks are encrypted; those that are there stay as they are.",
                properties={},
                phase=Phase.SETTLE,
            )


def attachment(
    wanted: Wanted, owner: str, policy: str, *, guardrail: str, reason: str, phase: Phase = Phase.GIVE
) -> Resource:
    """One of the people's policies on a group or role."""
    return Resource(
        kind="attachment",
        name=f"{owner}/{policy}",
        guardrail=guardrail,
        reason=reason,
        properties={"policy": wanted.iam(f"policy{PEOPLE_PATH}{policy}")},
        phase=phase,
    )


def _policy(wanted: Wanted, guardrail: str, name: str, reason: str, document: dict[str, Any]) -> Resource:
    del wanted
    properties = {"path": PEOPLE_PATH, "document": fitting(document, f"The policy {name}")}
    return Resource(kind="policy", name=name, guardrail=guardrail, reason=reason, properties=properties)


def _group(name: str, guardrail: str, reason: str) -> Resource:
    return Resource(kind="group", name=name, guardrail=guardrail, reason=reason, properties={"path": PEOPLE_PATH})


def _organization(wanted: Wanted) -> organization_policy.Denials:
    from keylease.baseline.organization import denials

    return denials(wanted)
