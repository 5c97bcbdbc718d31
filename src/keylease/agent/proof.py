"""This machine's key pair, and proofs that a call comes from here (RFC 9449, DPoP).

The private half is made on this machine and never leaves it, so a copied sign-in or a copied cache is of no use
elsewhere: without a proof the server hands out no further session. It is kept where the sign-in is (keeping.py): in
the system's keyring, or else in a sealed file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from keylease.agent import keeping, private_file
from keylease.agent.keeping import FILE, KEYRING, InFile, InKeyring, Keeping
from keylease.domain.secret import Secret
from keylease.errors import SignInNotKept

if TYPE_CHECKING:
    from keylease.agent.signed_in import Place

NAME = "machine-key"
NOTE = f"{NAME}.kept-in"
ANEW = "`keylease configure --this-machine` makes a new one and makes it known."
CURVE, ALGORITHM = "P-256", "ES256"


class Prover:
    """Makes proofs with one key pair."""

    def __init__(self, pair: ECKey) -> None:
        self._pair = pair

    @property
    def thumbprint(self) -> str:
        """What the server knows this machine by (RFC 7638); no secret."""
        return self._pair.thumbprint()

    def prove(self, method: str, address: str, access_token: Secret | None = None, *, at: datetime) -> str:
        """A proof for one call: good once, and for some minutes around `at`. The address is without its query."""
        header = {"typ": "dpop+jwt", "alg": ALGORITHM, "jwk": self._pair.as_dict(private=False)}
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": address,
            "iat": int(at.timestamp()),
        }
        if access_token is not None:
            hashed = hashlib.sha256(access_token.reveal().encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
        return jws.serialize_compact(header, json.dumps(claims), self._pair, algorithms=[ALGORITHM])


def key_pair(place: Place, *, anew: bool = False) -> ECKey:
    """This machine's key pair, made when there is none yet, or `anew`.

    Raises `FileNotWritten`, `SignInNotKept`, and `SignInNeeded` where it is there and cannot be opened.
    """
    lock = place.state / f"{NAME}.lock"
    with private_file.alone_with(lock):
        kept_in = private_file.read(place.state / NOTE).decode(errors="replace")
        if anew or kept_in not in {KEYRING, FILE}:
            return _made(place)
        return _opened(_keeping(place, kept_in).load() or "")


def _made(place: Place) -> ECKey:
    pair = ECKey.generate_key(CURVE)
    backend = keeping.found_keyring()
    kept_in = KEYRING if backend is not None and keeping.keeps(backend) else FILE
    _keeping(place, kept_in).save(json.dumps(pair.as_dict(private=True)))
    private_file.write(place.state / NOTE, lambda _: kept_in.encode())
    return pair


def _opened(content: str) -> ECKey:
    try:
        return ECKey.import_key(json.loads(content))
    except (ValueError, JoseError):
        raise SignInNotKept("This machine's key pair is not where it was kept.", hint=ANEW) from None


def _keeping(place: Place, kept_in: str) -> Keeping:
    if kept_in == FILE:
        return InFile(place.state / f"{NAME}.sealed", place.keys / "sign-in.key", passphrase=place.passphrase)
    backend = keeping.found_keyring()
    if backend is None:
        raise SignInNotKept("The keyring that holds this machine's key pair is not there.", hint=ANEW)
    return InKeyring(backend, NAME)
