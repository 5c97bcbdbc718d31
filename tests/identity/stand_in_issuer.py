"""An issuer that can be made to lie: Entra's form, its own keys, and whatever a test wants it to say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import RSAKey
from serving import Asked, Reply, serving

from keylease.domain.secret import Secret
from keylease.identity.company import Company, Tenant, entra
from keylease.identity.provider import Registration
from keylease.ports import Begun, SignedIn
from keylease.testing import FakeClock

TENANT = "7f3b1c9e-0a4d-4c1b-9e57-2f6f0c3d8a11"
CLIENT = "c0ffee00-1111-4222-8333-444455556666"
MARA = "aaaaaaaa-0000-4000-8000-000000000001"
BACK = "http://127.0.0.1:8465/sign-in/callback"
ACCESS_TOKEN = "opaque-access-token"


@cache
def rsa(name: str) -> RSAKey:
    """A private key of that name, made once a run."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


def listed(*names: str) -> dict[str, Any]:
    """A set of public keys."""
    return {"keys": [{**rsa(name).as_dict(private=False), "alg": "RS256"} for name in names]}


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], claims: Any, sign: Callable[[bytes], bytes]) -> str:
    """A token that no library would make."""
    signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


def half_hash(text: str) -> str:
    return encoded(hashlib.sha256(text.encode()).digest()[:16])


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda signed: hmac.new(secret, signed, hashlib.sha256).digest()


def rs256(key: RSAKey) -> Callable[[bytes], bytes]:
    """Signs as RS256 does, without asking a library whether it should."""
    private = key.private_key
    assert private is not None
    return lambda signed: private.sign(signed, PKCS1v15(), SHA256())


def signed(claims: Any, *, key: RSAKey | None = None, **header: Any) -> str:
    """A token that is signed well; headers may be changed, and left out by None."""
    whole = {"alg": "RS256", "typ": "JWT", "kid": "first", **header}
    kept = {name: value for name, value in whole.items() if value is not None}
    return by_hand(kept, claims, rs256(key or rsa("first")))


@dataclass
class StandInIssuer:
    """Says what its fields hold. `token_answer` makes the token endpoint's answer of the form it was sent."""

    address: str = ""
    jwks: Reply = field(default_factory=lambda: Reply(200, listed("first")))
    document: dict[str, Any] = field(default_factory=dict)
    token_answer: Callable[[dict[str, str]], Reply] = lambda _: Reply(500, {})
    asked: list[Asked] = field(default_factory=list)
    dated: str | None = None

    @property
    def issuer(self) -> str:
        return f"{self.address}/{TENANT}/v2.0"

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        match asked.path.rpartition("/")[2]:
            case "openid-configuration" if TENANT in asked.path:
                headers = {} if self.dated is None else {"Date": self.dated}
                return Reply(200, self._document() | self.document, headers)
            case "keys":
                return self.jwks
            case "token":
                return self.token_answer(asked.form)
        return Reply(404, {})

    def fetches(self, what: str) -> int:
        return sum(one.path.endswith(what) for one in self.asked)

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.address}/{TENANT}/oauth2/v2.0/authorize",
            "token_endpoint": f"{self.address}/{TENANT}/oauth2/v2.0/token",
            "jwks_uri": f"{self.address}/{TENANT}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }


@contextmanager
def stand_in_issuer() -> Iterator[StandInIssuer]:
    made = StandInIssuer()
    with serving(made.reply) as address:
        made.address = address
        yield made


class SigningIn:
    """keylease in front of the stand-in, and one person who signs in."""

    def __init__(self, issuer: StandInIssuer, clock: FakeClock, **registration: Any) -> None:
        self.issuer = issuer
        self.clock = clock
        self.company = company(issuer, clock, **registration)
        self.begun: Begun | None = None

    def begin(self, **demands: Any) -> dict[str, str]:
        """Begin; what the browser is sent to the provider with."""
        self.begun = self.company.sign_in.begin(redirect_uri=BACK, **demands)
        return dict(parse_qsl(urlsplit(self.begun.address).query))

    def claims(self, asked: dict[str, str], **changes: Any) -> dict[str, Any]:
        """What a good token for this sign-in says; a change to None leaves a claim out."""
        now = int(self.clock.now().timestamp())
        whole = {
            "iss": self.issuer.issuer,
            "aud": CLIENT,
            "sub": "pairwise-of-mara",
            "oid": MARA,
            "tid": TENANT,
            "ver": "2.0",
            "name": "Mara Lind",
            "preferred_username": "mara@example.com",
            "groups": ["11111111-0000-4000-8000-000000000001"],
            "roles": ["keylease.media"],
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "nonce": asked["nonce"],
            **changes,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def finish(self, token: str | None, *, answer: dict[str, str] | None = None, **also: Any) -> SignedIn:
        """The browser comes back, and the token endpoint gives this token."""
        assert self.begun is not None
        given = {
            "token_type": "Bearer",
            "expires_in": 3600,
            "access_token": ACCESS_TOKEN,
            "id_token": token,
            **also,
        }
        body = {name: value for name, value in given.items() if value is not None}
        self.issuer.token_answer = lambda _: Reply(200, body)
        state = dict(parse_qsl(urlsplit(self.begun.address).query))["state"]
        return self.company.sign_in.complete(
            memory=self.begun.memory,
            unverified_answer=answer or {"state": state, "code": "a-code"},
            redirect_uri=BACK,
        )


def company(issuer: StandInIssuer, clock: FakeClock, *, graph: str | None = None, **registration: Any) -> Company:
    """The stand-in as keylease's directory."""
    own = {"issuer": "", "client_id": CLIENT, "client_secret": Secret("not-guessed"), **registration}
    return entra(Registration(**own), Tenant(id=TENANT, authority=issuer.address, graph=graph), clock)
