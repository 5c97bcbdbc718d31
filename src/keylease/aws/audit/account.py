"""The account that an audit looks at: whichever the credentials are of. No configuration is needed for it."""

from __future__ import annotations

from dataclasses import replace

from botocore.session import Session

from keylease.aws import inspector
from keylease.aws.account import Account, Identity
from keylease.aws.audit.reader import READ_WITHIN
from keylease.aws.clients import Clients
from keylease.aws.failures import ask
from keylease.aws.session import OnCall

HOME = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
DEFAULT = "us-east-1"


def opened(
    profile: str | None, *, endpoint_url: str | None = None, on_call: OnCall | None = None
) -> tuple[Clients, inspector.Caller]:
    """Clients with a profile's credentials, else with what AWS's SDK finds, and who they are of.

    Raises `AwsCredentials` and whatever else AWS may fail with.
    """
    identity, region = Identity(profile=profile), _region(profile)
    unknown = Account(id="", region=region, endpoint_url=endpoint_url)
    caller = inspector.caller(Clients(unknown, identity, on_call=on_call))
    partition = caller.arn.split(":")[1]
    there = replace(unknown, id=caller.account, partition=partition, region=HOME.get(partition, region))
    return Clients(there, identity, on_call=on_call, read_within=READ_WITHIN), caller


def _region(profile: str | None) -> str:
    """The region that the profile or the environment names; the SDK reads both."""
    named = ask(lambda: Session(profile=profile).get_config_variable("region"))
    return str(named) if named else DEFAULT
