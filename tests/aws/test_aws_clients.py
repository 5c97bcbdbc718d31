"""Where clients get their credentials, how patiently they ask, and that making them costs nothing at first."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aws.faulty_proxy import UNAVAILABLE, FaultyProxy
from aws.live import USER, LiveCloud
from keylease import __version__
from keylease.aws.account import Account, Identity
from keylease.aws.clients import Clients
from keylease.aws.failures import ask
from keylease.domain import iam
from keylease.domain.secret import Secret
from keylease.errors import AwsCredentials, AwsDenied, AwsFailed, AwsUnreachable
from keylease.ports import AccessKey
from keylease.sandbox.ministack import SECRET, Ministack

KEY = AccessKey(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key=Secret("x"))


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which the SDK finds nothing."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def account(endpoint_url: str | None = None) -> Account:
    return Account(id="123456789012", endpoint_url=endpoint_url)


def test_nothing_is_looked_for_before_the_first_client() -> None:
    Clients(account(), Identity(profile="nobody", role_arn="arn:aws:iam::123456789012:role/none"))


@pytest.mark.parametrize(
    "identity",
    [Identity(), Identity(profile="nobody"), Identity(role_arn="arn:aws:iam::123456789012:role/keylease-issuer")],
    ids=["nothing", "an unknown profile", "a role and nothing to assume it with"],
)
def test_without_credentials_the_failure_says_so(identity: Identity) -> None:
    clients = Clients(account("http://127.0.0.1:9"), identity)
    with pytest.raises(AwsCredentials):
        ask(clients.iam().list_users)


@pytest.mark.parametrize("service", ["s33", ""])
def test_a_service_that_there_is_not_is_a_failure(service: str) -> None:
    with pytest.raises(AwsFailed):
        Clients(account(), Identity(access_key=KEY)).service(service, attempts=1)


def test_an_address_that_is_none_is_a_failure() -> None:
    with pytest.raises(AwsFailed):
        Clients(account("nonsense"), Identity(access_key=KEY)).iam()


def test_a_client_is_made_once() -> None:
    clients = Clients(account(), Identity(access_key=KEY))
    assert clients.iam() is clients.iam()
    assert clients.iam() is not clients.iam(attempts=1)


def test_clients_ask_patiently_and_say_who_they_are() -> None:
    config = Clients(account(), Identity(access_key=KEY)).iam().meta.config
    assert (config.connect_timeout, config.read_timeout) == (5, 15)
    assert config.retries == {"mode": "adaptive", "total_max_attempts": 5}
    assert f"keylease/{__version__}" in config.user_agent


@pytest.mark.live
def test_the_machine_s_proxy_is_not_asked_for_what_runs_on_the_machine(
    cloud: LiveCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    ask(Clients(cloud.account, cloud.account.remover).iam().get_account_summary)
    with pytest.raises(AwsUnreachable):
        ask(Clients(account(), Identity(access_key=KEY)).iam(attempts=1).get_account_summary)


@pytest.mark.live
def test_a_call_is_tried_five_times_in_all_or_once_where_that_is_asked(
    cloud: LiveCloud, proxy: FaultyProxy
) -> None:
    clients = Clients(replace(cloud.root.account, endpoint_url=proxy.endpoint), cloud.root._identity)
    proxy.plan("ListUsers", *[UNAVAILABLE] * 6)
    with pytest.raises(AwsUnreachable):
        ask(clients.iam().list_users)
    assert proxy.seen == ["ListUsers"] * 5
    with pytest.raises(AwsUnreachable):
        ask(clients.iam(attempts=1).list_users)
    assert proxy.seen == ["ListUsers"] * 6


@pytest.mark.live
def test_credentials_come_from_the_profile_that_is_named(ministack_server: Ministack, tmp_path: Path) -> None:
    text = f"[broker]\naws_access_key_id = 123456789012\naws_secret_access_key = {SECRET}\n"
    (tmp_path / "credentials").write_text(text)
    clients = Clients(account(ministack_server.endpoint), Identity(profile="broker"))
    assert ask(clients.sts().get_caller_identity)["Arn"] == "arn:aws:iam::123456789012:root"


@pytest.mark.live
def test_credentials_come_from_the_environment_where_nothing_is_named(
    ministack_server: Ministack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "210987654321")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    clients = Clients(account(ministack_server.endpoint), Identity())
    assert ask(clients.sts().get_caller_identity)["Account"] == "210987654321"


@pytest.mark.live
def test_a_role_is_assumed_once_for_all_its_calls(cloud: LiveCloud) -> None:
    for _ in range(3):
        ask(cloud.removing.iam().get_account_summary)
    ask(cloud.removing.sts().get_caller_identity)
    assert cloud.calls.count("sts.AssumeRole") == 1


@pytest.mark.live
def test_a_role_s_session_that_nears_its_end_is_renewed_by_itself(
    cloud: LiveCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(cloud.removing.iam().get_account_summary)
    credentials: Any = cloud.removing._session and cloud.removing._session.get_credentials()
    later = credentials._time_fetcher() + timedelta(minutes=50)
    monkeypatch.setattr("botocore.credentials._local_now", lambda: later)
    monkeypatch.setattr(credentials, "_time_fetcher", lambda: later)
    ask(cloud.removing.iam().get_account_summary)
    assert cloud.calls.count("sts.AssumeRole") == 2


@pytest.mark.live
def test_a_role_that_does_not_trust_keylease_is_named_by_what_is_refused(cloud: LiveCloud) -> None:
    role = f"arn:aws:iam::{cloud.account.id}:role/nobodys"
    clients = Clients(cloud.account, replace(cloud.account.issuer, role_arn=role))
    with pytest.raises(AwsDenied, match="sts:AssumeRole") as refused:
        ask(clients.iam().list_users)
    assert "must trust" in refused.value.hint


@pytest.mark.live
@pytest.mark.parametrize(("sent", "accepted"), [("4711", True), ("0815", False), (None, False)])
def test_a_role_s_external_id_is_sent(cloud: LiveCloud, sent: str | None, accepted: object) -> None:
    owner = {"AWS": f"arn:aws:iam::{cloud.account.id}:root"}
    condition = {"StringEquals": {"sts:ExternalId": "4711"}}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": owner, "Condition": condition}
    cloud.admin.update_assume_role_policy(
        RoleName="keylease-remover", PolicyDocument=json.dumps(iam.policy([statement]))
    )
    clients = Clients(cloud.account, replace(cloud.account.remover, external_id=sent))
    try:
        ask(clients.iam().get_account_summary)
    except AwsDenied:
        assert accepted is False
    else:
        assert accepted is True


@pytest.mark.live
def test_another_access_key_is_used_beside_ones_own_credentials(cloud: LiveCloud) -> None:
    cloud.user()
    access_key = cloud.issuer.create_access_key(USER)
    with_key = ask(cloud.issuing.with_access_key(access_key, "sts").get_caller_identity)["Arn"]
    assert with_key.endswith(f":user/keylease/{USER}")
    assert ":assumed-role/" in ask(cloud.issuing.sts().get_caller_identity)["Arn"]
