"""AWS's partitions: which one a region belongs to.

A partition is an AWS of its own, with its own accounts, sign-in and hosts; ARNs name it. Regions of a partition
begin alike (botocore's partitions.json). Those for secret services are not known here.
"""

from __future__ import annotations

_BEGINNINGS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}


def partition(region: str) -> str:
    """The partition that a region belongs to: `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`."""
    return next((name for beginning, name in _BEGINNINGS.items() if region.startswith(beginning)), "aws")
