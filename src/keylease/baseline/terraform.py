"""The guardrails as Terraform, in its JSON form (`.tf.json`). Source of names: the AWS provider's documentation.

In Terraform's JSON a text may hold a template, so `${` and `%{` of a document are doubled.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from keylease.baseline.export import Exported, Made, Whole, exported, label, policy_of
from keylease.domain.guardrail import Resource

Part = tuple[str, str, Made]


def terraform(resources: Iterable[Resource], *, region: str) -> Exported:
    """One `.tf.json` file for one account and region."""
    return exported(resources, _WRITERS, region=region, write=_file)


def _file(parts: list[Part]) -> Made:
    found: dict[str, Made] = defaultdict(dict)
    for name, kind, whole in parts:
        found[kind][name] = whole
    provider = {"aws": {"source": "hashicorp/aws", "version": ">= 5.60"}}
    return {"terraform": {"required_providers": provider}, "resource": dict(found)}


def _text(document: Any) -> str:
    """A document as text inside Terraform, where `${` begins a template."""
    text = document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))
    return text.replace("${", "$${").replace("%{", "%%{")


def _policy(_: Whole, one: Resource) -> Iterator[Part]:
    whole = {"name": one.name, "path": one.properties["path"], "policy": _text(one.properties["document"])}
    yield label(one.name), "aws_iam_policy", whole


def _group(_: Whole, one: Resource) -> Iterator[Part]:
    yield label(one.name), "aws_iam_group", {"name": one.name, "path": one.properties["path"]}


def _attachment(whole: Whole, one: Resource) -> Iterator[Part]:
    entity, owner, _ = one.name.split("/", 2)
    known = whole.find(entity, owner) is not None
    ours = whole.find("policy", policy_of(one)) is not None
    arn = f"${{aws_iam_policy.{label(policy_of(one))}.arn}}" if ours else one.properties["policy"]
    to = f"${{aws_iam_{entity}.{label(owner)}.name}}" if known else owner
    yield label(one.name), f"aws_iam_{entity}_policy_attachment", {entity: to, "policy_arn": arn}


def _role(_: Whole, one: Resource) -> Iterator[Part]:
    has = one.properties
    whole: Made = {
        "name": one.name,
        "path": has["path"],
        "assume_role_policy": _text(has["trust"]),
        "max_session_duration": has["longest"],
        "tags": dict(has["tags"]),
    }
    if has["boundary"]:
        policy = label(has["boundary"].rpartition("/")[2])
        whole["permissions_boundary"] = f"${{aws_iam_policy.{policy}.arn}}"
    yield label(one.name), "aws_iam_role", whole
    for name, document in sorted(has["inline"].items()):
        inline = {"name": name, "role": f"${{aws_iam_role.{label(one.name)}.name}}", "policy": _text(document)}
        yield label(f"{one.name}-{name}"), "aws_iam_role_policy", inline


def _profile(_: Whole, one: Resource) -> Iterator[Part]:
    role = f"${{aws_iam_role.{label(one.properties['role'])}.name}}"
    yield (
        label(one.name),
        "aws_iam_instance_profile",
        {"name": one.name, "path": one.properties["path"], "role": role},
    )


def _passwords(_: Whole, one: Resource) -> Iterator[Part]:
    names = {
        "MinimumPasswordLength": "minimum_password_length",
        "RequireSymbols": "require_symbols",
        "RequireNumbers": "require_numbers",
        "RequireUppercaseCharacters": "require_uppercase_characters",
        "RequireLowercaseCharacters": "require_lowercase_characters",
        "AllowUsersToChangePassword": "allow_users_to_change_password",
        "PasswordReusePrevention": "password_reuse_prevention",
        "MaxPasswordAge": "max_password_age",
    }
    yield "account", "aws_iam_account_password_policy", {names[key]: one.properties[key] for key in one.properties}


def _alias(_: Whole, one: Resource) -> Iterator[Part]:
    yield "account", "aws_iam_account_alias", {"account_alias": one.properties["alias"]}


def _encryption(whole: Whole, one: Resource) -> Iterator[Part]:
    if one.name == whole.region:
        yield "default", "aws_ebs_encryption_by_default", {"enabled": True}


def _imds(whole: Whole, one: Resource) -> Iterator[Part]:
    if one.name == whole.region:
        has = one.properties
        given = {"http_tokens": has["HttpTokens"], "http_put_response_hop_limit": has["HttpPutResponseHopLimit"]}
        yield "default", "aws_ec2_instance_metadata_defaults", given


def _saml(_: Whole, one: Resource) -> Iterator[Part]:
    whole = {"name": one.name, "saml_metadata_document": _text(one.properties["metadata"])}
    yield label(one.name), "aws_iam_saml_provider", whole


def _oidc(_: Whole, one: Resource) -> Iterator[Part]:
    whole = {"url": f"https://{one.name}", "client_id_list": one.properties["client_ids"]}
    yield label(one.name), "aws_iam_openid_connect_provider", whole


def _scp(_: Whole, one: Resource) -> Iterator[Part]:
    content = _text(one.properties["document"])
    whole = {"name": one.name, "type": "SERVICE_CONTROL_POLICY", "content": content}
    yield label(one.name), "aws_organizations_policy", whole
    for target in one.properties["targets"]:
        policy = f"${{aws_organizations_policy.{label(one.name)}.id}}"
        attached = {"policy_id": policy, "target_id": target}
        yield label(f"{one.name}-{target}"), "aws_organizations_policy_attachment", attached


def _bucket(_: Whole, one: Resource) -> Iterator[Part]:
    has, name = one.properties, label(one.name)
    at = {"bucket": f"${{aws_s3_bucket.{name}.id}}"}
    rule, public = has["lifecycle"][0], has["public"]
    algorithm = {"apply_server_side_encryption_by_default": {"sse_algorithm": has["encryption"]}}
    lifecycle = {
        "id": rule["ID"],
        "status": rule["Status"],
        "filter": {"prefix": ""},
        "expiration": {"days": rule["Expiration"]["Days"]},
        "noncurrent_version_expiration": {"noncurrent_days": rule["NoncurrentVersionExpiration"]["NoncurrentDays"]},
    }
    yield name, "aws_s3_bucket", {"bucket": one.name, "object_lock_enabled": bool(has["lock"])}
    yield (
        name,
        "aws_s3_bucket_public_access_block",
        {
            **at,
            "block_public_acls": public["BlockPublicAcls"],
            "ignore_public_acls": public["IgnorePublicAcls"],
            "block_public_policy": public["BlockPublicPolicy"],
            "restrict_public_buckets": public["RestrictPublicBuckets"],
        },
    )
    owned = {**at, "rule": {"object_ownership": has["ownership"]}}
    yield name, "aws_s3_bucket_ownership_controls", owned
    yield name, "aws_s3_bucket_server_side_encryption_configuration", {**at, "rule": algorithm}
    yield name, "aws_s3_bucket_versioning", {**at, "versioning_configuration": {"status": has["versioning"]}}
    yield name, "aws_s3_bucket_lifecycle_configuration", {**at, "rule": lifecycle}
    yield name, "aws_s3_bucket_policy", {**at, "policy": _text(has["policy"])}
    if has["lock"]:
        retention = {"default_retention": {"mode": has["lock"]["Mode"], "days": has["lock"]["Days"]}}
        yield name, "aws_s3_bucket_object_lock_configuration", {**at, "rule": retention}


def _trail(_: Whole, one: Resource) -> Iterator[Part]:
    has, bucket = one.properties, label(one.properties["bucket"])
    selector: Made = {"read_write_type": "All", "include_management_events": True}
    if has["file_events"]:
        selector["data_resource"] = {"type": "AWS::S3::Object", "values": ["arn:aws:s3"]}
    whole = {
        "name": one.name,
        "s3_bucket_name": f"${{aws_s3_bucket.{bucket}.id}}",
        "is_multi_region_trail": has["every_region"],
        "include_global_service_events": has["every_region"],
        "enable_log_file_validation": has["validated"],
        "enable_logging": has["logging"],
        "event_selector": selector,
        "depends_on": [f"aws_s3_bucket_policy.{bucket}"],
    }
    yield label(one.name), "aws_cloudtrail", whole


def _service_role(_: Whole, one: Resource) -> Iterator[Part]:
    yield label(one.name), "aws_iam_service_linked_role", {"aws_service_name": one.name}


def _recorder(_: Whole, one: Resource) -> Iterator[Part]:
    has = one.properties
    group = {"all_supported": has["everything"], "include_global_resource_types": has["global"]}
    role = "${aws_iam_service_linked_role.config_amazonaws_com.arn}"
    yield (
        "keylease",
        "aws_config_configuration_recorder",
        {"name": "keylease", "role_arn": role, "recording_group": group},
    )


def _channel(_: Whole, one: Resource) -> Iterator[Part]:
    bucket = label(one.properties["bucket"])
    whole = {
        "name": "keylease",
        "s3_bucket_name": f"${{aws_s3_bucket.{bucket}.id}}",
        "depends_on": ["aws_config_configuration_recorder.keylease", f"aws_s3_bucket_policy.{bucket}"],
    }
    yield "keylease", "aws_config_delivery_channel", whole
    started = {
        "name": "${aws_config_configuration_recorder.keylease.name}",
        "is_enabled": one.properties["recording"],
        "depends_on": ["aws_config_delivery_channel.keylease"],
    }
    yield "keylease", "aws_config_configuration_recorder_status", started


def _rule(_: Whole, one: Resource) -> Iterator[Part]:
    whole: Made = {
        "name": one.name,
        "source": {"owner": "AWS", "source_identifier": one.properties["identifier"]},
        "depends_on": ["aws_config_configuration_recorder.keylease"],
    }
    if one.properties["with"] != "{}":
        whole["input_parameters"] = one.properties["with"]
    yield label(one.name), "aws_config_config_rule", whole


def _analyzer(whole: Whole, one: Resource) -> Iterator[Part]:
    if one.name == whole.region:
        given = {"analyzer_name": "keylease-external-access", "type": "ACCOUNT"}
        yield "external", "aws_accessanalyzer_analyzer", given


def _budget(_: Whole, one: Resource) -> Iterator[Part]:
    has = one.properties
    alarms = [
        {
            "comparison_operator": "GREATER_THAN",
            "threshold": percent,
            "threshold_type": "PERCENTAGE",
            "notification_type": kind,
            "subscriber_email_addresses": has["tell"],
        }
        for kind, percent in has["alarms"]
    ]
    whole = {
        "name": one.name,
        "budget_type": "COST",
        "time_unit": "MONTHLY",
        "limit_amount": str(has["usd"]),
        "limit_unit": "USD",
        "notification": alarms,
    }
    yield label(one.name), "aws_budgets_budget", whole


def _action(_: Whole, one: Resource) -> Iterator[Part]:
    has = one.properties
    policy, role = (label(has[name].rpartition("/")[2]) for name in ("policy", "role"))
    definition = {"policy_arn": f"${{aws_iam_policy.{policy}.arn}}", "groups": has["groups"]}
    whole = {
        "budget_name": f"${{aws_budgets_budget.{label(one.name)}.name}}",
        "action_type": "APPLY_IAM_POLICY",
        "approval_model": "AUTOMATIC",
        "notification_type": "ACTUAL",
        "execution_role_arn": f"${{aws_iam_role.{role}.arn}}",
        "action_threshold": {"action_threshold_type": "PERCENTAGE", "action_threshold_value": has["percent"]},
        "definition": {"iam_action_definition": definition},
        "subscriber": [{"subscription_type": "EMAIL", "address": address} for address in has["tell"]],
    }
    yield label(one.name), "aws_budgets_budget_action", whole


def _monitor(_: Whole, one: Resource) -> Iterator[Part]:
    del one
    given = {"name": "keylease-services", "monitor_type": "DIMENSIONAL", "monitor_dimension": "SERVICE"}
    yield "services", "aws_ce_anomaly_monitor", given


def _alarm(_: Whole, one: Resource) -> Iterator[Part]:
    has = one.properties
    above = {
        "dimension": {
            "key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
            "match_options": ["GREATER_THAN_OR_EQUAL"],
            "values": [str(has["usd"])],
        }
    }
    whole = {
        "name": one.name,
        "frequency": "DAILY",
        "monitor_arn_list": ["${aws_ce_anomaly_monitor.services.arn}"],
        "subscriber": [{"type": "EMAIL", "address": address} for address in has["tell"]],
        "threshold_expression": above,
    }
    yield label(one.name), "aws_ce_anomaly_subscription", whole


_WRITERS: Mapping[str, Callable[[Whole, Resource], Iterator[Part]]] = {
    "policy": _policy,
    "group": _group,
    "attachment": _attachment,
    "role": _role,
    "instance-profile": _profile,
    "password-policy": _passwords,
    "account-alias": _alias,
    "ebs-encryption": _encryption,
    "imds-defaults": _imds,
    "saml-provider": _saml,
    "oidc-provider": _oidc,
    "scp": _scp,
    "bucket": _bucket,
    "trail": _trail,
    "service-linked-role": _service_role,
    "config-recorder": _recorder,
    "config-channel": _channel,
    "config-rule": _rule,
    "analyzer": _analyzer,
    "budget": _budget,
    "budget-action": _action,
    "anomaly-monitor": _monitor,
    "anomaly-alarm": _alarm,
}
