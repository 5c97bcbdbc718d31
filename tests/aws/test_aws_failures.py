"""What AWS and botocore fail with becomes one of keylease's own failures."""

from __future__ import annotations

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from keylease.aws import permissions
from keylease.aws.failures import AlreadyExists, InUse, Malformed, NoSuchEntity, ask, translate
from keylease.errors import (
    AwsCredentials,
    AwsDenied,
    AwsFailed,
    AwsQuota,
    AwsThrottled,
    AwsUnreachable,
    KeyleaseError,
    tree,
)

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def answer(code: str, status: int = 400, *, operation: str = "CreateUser", message: str = SECRET) -> ClientError:
    metadata = {"HTTPStatusCode": status, "RequestId": "8e1f-7a"}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, operation)  # type: ignore[typeddict-item]


ANSWERS = [
    (answer("AccessDenied", 403), AwsDenied),
    (answer("AccessDeniedException", 400), AwsDenied),
    (answer("UnauthorizedOperation", 403), AwsDenied),
    (answer("403", 403), AwsDenied),
    (answer("AnythingElse", 403), AwsDenied),
    (answer("Throttling", 400), AwsThrottled),
    (answer("ThrottlingException", 400), AwsThrottled),
    (answer("RequestLimitExceeded", 503), AwsThrottled),
    (answer("SlowDown", 503), AwsThrottled),
    (answer("AnythingElse", 429), AwsThrottled),
    (answer("InvalidClientTokenId", 403), AwsCredentials),
    (answer("InvalidAccessKeyId", 403), AwsCredentials),
    (answer("SignatureDoesNotMatch", 403), AwsCredentials),
    (answer("ExpiredToken", 403), AwsCredentials),
    (answer("ExpiredTokenException", 400), AwsCredentials),
    (answer("UnrecognizedClientException", 400), AwsCredentials),
    (answer("AuthFailure", 401), AwsCredentials),
    (answer("MissingAuthenticationToken", 403), AwsCredentials),
    (answer("RequestTimeTooSkewed", 403), AwsCredentials),
    (answer("401", 401), AwsCredentials),
    (answer("LimitExceeded", 409), AwsQuota),
    (answer("ServiceFailure", 500), AwsUnreachable),
    (answer("ServiceUnavailable", 503), AwsUnreachable),
    (answer("RequestTimeout", 400), AwsUnreachable),
    (answer("NoSuchEntity", 404), NoSuchEntity),
    (answer("EntityAlreadyExists", 409), AlreadyExists),
    (answer("DeleteConflict", 409), InUse),
    (answer("MalformedPolicyDocument", 400), Malformed),
    (answer("NoSuchThingAtAll", 400), AwsFailed),
    (answer("ConcurrentModification", 409), AwsFailed),
    (answer("", 0), AwsFailed),
]
EXCEPTIONS = [
    (boto.EndpointConnectionError(endpoint_url=SECRET), AwsUnreachable),
    (boto.ConnectTimeoutError(endpoint_url=SECRET), AwsUnreachable),
    (boto.ReadTimeoutError(endpoint_url=SECRET), AwsUnreachable),
    (boto.ConnectionClosedError(endpoint_url=SECRET), AwsUnreachable),
    (boto.SSLError(endpoint_url=SECRET, error="x"), AwsUnreachable),
    (boto.ProxyConnectionError(proxy_url=SECRET), AwsUnreachable),
    (boto.HTTPClientError(error=SECRET), AwsUnreachable),
    (boto.IncompleteReadError(actual_bytes=1, expected_bytes=2), AwsUnreachable),
    (ResponseParserError(SECRET), AwsUnreachable),
    (boto.NoCredentialsError(), AwsCredentials),
    (boto.PartialCredentialsError(provider="env", cred_var=SECRET), AwsCredentials),
    (boto.ProfileNotFound(profile="nobody"), AwsCredentials),
    (boto.CredentialRetrievalError(provider="process", error_msg=SECRET), AwsCredentials),
    (boto.UnauthorizedSSOTokenError(), AwsCredentials),
    (boto.SSOTokenLoadError(error_msg=SECRET), AwsCredentials),
    (boto.TokenRetrievalError(provider="sso", error_msg=SECRET), AwsCredentials),
    (boto.LoginRefreshRequired(), AwsCredentials),
    (boto.MetadataRetrievalError(error_msg=SECRET), AwsCredentials),
    (RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."), AwsCredentials),
    (boto.ParamValidationError(report=SECRET), AwsFailed),
    (boto.UnknownServiceError(service_name="x", known_service_names="y"), AwsFailed),
    (ValueError("Invalid endpoint: nonsense"), AwsFailed),
]


def named(case: tuple[Exception, type[KeyleaseError]]) -> str:
    error = case[0]
    if isinstance(error, ClientError):
        return f"{error.response['Error']['Code']}-{error.response['ResponseMetadata']['HTTPStatusCode']}"
    return type(error).__name__


@pytest.mark.parametrize("case", ANSWERS + EXCEPTIONS, ids=named)
def test_each_foreign_exception_becomes_the_failure_that_says_who_has_to_act(
    case: tuple[Exception, type[KeyleaseError]],
) -> None:
    assert type(translate(case[0])) is case[1]


@pytest.mark.parametrize("case", ANSWERS + EXCEPTIONS, ids=named)
def test_nothing_of_the_foreign_exception_is_left_but_what_the_sentence_says(
    case: tuple[Exception, type[KeyleaseError]],
) -> None:
    def fail() -> None:
        raise case[0]

    with pytest.raises(KeyleaseError) as caught:
        ask(fail)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert SECRET not in caught.value.sentence + caught.value.hint


def test_what_is_not_aws_s_is_not_swallowed() -> None:
    def fail() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        ask(fail)


def test_the_answers_that_callers_expect_have_no_code_of_their_own() -> None:
    assert not {NoSuchEntity, AlreadyExists, InUse} & set(tree())
    assert {NoSuchEntity.code, AlreadyExists.code, InUse.code} == {AwsFailed.code}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("The user with name mara cannot be found.", "user"),
        ("The group with name archive cannot be found.", "group"),
        ("Scope ARN: arn:aws:iam::123456789012:policy/x does not exist or is not attachable.", ""),
    ],
)
def test_what_is_not_there_is_told_by_its_kind(message: str, kind: str) -> None:
    failure = translate(answer("NoSuchEntity", 404, message=message))
    assert isinstance(failure, NoSuchEntity)
    assert failure.kind == kind


def test_a_failure_names_the_operation_and_the_request() -> None:
    sentence = translate(answer("MalformedPolicyDocument", operation="CreatePolicy")).sentence
    assert sentence == "AWS answered (MalformedPolicyDocument to CreatePolicy, request 8e1f-7a)."


@pytest.mark.parametrize(
    ("operation", "message", "action"),
    [
        ("CreateUser", "", "iam:CreateUser"),
        ("AssumeRole", "", "sts:AssumeRole"),
        ("ListObjectsV2", "User: arn:x is not authorized to perform: s3:ListBucket on y", "s3:ListBucket"),
        ("CreateUser", "User: arn:x is not authorized to perform: iam:TagUser on resource: y", "iam:TagUser"),
    ],
)
def test_a_refusal_names_the_action_as_policies_name_it(operation: str, message: str, action: str) -> None:
    failure = translate(answer("AccessDenied", 403, operation=operation, message=message))
    assert f" {action}," in failure.sentence


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ("CreateUser", '"Action":"iam:CreateUser","Condition":{"ArnLike":{"iam:PermissionsBoundary":'),
        (
            "AddUserToGroup",
            '"Action":"iam:AddUserToGroup","Effect":"Allow","Resource":"arn:aws:iam::*:group/keylease/*"',
        ),
        (
            "DeleteLoginProfile",
            '"Action":"iam:DeleteLoginProfile","Effect":"Allow","Resource":"arn:aws:iam::*:user/',
        ),
        ("GetAccountAuthorizationDetails", '"Action":"iam:GetAccountAuthorizationDetails","Effect":"Allow"'),
        ("AssumeRole", "The role must trust the credentials"),
        ("CreateRole", "`keylease broker-policy` prints"),
    ],
)
def test_the_hint_of_a_refusal_is_the_statement_that_is_missing(operation: str, said: str) -> None:
    failure = translate(answer("AccessDenied", 403, operation=operation))
    assert said in failure.hint


def test_no_statement_is_offered_for_what_the_broker_should_never_have() -> None:
    assert permissions.statement("iam:AttachUserPolicy") is None


def test_the_hint_of_an_explicit_denial_is_not_to_allow_more() -> None:
    message = (
        "User: x is not authorized to perform: iam:CreateUser with an explicit deny in an identity-based policy"
    )
    failure = translate(answer("AccessDenied", 403, message=message))
    assert "horizon" in failure.hint


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("RequestTimeTooSkewed", ""),
        ("SignatureDoesNotMatch", "Signature expired: 20261124T100000Z is now earlier than 20261124T101500Z"),
        (
            "SignatureDoesNotMatch",
            "Signature not yet current: 20261124T120000Z is still later than 20261124T101500Z",
        ),
    ],
)
def test_a_clock_that_is_wrong_is_told_from_a_credential_that_is(code: str, message: str) -> None:
    assert "clock" in translate(answer(code, 403, message=message)).hint
    assert "clock" not in translate(answer("SignatureDoesNotMatch", 403)).hint
