"""Every kind of guardrail, and the readings that find them; an account is read with all its services at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from keylease.aws.kinds import cost, federation, iam, organizations, settled, storage, trace
from keylease.aws.kinds.kind import Asked, Kind, Place, Reading
from keylease.domain.guardrail import Found

KINDS: Mapping[str, Kind] = {
    **iam.KINDS,
    **settled.KINDS,
    **federation.KINDS,
    **storage.KINDS,
    **trace.KINDS,
    **cost.KINDS,
    **organizations.KINDS,
}

READINGS: Mapping[str, tuple[Reading, ...]] = {
    "people": (iam.read,),
    "sets": (iam.read,),
    "broker": (iam.read,),
    "launch": (iam.read,),
    "settled": (settled.read_account,),
    "ec2": (settled.read_ec2,),
    "trace": (storage.read, trace.read_trails, trace.read_config, trace.read_analyzers),
    "cost": (cost.read,),
    "federation": (federation.read,),
    "organization": (organizations.read,),
}
"""What is read for each part of the baseline."""

PART_OF = {
    "password-policy": "settled",
    "account-alias": "settled",
    "ebs-encryption": "ec2",
    "imds-defaults": "ec2",
    "saml-provider": "federation",
    "oidc-provider": "federation",
    "scp": "organization",
    "policy-type": "organization",
    **dict.fromkeys(("bucket", *trace.KINDS), "trace"),
    **dict.fromkeys(cost.KINDS, "cost"),
}
"""The part whose reading shows a kind; IAM's kinds are shown with any part."""

AT_ONCE = 8


def read(at: Place, asked: Asked, parts: Iterable[str]) -> list[Found]:
    """All that is ours in these parts, and what is asked for by name. Raises what AWS may fail with.

    IAM is always read: who administers the account must be known before anything is changed.
    """
    readings = [iam.read, *(one for part in parts for one in READINGS[part])]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        found = list(pool.map(lambda reading: list(reading(at, asked)), dict.fromkeys(readings)))
    return [one for lists in found for one in lists]
