"""Lists a bucket again and again with one boto3 client: `python list_with_boto3.py BUCKET TIMES SECONDS`.

A line for each try: the access key that signed it, and what was listed.
"""

from __future__ import annotations

import sys
import time

import boto3
from botocore.config import Config


def main(bucket: str, times: int, seconds: float) -> None:
    session = boto3.Session()
    client = session.client("s3", config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}))
    credentials = session.get_credentials()
    assert credentials is not None
    for number in range(times):
        if number:
            time.sleep(seconds)  # noqa: TID251 - a program of its own
        found = client.list_objects_v2(Bucket=bucket).get("Contents", [])
        used = credentials.get_frozen_credentials().access_key
        sys.stdout.write(f"{used} {' '.join(one['Key'] for one in found)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
