"""A permission set of one's own: written for least privilege from actions and ARNs, and linted.

`policy_sentry` knows which actions act on which kinds of resource, so an action is allowed only on the ARNs that it
can act on; `parliament` says what is wrong or wide in a document. Both come with `pip install keylease[policies]`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keylease.domain import iam
from keylease.errors import BadGuardrail

_INSTALL = "It comes with `pip install 'keylease[policies]'`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a set is to give: actions on ARNs, and whole access levels on ARNs."""

    actions: Sequence[str] = ()
    on: Sequence[str] = ()
    read: Sequence[str] = ()
    write: Sequence[str] = ()
    list: Sequence[str] = ()


def written(asked: Asked) -> dict[str, Any]:
    """The policy document. Raises `BadGuardrail` for an action that none of the ARNs is for, or that is unknown."""
    found = [*_by_action(asked), *_by_level(asked)]
    if not found:
        raise BadGuardrail("Name at least one action, or an ARN to read, list or write.")
    return iam.policy(found)


def _by_action(asked: Asked) -> Iterator[dict[str, Any]]:
    for action in asked.actions:
        templates = [one for statement in _template(action) for one in _texts(statement["Resource"])]
        if not templates:
            raise BadGuardrail(f"policy_sentry knows no action {action}.")
        if "*" in templates:
            yield {"Effect": "Allow", "Action": [action], "Resource": "*"}
            continue
        arns = [arn for arn in asked.on if any(_is_for(arn, template) for template in templates)]
        if not arns:
            kinds = ", ".join(sorted(set(templates)))
            raise BadGuardrail(f"None of the ARNs is one that {action} acts on: {kinds}.")
        yield {"Effect": "Allow", "Action": [action], "Resource": arns}


def _template(action: str) -> list[dict[str, Any]]:
    from_template, template = _policy_sentry()
    try:
        found: list[dict[str, Any]] = from_template({**template("actions"), "actions": [action]})["Statement"]
    except (KeyError, ValueError):  # so it fails for what it does not know
        return []
    return found


def _by_level(asked: Asked) -> Iterator[dict[str, Any]]:
    levels = {"read": list(asked.read), "write": list(asked.write), "list": list(asked.list)}
    if any(levels.values()):
        from_template, template = _policy_sentry()
        for statement in from_template({**template("crud"), **levels})["Statement"]:
            yield {name: value for name, value in statement.items() if name != "Sid"}


def _policy_sentry() -> tuple[Any, Any]:
    try:
        from policy_sentry.command.write_policy import write_policy_with_template
        from policy_sentry.writing import template
    except ImportError:
        raise BadGuardrail("policy_sentry is not installed here.", hint=_INSTALL) from None
    makers = {"actions": template.get_actions_template_dict, "crud": template.get_crud_template_dict}
    return write_policy_with_template, lambda kind: makers[kind]()


def _is_for(arn: str, template: str) -> bool:
    from policy_sentry.util.arns import ARN

    try:
        return bool(ARN(arn).same_resource_type(template))
    except Exception:  # noqa: BLE001 - it raises plain ones for what is no ARN
        raise BadGuardrail(f"{arn} is no ARN.") from None


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value]


def findings(document: Mapping[str, Any]) -> tuple[str, ...]:
    """What parliament says of a document, a sentence each. Raises `BadGuardrail` where it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # it leaves its own data files open
            from parliament import analyze_policy_string
    except ImportError:
        raise BadGuardrail("parliament is not installed here.", hint=_INSTALL) from None
    found = analyze_policy_string(json.dumps(document)).findings
    return tuple(f"{one.issue.lower().replace('_', ' ')}: {one.detail or one.title}" for one in found)
