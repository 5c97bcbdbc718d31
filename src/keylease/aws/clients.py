"""The clients of one identity in one account.

A client is made when it is first asked for, and kept: making one takes a tenth of a second and may have to look for
credentials. Nothing is read or asked before that.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keylease.aws.account import Account, Identity
from keylease.aws.failures import ask
from keylease.aws.session import ATTEMPTS, READ_WITHIN, OnCall, Watch, config, session
from keylease.pacing import Pacing
from keylease.ports import AccessKey

if TYPE_CHECKING:
    import boto3
    from types_boto3_iam import IAMClient
    from types_boto3_sts import STSClient


class Clients:
    """Clients with one identity's credentials. Threads may share them.

    `read_within`: seconds that an answer may take; long listings take longer than an act may.
    """

    def __init__(
        self,
        account: Account,
        identity: Identity,
        *,
        on_call: OnCall | None = None,
        read_within: float = READ_WITHIN,
        pacing: Pacing | None = None,
        removes: bool = False,
    ) -> None:
        self.account = account
        self._read_within = read_within
        self._identity = identity
        self._watch = Watch(on_call=on_call, pacing=pacing, removes=removes)
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._made: dict[tuple[str, int, str | None], Any] = {}

    def iam(self, *, attempts: int = ATTEMPTS) -> IAMClient:
        """IAM. `attempts=1` for what must not be repeated unseen."""
        client: IAMClient = self.service("iam", attempts=attempts)
        return client

    def sts(self, *, attempts: int = ATTEMPTS) -> STSClient:
        """STS."""
        client: STSClient = self.service("sts", attempts=attempts)
        return client

    def service(self, name: str, *, attempts: int, region: str | None = None) -> Any:
        """Any service, in the account's region or another one.

        Raises `AwsCredentials` where there are no credentials, `AwsFailed` where there is no such service.
        """
        with self._lock:
            key = (name, attempts, region)
            if key not in self._made:
                self._made[key] = ask(self._make, name, attempts, **({"region_name": region} if region else {}))
            return self._made[key]

    def are_temporary(self) -> bool:
        """Whether these credentials are a session's themselves. Raises `AwsCredentials` where there are none."""
        with self._lock:
            found = ask(self._opened().get_credentials)
        return found is not None and ask(found.get_frozen_credentials).token is not None

    def with_access_key(self, access_key: AccessKey, name: str) -> Any:
        """A service of the same account, asked with another access key, each call once; not kept."""
        with self._lock:
            return ask(
                self._make,
                name,
                attempts=1,
                aws_access_key_id=access_key.access_key_id,
                aws_secret_access_key=access_key.secret_access_key.reveal(),
            )

    def with_session(self, variables: Mapping[str, str], name: str) -> Any:
        """A service asked with a session's credentials, given as the variables that AWS's SDKs read; not kept."""
        with self._lock:
            return ask(
                self._make,
                name,
                attempts=ATTEMPTS,
                aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
                aws_session_token=variables["AWS_SESSION_TOKEN"],
            )

    def _make(self, name: str, attempts: int, **credentials: str) -> Any:
        make: Any = self._opened().client  # the stubs know each service by its own name only
        paced = name == "iam" and self._watch.pacing is not None
        patience = config(self.account, attempts, read_within=self._read_within, paced=paced)
        return make(name, endpoint_url=self.account.endpoint_url, config=patience, **credentials)

    def _opened(self) -> boto3.Session:
        if self._session is None:
            self._session = session(self.account, self._identity, self._watch)
        return self._session
