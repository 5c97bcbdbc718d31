"""The uses of root and the steps away from it, from recorded facts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from audit.accounts import ACCOUNT, NOW, ago, allow, changed, clean, document, key, organization, role, root
from keylease.audit.snapshot import Snapshot, Unseen
from keylease.aws.event_history import events
from keylease.root.path import Facts, State, following, steps
from keylease.root.tasks import SESSIONS, tasks
from keylease.root.uses import Call, RootUse, gathered, of_records, replacements

KEY = "AKIAQ3EGRIQ7SHXFTZ5K"
ADMIN = role("ops", attached=("arn:aws:iam::aws:policy/AdministratorAccess",))


def call(action: str, days: float, *, address: str = "198.51.100.7", key_id: str = KEY) -> Call:
    source = f"{action.partition(':')[0]}.amazonaws.com"
    return Call(
        action=action,
        service=source,
        at=ago(days),
        region="us-east-1",
        address=address,
        agent="aws-cli",
        key_id=key_id,
    )


def test_calls_are_gathered_by_service_address_and_program_the_latest_first() -> None:
    calls = [
        call("s3:ListBuckets", 9),
        call("s3:CreateBucket", 2),
        call("ec2:DescribeInstances", 1),
        call("s3:ListBuckets", 1, address="203.0.113.5"),
        call("s3:ListBuckets", 3, key_id="ASIAQ3EGRIQ7SHXFTZ5K"),
    ]
    uses = gathered(calls)
    assert [(use.service, use.address, use.by_key, use.count) for use in uses] == [
        ("s3.amazonaws.com", "203.0.113.5", True, 1),
        ("ec2.amazonaws.com", "198.51.100.7", True, 1),
        ("s3.amazonaws.com", "198.51.100.7", True, 2),
        ("s3.amazonaws.com", "198.51.100.7", False, 1),
    ]
    archive = uses[2]
    assert (archive.first, archive.last) == (ago(9), ago(2))
    assert archive.actions == ("s3:CreateBucket", "s3:ListBuckets")
    assert archive.key_ids == (KEY,)


def test_a_permission_set_replaces_a_use_when_it_allows_all_of_it() -> None:
    [use] = gathered([call("s3:ListBuckets", 1), call("s3:CreateBucket", 1)])
    sets = {"media": [document(allow("s3:*"))], "look": [document(allow("s3:List*"))]}
    assert replacements(use, sets) == (("media",), ())
    assert replacements(use, {"look": sets["look"]}) == ((), ("s3:CreateBucket",))
    assert replacements(use, {}) == ((), ())


def test_log_files_hold_the_calls_of_root_among_all_others() -> None:
    record = {
        "userIdentity": {"type": "Root", "accessKeyId": KEY},
        "eventTime": "2026-11-20T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "Cyberduck",
    }
    others = [{"userIdentity": {"type": "IAMUser"}}, {**record, "eventTime": "then"}, {}]
    assert [(one.action, one.by_key) for one in of_records([record, *others])] == [("s3:GetObject", True)]


def facts(at: Snapshot | None = None, uses: tuple[RootUse, ...] = (), **more: Any) -> Facts:
    settled = at or changed(clean(), roles=[ADMIN], organization=organization(management=ACCOUNT))
    return Facts(**({"at": settled, "uses": uses, "alarm": True, "regions": 17} | more))


def states(of: Facts) -> dict[str, State]:
    return {step.id: step.state for step in steps(of)}


def test_at_the_end_of_the_path_every_step_is_done_and_nothing_follows() -> None:
    found = steps(facts())
    assert {step.state for step in found} == {State.DONE}
    assert following(found) is None


WITH_KEY = changed(
    clean(),
    roles=[ADMIN],
    rows=[root(key(used=2))],
    summary={"AccountAccessKeysPresent": 1, "AccountMFAEnabled": 1},
    organization=organization(management=ACCOUNT),
)


@pytest.mark.parametrize(
    ("of", "still_open", "first"),
    [
        (facts(clean()), {"way-in"}, "way-in"),
        (
            facts(changed(clean(), roles=[ADMIN], rows=[root(mfa=False)], summary={})),
            {"second-factor"},
            "second-factor",
        ),
        (
            facts(WITH_KEY, gathered([call("s3:ListBuckets", 2)])),
            {"moved", "silent", "deactivated", "deleted"},
            "moved",
        ),
        (facts(WITH_KEY, gathered([call("s3:ListBuckets", 30)])), {"silent", "deactivated", "deleted"}, "silent"),
        (facts(replace(WITH_KEY, at=NOW + timedelta(days=20))), {"deactivated", "deleted"}, "deactivated"),
        (
            facts(changed(WITH_KEY, rows=[root(key(active=False, used=60))])),
            {"deleted"},
            "deleted",
        ),
        (facts(alarm=False), {"alarm"}, "alarm"),
        (
            facts(
                changed(
                    clean(),
                    roles=[ADMIN],
                    organization=organization(management=ACCOUNT, root_features=frozenset()),
                )
            ),
            {"members"},
            "members",
        ),
    ],
)
def test_each_step_is_open_until_aws_shows_that_it_is_done(of: Facts, still_open: set[str], first: str) -> None:
    assert {id_ for id_, state in states(of).items() if state is State.OPEN} == still_open
    following_step = following(steps(of))
    assert following_step is not None
    assert following_step.id == first


def test_what_nobody_could_look_at_is_no_proof() -> None:
    refused = Unseen(why="AWS does not allow these credentials cloudtrail:LookupEvents.")
    of = facts(replace(WITH_KEY, report=refused, iam=refused), alarm=refused)
    found = states(replace(of, uses=refused))
    unknown = {id_ for id_, state in found.items() if state is State.UNKNOWN}
    assert unknown == {"way-in", "second-factor", "known", "moved", "silent", "deactivated", "alarm"}
    assert found["deleted"] is State.OPEN


def test_what_only_root_can_do_is_listed_and_reverse_dns_is_not_among_it() -> None:
    still = [one.what for one in tasks() if one.still]
    freed = [one.what for one in tasks() if not one.still]
    assert len(still) > 10
    assert not [what for what in still if "DNS" in what]
    assert [what for what in freed if "Reverse DNS" in what]
    assert {one.assume_root for one in tasks() if one.assume_root} <= set(SESSIONS.values())


class _Reader:
    """Answers with a client whose answers a test has written."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def one(self, _: str, operation: str, **parameters: Any) -> Any:
        assert parameters.pop("region") == "us-east-1"
        return getattr(self.client, operation)(**parameters)


def test_the_event_history_is_read_page_by_page_and_what_is_odd_is_left_out() -> None:
    client: Any = boto3.client(
        "cloudtrail", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    attributes = [{"AttributeKey": "Username", "AttributeValue": "root"}]
    who = {"type": "Root", "arn": "arn:aws:iam::1:root", "accessKeyId": "AKIAX"}
    written = json.dumps({"userIdentity": who, "awsRegion": "us-east-1"})
    event = {"EventName": "ListBuckets", "EventSource": "s3.amazonaws.com", "EventTime": NOW}
    asked = {"LookupAttributes": attributes, "MaxResults": 50}
    with Stubber(client) as stub:
        first = [{**event, "CloudTrailEvent": written}, {**event, "CloudTrailEvent": "{"}]
        stub.add_response("lookup_events", {"Events": first, "NextToken": "more"}, asked)
        stub.add_response("lookup_events", {"Events": [event]}, asked | {"NextToken": "more"})
        reader: Any = _Reader(client)
        found = list(events(reader, "us-east-1", "Username", "root"))
        stub.assert_no_pending_responses()
    assert [(one.action, one.kind, one.key_id) for one in found] == [
        ("s3:ListBuckets", "Root", "AKIAX"),
        ("s3:ListBuckets", "", ""),
    ]
