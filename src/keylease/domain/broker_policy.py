"""What the broker's two identities may do: the issuer makes, the remover takes away.

Assume that either is stolen.

- The issuer makes users only behind a boundary under the fences' path, puts them into groups under keylease's path,
  makes access keys for them, makes fences (not with *fences ahead*) and assumes session roles, no others. It can
  change no policy and no boundary, and from the horizon on nothing at all. What a thief gets ends at the horizon of
  the strongest group, since IAM cannot look into a fence that is made.
- The remover takes users, keys and fences away. It has no date, since what must go must go after any date. It never
  takes a boundary off: sessions of up to 36 hours would come alive again.
- The remover also writes the inline policies of session roles, so as to refuse the sessions of a lease that has
  ended, but only of roles that wear a ceiling (domain/role_policy.py): whatever it writes there, the role gives no
  more than its ceiling. Its worst is an outage, and that a session which was refused goes on to its own end.
- Where it watches instances that leases have started it may list all, and stop those that carry a lease's tag.
- Both deny what neither may ever do. That costs nothing while this policy is alone, and still holds if somebody
  attaches a wider one beside it. Creating is not on that list, so one identity could hold both policies; but then
  removal ends at the issuer's horizon. Keep two.
- `DeletePolicyVersion` is on fences only: AWS never deletes the version in force with it, and a fence that somebody
  edited cannot go while older versions hang on it. `DeleteVirtualMFADevice` knows no user, but AWS refuses it for a
  device that is still somebody's.

`wider_than` compares a policy that is there with one of these. Nothing here calls AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from keylease.domain.iam import (
    CEILING_PATH,
    FENCE_PATH,
    GROUP_PATH,
    SESSION_PATH,
    USER_PATH,
    deny,
    end_of_all,
    policy,
)
from keylease.domain.role_policy import OWN_TAGS, SOURCE_IDENTITY
from keylease.domain.statement import Statement, as_list, conditions, covers, statements

NEVER = (
    "iam:AddRoleToInstanceProfile",
    "iam:Attach*Policy",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:CreateRole",
    "iam:CreateServiceSpecificCredential",
    "iam:Delete*PermissionsBoundary",
    "iam:PassRole",
    "iam:Put*Policy",
    "iam:Put*PermissionsBoundary",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAccessKey",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateGroup",
    "iam:UpdateLoginProfile",
    "iam:UpdateUser",
)
"""What neither identity may ever do, whatever else is attached to it; but for the remover and session roles."""

_OF_ROLES = ["iam:DeleteRolePolicy", "iam:PutRolePolicy"]
_OF_OTHERS = ("iam:PutGroupPolicy", "iam:PutUserPolicy")

_READS = [
    "iam:GetAccountSummary",
    "iam:GetGroup",
    "iam:GetGroupPolicy",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:GetUser",
    "iam:ListAccessKeys",
    "iam:ListAttachedGroupPolicies",
    "iam:ListAttachedRolePolicies",
    "iam:ListGroupPolicies",
    "iam:ListGroupsForUser",
    "iam:ListPolicies",
    "iam:ListRolePolicies",
]
_TAKE_AWAY = [
    "iam:DeactivateMFADevice",
    "iam:DeleteAccessKey",
    "iam:DeleteLoginProfile",
    "iam:DeleteSSHPublicKey",
    "iam:DeleteServiceSpecificCredential",
    "iam:DeleteSigningCertificate",
    "iam:DeleteUser",
    "iam:DeleteUserPolicy",
    "iam:DetachUserPolicy",
]


def issuer_policy(
    *, horizon: datetime, partition: str = "aws", account: str = "*", fences_ahead: bool = False
) -> dict[str, Any]:
    """The issuer's whole policy; `account` is an account id or `*`. With `fences_ahead` it makes no fences."""
    iam = f"arn:{partition}:iam::{account}"
    users, fences = f"{iam}:user{USER_PATH}*", f"{iam}:policy{FENCE_PATH}*"
    fenced = {"ArnLike": {"iam:PermissionsBoundary": fences}, **OWN_TAGS}
    named = {"StringLike": {"sts:SourceIdentity": SOURCE_IDENTITY}}
    session_roles = f"{iam}:role{SESSION_PATH}*"
    return policy(
        [
            _allow("iam:CreateUser", users, fenced),
            _allow("iam:TagUser", users, OWN_TAGS),
            _allow("iam:AddUserToGroup", f"{iam}:group{GROUP_PATH}*"),
            _allow("iam:CreateAccessKey", users),
            *([] if fences_ahead else [_allow("iam:CreatePolicy", fences)]),
            _allow(["sts:AssumeRole", "sts:SetSourceIdentity"], session_roles, named),
            _allow("sts:TagSession", session_roles, OWN_TAGS),
            _allow(_READS, "*"),
            deny(NEVER),
            end_of_all(horizon),
        ]
    )


def remover_policy(
    *, partition: str = "aws", account: str = "*", watches: bool = False, stops: bool = False
) -> dict[str, Any]:
    """The remover's whole policy; `account` is an account id or `*`.

    `watches`: it lists the instances that leases have started. `stops`: it may stop them, never terminate them.
    """
    iam = f"arn:{partition}:iam::{account}"
    instances = f"arn:{partition}:ec2:*:{account}:instance/*"
    leased = {"StringLike": {"aws:ResourceTag/keylease:lease": "L-*"}}
    session_roles, ceilings = f"{iam}:role{SESSION_PATH}*", f"{iam}:policy{CEILING_PATH}*"
    return policy(
        [
            _allow("iam:RemoveUserFromGroup", f"{iam}:group{GROUP_PATH}*"),
            _allow(_TAKE_AWAY, f"{iam}:user{USER_PATH}*"),
            _allow("iam:DeleteVirtualMFADevice", f"{iam}:mfa/*"),
            _allow(["iam:DeletePolicy", "iam:DeletePolicyVersion"], f"{iam}:policy{FENCE_PATH}*"),
            _allow(_OF_ROLES, session_roles, {"ArnLike": {"iam:PermissionsBoundary": ceilings}}),
            *([_allow("ec2:DescribeInstances", "*")] if watches else []),
            *([_allow("ec2:StopInstances", instances, leased)] if stops else []),
            _allow(["iam:Get*", "iam:List*"], "*"),
            deny(sorted({*NEVER, *_OF_OTHERS} - {"iam:Put*Policy"})),
            {"Effect": "Deny", "Action": _OF_ROLES, "NotResource": session_roles},
            deny(_OF_ROLES, {"ArnNotLike": {"iam:PermissionsBoundary": ceilings}}),
        ]
    )


def _allow(actions: list[str] | str, resource: str, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return statement | ({"Condition": dict(condition)} if condition else {})


def wider_than(document: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """What a policy allows beyond `expected`, or does not deny that `expected` denies, one sentence each.

    Statement by statement: each action on each resource must be covered by one Allow of `expected` whose conditions
    are all there, with values that its own cover; further conditions do no harm. What only several statements
    together cover counts as wider. A denial must be there under the same conditions or fewer, for at least the same
    actions, sparing no more; so render `expected` for the horizon that the policy has
    (`role_policy.horizon_of_role` reads it).
    """
    allowed = [other for other in statements(expected) if other.get("Effect") == "Allow"]
    mine = statements(document)
    found = [words for own in mine if own.get("Effect") != "Deny" for words in _beyond(own, allowed)]
    denials = [own for own in mine if own.get("Effect") == "Deny"]
    wanted = [other for other in statements(expected) if other.get("Effect") == "Deny"]
    open_ = [other for other in wanted if not any(_denies_as_much(own, other) for own in denials)]
    return found + [f"It does not deny {_words(other)} as it should." for other in open_]


def _beyond(own: Statement, allowed: list[Statement]) -> list[str]:
    if "NotAction" in own or "NotResource" in own:
        return [f"It allows {_words(own)}."]
    pairs = [
        (action, resource) for action in as_list(own.get("Action")) for resource in as_list(own.get("Resource"))
    ]
    return [
        f"It allows {action} on {resource}{_without(own)}."
        for action, resource in pairs
        if not any(_is_within(own, other, str(action), str(resource)) for other in allowed)
    ]


def _is_within(own: Statement, other: Statement, action: str, resource: str) -> bool:
    actions = any(covers(str(pattern), action) for pattern in as_list(other.get("Action")))
    resources = any(covers(str(pattern), resource) for pattern in as_list(other.get("Resource")))
    return actions and resources and _conditions_hold(own, other)


def _conditions_hold(own: Statement, other: Statement) -> bool:
    """Whether each condition of `other` is there, with values within its own: what a `*` covers, it covers."""
    mine = {(operator, key): values for operator, key, values in conditions(own)}
    return all(
        values and all(any(covers(wide, value) for wide in wanted) for value in values)
        for operator, key, wanted in conditions(other)
        for values in [mine.get((operator, key), [])]
    )


def _denies_as_much(own: Statement, other: Statement) -> bool:
    wanted, mine = as_list(other.get("Action")), as_list(own.get("Action"))
    where = _all_covered(other.get("Resource", "*"), own.get("Resource", "*"))
    spared = _all_covered(own.get("NotResource"), other.get("NotResource"))
    return _all_covered(wanted, mine) and where and spared and _denies_when(own, other)


def _denies_when(own: Statement, other: Statement) -> bool:
    """Whether a denial holds whenever `other` does. What a negated condition spares, that must spare as well."""
    wanted = {(operator, key): values for operator, key, values in conditions(other)}
    return all(
        _all_covered(values, wanted.get((operator, key), ()))
        if "Not" in operator
        else set(values) == set(wanted.get((operator, key), ()))
        for operator, key, values in conditions(own)
    )


def _all_covered(values: object, patterns: object) -> bool:
    return all(any(covers(str(wide), str(one)) for wide in as_list(patterns)) for one in as_list(values))


def _words(statement: Statement) -> str:
    name = next(name for name in ("Action", "NotAction", "Effect") if name in statement)
    actions = as_list(statement[name])
    listed = ", ".join(str(action) for action in actions[:3]) + (" and more" if len(actions) > 3 else "")
    return f"all but {listed}" if name == "NotAction" else listed


def _without(own: Statement) -> str:
    return "" if own.get("Condition") else " without a condition"
