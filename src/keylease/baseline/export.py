"""The guardrails as CloudFormation or Terraform, for those who keep them in a repository of their own.

Both are written as JSON, which both tools read: a template, and a `.tf.json` file. What a tool has no word for (an
account's password policy in CloudFormation, a switch of the organization in both) is returned with it, so that
nobody believes it to be there. Names inside are made from kind and name and stay the same for the same guardrails.

What AWS already holds is not adopted by the tools by themselves: import it there, or begin in an empty account.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from keylease.domain.guardrail import Resource

Made = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file for a tool, and the keys of what it cannot hold."""

    text: str
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All resources of an export, for those that refer to one another."""

    resources: tuple[Resource, ...]
    region: str

    def find(self, kind: str, name: str) -> Resource | None:
        """The resource of that kind and name."""
        return next((one for one in self.resources if one.kind == kind and one.name == name), None)

    def attached(self, owner: str, *, own: bool) -> list[Resource]:
        """What is attached to `group/NAME` or `role/NAME`: of our own policies, or of AWS's."""
        found = [one for one in self.resources if one.kind == "attachment" and one.name.startswith(f"{owner}/")]
        return [one for one in found if (self.find("policy", policy_of(one)) is not None) == own]

    def owners(self, policy: str, entity: str) -> list[str]:
        """Which groups or roles a policy of ours is attached to."""
        names = [one.name.split("/", 2) for one in self.resources if one.kind == "attachment"]
        return sorted(owner for kind, owner, name in names if kind == entity and name == policy)


def policy_of(attachment: Resource) -> str:
    """The name of the policy that is attached."""
    return attachment.name.split("/", 2)[2]


def title(kind: str, name: str) -> str:
    """What CloudFormation calls a resource inside: letters and digits."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", f"{kind}-{name}"))


def label(name: str) -> str:
    """What Terraform calls a resource inside."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name)


def exported(
    resources: Iterable[Resource],
    writers: Mapping[str, Callable[[Whole, Resource], Iterable[tuple[str, str, Made]]]],
    *,
    region: str,
    write: Callable[[list[tuple[str, str, Made]]], Made],
) -> Exported:
    """One file: `writers` make the parts of each kind, `write` makes a whole of them."""
    whole = Whole(resources=tuple(resources), region=region)
    parts: list[tuple[str, str, Made]] = []
    left = []
    for one in whole.resources:
        writer = writers.get(one.kind)
        made = [] if writer is None else list(writer(whole, one))
        parts += made
        if not made and one.kind != "attachment":
            left.append(one.key)
    text = json.dumps(write(parts), indent=2, sort_keys=False) + "\n"
    return Exported(text=text, left=tuple(left))
