"""The credentials behind a client: what AWS's SDK finds, or a role that is assumed with it.

botocore does the assuming and renews the session by itself, ahead of its end; nothing here keeps a secret.

botocore's debug log holds whole answers, so a new access key would stand in it. Its logger is therefore held at
INFO or above, whatever the root logger says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import NoCredentialsError
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from keylease import __version__
from keylease.aws.account import Account, Identity
from keylease.aws.failures import is_throttled
from keylease.pacing import Pacing

if TYPE_CHECKING:
    from botocore.credentials import Credentials

ATTEMPTS = 5
"""How often one call is tried in all, where repeating it does no harm."""
CONNECT_WITHIN, READ_WITHIN = 5, 15
"""Seconds."""

ROLE_SESSION_NAME = "keylease"
"""What CloudTrail shows behind the role's name."""

OnCall = Callable[[str], None]
"""Is told `iam.CreateUser` for each request that goes out, repetitions too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is asked or told about each request that goes out, repetitions too."""

    on_call: OnCall | None = None
    pacing: Pacing | None = None
    """IAM's pace in the account. Only IAM's: no other service is asked so much."""
    removes: bool = False
    """Whether this identity takes away, which goes first."""


QUIET = Watch()


def session(account: Account, identity: Identity, watch: Watch = QUIET) -> boto3.Session:
    """A session with this identity's credentials, which renew themselves where they are a role's.

    Raises botocore's exceptions: `ProfileNotFound`, `NoCredentialsError`. The role itself is assumed at the
    first call that needs it.
    """
    _keep_answers_out_of_logs()
    source = _source(account, identity, watch)
    if identity.role_arn is None:
        return boto3.Session(botocore_session=source)
    made = _session(account, identity, watch)
    made.register_component("credential_provider", CredentialResolver([_Role(account, identity, source)]))
    return boto3.Session(botocore_session=made)


def config(account: Account, attempts: int, *, read_within: float = READ_WITHIN, paced: bool = False) -> Config:
    """How patiently a client asks: `attempts` in all, slower as soon as AWS asks for fewer calls.

    What is `paced` has a pace of its own, which botocore's would only get in the way of.

    A proxy that the machine is set up for is used, but not on the way to the machine itself.
    """
    return Config(
        proxies={} if _is_here(account.endpoint_url) else None,
        connect_timeout=CONNECT_WITHIN,
        read_timeout=read_within,
        retries={"mode": "adaptive" if attempts > 1 and not paced else "standard", "total_max_attempts": attempts},
        user_agent_extra=f"keylease/{__version__}",
    )


class _Role(CredentialProvider):
    """Provides an assumed role's credentials."""

    METHOD = "assume-role"

    def __init__(self, account: Account, identity: Identity, source: Session) -> None:
        super().__init__(source)
        self._account = account
        self._identity = identity
        self._source = source

    def load(self) -> DeferredRefreshableCredentials:
        """Credentials that are fetched when they are first used."""
        credentials = self._source.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        return DeferredRefreshableCredentials(self._fetcher(credentials).fetch_credentials, self.METHOD)

    def _fetcher(self, credentials: Credentials) -> AssumeRoleCredentialFetcher:
        extra = {"RoleSessionName": ROLE_SESSION_NAME}
        if self._identity.external_id is not None:
            extra["ExternalId"] = self._identity.external_id
        endpoint = self._account.endpoint_url
        create = partial(self._source.create_client, endpoint_url=endpoint, config=config(self._account, ATTEMPTS))
        return AssumeRoleCredentialFetcher(create, credentials, self._identity.role_arn or "", extra_args=extra)


def _source(account: Account, identity: Identity, watch: Watch) -> Session:
    """A session with what the SDK finds, or with the one access key that the identity names."""
    made = _session(account, identity, watch)
    if identity.access_key is not None:
        made.set_credentials(identity.access_key.access_key_id, identity.access_key.secret_access_key.reveal())
    return made


def _session(account: Account, identity: Identity, watch: Watch) -> Session:
    made = Session(profile=identity.profile)
    made.set_config_variable("region", account.region)
    made.register_component("data_loader", _descriptions(made.get_config_variable("data_path")))
    if watch.on_call is not None:
        made.register("before-send", partial(_tell, watch.on_call))
    if watch.pacing is not None:
        made.register("before-send.iam", partial(_wait, watch.pacing, removes=watch.removes))
        made.register("needs-retry.iam", partial(_learn, watch.pacing))
    return made


@cache
def _descriptions(path: str | None) -> Loader:
    """The SDK's descriptions of services, read once for all sessions: it makes a client in a tenth of the time."""
    return create_loader(path)


def _is_here(endpoint_url: str | None) -> bool:
    return urlsplit(endpoint_url or "").hostname in {"127.0.0.1", "::1", "localhost"}


def _tell(on_call: OnCall, event_name: str, **_: object) -> None:
    on_call(event_name.removeprefix("before-send."))


def _wait(pacing: Pacing, *, removes: bool, **_: object) -> None:
    pacing.wait(removes=removes)


def _learn(pacing: Pacing, response: tuple[object, Mapping[str, Any]] | None = None, **_: object) -> None:
    """Tell the pace what AWS answered. botocore asks whether to try again; others say so, this says nothing."""
    if response is None:
        pacing.counts["unanswered"] += 1
        return
    if is_throttled(response[1].get("Error", {}).get("Code")):
        pacing.refused()
    else:
        pacing.answered()


def _keep_answers_out_of_logs() -> None:
    logger = logging.getLogger("botocore")
    if logger.level < logging.INFO:
        logger.setLevel(logging.INFO)
    # that a role cannot be assumed is raised, and said in one sentence; botocore logs a traceback besides
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
