"""What AWS and botocore fail with, in keylease's words.

Every call to AWS goes through `ask`, so nothing of botocore's leaves this package. The foreign exception is
dropped and not chained: its text may quote a request or an answer, and an answer may hold a secret access key.
What stays is AWS's own code, the operation and the request's id, by which CloudTrail finds the rest.

`NoSuchEntity`, `AlreadyExists` and `InUse` are answers more than failures; the callers here expect them, and where
one does not it is an `AwsFailed` like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from keylease.aws import permissions
from keylease.errors import (
    AwsCredentials,
    AwsDenied,
    AwsFailed,
    AwsQuota,
    AwsThrottled,
    AwsUnreachable,
    KeyleaseError,
)

P = ParamSpec("P")
R = TypeVar("R")


class NoSuchEntity(AwsFailed):
    """It is not there. `kind` is what AWS says it is: `user`, `group`, or empty where AWS names none."""

    kind = ""


class AlreadyExists(AwsFailed):
    """There is something of that name already."""


class InUse(AwsFailed):
    """Something else still hangs on it (DeleteConflict)."""


class Malformed(AwsFailed):
    """A document that AWS does not take: wrong, or naming a principal that it does not know, or not yet."""


_CODES: dict[str, type[KeyleaseError]] = {
    "AccessDenied": AwsDenied,
    "AccessDeniedException": AwsDenied,
    "AuthFailure": AwsCredentials,
    "AuthorizationError": AwsDenied,
    "BandwidthLimitExceeded": AwsThrottled,
    "BucketAlreadyOwnedByYou": AlreadyExists,
    "BucketNotEmpty": InUse,
    "DeleteConflict": InUse,
    "DuplicatePolicyAttachmentException": AlreadyExists,
    "DuplicatePolicyException": AlreadyExists,
    "DuplicateRecordException": AlreadyExists,
    "EC2ThrottledException": AwsThrottled,
    "EntityAlreadyExists": AlreadyExists,
    "ExpiredToken": AwsCredentials,
    "ExpiredTokenException": AwsCredentials,
    "IncompleteSignature": AwsCredentials,
    "InvalidAccessKeyId": AwsCredentials,
    "InvalidClientTokenId": AwsCredentials,
    "InvalidSignatureException": AwsCredentials,
    "InvalidToken": AwsCredentials,
    "LimitExceeded": AwsQuota,
    "MalformedPolicy": Malformed,
    "MalformedPolicyDocument": Malformed,
    "MissingAuthenticationToken": AwsCredentials,
    "MissingAuthenticationTokenException": AwsCredentials,
    "NoSuchBucket": NoSuchEntity,
    "NoSuchEntity": NoSuchEntity,
    "NotFoundException": NoSuchEntity,
    "PolicyInUseException": InUse,
    "PriorRequestNotComplete": AwsThrottled,
    "ProvisionedThroughputExceededException": AwsThrottled,
    "RequestExpired": AwsCredentials,
    "RequestLimitExceeded": AwsThrottled,
    "RequestThrottled": AwsThrottled,
    "RequestThrottledException": AwsThrottled,
    "RequestTimeTooSkewed": AwsCredentials,
    "RequestTimeout": AwsUnreachable,
    "ResourceNotFoundException": NoSuchEntity,
    "SignatureDoesNotMatch": AwsCredentials,
    "SlowDown": AwsThrottled,
    "ThrottledException": AwsThrottled,
    "Throttling": AwsThrottled,
    "ThrottlingException": AwsThrottled,
    "TooManyRequestsException": AwsThrottled,
    "TrailAlreadyExistsException": AlreadyExists,
    "TrailNotFoundException": NoSuchEntity,
    "UnauthorizedOperation": AwsDenied,
    "UnrecognizedClientException": AwsCredentials,
}
"""What AWS's services answer, by code; those of IAM and STS, and of what a probe may call."""

_SENTENCES: dict[type[KeyleaseError], str] = {
    AwsCredentials: "AWS does not accept the credentials",
    AwsQuota: "A quota of the account is used up",
    AwsThrottled: "AWS asks for fewer calls",
    AwsUnreachable: "AWS has trouble of its own",
}
_NO_ANSWER = (
    boto.ConnectionError,
    boto.HTTPClientError,
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
    ResponseParserError,
)
_NO_CREDENTIALS = (
    boto.ConfigNotFound,
    boto.ConfigParseError,
    boto.CredentialRetrievalError,
    boto.InfiniteLoopConfigError,
    boto.InvalidConfigError,
    boto.LoginError,
    boto.MetadataRetrievalError,
    boto.NoAuthTokenError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.ProfileNotFound,
    boto.RefreshWithMFAUnsupportedError,
    boto.SSOError,
    boto.TokenRetrievalError,
    boto.UnknownCredentialError,
)
_FOREIGN = (BotoCoreError, ClientError, ResponseParserError, RuntimeError, ValueError)
"""`RuntimeError` is botocore's for credentials that were over when they came, `ValueError` for a bad endpoint."""

_CLOCK = "This machine's clock is wrong: set it, best by NTP. `keylease doctor` shows by how much."
_SKEWED = re.compile(r"signature expired|signature not yet current", re.IGNORECASE)
_ACTION = re.compile(r"perform: ([a-z0-9-]+:[A-Za-z0-9]+)")
_KIND = re.compile(r"the (user|group) with name", re.IGNORECASE)


def ask(operation: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Make one call to AWS. Raises the failures of `errors.py` whose names begin with Aws, and nothing else."""
    try:
        return operation(*args, **kwargs)
    except _FOREIGN as error:
        failure = translate(error)
    raise failure


def is_throttled(code: str | None) -> bool:
    """Whether AWS asks for fewer calls by this code."""
    return _CODES.get(code or "") is AwsThrottled


def translate(error: Exception) -> KeyleaseError:
    """keylease's failure for one of botocore's. What no table knows is `AwsFailed`."""
    if isinstance(error, ClientError):
        return _answered(error)
    name = type(error).__name__
    if isinstance(error, _NO_ANSWER):
        return AwsUnreachable(f"AWS did not answer, or not to the end ({name}).")
    if isinstance(error, RuntimeError):
        return AwsCredentials("The credentials that AWS sent were over when they came.", hint=_CLOCK)
    if isinstance(error, _NO_CREDENTIALS):
        return AwsCredentials(f"There are no AWS credentials to use ({name}).")
    return AwsFailed(f"AWS's library refused the call ({name}).")


def _answered(error: ClientError) -> KeyleaseError:
    code, operation = _code(error), error.operation_name
    failure = _CODES.get(code) or _by_status(_status(error))
    if failure is AwsDenied:
        return _denied(error)
    sentence = _SENTENCES.get(failure, "AWS answered")
    made = failure(f"{sentence} ({code} to {operation}{_request_id(error)}).")
    if isinstance(made, NoSuchEntity):
        made.kind = _first(_KIND, _message(error)).lower()
    if code == "RequestTimeTooSkewed" or (failure is AwsCredentials and _SKEWED.search(_message(error))):
        made.hint = _CLOCK
    return made


def _by_status(status: int) -> type[KeyleaseError]:
    """For a code that no table knows; a HEAD request is answered without any."""
    if status >= 500:
        return AwsUnreachable
    return {401: AwsCredentials, 403: AwsDenied, 429: AwsThrottled}.get(status, AwsFailed)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _denied(error: ClientError) -> AwsDenied:
    """Names the action by the name that policies use; AWS tells it, and an operation's name is mostly the same."""
    message = _message(error)
    action = _first(_ACTION, message) or permissions.action(error.operation_name)
    sentence = f"AWS does not allow keylease {action}{_request_id(error)}."
    return AwsDenied(sentence, hint=permissions.hint(action, explicit="explicit deny" in message))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) or "an unnamed error"


def _message(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _request_id(error: ClientError) -> str:
    request_id = error.response.get("ResponseMetadata", {}).get("RequestId", "")
    return f", request {request_id}" if request_id else ""
