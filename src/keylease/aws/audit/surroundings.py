"""What watches and bounds an account: trails and their buckets, Config, the organization, budgets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from keylease.audit.snapshot import Bucket, Document, Fact, Organization, Trail, Unseen
from keylease.aws.audit.reader import Reader, learn

KIND = "SERVICE_CONTROL_POLICY"
NOT_IN_ONE = "AWSOrganizationsNotInUseException"
ORGANIZATIONS = BUDGETS = "us-east-1"
"""Where these global services answer."""


def trails(reader: Reader) -> tuple[Trail, ...]:
    """The trails that can be seen from the home region: those of all regions, and those of this one."""
    listed = reader.one("cloudtrail", "describe_trails", includeShadowTrails=True)["trailList"]
    return tuple(_trail(reader, one) for one in listed)


def _trail(reader: Reader, found: Mapping[str, Any]) -> Trail:
    home, arn = found.get("HomeRegion") or reader.home, found["TrailARN"]
    status = reader.one("cloudtrail", "get_trail_status", region=home, Name=arn)
    selectors = reader.one("cloudtrail", "get_event_selectors", region=home, TrailName=arn)
    bucket = found["S3BucketName"]
    return Trail(
        name=found["Name"],
        arn=arn,
        home=home,
        logging=bool(status.get("IsLogging")),
        all_regions=bool(found.get("IsMultiRegionTrail")),
        management_events=_writes_management(selectors),
        validated=bool(found.get("LogFileValidationEnabled")),
        of_organization=bool(found.get("IsOrganizationTrail")),
        bucket=learn("s3", "GetBucketPolicyStatus", lambda: _bucket(reader, bucket)),
    )


def _writes_management(selectors: Mapping[str, Any]) -> bool:
    plain = selectors.get("EventSelectors") or []
    advanced = selectors.get("AdvancedEventSelectors") or []
    if not plain and not advanced:
        return True
    by_plain = any(one.get("IncludeManagementEvents") and one.get("ReadWriteType", "All") == "All" for one in plain)
    return by_plain or any(
        field.get("Field") == "eventCategory" and "Management" in field.get("Equals", [])
        for one in advanced
        for field in one.get("FieldSelectors", [])
    )


def _bucket(reader: Reader, name: str) -> Bucket:
    policy = reader.expecting("NoSuchBucketPolicy", "s3", "get_bucket_policy_status", Bucket=name)
    versions = reader.one("s3", "get_bucket_versioning", Bucket=name)
    lock = reader.expecting(
        "ObjectLockConfigurationNotFoundError", "s3", "get_object_lock_configuration", Bucket=name
    )
    return Bucket(
        name=name,
        public_by_policy=bool(policy and policy["PolicyStatus"].get("IsPublic")),
        public_blocked=learn("s3", "GetAccountPublicAccessBlock", lambda: _is_blocked(reader, name)),
        versioned=versions.get("Status") == "Enabled",
        locked=bool(lock and lock.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"),
    )


def _is_blocked(reader: Reader, name: str) -> bool:
    """Whether the bucket or the account keeps it from being public."""
    none = "NoSuchPublicAccessBlockConfiguration"
    if _blocks(reader.expecting(none, "s3", "get_public_access_block", Bucket=name)):
        return True
    account = reader.clients.account.id
    return _blocks(reader.expecting(none, "s3control", "get_public_access_block", AccountId=account))


def _blocks(answer: Mapping[str, Any] | None) -> bool:
    settings = (answer or {}).get("PublicAccessBlockConfiguration", {})
    return bool(settings) and all(settings.get(one) for one in ("BlockPublicPolicy", "RestrictPublicBuckets"))


def recorders(reader: Reader, region: str) -> tuple[bool, ...]:
    """For each Config recorder of a region whether it records."""
    answer = reader.one("config", "describe_configuration_recorder_status", region=region)
    return tuple(bool(one.get("recording")) for one in answer.get("ConfigurationRecordersStatus", []))


def organization(reader: Reader) -> Organization | None:
    """The organization, and what can be seen of it from here; None where the account is in none."""
    answer = reader.expecting(NOT_IN_ONE, "organizations", "describe_organization", region=ORGANIZATIONS)
    if answer is None:
        return None
    found = answer["Organization"]
    return Organization(
        id=found["Id"],
        management=found["MasterAccountId"],
        scps=learn("organizations", "ListPolicies", lambda: _scps(reader)),
        accounts=learn("organizations", "ListAccounts", lambda: _accounts(reader)),
        root_features=_root_features(reader, found["MasterAccountId"]),
    )


def _scps(reader: Reader) -> dict[str, Document]:
    """The documents of all service control policies but AWS's own, which allows everything."""
    listed = reader.every("organizations", "list_policies", "Policies", region=ORGANIZATIONS, Filter=KIND)
    return {
        one["Name"]: json.loads(
            reader.one("organizations", "describe_policy", region=ORGANIZATIONS, PolicyId=one["Id"])["Policy"][
                "Content"
            ]
        )
        for one in listed
        if not one.get("AwsManaged")
    }


def in_force(reader: Reader, account: str, scps: Mapping[str, Document]) -> tuple[Document, ...]:
    """Of these SCPs those on an account and on every unit above it; the management account alone can see that."""
    names: set[str] = set()
    target: str | None = account
    while target is not None:
        hung = reader.every(
            "organizations",
            "list_policies_for_target",
            "Policies",
            region=ORGANIZATIONS,
            TargetId=target,
            Filter=KIND,
        )
        names |= {one["Name"] for one in hung}
        target = _above(reader, target)
    return tuple(document for name, document in scps.items() if name in names)


def _above(reader: Reader, target: str) -> str | None:
    if target.startswith("r-"):
        return None
    above = reader.every("organizations", "list_parents", "Parents", region=ORGANIZATIONS, ChildId=target)
    return str(above[0]["Id"]) if above else None


def _accounts(reader: Reader) -> frozenset[str]:
    listed = reader.every("organizations", "list_accounts", "Accounts", region=ORGANIZATIONS)
    return frozenset(one["Id"] for one in listed)


def _root_features(reader: Reader, management: str) -> Fact[frozenset[str]]:
    if reader.clients.account.id != management:
        return Unseen(why="Only the management account can see how root credentials of members are managed.")
    return learn(
        "iam",
        "ListOrganizationsFeatures",
        lambda: frozenset(reader.one("iam", "list_organizations_features").get("EnabledFeatures", [])),
    )


def budgets(reader: Reader) -> int:
    """How many budgets there are, of the first hundred."""
    answer = reader.one("budgets", "describe_budgets", region=BUDGETS, AccountId=reader.clients.account.id)
    return len(answer.get("Budgets") or [])
