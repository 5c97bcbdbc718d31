"""What `keylease doctor` asks of an account: who keylease is there, the clock, quotas, groups, roles and policies.

Small questions that only read and answer with values; what is right or wrong about an answer is said elsewhere.
Each raises the failures of `errors.py` that begin with Aws. Both identities may ask who they are, the clock, the
quotas and for one group; everything else is the remover's alone, or an administrator's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from keylease.aws.account import Account, Identity
from keylease.aws.clients import Clients
from keylease.aws.failures import NoSuchEntity, ask
from keylease.aws.leftovers import every
from keylease.aws.session import session
from keylease.domain.clock import Clock, utc
from keylease.domain.group_policy import horizon_of
from keylease.domain.iam import CEILING_PATH, SESSION_PATH
from keylease.domain.role_policy import horizon_of_role
from keylease.domain.statement import statements
from keylease.errors import AwsCredentials, AwsFailed

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient
    from types_boto3_sts import STSClient

Entity = Literal["group", "role", "user"]

_ORIGINS = {
    "container-role": "the container's role",
    "custom-process": "a credential_process",
    "env": "the environment's variables",
    "explicit": "an access key of keylease's own",
    "iam-role": "the machine's role",
    "shared-credentials-file": "the default profile",
    "config-file": "the default profile",
    "sso": "a sign-in with IAM Identity Center",
}
"""botocore's names for the ways in which it finds credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who AWS says keylease is. Where a role was assumed, `arn` is that of its session."""

    arn: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A quota of the account and how much of it is used: `Users`, `Policies`, `Groups`."""

    name: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPolicy:
    """A policy of a group, role or user. `arn` is None for an inline policy."""

    name: str
    arn: str | None
    document: Mapping[str, Any]

    @property
    def is_aws_managed(self) -> bool:
        """Whether it is one of those that AWS itself writes, the same for every account."""
        return self.arn is not None and self.arn.split(":")[4] == "aws"

    @property
    def gives(self) -> bool:
        """Whether it allows anything at all."""
        return any(statement.get("Effect") != "Deny" for statement in statements(self.document))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """An IAM group with all its policies, inline ones first."""

    name: str
    path: str
    policies: tuple[NamedPolicy, ...]

    @property
    def horizon(self) -> datetime | None:
        """The instant from which on some of what the group allows ends; None where some of it never does."""
        horizons = [horizon_of(policy.document) for policy in self.policies if policy.gives]
        dates = [horizon for horizon in horizons if horizon is not None]
        return min(dates) if dates and len(dates) == len(horizons) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """An IAM role with its trust policy and all its other policies, inline ones first.

    `ceiling`: its permissions boundary, where that lies under the ceilings' path; known of session roles alone.
    """

    name: str
    path: str
    arn: str
    trust: Mapping[str, Any]
    policies: tuple[NamedPolicy, ...]
    longest: timedelta = timedelta(hours=1)
    """How long a session of it may last (MaxSessionDuration)."""
    ceiling: NamedPolicy | None = None

    @property
    def horizon(self) -> datetime | None:
        """The instant from which on it allows nothing, by its policies or its ceiling; None where there is none."""
        dates = [date for policy in self.bearing if (date := horizon_of_role(policy.document)) is not None]
        return min(dates) if dates else None

    @property
    def bearing(self) -> tuple[NamedPolicy, ...]:
        """All its policies and its ceiling, each once."""
        apart = self.ceiling is not None and self.ceiling not in self.policies
        return (*self.policies, self.ceiling) if apart and self.ceiling else self.policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one of keylease's own identities is in IAM. `arn` is a role's own, not that of its session.

    `policies` are all that count for it, those of a user's groups too. The root user has none: it may do anything.
    """

    kind: Literal["role", "user", "root", "other"]
    name: str
    path: str
    arn: str
    policies: tuple[NamedPolicy, ...] = ()


def caller(clients: Clients) -> Caller:
    """Who keylease is with these credentials."""
    answer = ask(clients.sts().get_caller_identity)
    return Caller(arn=answer["Arn"], account=answer["Account"])


def origin(account: Account, identity: Identity) -> str:
    """Where an identity's credentials come from, in words; nothing is asked of AWS for it.

    Raises `AwsCredentials` where there are none.
    """
    plain = replace(identity, role_arn=None)
    found = ask(lambda: session(account, plain).get_credentials())
    if found is None:
        raise AwsCredentials("There are no AWS credentials to use.")
    named = f"the profile {identity.profile}" if identity.profile else _ORIGINS.get(found.method, found.method)
    return f"{identity.role_arn}, assumed with {named}" if identity.role_arn else named


def clock_skew(clients: Clients, clock: Clock) -> timedelta:
    """How far AWS's clock is ahead of this machine's, to the second. AWS refuses requests beyond five minutes."""
    date = ask(_date, clients.sts(attempts=1))
    if date is None:
        raise AwsFailed("AWS's answer does not tell the time.")
    return utc(parsedate_to_datetime(date)) - clock.now()


def _date(sts: STSClient) -> str | None:
    """The time that AWS writes on an answer; on a refusal too, since a clock that is far off is refused."""
    try:
        answer: Mapping[str, Any] = sts.get_caller_identity()
    except ClientError as error:
        answer = error.response
    date: str | None = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return date


def quotas(clients: Clients) -> tuple[Quota, ...]:
    """How much of the account's quotas is used, of those that leases use up."""
    found: Any = ask(clients.iam().get_account_summary)["SummaryMap"]
    return tuple(
        Quota(name=name, used=found[name], limit=found[f"{name}Quota"])
        for name in ("Users", "Policies", "Groups")
        if f"{name}Quota" in found
    )


def group(clients: Clients, name: str) -> Group | None:
    """The IAM group of that name with its policies; None where there is none."""
    try:
        found = ask(clients.iam().get_group, GroupName=name, MaxItems=1)["Group"]
    except NoSuchEntity:
        return None
    return Group(name=name, path=found["Path"], policies=_policies(clients.iam(), "group", name))


def groups(clients: Clients, path: str) -> tuple[Group, ...]:
    """All IAM groups under a path, with their policies."""
    iam = clients.iam()
    return tuple(
        Group(name=found["GroupName"], path=found["Path"], policies=_policies(iam, "group", found["GroupName"]))
        for found in every(iam, "list_groups", "Groups", PathPrefix=path)
    )


def role(clients: Clients, name: str) -> Role | None:
    """The IAM role of that name with its policies; None where there is none."""
    try:
        return _role(clients.iam(), ask(clients.iam().get_role, RoleName=name)["Role"])
    except NoSuchEntity:
        return None


def roles(clients: Clients, path: str) -> tuple[Role, ...]:
    """All IAM roles under a path, with their policies."""
    return tuple(
        _role(clients.iam(), found) for found in every(clients.iam(), "list_roles", "Roles", PathPrefix=path)
    )


def instance_profiles(clients: Clients, role: str) -> tuple[str, ...]:
    """The instance profiles that hand a role to an EC2 instance, by name."""
    found = every(clients.iam(), "list_instance_profiles_for_role", "InstanceProfiles", RoleName=role)
    return tuple(sorted(profile["InstanceProfileName"] for profile in found))


def standing(clients: Clients, caller_arn: str) -> Standing:
    """What an identity is, by the ARN with which it calls. `clients` are those of somebody who may read IAM."""
    iam, resource = clients.iam(), caller_arn.split(":", 5)[5]
    kind, *path = resource.split("/")
    if kind in {"assumed-role", "role"}:
        role = _role(iam, ask(iam.get_role, RoleName=path[0] if kind == "assumed-role" else path[-1])["Role"])
        return Standing(kind="role", name=role.name, path=role.path, arn=role.arn, policies=role.policies)
    if kind == "user":
        own = "/".join(["", *path[:-1], ""])
        return Standing(kind="user", name=path[-1], path=own, arn=caller_arn, policies=_of_user(iam, path[-1]))
    return Standing(kind="root" if kind == "root" else "other", name=resource, path="/", arn=caller_arn)


def policies_of(clients: Clients, principal_arn: str) -> tuple[NamedPolicy, ...]:
    """All policies of a role, a role's session or a user, by its ARN; not those of a user's groups."""
    kind, *path = principal_arn.split(":", 5)[5].split("/")
    if kind == "assumed-role":
        return _policies(clients.iam(), "role", path[0])
    if kind == "role":
        return _policies(clients.iam(), "role", path[-1])
    return _policies(clients.iam(), "user", path[-1]) if kind == "user" else ()


def _role(iam: IAMClient, found: Mapping[str, Any]) -> Role:
    policies = _policies(iam, "role", found["RoleName"])
    return Role(
        name=found["RoleName"],
        path=found["Path"],
        arn=found["Arn"],
        trust=found["AssumeRolePolicyDocument"],
        policies=policies,
        longest=timedelta(seconds=found.get("MaxSessionDuration", 3600)),
        ceiling=_ceiling(iam, found, policies) if found["Path"].startswith(SESSION_PATH) else None,
    )


def _ceiling(iam: IAMClient, found: Mapping[str, Any], policies: tuple[NamedPolicy, ...]) -> NamedPolicy | None:
    """Listings show no boundary. A ceiling that is attached as well was read with the policies."""
    whole: Mapping[str, Any] = found
    if "PermissionsBoundary" not in found:
        whole = ask(iam.get_role, RoleName=found["RoleName"])["Role"]
    arn: str = whole.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    if f":policy{CEILING_PATH}" not in arn:
        return None
    known = next((policy for policy in policies if policy.arn == arn), None)
    return known or _managed(iam, arn.rpartition("/")[2], arn)


def _of_user(iam: IAMClient, name: str) -> tuple[NamedPolicy, ...]:
    """A user's own policies and those of its groups."""
    joined = every(iam, "list_groups_for_user", "Groups", UserName=name)
    of_groups = (policy for found in joined for policy in _policies(iam, "group", found["GroupName"]))
    return (*_policies(iam, "user", name), *of_groups)


def _policies(iam: IAMClient, entity: Entity, name: str) -> tuple[NamedPolicy, ...]:
    owner = {f"{entity.title()}Name": name}
    inline = every(iam, f"list_{entity}_policies", "PolicyNames", **owner)
    attached = every(iam, f"list_attached_{entity}_policies", "AttachedPolicies", **owner)
    return (
        *(_inline(iam, entity, owner, policy) for policy in inline),
        *(_managed(iam, policy["PolicyName"], policy["PolicyArn"]) for policy in attached),
    )


def _inline(iam: IAMClient, entity: Entity, owner: Mapping[str, str], name: str) -> NamedPolicy:
    get: Any = getattr(iam, f"get_{entity}_policy")
    return NamedPolicy(name=name, arn=None, document=ask(get, **owner, PolicyName=name)["PolicyDocument"])


def _managed(iam: IAMClient, name: str, arn: str) -> NamedPolicy:
    version = ask(iam.get_policy, PolicyArn=arn)["Policy"]["DefaultVersionId"]
    answer: Any = ask(iam.get_policy_version, PolicyArn=arn, VersionId=version)
    return NamedPolicy(name=name, arn=arn, document=answer["PolicyVersion"]["Document"])
