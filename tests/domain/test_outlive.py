from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from keylease.domain.outlive import BLOCKS, GRANT, Judged, Verdict, block_of, denied, judged, tells
from keylease.domain.statement import covers, overlap
from oracle.judge import Judge

FOR_WHAT_MAY_COME = {"iam:I*", "iam:M*"}
"""Patterns that match nothing today: IAM has no action yet that begins so (Import..., Issue..., Modify...)."""


def in_block(block: Verdict) -> list[Judged]:
    return [record for record in judged() if record.verdict is block]


@pytest.fixture(scope="module")
def published(judge: Judge) -> list[str]:
    return judge.actions()


def test_every_action_is_judged_once_and_says_what_it_gives() -> None:
    records = judged()

    assert [action for action, times in Counter(record.action for record in records).items() if times > 1] == []
    assert len(records) > 500
    assert all(
        record.gives and record.life and set(record.source) <= set("MDTK") and record.source for record in records
    )
    assert {record.verdict for record in records} == set(Verdict)
    assert all((record.says is not None) == (record.verdict is Verdict.TELL) for record in records)


def test_no_pattern_has_a_wildcard_in_its_service() -> None:
    patterns = [pattern for block in (*BLOCKS, "session") for pattern in denied(block)]

    assert [pattern for pattern in patterns if "*" in pattern.partition(":")[0]] == []


def test_names_are_those_of_the_published_data_unless_they_are_marked(published: list[str]) -> None:
    known = {action.lower() for action in published}

    def is_known(record: Judged) -> bool:
        action = record.action.lower()
        return action in known or ("*" in action and any(covers(action, name) for name in known))

    assert [record.action for record in judged() if is_known(record) != record.listed] == []


@pytest.mark.parametrize("block", BLOCKS)
def test_every_record_of_a_block_is_denied_by_it(block: Verdict) -> None:
    assert [record.action for record in in_block(block) if block_of(record.action) is not block] == []


@pytest.mark.parametrize("block", BLOCKS)
def test_every_pattern_of_a_block_is_there_for_a_record_of_it(block: Verdict) -> None:
    actions = [record.action for record in in_block(block)]
    unused = {pattern for pattern in denied(block) if not any(overlap(pattern, action) for action in actions)}

    assert unused - FOR_WHAT_MAY_COME == set()


def test_without_any_one_pattern_some_record_is_no_longer_denied() -> None:
    needless = [
        pattern
        for block in BLOCKS
        for pattern in denied(block)
        if all(
            any(covers(o, r.action) for o in denied(block) if o != pattern)
            for r in in_block(block)
            if covers(pattern, r.action)
        )
    ]

    assert set(needless) <= FOR_WHAT_MAY_COME


@pytest.mark.parametrize("verdict", [Verdict.TELL, Verdict.ACCEPT])
def test_what_is_told_or_accepted_is_in_no_block(verdict: Verdict) -> None:
    caught = {record.action for record in in_block(verdict) if block_of(record.action)}

    assert caught <= {"sts:GetSessionToken"}, "which a pattern catches without any effect"


EVERYDAY = """
appstream:CreateFleet cognito-idp:CreateUserPool kinesis:PutRecord kinesis:PutRecords s3:PutObject
s3:GetObject s3:PutAccelerateConfiguration s3:PutBucketTagging chime:CreateAttendee eks:CreateAddon
eks:CreateCluster eks:UpdateAddon sagemaker:CreatePartnerApp sagemaker:CreateEndpoint
organizations:DescribeOrganization organizations:ListAccounts grafana:CreateWorkspace ec2:RunInstances
ec2:ModifyInstanceAttribute ec2:ModifyVpcEndpoint ec2:CreateSnapshot logs:PutLogEvents
logs:PutRetentionPolicy events:PutRule events:PutTargets events:PutEvents lambda:CreateFunction
lambda:UpdateFunctionCode lambda:PutFunctionConcurrency lambda:InvokeFunction iam:GetUser iam:ListRoles
iam:GenerateCredentialReport sts:GetCallerIdentity dynamodb:PutItem glue:PutDataCatalogEncryptionSettings
secretsmanager:PutSecretValue secretsmanager:GetSecretValue kms:Decrypt kms:CreateKey kms:DisableKey
ssm:PutParameter ssm:StartSession cloudwatch:PutMetricData cloudwatch:GetMetricData redshift:CreateCluster
rds:ModifyDBInstance ecr:PutImage ecr:BatchGetImage sns:Publish sqs:SendMessage acm:RequestCertificate
acm:DescribeCertificate acm:ListCertificates cloudformation:CreateStack cloudformation:UpdateStack
cloudformation:DescribeStacks codebuild:StartBuild codepipeline:StartPipelineExecution iot:Publish
iot:CreateThing glue:GetSession glue:StartJobRun athena:StartQueryExecution athena:GetQueryResults
sagemaker:CreateNotebookInstance ses:SendEmail ses:GetIdentityPolicies lakeformation:GetLFTag
lightsail:CreateInstances route53domains:ListDomains ram:ListResources ram:GetResourceShares
account:GetContactInformation account:ListRegions workmail:AssociateMemberToGroup gamelift:CreateBuild
"""
"""Among it what a shorter pattern would have caught: PutRecord beside PutResourcePolicy, CreateAddon beside
CreateAccessEntry."""


@pytest.mark.parametrize("action", EVERYDAY.split())
def test_everyday_work_is_in_no_block(action: str) -> None:
    assert block_of(action) is None


def test_a_grant_on_a_key_belongs_to_sharing() -> None:
    assert block_of(GRANT) is block_of("KMS:creategrant") is Verdict.SHARE


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}]}


SECRETS, LAUNCH, CODE, OPEN, CLUSTER, PRODUCT, COPIES, SMALLER = dict.fromkeys(
    record.says for record in judged() if record.says
)
SHARED = tells([allow("*")], share=True)[-1]


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ([], ()),
        ([allow("s3:Get*", "s3:List*", "ec2:Describe*")], (SECRETS,)),  # a VPN's shared key
        ([allow("ec2:Run*")], (CODE,)),
        ([allow("s3:*", "dynamodb:*")], (COPIES,)),
        ([allow("iam:PassRole")], (LAUNCH,)),
        ([allow("iam:*")], (LAUNCH,)),
        ([allow("rds-db:connect")], (OPEN,)),
        ([allow("eks:Access*")], (CLUSTER,)),
        ([allow("eks:*")], (CLUSTER, CODE)),
        ([allow("lambda:Update*")], (CODE,)),
        ([allow("apigateway:*")], (SECRETS, PRODUCT, SMALLER)),
        ([allow("quicksight:UpdateFolderPermissions")], (SMALLER,)),
        ([allow("secretsmanager:*"), allow("ssm:Send*")], (SECRETS, CODE)),
        ([allow("*")], (SECRETS, LAUNCH, CODE, OPEN, CLUSTER, PRODUCT, COPIES, SMALLER)),
        ([{"Statement": {"Effect": "Allow", "NotAction": ["iam:*", "eks:*"], "Resource": "*"}}],
         (SECRETS, CODE, OPEN, PRODUCT, COPIES, SMALLER)),
    ],
)  # fmt: skip
def test_each_class_that_no_fence_can_stop_is_told_once(
    documents: list[dict[str, Any]], said: tuple[str, ...]
) -> None:
    assert tells(documents) == said


def test_a_denial_without_condition_silences_what_it_covers() -> None:
    deny = {"Statement": {"Effect": "Deny", "Action": ["iam:*", "secretsmanager:*"], "Resource": "*"}}

    assert tells([allow("iam:PassRole", "secretsmanager:GetSecretValue"), deny]) == ()


def test_sharing_is_told_where_the_permission_set_may_share_and_can() -> None:
    assert SHARED not in tells([allow("*")])
    assert tells([allow("s3:PutBucketPolicy")], share=True) == (SHARED,)
    assert tells([allow("kms:CreateGrant")], share=True) == (SHARED,)
    assert tells([allow("ec2:DescribeInstances")], share=True) == ()


def test_what_people_are_told_is_one_plain_sentence_each() -> None:
    said = tells([allow("*")], share=True)

    assert len(said) == 9
    assert all(
        sentence.startswith("It can ") and sentence.count(".") == 1 and sentence.endswith(".") for sentence in said
    )
