"""keylease as an OAuth client: where a browser is sent, and what the token endpoint is asked.

Authlib builds the requests and reads the answers, one client object an exchange, since it keeps the last answer in
itself. It sends through `Fetch`, so its limits hold here too. A client proves itself in the way that the provider
lists: with its secret in the body (`client_secret_post`) before the header (`client_secret_basic`), or not at all
where keylease has no secret; PKCE holds in every case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client, OAuth2ClientAuth

from keylease.domain.secret import Secret
from keylease.errors import DirectoryUnreachable, SignInRefused
from keylease.identity.discovery import BASIC, Metadata
from keylease.identity.fetch import Fetch, an_object
from keylease.identity.refusals import refusal

POST = "client_secret_post"
NONE = "none"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What the token endpoint gave. Nothing in it was verified."""

    unverified_id_token: str | None
    access_token: Secret | None
    expires_in: float


class Pending(Exception):
    """Nobody has signed in with a device code yet; `slower`: the provider is asked too often."""

    def __init__(self, *, slower: bool) -> None:
        super().__init__()
        self.slower = slower


class Client:
    """keylease's registration with one provider."""

    def __init__(self, client_id: str, secret: Secret | None, fetch: Fetch) -> None:
        self.client_id = client_id
        self._secret = secret
        self._fetch = fetch

    def authorization_address(self, metadata: Metadata, parameters: Mapping[str, str], verifier: str) -> str:
        """Where the browser goes; `parameters` are those of OpenID Connect besides the client and PKCE."""
        with self._session(NONE) as session:
            endpoint = metadata.authorization_endpoint
            address, _ = session.create_authorization_url(endpoint, code_verifier=verifier, **parameters)
            return str(address)

    def ask(self, metadata: Metadata, *, public: bool = False, **parameters: str) -> Tokens:
        """What the token endpoint gives for a grant; `public`: without proving who keylease is.

        Raises `Pending`, `SignInRefused`, `DirectoryUnreachable`.
        """
        with self._session(NONE if public else self._method(metadata)) as session:
            try:
                answer = session.fetch_token(metadata.token_endpoint, **parameters)
            except OAuthError as error:
                raise _said(error) from None
            except (httpx2.HTTPError, ValueError, TypeError):
                raise DirectoryUnreachable("The token endpoint answers with something unexpected.") from None
        return _tokens(answer)

    def device_code(self, metadata: Metadata, scope: str, *, public: bool) -> Mapping[str, Any]:
        """What begins a sign-in on another device. Raises `SignInRefused` and `DirectoryUnreachable`."""
        if metadata.device_endpoint is None:
            raise SignInRefused("The directory has no sign-in with a code on another device.")
        method = NONE if public else self._method(metadata)
        with self._session(method) as session:
            proof = OAuth2ClientAuth(session.client_id, session.client_secret, method)
            answer = session.post(metadata.device_endpoint, data={"scope": scope}, auth=proof)
        if answer.status_code in {httpx2.codes.BAD_REQUEST, httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
            raise refusal(*_error(answer))
        return an_object(answer)

    def _method(self, metadata: Metadata) -> str:
        if self._secret is None:
            return NONE
        return POST if POST in metadata.auth_methods else BASIC

    def _session(self, method: str) -> OAuth2Client:
        """A client for one exchange. In the header, RFC 6749 (2.3.1) wants both parts encoded as in a form."""
        secret = None if self._secret is None or method == NONE else self._secret.reveal()
        encode = quote_plus if method == BASIC else str
        return OAuth2Client(
            client_id=encode(self.client_id),
            client_secret=None if secret is None else encode(secret),
            token_endpoint_auth_method=method,
            code_challenge_method="S256",
            transport=_Unclosed(self._fetch),
            trust_env=False,
        )


class _Unclosed(httpx2.BaseTransport):
    """Keeps `Fetch` open when an exchange's client closes."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._fetch.handle_request(request)


def _said(error: OAuthError) -> Exception:
    if str(error.error) in {"authorization_pending", "slow_down"}:
        return Pending(slower=error.error == "slow_down")
    return refusal(str(error.error), str(error.description or ""))


def _error(answer: httpx2.Response) -> tuple[str, str]:
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        content = None
    said = content if isinstance(content, dict) else {}
    return str(said.get("error", "")), str(said.get("error_description", ""))


def _tokens(answer: Mapping[str, Any]) -> Tokens:
    id_token, access_token = answer.get("id_token"), answer.get("access_token")
    expires_in = answer.get("expires_in")
    return Tokens(
        unverified_id_token=id_token if isinstance(id_token, str) else None,
        access_token=Secret(access_token) if isinstance(access_token, str) else None,
        expires_in=float(expires_in) if isinstance(expires_in, int | float) else 0.0,
    )
