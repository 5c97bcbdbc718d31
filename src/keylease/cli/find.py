"""Which lease is meant: a whole id, or a beginning of one that fits a single lease.

`L-4k7m9q2x` may be written `4k7`, `L-4K7` or, read aloud and misheard, `4K7M9Q2X` with O for 0 and I or L for 1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from keylease.cli import remembered
from keylease.cli.context import Invocation
from keylease.errors import NoSuchLease

if TYPE_CHECKING:
    from keylease.client import Client, LeaseView

LeaseArgument = Annotated[
    str,
    typer.Argument(
        metavar="LEASE",
        help="The lease's id, or the beginning of it: L-4k7m9q2x, 4k7.",
        autocompletion=remembered.ids,
    ),
]
_WHOLE = re.compile(r"L-[0-9a-hjkmnp-tv-z]{8}")
_MISHEARD = str.maketrans("oil", "011")


def lease_id(invocation: Invocation, written: str) -> str:
    """The id that is meant. Raises `NoSuchLease` where none fits, or more than one."""
    text = written.strip().lower()
    wanted = "L-" + text.removeprefix("l-").translate(_MISHEARD)
    if _WHOLE.fullmatch(wanted):
        return wanted
    seen = _in_sight(invocation.client)
    invocation.remember(seen)
    found = sorted({one["id"] for one in seen if one["id"].startswith(wanted)})
    if len(found) == 1 and wanted != "L-":
        return found[0]
    if len(found) > 1:
        raise NoSuchLease(f"{written} fits {_listed(found)}.", hint="Write more of the id.")
    raise NoSuchLease(f"There is no lease {written}.")


def _in_sight(client: Client) -> list[LeaseView]:
    """Every lease that this person may see."""
    return client.leases("seen")


def _listed(ids: list[str]) -> str:
    shown = ids[:5]
    return ", ".join(shown) + (f" and {len(ids) - len(shown)} more" if len(ids) > len(shown) else "")
