"""The bucket that trails and Config write to: versioned, locked, encrypted, closed, with a policy of its own.

What it should be is set property by property, the ones that close it first. A bucket with files in it is never
deleted here: who takes a guardrail back keeps the record of what was done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from keylease.aws.failures import AlreadyExists, NoSuchEntity, ask
from keylease.aws.kinds.kind import Asked, Kind, Place, differing, is_ours
from keylease.domain.guardrail import Found, Phase, Properties
from keylease.errors import AwsFailed


def read(at: Place, asked: Asked) -> Iterator[Found]:
    """Our buckets and those that are wanted, of those that this account owns."""
    s3 = at.service("s3")
    owned = ask(s3.list_buckets)["Buckets"]
    for name in sorted(one["Name"] for one in owned):
        ours = is_ours(name=name)
        if ours or f"bucket/{name}" in asked.keys:
            versions = ask(s3.list_object_versions, Bucket=name, MaxKeys=1)
            full = bool(versions.get("Versions") or versions.get("DeleteMarkers"))
            yield Found(
                kind="bucket",
                name=name,
                properties={one: get(s3, name) for one, (get, _) in _PARTS.items()},
                ours=ours,
                part="trace" if ours else "",
                phase=Phase.OBSERVE,
                holds="it holds files; empty and delete it by hand, if ever." if full else "",
            )


class Bucket:
    """A bucket."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it in the account's region, and set all that it should be."""
        region = at.clients.account.region
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        locked = after.get("lock") is not None
        with suppress(AlreadyExists):  # ours, that is; another account's is BucketAlreadyExists, a failure
            ask(at.service("s3").create_bucket, Bucket=name, ObjectLockEnabledForBucket=locked, **place)
        self.update(at, name, {}, after)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Set what differs, in the order of the table."""
        changed = set(differing(before, after))
        for one, (_, put) in _PARTS.items():
            if one in changed and after[one] is not None:
                put(at.service("s3"), name, after[one])
            elif one in changed and before.get(one) is not None and one in _DELETES:
                ask(getattr(at.service("s3"), _DELETES[one]), Bucket=name)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Delete it. Raises `InUse` where files are in it."""
        del before
        try:
            ask(at.service("s3").delete_bucket, Bucket=name)
        except NoSuchEntity:
            return


def _or_none(operation: Any, name: str, *path: str) -> Any:
    """What an answer holds at a path; None where AWS says that there is none, which it says in many ways."""
    try:
        found: Any = ask(operation, Bucket=name)
    except AwsFailed:
        return None
    for step in path:
        found = found.get(step)
        if found is None:
            return None
    return found


def _public(s3: Any, name: str) -> Any:
    return _or_none(s3.get_public_access_block, name, "PublicAccessBlockConfiguration")


def _put_public(s3: Any, name: str, value: Any) -> None:
    ask(s3.put_public_access_block, Bucket=name, PublicAccessBlockConfiguration=value)


def _ownership(s3: Any, name: str) -> Any:
    rules = _or_none(s3.get_bucket_ownership_controls, name, "OwnershipControls", "Rules")
    return rules[0]["ObjectOwnership"] if rules else None


def _put_ownership(s3: Any, name: str, value: Any) -> None:
    ask(s3.put_bucket_ownership_controls, Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": value}]})


def _encryption(s3: Any, name: str) -> Any:
    rules = _or_none(s3.get_bucket_encryption, name, "ServerSideEncryptionConfiguration", "Rules")
    return rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] if rules else None


def _put_encryption(s3: Any, name: str, value: Any) -> None:
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": value}}]
    ask(s3.put_bucket_encryption, Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})


def _versioning(s3: Any, name: str) -> Any:
    return _or_none(s3.get_bucket_versioning, name, "Status")


def _put_versioning(s3: Any, name: str, value: Any) -> None:
    ask(s3.put_bucket_versioning, Bucket=name, VersioningConfiguration={"Status": value})


def _lock(s3: Any, name: str) -> Any:
    return _or_none(s3.get_object_lock_configuration, name, "ObjectLockConfiguration", "Rule", "DefaultRetention")


def _put_lock(s3: Any, name: str, value: Any) -> None:
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": value}}
    ask(s3.put_object_lock_configuration, Bucket=name, ObjectLockConfiguration=lock)


def _lifecycle(s3: Any, name: str) -> Any:
    rules = _or_none(s3.get_bucket_lifecycle_configuration, name, "Rules")
    return rules and sorted(map(_for_all, rules), key=lambda rule: str(rule.get("ID")))


def _for_all(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule for every file, written in the one way of several that the baseline uses."""
    return {**rule, "Filter": rule.get("Filter") or {"Prefix": ""}}


def _put_lifecycle(s3: Any, name: str, value: Any) -> None:
    ask(s3.put_bucket_lifecycle_configuration, Bucket=name, LifecycleConfiguration={"Rules": value})


def _policy(s3: Any, name: str) -> Any:
    text = _or_none(s3.get_bucket_policy, name, "Policy")
    return json.loads(text) if text else None


def _put_policy(s3: Any, name: str, value: Any) -> None:
    ask(s3.put_bucket_policy, Bucket=name, Policy=json.dumps(value))


_PARTS: Mapping[str, tuple[Callable[[Any, str], Any], Callable[[Any, str, Any], None]]] = {
    "public": (_public, _put_public),
    "ownership": (_ownership, _put_ownership),
    "encryption": (_encryption, _put_encryption),
    "versioning": (_versioning, _put_versioning),
    "lock": (_lock, _put_lock),
    "lifecycle": (_lifecycle, _put_lifecycle),
    "policy": (_policy, _put_policy),
}
"""Each property of a bucket: how it is read and how it is set."""

_DELETES = {
    "public": "delete_public_access_block",
    "ownership": "delete_bucket_ownership_controls",
    "encryption": "delete_bucket_encryption",
    "lifecycle": "delete_bucket_lifecycle",
    "policy": "delete_bucket_policy",
}

KINDS: Mapping[str, Kind] = {"bucket": Bucket()}
