"""The issuer here, the remover there: two processes on one ledger, each with credentials of its own alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aws import live
from keylease.client import Client
from keylease.domain.clock import SystemClock
from keylease.sandbox import company as sandbox
from keylease.sandbox.account import root
from keylease.sandbox.company import Company

pytestmark = pytest.mark.live

NOBODY = "arn:aws:iam::000000000000:role/keylease-broker/nobody"
"""Stands for the identity that a process has no credentials of."""


def half(whole: Company, holds: str) -> Company:
    """The same company as one of the two processes sees it: without the other's role."""
    home = whole.home / holds
    home.mkdir()
    lines = whole.configuration.read_text().splitlines()
    other = "remover" if holds == "issuer" else "issuer"
    own = [f'{other} = {{ role_arn = "{NOBODY}" }}' if line.startswith(f"{other} =") else line for line in lines]
    text = "\n".join(own).replace("[server]", f'[server]\nholds = "{holds}"')
    ledger = f'\n[store]\nurl = "sqlite:///{whole.home}/keylease.db"\n'
    (home / "keylease.toml").write_text(text + ledger)
    return replace(whole, home=home)


def test_what_one_makes_the_other_takes_away(tmp_path: Path) -> None:
    clock = SystemClock()
    with live.server(tmp_path) as aws:
        whole = sandbox.found(tmp_path, aws, clock)
        issuing, removing = half(whole, "issuer"), half(whole, "remover")
        with issuing.server(clock):
            lease_id = made(issuing)
            assert users(aws) == 1
            assert passed(removing) == 0
            assert users(aws) == 1
            with Client(issuing.address, person="mara") as mara:
                assert mara.revoke(lease_id)["state"] == "revoking"
            assert users(aws) == 1
            assert passed(removing) == 0
            with Client(issuing.address, person="mara") as mara:
                ended = mara.lease(lease_id)
        assert (ended["state"], ended["end_reason"]) == ("closed", "returned")
        assert users(aws) == 0


def made(company: Company) -> str:
    ask = {"permission_set": "media-archive", "account": "media", "reason": "Winter masters"}
    with Client(company.address, person="mara") as mara, Client(company.address, person="priya") as priya:
        lease_id = mara.request(until="1h", **ask)["id"]
        priya.approve(lease_id)
        collected = mara.collect(lease_id)
        mara.acknowledge(lease_id, collected.access_key_id)
    return lease_id


def users(aws: live.Ministack) -> int:
    return len(root(aws).iam().list_users()["Users"])


def passed(company: Company) -> int:
    """How many failures one pass of this process tells of."""
    done = company.run("reconcile", "--once", "--json")
    assert done.returncode == 0, done.stderr
    return sum(len(report["failures"]) for report in json.loads(done.stdout))
