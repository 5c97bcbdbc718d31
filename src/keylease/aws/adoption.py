"""Adopted users in AWS, with an administrator's credentials. Every call may be repeated.

The date is an inline policy of the user that denies everything from an instant on. Where the user's inline
policies leave no room it is a managed policy of its own, attached. Either way a permissions boundary that is
there stays as it is: a Deny in any policy is final, whatever a boundary allows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

from keylease.adopt.adoption import PREFIX, HeldKey, Holder
from keylease.adopt.candidates import Traces, Use
from keylease.audit.snapshot import AccessKeyFacts, Bearer, Credentials, Unseen
from keylease.aws import tags as tag_text
from keylease.aws.audit import identities
from keylease.aws.audit.reader import Reader, learn
from keylease.aws.event_history import events
from keylease.aws.failures import AlreadyExists, NoSuchEntity, ask
from keylease.aws.leftovers import delete, every
from keylease.domain import iam as names
from keylease.domain.clock import from_text
from keylease.domain.statement import conditions, statements
from keylease.errors import AwsQuota

POLICY = "keylease-end"
PATH = "/keylease-end/"
"""Of the managed policies that take the inline one's place."""
_STAMP = "%Y%m%dT%H%M%SZ"
SIDE_BY_SIDE = 8
GLOBAL = "us-east-1"
"""Where CloudTrail keeps IAM's own events."""
MOST_USES = 20
"""Calls of one key that are looked at."""


class AwsUsers:
    """The users of one account; a `Users`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._iam: Any = reader.clients.iam()

    def adopted(self) -> Sequence[Holder]:
        """All users that have a promise: one listing, and the access keys of each."""
        found = [user for user in identities.iam(self._reader).users if f"{PREFIX}ends" in user.tags]
        with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
            return tuple(pool.map(self._holder, found))

    def one(self, name: str) -> Holder | None:
        """One user; None where there is none."""
        try:
            found = ask(self._iam.get_user, UserName=name)["User"]
        except NoSuchEntity:
            return None
        return Holder(
            name=name,
            tags={tag["Key"]: tag_text.decode(tag["Value"]) for tag in found.get("Tags", [])},
            keys=tuple(self._keys(name)),
            fenced_until=self._date(name),
        )

    def tag(self, name: str, tags: Mapping[str, str], *, without: Sequence[str] = ()) -> None:
        """Set tags, and take others away."""
        if tags:
            written = [{"Key": key, "Value": tag_text.encode(text)} for key, text in tags.items()]
            ask(self._iam.tag_user, UserName=name, Tags=written)
        if without:
            ask(self._iam.untag_user, UserName=name, TagKeys=list(without))

    def fence(self, name: str, until: datetime) -> None:
        """Deny everything from an instant on. A date that is there already is put in its place, never beside it."""
        document = names.canonical(names.policy([names.end_of_all(until)]))
        try:
            ask(self._iam.put_user_policy, UserName=name, PolicyName=POLICY, PolicyDocument=document)
            others = self._attached(name)
        except AwsQuota:
            arn = self._managed(until, document)
            ask(self._iam.attach_user_policy, UserName=name, PolicyArn=arn)
            others = [one for one in self._attached(name) if one != arn]
            delete(self._iam.delete_user_policy, UserName=name, PolicyName=POLICY)
        for arn in others:
            delete(self._iam.detach_user_policy, UserName=name, PolicyArn=arn)

    def unfence(self, name: str) -> None:
        """Take our Deny away, whichever kind it is."""
        delete(self._iam.delete_user_policy, UserName=name, PolicyName=POLICY)
        for arn in self._attached(name):
            delete(self._iam.detach_user_policy, UserName=name, PolicyArn=arn)

    def switch(self, name: str, key_id: str, *, active: bool) -> None:
        """Activate or deactivate an access key. One that is gone stays gone."""
        status = "Active" if active else "Inactive"
        delete(self._iam.update_access_key, UserName=name, AccessKeyId=key_id, Status=status)

    def delete(self, name: str, key_id: str) -> None:
        """Delete an access key."""
        delete(self._iam.delete_access_key, UserName=name, AccessKeyId=key_id)

    def _holder(self, user: Bearer) -> Holder:
        dates = [_date_of(policy.document) for policy in user.inline if policy.name == POLICY]
        dates += [_date_in(arn) for arn in user.attached if f":policy{PATH}" in arn]
        keys = tuple(self._keys(user.name))
        return Holder(name=user.name, tags=user.tags, keys=keys, fenced_until=_only(dates))

    def _keys(self, name: str) -> Iterator[HeldKey]:
        for one in self._reader.every("iam", "list_access_keys", "AccessKeyMetadata", UserName=name):
            yield HeldKey(id=one["AccessKeyId"], active=one["Status"] == "Active")

    def _date(self, name: str) -> datetime | None:
        try:
            found = ask(self._iam.get_user_policy, UserName=name, PolicyName=POLICY)
        except NoSuchEntity:
            return _only([_date_in(arn) for arn in self._attached(name)])
        return _date_of(found["PolicyDocument"])

    def _attached(self, name: str) -> list[str]:
        listed = every(self._iam, "list_attached_user_policies", "AttachedPolicies", UserName=name)
        return [one["PolicyArn"] for one in listed if f":policy{PATH}" in one["PolicyArn"]]

    def _managed(self, until: datetime, document: str) -> str:
        name, at = f"{POLICY}-{until.strftime(_STAMP)}", self._reader.clients.account
        arn = f"arn:{at.partition}:iam::{at.id}:policy{PATH}{name}"
        try:
            ask(self._iam.create_policy, PolicyName=name, Path=PATH, PolicyDocument=document)
        except AlreadyExists:
            return arn
        return arn


def _date_of(document: object) -> datetime | None:
    """The date of our Deny; None where the document is not exactly one such statement."""
    parsed = json.loads(document) if isinstance(document, str) else document
    found = statements(parsed) if isinstance(parsed, Mapping) else []
    values = [value for one in found for _, _, values in conditions(one) for value in values]
    try:
        until = from_text(values[0]) if len(values) == 1 else None
    except ValueError:
        return None
    return until if until and [dict(one) for one in found] == [names.end_of_all(until)] else None


def _date_in(arn: str) -> datetime | None:
    try:
        return datetime.strptime(arn.rpartition(f"{POLICY}-")[2], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _only(dates: Sequence[datetime | None]) -> datetime | None:
    """The one date; None where there is none, or two that do not agree."""
    found = set(dates)
    return found.pop() if len(found) == 1 else None


def traces(
    reader: Reader, rows: Sequence[Credentials], keys: Sequence[AccessKeyFacts], owners: Mapping[str, str]
) -> tuple[Traces, tuple[str, ...]]:
    """What CloudTrail says of users and keys, and what it could not be asked for.

    Who made them is a look-up for all; how a key is used is one for each key that was used lately, in the region of
    its last use.
    """
    made = learn("cloudtrail", "LookupEvents", lambda: dict(_made_by(reader)))
    if isinstance(made, Unseen):
        return Traces(owners=owners), (made.why,)
    used = {row.user: [key for key in row.keys if key.active and key.used] for row in rows}
    uses: dict[str, Sequence[Use]] = {}
    for key in keys:
        regions = {
            str(one.used_region) for one in used.get(key.user, ()) if one.used_region not in {None, "N/A", ""}
        }
        found = learn("cloudtrail", "LookupEvents", partial(_uses, reader, key.id, regions))
        if not isinstance(found, Unseen):
            uses[key.id] = found
    return Traces(made_by=made, uses=uses, owners=owners), ()


def _made_by(reader: Reader) -> Iterator[tuple[str, str]]:
    """The user that was made, or got a key, and who did it: a session's name, else the caller's."""
    for name in ("CreateUser", "CreateAccessKey"):
        for event in events(reader, GLOBAL, "EventName", name):
            user = str(event.asked.get("userName", ""))
            if user and event.by and event.kind != "Root":
                yield user, event.by.rpartition("/")[2]


def _uses(reader: Reader, key_id: str, regions: set[str]) -> tuple[Use, ...]:
    return tuple(
        Use(agent=event.agent, address=event.address, service=event.source, at=event.at)
        for region in sorted(regions)
        for event in events(reader, region, "AccessKeyId", key_id, most=MOST_USES)
    )
