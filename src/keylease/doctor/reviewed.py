"""Checks of what an administrator has reviewed: the groups that give, session roles and launch roles.

They must defend themselves, since nothing in IAM does it for them: domain/group_policy.py and domain/role_policy.py
say why. Facts in, rows out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from keylease.aws.inspector import Group, NamedPolicy, Role
from keylease.doctor.facts import AccountFacts
from keylease.doctor.row import Row, fix, ok, unknown
from keylease.domain import outlive, powers
from keylease.domain.access import PermissionSet
from keylease.domain.ahead import midnight
from keylease.domain.group_policy import (
    LEASED_USERS,
    as_leased,
    group_policy,
    weaknesses_of_group,
    weaknesses_of_policy,
)
from keylease.domain.iam import CEILING_PATH, GROUP_PATH, LAUNCH_PATH, SESSION_PATH, before
from keylease.domain.role_policy import (
    session_role_policy,
    trust_policy,
    weaknesses_of_launch_role,
    weaknesses_of_role,
)
from keylease.domain.until import write
from keylease.errors import KeyleaseError

USUAL_HORIZON = timedelta(weeks=26)
"""What is proposed where a date is missing."""
_DENIALS = (
    "Behind a fence of a thief's own its users could make others that never end. Attach a managed policy of these "
    "to the group; one is enough for all groups with the same horizon:"
)
_CEILING = (
    f"Its permissions boundary should be a policy under {CEILING_PATH} that allows what the role allows, with all "
    "of these; attach it to the role as well:"
)


def groups(at: AccountFacts, now: datetime) -> Iterator[Row]:
    """Each permission set's group is there, where the issuer may use it, gives something, and defends itself."""
    for one in at.sets:
        if one.group is None:
            continue
        group = at.groups[one.group]
        if isinstance(group, KeyleaseError):
            yield unknown("group", f"The group {one.group} of {one.name}", group)
        elif group is None:
            sentence = f"The group {one.group} of the permission set {one.name} is not there."
            yield fix("group", sentence, f"Create it under {GROUP_PATH}, or correct `group`.")
        else:
            share = any(other.share for other in at.sets if other.group == one.group)
            yield from _of_set(one, group, now, share=share)


def _of_set(one: PermissionSet, group: Group, now: datetime, *, share: bool) -> Iterator[Row]:
    met = [as_leased(policy.document) for policy in group.policies]
    found = [*_elsewhere(group), *_empty(one, group), *_overclaims(one, met), *_weak(group, now, share=share)]
    yield from found
    if not found:
        yield ok("group", f"The group {group.name} of {one.name} gives to leased users only, up to its horizon.")
    for sentence in outlive.tells((as_leased(policy.document) for policy in group.policies), share=one.share):
        yield ok("no-fence", f"{one.name}: {sentence}")


def other_groups(at: AccountFacts, now: datetime) -> Iterator[Row]:
    """So do the groups that no permission set names: a stolen issuer could use them."""
    if isinstance(at.other_groups, KeyleaseError):
        yield unknown("group", f"Other groups under {GROUP_PATH}", at.other_groups)
        return
    for group in at.other_groups:
        yield from _weak(group, now, share=False)


def _elsewhere(group: Group) -> Iterator[Row]:
    if not group.path.startswith(GROUP_PATH):
        yield fix(
            "group",
            f"The group {group.name} lies under {group.path}, so the issuer can put nobody into it.",
            f"`aws iam update-group --group-name {group.name} --new-path {GROUP_PATH}`",
        )


def _empty(one: PermissionSet, group: Group) -> Iterator[Row]:
    if not any(policy.gives for policy in group.policies):
        sentence = f"The group {group.name} allows nothing, so a lease of {one.name} is of no use."
        yield fix("group", sentence, "Give it a policy that allows what the permission set says.")


def _overclaims(one: PermissionSet, documents: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """The title and the sentence that people read promise no less than what the policies let them do."""
    for words in filter(None, (one.title, one.sentence)):
        if wrong := powers.overclaims(words, documents):
            remedy = "Say in the title what it can change, or take such actions out of the policy."
            yield fix("words", f"{one.name}: {wrong}", remedy)


def _weak(group: Group, now: datetime, *, share: bool) -> Iterator[Row]:
    yield from _conditions(group, now)
    written = [policy.document for policy in group.policies if not policy.is_aws_managed]
    for sentence in weaknesses_of_group(written, share=share):
        denies = group_policy((), horizon=group.horizon or midnight(now + USUAL_HORIZON), share=share)
        yield fix("group", f"The group {group.name}: {sentence}", _DENIALS, denies)


def _conditions(group: Group, now: datetime) -> Iterator[Row]:
    guard = {**before(midnight(now + USUAL_HORIZON)), "ArnLike": {"aws:PrincipalArn": LEASED_USERS}}
    for policy in group.policies:
        if policy.is_aws_managed:
            yield fix(
                "group",
                f"The group {group.name} has {policy.name}, which AWS manages: it holds for whoever is put into "
                "the group, without a horizon, and AWS may widen it.",
                "Attach a copy of it instead whose Allow statements have this condition:",
                {"Condition": guard},
            )
            continue
        for sentence in weaknesses_of_policy(policy.document):
            what = f"The group {group.name}, policy {policy.name}: {sentence}"
            yield fix("group", what, "Add this condition to the statement:", {"Condition": guard})


def roles(at: AccountFacts, now: datetime) -> Iterator[Row]:
    """Session roles are there and hold by themselves; launch roles can give nobody anything."""
    if isinstance(at.roles, KeyleaseError):
        yield unknown("role", f"Roles under {GROUP_PATH}", at.roles)
        return
    there = {role.name: role for role in at.roles if role.path == SESSION_PATH}
    for one in at.sets:
        if one.role is not None:
            yield from _role_of_set(one, there.get(one.role))
    for role in at.roles:
        if role.path.startswith(SESSION_PATH):
            yield from _session(at, role, now)
        elif role.path.startswith(LAUNCH_PATH):
            yield from _launch(role)


def _role_of_set(one: PermissionSet, role: Role | None) -> Iterator[Row]:
    if role is None:
        sentence = f"The role {one.role} of the permission set {one.name} is not there."
        yield fix("role", sentence, f"Create it under {SESSION_PATH}, or correct `role`.")
        return
    yield from _overclaims(one, _documents(role.policies))
    if one.session > role.longest:
        asked, longest = write(one.session), write(role.longest)
        yield fix(
            "role",
            f"The sessions of {one.name} are to last {asked}, and AWS gives none of {role.name} beyond {longest}.",
            f"Shorten `session`, or raise the role's MaxSessionDuration to {int(one.session.total_seconds())}.",
        )


def _session(at: AccountFacts, role: Role, now: datetime) -> Iterator[Row]:
    standing = at.issuer.standing
    if isinstance(standing, KeyleaseError):
        yield unknown("role", f"The session role {role.name}", standing)
        return
    share = any(one.share for one in at.sets if role.name == one.role)
    whole = session_role_policy((), horizon=midnight(now + USUAL_HORIZON), share=share)
    trust = trust_policy(standing.arn, external_id=at.session_external_id)
    weak = weaknesses_of_role(
        _documents(role.policies),
        role.trust,
        issuer_arn=standing.arn,
        ceiling=role.ceiling.document if role.ceiling else None,
        share=share,
        external_id=at.session_external_id,
    )
    for sentence in weak:
        trusts = "does not trust" in sentence
        yield fix(
            "role",
            f"Session role {role.name}: {sentence}",
            "Its trust policy should be:" if trusts else _CEILING,
            trust if trusts else whole,
        )
    if not weak:
        yield ok("role", f"The session role {role.name} trusts the issuer alone and holds by its ceiling.")


def _launch(role: Role) -> Iterator[Row]:
    weak = weaknesses_of_launch_role(_documents(role.policies))
    for sentence in weak:
        yield fix("role", f"{role.name}: {sentence}", f"Take that from it, or move it away from {LAUNCH_PATH}.")
    if not weak:
        yield ok("role", f"The launch role {role.name} holds no IAM, STS or PassRole.")


def _documents(policies: tuple[NamedPolicy, ...]) -> list[dict[str, object]]:
    return [dict(policy.document) for policy in policies]
