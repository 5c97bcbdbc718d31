"""A brake on costs, as values: what AWS's budgets attach to groups where the month's budget is used up.

It denies to start and to make what costs by the hour. What runs goes on, and is read, stopped and deleted as
before: a brake that deletes would be worse than the bill. AWS attaches it with a role that can attach this one
policy to the permission sets' groups and nothing else. Who takes it off is a person, or the budget's action where
it is reset.

Nothing here calls AWS. Source of the role: AWS Cost Management user guide, "Allowing AWS Budgets to run actions".
"""

from __future__ import annotations

from typing import Any

from keylease.domain.iam import deny, policy

_STARTS = (
    "batch:SubmitJob", "bedrock:Create*", "dynamodb:CreateTable", "ec2:CreateFleet", "ec2:CreateNatGateway",
    "ec2:RequestSpot*", "ec2:Run*", "ec2:StartInstances", "ecs:CreateService", "ecs:RunTask", "ecs:StartTask",
    "ecs:UpdateService", "eks:Create*", "elasticache:Create*", "elasticmapreduce:RunJobFlow", "es:CreateDomain",
    "glue:StartJobRun", "kafka:CreateCluster*", "lightsail:Create*", "rds:Create*", "rds:Restore*", "rds:Start*",
    "redshift-serverless:Create*", "redshift:CreateCluster", "redshift:ResumeCluster", "sagemaker:Create*",
    "sagemaker:Start*", "workspaces:CreateWorkspaces", "workspaces:StartWorkspaces",
)  # fmt: skip


def over_budget() -> dict[str, Any]:
    """What is denied where the budget is used up."""
    return policy([deny(_STARTS)])


def budgets_trust(account: str) -> dict[str, Any]:
    """The trust of the role with which AWS's budgets act, for this account's budgets alone."""
    return policy(
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": "budgets.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": account}},
            }
        ]
    )


def braking(policy_arn: str, *, groups: str) -> dict[str, Any]:
    """What that role may do: attach and detach this one policy, on these groups."""
    return policy(
        [
            {
                "Effect": "Allow",
                "Action": ["iam:AttachGroupPolicy", "iam:DetachGroupPolicy"],
                "Resource": groups,
                "Condition": {"ArnEquals": {"iam:PolicyARN": policy_arn}},
            }
        ]
    )
