"""Users, groups, roles, policies and credentials, with the fewest calls.

The credential report (two calls and the wait for it) has every user's credentials but for the ids of access keys;
`GetAccountAuthorizationDetails` has all the rest, a thousand at a time. So a user more costs no call, unless the
ids are wanted: then one for each user that has an access key.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from keylease.audit.snapshot import (
    AccessKeyFacts,
    Bearer,
    Credentials,
    Document,
    Iam,
    PasswordPolicy,
    Policy,
    ReportedKey,
    ServiceCredential,
)
from keylease.aws import tags
from keylease.aws.audit.reader import Reader
from keylease.domain.clock import from_text, utc
from keylease.errors import AwsUnreachable, KeyleaseError

PAGE = 1000
REPORT_WITHIN = 120
"""Seconds that AWS may take to write a credential report."""
SIDE_BY_SIDE = 8


def summary(reader: Reader) -> Mapping[str, int]:
    """The account's own figures."""
    found: Mapping[str, int] = reader.one("iam", "get_account_summary")["SummaryMap"]
    return found


def report(reader: Reader) -> tuple[Credentials, ...]:
    """The credential report, as fresh as AWS gives one: at most four hours old."""
    for _ in range(REPORT_WITHIN):
        if reader.one("iam", "generate_credential_report")["State"] == "COMPLETE":
            content = reader.one("iam", "get_credential_report")["Content"]
            return tuple(_row(row) for row in csv.DictReader(io.StringIO(content.decode("utf-8"))))
        reader.clock.sleep(1)
    raise AwsUnreachable(f"AWS did not finish the credential report within {REPORT_WITHIN} seconds.")


def _row(row: Mapping[str, str]) -> Credentials:
    password = row.get("password_enabled", "")
    return Credentials(
        user=row["user"],
        arn=row["arn"],
        created=_instant(row.get("user_creation_time")),
        password=None if password in {"not_supported", "N/A", ""} else _is_true(password),
        password_used=_instant(row.get("password_last_used")),
        password_changed=_instant(row.get("password_last_changed")),
        mfa=_is_true(row.get("mfa_active")),
        keys=tuple(_key(row, slot) for slot in (1, 2) if f"access_key_{slot}_active" in row),
        certificates=sum(_is_true(row.get(f"cert_{slot}_active")) for slot in (1, 2)),
    )


def _key(row: Mapping[str, str], slot: int) -> ReportedKey:
    return ReportedKey(
        slot=slot,
        active=_is_true(row[f"access_key_{slot}_active"]),
        made=_instant(row.get(f"access_key_{slot}_last_rotated")),
        used=_instant(row.get(f"access_key_{slot}_last_used_date")),
        used_region=row.get(f"access_key_{slot}_last_used_region"),
        used_service=row.get(f"access_key_{slot}_last_used_service"),
    )


def _is_true(text: str | None) -> bool:
    return (text or "").lower() == "true"


def _instant(text: str | None) -> datetime | None:
    """An instant; None for `N/A`, `no_information`, `not_supported` and the like."""
    try:
        return from_text(text or "")
    except ValueError:
        return None


def iam(reader: Reader) -> Iam:
    """Everything that has policies, and the policies."""
    found: dict[str, list[Any]] = {
        "UserDetailList": [],
        "GroupDetailList": [],
        "RoleDetailList": [],
        "Policies": [],
    }
    only = ["User", "Group", "Role", "LocalManagedPolicy"]
    marker: dict[str, str] = {}
    while True:
        page = reader.one("iam", "get_account_authorization_details", Filter=only, MaxItems=PAGE, **marker)
        for kind in found:
            found[kind] += page.get(kind, [])
        if not page.get("IsTruncated"):
            break
        marker = {"Marker": page["Marker"]}
    users = tuple(_user(one) for one in found["UserDetailList"])
    groups = tuple(_bearer("group", one, "GroupName", "GroupPolicyList") for one in found["GroupDetailList"])
    roles = tuple(_role(one) for one in found["RoleDetailList"])
    own = {one["Arn"]: _policy(one) for one in found["Policies"]}
    lent = dict(_aws_managed(reader, sorted(_worn((*users, *groups, *roles)) - own.keys())))
    unread = tuple(arn for arn, policy in lent.items() if policy is None)
    known = {arn: policy for arn, policy in lent.items() if policy is not None}
    return Iam(users=users, groups=groups, roles=roles, policies=own | known, unread=unread)


def _user(found: Mapping[str, Any]) -> Bearer:
    return _bearer("user", found, "UserName", "UserPolicyList", groups=tuple(found.get("GroupList", ())))


def _role(found: Mapping[str, Any]) -> Bearer:
    trust = _document(found.get("AssumeRolePolicyDocument", {}))
    profiles = len(found.get("InstanceProfileList", ()))
    return _bearer("role", found, "RoleName", "RolePolicyList", trust=trust, profiles=profiles)


def _bearer(kind: str, found: Mapping[str, Any], name: str, inline: str, **more: Any) -> Bearer:
    return Bearer(
        kind=kind,
        name=found[name],
        arn=found["Arn"],
        path=found.get("Path", "/"),
        created=utc(found["CreateDate"]) if found.get("CreateDate") else None,
        inline=tuple(
            Policy(name=one["PolicyName"], arn=None, document=_document(one["PolicyDocument"]))
            for one in found.get(inline, ())
        ),
        attached=tuple(one["PolicyArn"] for one in found.get("AttachedManagedPolicies", ())),
        boundary=found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        tags={one["Key"]: tags.decode(one["Value"]) for one in found.get("Tags", ())},
        **more,
    )


def _policy(found: Mapping[str, Any]) -> Policy:
    documents = [one["Document"] for one in found.get("PolicyVersionList", ()) if one["IsDefaultVersion"]]
    return Policy(
        name=found["PolicyName"],
        arn=found["Arn"],
        document=_document(documents[0]) if documents else {},
        attached=found.get("AttachmentCount", 0),
    )


def _document(found: object) -> Document:
    """botocore parses what is URL-encoded; what an emulator sends otherwise is parsed here."""
    if isinstance(found, Mapping):
        return found
    try:
        parsed = json.loads(unquote(str(found)))
    except ValueError:
        return {}
    return parsed if isinstance(parsed, Mapping) else {}


def _worn(bearers: Iterable[Bearer]) -> set[str]:
    return {arn for one in bearers for arn in (*one.attached, *([one.boundary] if one.boundary else []))}


def _aws_managed(reader: Reader, arns: Iterable[str]) -> Iterator[tuple[str, Policy | None]]:
    """AWS's own policies that are in use, two calls each; `AdministratorAccess` says what it is by its name."""
    for arn in arns:
        if arn.endswith(":policy/AdministratorAccess"):
            continue
        try:
            version = reader.one("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
            answer = reader.one("iam", "get_policy_version", PolicyArn=arn, VersionId=version)
        except KeyleaseError:
            yield arn, None
        else:
            document = _document(answer["PolicyVersion"]["Document"])
            yield arn, Policy(name=arn.rpartition("/")[2], arn=arn, document=document)


def keys(reader: Reader, rows: Iterable[Credentials]) -> tuple[AccessKeyFacts, ...]:
    """The ids of access keys, of users that the report says have one."""
    users = [row.user for row in rows if not row.is_root and any(key.active or key.made for key in row.keys)]
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        listed = pool.map(
            lambda user: reader.every("iam", "list_access_keys", "AccessKeyMetadata", UserName=user), users
        )
        return tuple(
            AccessKeyFacts(
                id=one["AccessKeyId"],
                user=one["UserName"],
                active=one["Status"] == "Active",
                created=utc(one["CreateDate"]),
            )
            for of_user in listed
            for one in of_user
        )


def virtual_mfa(reader: Reader) -> frozenset[str]:
    """Whoever has a virtual device."""
    listed = reader.every(
        "iam",
        "list_virtual_mfa_devices",
        "VirtualMFADevices",
        AssignmentStatus="Assigned",
        PaginationConfig={"PageSize": PAGE},
    )
    return frozenset(one["User"]["Arn"] for one in listed if one.get("User", {}).get("Arn"))


def service_credentials(reader: Reader) -> tuple[ServiceCredential, ...]:
    """The service-specific credentials of all users: one call a page."""
    found: list[Mapping[str, Any]] = []
    marker: dict[str, str] = {}
    while True:
        page = reader.one("iam", "list_service_specific_credentials", AllUsers=True, **marker)
        found += page["ServiceSpecificCredentials"]
        if not page.get("IsTruncated"):
            break
        marker = {"Marker": page["Marker"]}
    return tuple(
        ServiceCredential(
            id=one["ServiceSpecificCredentialId"],
            user=one["UserName"],
            service=one["ServiceName"],
            active=one["Status"] == "Active",
            created=utc(one["CreateDate"]),
            expires=utc(one["ExpirationDate"]) if one.get("ExpirationDate") else None,
        )
        for one in found
    )


def password_policy(reader: Reader) -> PasswordPolicy:
    """The account's own, or AWS's default."""
    answer = reader.expecting("NoSuchEntity", "iam", "get_account_password_policy")
    if answer is None:
        return PasswordPolicy()
    policy = answer["PasswordPolicy"]
    return PasswordPolicy(
        length=policy.get("MinimumPasswordLength", 6), reuse=policy.get("PasswordReusePrevention", 0), is_set=True
    )
