"""The root user in AWS: its calls, its keys (with its own credentials), the alarm, and root of member accounts.

Only here does keylease act as root, and only where an administrator hands over such credentials. Sessions of
`AssumeRoot` last fifteen minutes at most, hold one of AWS's five tasks, and are asked of a regional endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from keylease.audit.snapshot import Fact, Unseen
from keylease.aws.audit.reader import Reader, learn
from keylease.aws.clients import Clients
from keylease.aws.event_history import Event, events
from keylease.aws.failures import NoSuchEntity, ask
from keylease.aws.leftovers import delete
from keylease.errors import AwsFailed
from keylease.root.uses import Call, RootUse, gathered

SIDE_BY_SIDE = 8
LONGEST = 900
"""Seconds that a session of AssumeRoot may last (botocore, sts: AssumeRoot)."""
RULE = "keylease-root-used"
PATTERN = {
    "detail-type": ["AWS API Call via CloudTrail", "AWS Console Sign In via CloudTrail"],
    "detail": {"userIdentity": {"type": ["Root"]}},
}


def regions(reader: Reader) -> tuple[str, ...]:
    """The regions that are switched on."""
    return tuple(sorted(one["RegionName"] for one in reader.every("ec2", "describe_regions", "Regions")))


def uses(reader: Reader, in_regions: Iterable[str]) -> Fact[tuple[RootUse, ...]]:
    """What the root user was used for in the last ninety days. One region that is refused makes it unknown."""
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        facts = list(
            pool.map(lambda region: learn("cloudtrail", "LookupEvents", lambda: _calls(reader, region)), in_regions)
        )
    refused = next((fact for fact in facts if isinstance(fact, Unseen)), None)
    if refused is not None:
        return refused
    return gathered(call for fact in facts if not isinstance(fact, Unseen) for call in fact)


def _calls(reader: Reader, region: str) -> tuple[Call, ...]:
    return tuple(_call(event) for event in events(reader, region, "Username", "root") if event.kind == "Root")


def _call(event: Event) -> Call:
    return Call(
        action=event.action,
        service=event.source,
        at=event.at,
        region=event.region,
        address=event.address,
        agent=event.agent,
        key_id=event.key_id,
    )


def own_keys(root: Clients) -> list[tuple[str, bool]]:
    """The root user's own access keys, with its credentials: id, and whether it is active."""
    listed = ask(root.iam().list_access_keys)["AccessKeyMetadata"]
    return [(one["AccessKeyId"], one["Status"] == "Active") for one in listed]


def switch_own(root: Clients, key_id: str, *, active: bool) -> None:
    """Deactivate or activate a key of the root user's own."""
    ask(root.iam().update_access_key, AccessKeyId=key_id, Status="Active" if active else "Inactive")


def delete_own(root: Clients, key_id: str) -> None:
    """Delete a key of the root user's own."""
    delete(root.iam().delete_access_key, AccessKeyId=key_id)


def alarmed(reader: Reader, region: str) -> bool:
    """Whether an enabled rule with a target tells of every use of root."""
    for rule in reader.every("events", "list_rules", "Rules", region=region):
        if rule.get("State") != "ENABLED" or not _tells_of_root(rule.get("EventPattern", "{}")):
            continue
        if reader.every("events", "list_targets_by_rule", "Targets", region=region, Rule=rule["Name"]):
            return True
    return False


def _tells_of_root(pattern: str) -> bool:
    try:
        found = json.loads(pattern)
    except ValueError:
        return False
    who = found.get("detail", {}).get("userIdentity", {}) if isinstance(found, dict) else {}
    return set(found.get("detail", {})) == {"userIdentity"} and who.get("type") == ["Root"]


def set_alarm(clients: Clients, region: str, mail: str) -> str:
    """A topic that mails, and a rule that tells it of every use of root in a region. May be repeated.

    The receiver has to confirm the mail that AWS sends. The answer is the topic's ARN.
    """
    sns: Any = clients.service("sns", attempts=3, region=region)
    rules: Any = clients.service("events", attempts=3, region=region)
    topic = str(ask(sns.create_topic, Name=RULE)["TopicArn"])
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"StringEquals": {"aws:SourceAccount": clients.account.id}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    ask(sns.set_topic_attributes, TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    ask(sns.subscribe, TopicArn=topic, Protocol="email", Endpoint=mail)
    ask(rules.put_rule, Name=RULE, EventPattern=json.dumps(PATTERN), State="ENABLED")
    ask(rules.put_targets, Rule=RULE, Targets=[{"Id": "mail", "Arn": topic}])
    return topic


def short_session(clients: Clients, account: str, task: str) -> dict[str, str]:
    """Credentials of a member account's root for one of AWS's tasks, for fifteen minutes."""
    arn = f"arn:{clients.account.partition}:iam::aws:policy/root-task/{task}"
    given = ask(
        clients.sts().assume_root, TargetPrincipal=account, TaskPolicyArn={"arn": arn}, DurationSeconds=LONGEST
    )
    found = given["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
    }


def member_root(clients: Clients, account: str) -> Iterator[tuple[str, str]]:
    """What root credentials a member account has, as `kind`, `id`; looked at with a session that may only look."""
    iam = _as_root(clients, account, "IAMAuditRootUserCredentials")
    for one in ask(iam.list_access_keys)["AccessKeyMetadata"]:
        yield "access key", one["AccessKeyId"]
    for one in ask(iam.list_mfa_devices)["MFADevices"]:
        yield "second factor", one["SerialNumber"]
    for one in ask(iam.list_signing_certificates)["Certificates"]:
        yield "signing certificate", one["CertificateId"]
    try:
        ask(iam.get_login_profile)
    except NoSuchEntity:
        return
    yield "password", "login profile"


def remove_member_root(clients: Clients, account: str, found: Iterable[tuple[str, str]]) -> None:
    """Delete them, with a session that may only delete root credentials. May be repeated."""
    iam = _as_root(clients, account, "IAMDeleteRootUserCredentials")
    for kind, id_ in found:
        match kind:
            case "access key":
                delete(iam.delete_access_key, AccessKeyId=id_)
            case "second factor":
                delete(iam.deactivate_mfa_device, SerialNumber=id_)
            case "signing certificate":
                delete(iam.delete_signing_certificate, CertificateId=id_)
            case "password":
                delete(iam.delete_login_profile)
            case _:
                raise AwsFailed(f"There is no kind {kind} of root credentials.")


def _as_root(clients: Clients, account: str, task: str) -> Any:
    given = short_session(clients, account, task)
    return clients.with_session(given, "iam")


def manage_members(clients: Clients) -> None:
    """Let the organization manage the root credentials of its members, and have short root sessions in them."""
    ask(clients.iam().enable_organizations_root_credentials_management)
    ask(clients.iam().enable_organizations_root_sessions)
