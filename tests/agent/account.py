"""An account in the worker's ministack with a bucket, and sessions for it as a lease would give them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3

from aws.live import fresh_account
from keylease.sandbox.ministack import REGION, Ministack

OBJECT = "2026/interview.mov"


@dataclass(frozen=True, kw_only=True)
class Account:
    """`mint` makes a session that may list and read the bucket and nothing else."""

    endpoint: str
    number: str
    bucket: str
    sts: Any

    def mint(self) -> dict[str, str]:
        made = self.sts.get_session_token(DurationSeconds=900)["Credentials"]
        return {name: made[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}


def account(running: Ministack) -> Account:
    """A new account."""
    number = fresh_account()
    root = running.root(number)
    bucket = f"media-{number}"
    s3 = boto3.client("s3", **root)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=OBJECT, Body=b"moving pictures")
    iam = boto3.client("iam", **root)
    iam.create_user(UserName="mara")
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": resources}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="mara", PolicyName="media", PolicyDocument=document)
    made = iam.create_access_key(UserName="mara")["AccessKey"]
    sts = boto3.client(
        "sts",
        endpoint_url=running.endpoint,
        region_name=REGION,
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
    )
    return Account(endpoint=running.endpoint, number=number, bucket=bucket, sts=sts)
