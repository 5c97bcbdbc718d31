"""Sessions from a real STS: what is said to it, how long they are, and from whom."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from aws.faulty_proxy import THROTTLED, FaultyProxy, Lost
from aws.live import LiveCloud
from keylease.aws.account import Identity
from keylease.aws.clients import Clients
from keylease.aws.issuer import AwsIssuer
from keylease.domain.broker_policy import issuer_policy
from keylease.domain.clock import SystemClock
from keylease.domain.role_policy import session_policy, trust_policy
from keylease.domain.secret import Secret
from keylease.domain.session import SessionTerms
from keylease.errors import AwsDenied, AwsUnreachable
from keylease.ports import AccessKey
from keylease.sandbox.account import ROLE, enforceable

pytestmark = pytest.mark.live
CLOCK = SystemClock()
TERMS = SessionTerms(
    role=ROLE,
    source_identity="keylease-L-4k7m9q2x",
    name="mara-lind-4k7m9q2x",
    tags={"keylease:lease": "L-4k7m9q2x", "keylease:principal": "https://login.example/t#0f2c"},
    policy=session_policy(CLOCK.now() + timedelta(days=1)),
    length=timedelta(hours=2),
)


def test_a_session_is_one_call(cloud: LiveCloud) -> None:
    cloud.issuer.assume(TERMS)  # with it the issuer's own role is assumed, once
    cloud.calls.clear()
    for _ in range(3):
        cloud.issuer.assume(TERMS)
    assert cloud.calls == ["sts.AssumeRole"] * 3


def test_all_of_the_terms_are_said(cloud: LiveCloud, proxy: FaultyProxy) -> None:
    cloud.through(proxy.endpoint).issuer.assume(TERMS)
    said = proxy.said[-1]
    assert said["RoleArn"] == f"arn:aws:iam::{cloud.account.id}:role/keylease/session/{ROLE}"
    assert said["SourceIdentity"] == TERMS.source_identity
    assert said["RoleSessionName"] == TERMS.name
    assert said["Policy"] == TERMS.policy
    assert [said[f"Tags.member.{number}.{part}"] for number in (1, 2) for part in ("Key", "Value")] == [
        "keylease:lease",
        "L-4k7m9q2x",
        "keylease:principal",
        "https://login.example/t=230f2c",
    ]
    assert "ExternalId" not in said


def test_where_the_issuer_is_a_role_itself_an_hour_is_asked_for_at_most(
    cloud: LiveCloud, proxy: FaultyProxy
) -> None:
    there = cloud.through(proxy.endpoint)
    for length, asked in ((2, "3600"), (0.25, "900")):
        there.issuer.assume(replace(TERMS, length=timedelta(hours=length)))
        assert proxy.said[-1]["DurationSeconds"] == asked


def a_user(cloud: LiveCloud, *, external_id: str | None = None) -> AwsIssuer:
    """An issuer with an access key of its own, whom the session role trusts directly."""
    user = cloud.admin.create_user(UserName="broker", Path="/keylease-broker/")["User"]
    policy = enforceable(issuer_policy(horizon=CLOCK.now() + timedelta(days=1), account=cloud.account.id))
    cloud.admin.put_user_policy(UserName="broker", PolicyName="keylease", PolicyDocument=json.dumps(policy))
    trust = json.dumps(enforceable(trust_policy(user["Arn"], external_id=external_id)))
    cloud.admin.update_assume_role_policy(RoleName=ROLE, PolicyDocument=trust)
    made = cloud.admin.create_access_key(UserName="broker")["AccessKey"]
    key = AccessKey(access_key_id=made["AccessKeyId"], secret_access_key=Secret(made["SecretAccessKey"]))
    account = replace(cloud.account, session_external_id=external_id)
    return AwsIssuer(Clients(account, Identity(access_key=key)), CLOCK)


def test_where_the_issuer_is_trusted_directly_a_session_may_be_longer(cloud: LiveCloud) -> None:
    given = a_user(cloud).assume(TERMS)
    assert given.expiration > CLOCK.now() + timedelta(minutes=119)


def test_a_role_that_wants_an_external_id_hears_it(cloud: LiveCloud) -> None:
    issuer = a_user(cloud, external_id="an external id")
    assert issuer.assume(TERMS).session_token.reveal()
    with pytest.raises(AwsDenied):
        cloud.issuer.assume(TERMS)


def test_other_tags_than_keylease_s_are_refused_by_the_role_and_by_the_issuer_s_policy(cloud: LiveCloud) -> None:
    with pytest.raises(AwsDenied):
        cloud.issuer.assume(replace(TERMS, tags={**TERMS.tags, "team": "admins"}))


def test_in_another_partition_the_role_has_another_arn(cloud: LiveCloud) -> None:
    there = replace(cloud.account, partition="aws-us-gov")
    assert there.session_role_arn("media") == f"arn:aws-us-gov:iam::{there.id}:role/keylease/session/media"


def test_a_lost_answer_is_asked_for_again_and_an_outage_is_told(cloud: LiveCloud, proxy: FaultyProxy) -> None:
    there = cloud.through(proxy.endpoint)
    there.issuer.assume(TERMS)
    proxy.plan("AssumeRole", Lost(), THROTTLED)
    assert there.issuer.assume(TERMS).access_key_id.startswith("ASIA")
    proxy.plan("AssumeRole", *[Lost(done=False)] * 5)
    with pytest.raises(AwsUnreachable):
        there.issuer.assume(TERMS)


def test_what_a_session_role_says_of_itself_is_read_once_in_five_minutes(cloud: LiveCloud) -> None:
    facts = cloud.issuer.role_facts(ROLE)
    assert facts.horizon is not None
    assert facts.horizon > CLOCK.now() + timedelta(days=89)
    cloud.calls.clear()
    assert cloud.issuer.role_facts(ROLE) == facts
    assert cloud.calls == []
