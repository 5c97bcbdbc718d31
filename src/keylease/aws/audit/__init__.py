"""Collects a snapshot of an account for an audit: once, with the fewest calls, and only what the checks need.

Everything is asked side by side. What is refused or does not answer is an `Unseen` in the snapshot. Nothing is
written to AWS; asking for a credential report makes AWS write one, which every account keeps anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from keylease.audit.report import REGIONAL
from keylease.audit.snapshot import NOT_ASKED, Fact, Limits, Snapshot, Unseen
from keylease.aws.audit import identities, places, surroundings
from keylease.aws.audit.reader import Reader, learn
from keylease.aws.clients import Clients
from keylease.domain.clock import Clock

SIDE_BY_SIDE = 8
OTHER_REGIONS = "other regions"

Global = tuple[str, str, Callable[[Reader], Any]]
GLOBAL: Mapping[str, Global] = {
    "report": ("iam", "GenerateCredentialReport", identities.report),
    "iam": ("iam", "GetAccountAuthorizationDetails", identities.iam),
    "summary": ("iam", "GetAccountSummary", identities.summary),
    "virtual_mfa": ("iam", "ListVirtualMFADevices", identities.virtual_mfa),
    "service_credentials": ("iam", "ListServiceSpecificCredentials", identities.service_credentials),
    "password_policy": ("iam", "GetAccountPasswordPolicy", identities.password_policy),
    "trails": ("cloudtrail", "DescribeTrails", surroundings.trails),
    "organization": ("organizations", "DescribeOrganization", surroundings.organization),
    "budgets": ("budgets", "ViewBudget", surroundings.budgets),
}
LOCAL: Mapping[str, tuple[str, str, Callable[[Reader, str], Any]]] = {
    "recorders": ("config", "DescribeConfigurationRecorderStatus", surroundings.recorders),
    "instances": ("ec2", "DescribeInstances", places.instances),
    "user_data": ("ec2", "DescribeInstanceAttribute", places.user_data),
    "functions": ("lambda", "ListFunctions", places.functions),
    "tasks": ("ecs", "DescribeTaskDefinition", places.tasks),
    "stacks": ("cloudformation", "DescribeStacks", places.stacks),
    "parameters": ("ssm", "GetParameters", places.parameters),
}


def collect(
    clients: Clients,
    clock: Clock,
    *,
    parts: Iterable[str],
    regions: tuple[str, ...] = (),
    limits: Limits | None = None,
    key_ids: bool = False,
) -> Snapshot:
    """A snapshot with these parts. `regions`: those to look at, else all that the account has switched on.

    `key_ids`: ask for the ids of access keys as well, a call for each user that has one.
    """
    reader, wanted = Reader(clients, clock), set(parts)
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        asked = {
            part: pool.submit(learn, service, operation, _bound(question, reader))
            for part, (service, operation, question) in GLOBAL.items()
            if part in wanted
        }
        local = _everywhere(reader, pool, wanted & REGIONAL, regions) if wanted & REGIONAL else {}
        facts: dict[str, Any] = {part: future.result() for part, future in asked.items()}
    if key_ids and not isinstance(facts.get("report", NOT_ASKED), Unseen):
        facts["keys"] = learn("iam", "ListAccessKeys", lambda: identities.keys(reader, facts["report"]))
    at = clients.account
    known: dict[str, Any] = {**facts, **local}
    return Snapshot(account=at.id, partition=at.partition, at=clock.now(), limits=limits or Limits(), **known)


def _everywhere(
    reader: Reader, pool: ThreadPoolExecutor, wanted: set[str], regions: tuple[str, ...]
) -> dict[str, Mapping[str, Fact[Any]]]:
    """The regional parts, each by region. Where the regions cannot be listed the home region is looked at."""
    listed: Fact[tuple[str, ...]] = regions or learn("ec2", "DescribeRegions", lambda: _regions(reader))
    unknown = {OTHER_REGIONS: listed} if isinstance(listed, Unseen) else {}
    there = (reader.home,) if isinstance(listed, Unseen) else listed
    asked: dict[str, dict[str, Future[Fact[Any]]]] = {part: {} for part in sorted(wanted)}
    for region in there:
        for part, by_region in asked.items():
            service, operation, question = LOCAL[part]
            by_region[region] = pool.submit(learn, service, operation, _bound(question, reader, region))
    return {
        part: {**{region: future.result() for region, future in by_region.items()}, **unknown}
        for part, by_region in asked.items()
    }


def _bound(question: Callable[..., Any], *arguments: object) -> Callable[[], Any]:
    return lambda: question(*arguments)


def _regions(reader: Reader) -> tuple[str, ...]:
    return tuple(sorted(one["RegionName"] for one in reader.every("ec2", "describe_regions", "Regions")))
