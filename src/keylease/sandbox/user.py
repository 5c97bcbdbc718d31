"""Somebody who uses an access key as people do: with boto3, and with AWS's own command line client."""

from __future__ import annotations

import os
import subprocess

from botocore.exceptions import ClientError

from keylease.aws.account import Account, Identity
from keylease.aws.clients import Clients
from keylease.client import Collected
from keylease.ports import AccessKey
from keylease.sandbox import tools
from keylease.sandbox.account import BUCKET
from keylease.sandbox.ministack import ACCOUNT, REGION


class User:
    """One access key in use against the sandbox's bucket."""

    def __init__(self, collected: Collected, endpoint: str) -> None:
        self._access_key = AccessKey(
            access_key_id=collected.access_key_id, secret_access_key=collected.secret_access_key
        )
        self._endpoint = endpoint
        account = Account(id=ACCOUNT, region=REGION, endpoint_url=endpoint)
        self._s3 = Clients(account, Identity(access_key=self._access_key)).service("s3", attempts=1)

    def put(self, name: str) -> None:
        """Put an object."""
        self._s3.put_object(Bucket=BUCKET, Key=name, Body=b"put with an access key that expires")

    def listed(self) -> list[str]:
        """The objects' names."""
        return [one["Key"] for one in self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def refused(self) -> str | None:
        """Try the key once: AWS's error code where it is refused."""
        try:
            self.listed()
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return None

    def listed_by_cli(self) -> str:
        """What `aws s3 ls` prints. The secret goes by the environment, never by an argument."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.devnull,
            "AWS_ACCESS_KEY_ID": self._access_key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self._access_key.secret_access_key.reveal(),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        command = [tools.program("aws"), "--endpoint-url", self._endpoint, "s3", "ls", f"s3://{BUCKET}/"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
