"""The floor of an audit: fetches what is needed and does nothing with it. `python bench/audit_floor.py [--key-ids]`

The credential report and the authorization details, and with `--key-ids` the access keys of each user that the
report says has one. Everything in order, with AWS's SDK as it is. What came is counted on standard output.
"""

from __future__ import annotations

import csv
import io
import sys
import time

import boto3

ONLY = ["User", "Group", "Role", "LocalManagedPolicy"]


def main() -> None:
    """Fetch."""
    iam = boto3.client("iam")
    while iam.generate_credential_report()["State"] != "COMPLETE":
        time.sleep(1)  # noqa: TID251 - a program of its own
    rows = list(csv.DictReader(io.StringIO(iam.get_credential_report()["Content"].decode())))
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        Filter=ONLY, PaginationConfig={"PageSize": 1000}
    )
    users = sum(len(page["UserDetailList"]) for page in pages)
    keys = 0
    if "--key-ids" in sys.argv:
        with_key = [row["user"] for row in rows if row["access_key_1_active"] == "true" and row["user"][0] != "<"]
        keys = sum(len(iam.list_access_keys(UserName=user)["AccessKeyMetadata"]) for user in with_key)
    print(users, len(rows), keys)


if __name__ == "__main__":
    main()
