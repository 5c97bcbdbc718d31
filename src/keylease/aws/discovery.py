"""The accounts of an organization, as AWS Organizations lists them.

Asked from the management account or one that is delegated for it (`organizations:ListAccounts`). What is closed or
suspended is left out. Nothing is entered here: whether the two roles are there, doctor says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keylease.aws.clients import Clients
from keylease.aws.failures import ask
from keylease.aws.session import ATTEMPTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An account that can be used, by its number and the name that its owner gave it."""

    id: str
    name: str


def members(clients: Clients) -> list[Member]:
    """All accounts that can be used, every page of them, by their numbers. Raises what AWS may fail with."""
    organizations: Any = clients.service("organizations", attempts=ATTEMPTS)
    listed = ask(organizations.get_paginator("list_accounts").paginate().build_full_result)["Accounts"]
    usable = (one for one in listed if one.get("State", one.get("Status")) == "ACTIVE")
    return sorted((Member(id=one["Id"], name=one["Name"]) for one in usable), key=lambda one: one.id)
