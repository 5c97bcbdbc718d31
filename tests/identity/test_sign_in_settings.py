"""The `[sign_in]` section, and what of it reaches keylease's parts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from stand_in_graph import stand_in_graph
from stand_in_issuer import BACK, CLIENT, TENANT, StandInIssuer

from keylease import settings
from keylease.app import company
from keylease.errors import BadConfiguration
from keylease.identity.people import EntraPeople
from keylease.ports import DeviceSignIn
from keylease.settings import SignIn
from keylease.testing import FakeClock

ENTRA = f"""
[sign_in]
provider = "entra"
tenant = "{TENANT}"
client_id = "{CLIENT}"
"""
OPENID = """
[sign_in]
provider = "openid"
issuer = "https://login.example.com/realms/company"
client_id = "keylease"
"""


def sign_in(text: str) -> SignIn:
    return settings.parse(text).sign_in


def test_entra_needs_three_lines() -> None:
    found = sign_in(ENTRA)
    assert (found.scopes, found.groups_claims, found.algorithms) == (
        ("openid", "profile"),
        ("groups", "roles"),
        ("RS256",),
    )
    assert (found.check_every, found.graph, found.device_code) == (timedelta(minutes=15), None, False)
    assert found.secret() is None


def test_without_a_provider_there_is_no_directory(clock: FakeClock) -> None:
    assert company(sign_in(""), clock) is None


def test_the_directory_is_the_one_that_is_named(issuer: StandInIssuer, clock: FakeClock) -> None:
    with stand_in_graph() as graph:
        text = ENTRA + f'authority = "{issuer.address}/"\ngraph = "{graph.address}"\nclient_secret = "x"\n'
        found = company(sign_in(text), clock)
    assert found is not None
    assert isinstance(found.people, EntraPeople)
    assert isinstance(found.sign_in, DeviceSignIn)
    begun = found.sign_in.begin(redirect_uri=BACK)
    assert begun.address.startswith(f"{issuer.address}/{TENANT}/oauth2/v2.0/authorize?")
    assert dict(parse_qsl(urlsplit(begun.address).query))["client_id"] == CLIENT


def test_any_other_provider_is_named_by_its_issuer(clock: FakeClock) -> None:
    found = company(sign_in(OPENID + 'groups_claims = ["grp"]\nalgorithms = ["ES256", "PS256"]\n'), clock)
    assert found is not None
    assert found.people is None
    registration = found.sign_in.provider.registration
    assert registration.issuer == "https://login.example.com/realms/company"
    assert (registration.groups_claims, registration.algorithms) == (("grp",), frozenset({"ES256", "PS256"}))


def test_the_secret_may_lie_in_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("guess-me-not\n")
    (tmp_path / "keylease.toml").write_text(ENTRA + 'client_secret_file = "secret"\n')
    secret = settings.read(tmp_path / "keylease.toml").sign_in.secret()
    assert secret is not None
    assert secret.reveal() == "guess-me-not"
    (tmp_path / "secret").unlink()
    with pytest.raises(BadConfiguration, match="client_secret_file"):
        settings.read(tmp_path / "keylease.toml").sign_in.secret()


def test_the_secret_may_come_from_the_environment_and_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYLEASE_SET_SIGN_IN__CLIENT_SECRET", "guess-me-not")
    found = sign_in(ENTRA)
    secret = found.secret()
    assert secret is not None
    assert secret.reveal() == "guess-me-not"
    assert "guess-me-not" not in repr(found) + str(settings.parse(ENTRA)) + repr(company(found, FakeClock()))


MISTAKES: dict[str, tuple[str, str]] = {
    "no tenant": ('[sign_in]\nprovider = "entra"\nclient_id = "x"\n', 'provider = "entra" needs tenant'),
    "nothing": ('[sign_in]\nprovider = "openid"\n', "needs client_id and issuer"),
    "an issuer for entra": (ENTRA + 'issuer = "https://x.example"\n', "issuer says nothing here"),
    "graph for another": (OPENID + 'graph = "https://graph.microsoft.com"\n', "graph says nothing here"),
    "no provider": (f'[sign_in]\ntenant = "{TENANT}"\n', "tenant says nothing here: provider is not set"),
    "a tenant by its name": (ENTRA.replace(TENANT, "example.onmicrosoft.com"), "sign_in.tenant"),
    "common": (ENTRA.replace(TENANT, "common"), "sign_in.tenant"),
    "another provider": ('[sign_in]\nprovider = "okta"\n', "sign_in.provider"),
    "not encrypted": (OPENID.replace("https", "http"), "sign_in.issuer"),
    "an issuer with a fragment": (OPENID.replace("company", "company#x"), "sign_in.issuer"),
    "alg none": (OPENID + 'algorithms = ["none"]\n', "sign_in.algorithms.0"),
    "a shared secret": (OPENID + 'algorithms = ["RS256", "HS256"]\n', "sign_in.algorithms.1"),
    "no algorithm": (OPENID + "algorithms = []\n", "algorithms is empty"),
    "no openid": (OPENID + 'scopes = ["profile"]\n', "scopes lack openid"),
    "graph without a secret": (ENTRA + 'graph = "https://graph.microsoft.com"\n', "graph needs client_secret"),
    "two secrets": (ENTRA + 'client_secret = "hush"\nclient_secret_file = "x"\n', "both given"),
    "a way past the provider": (ENTRA + "allow_unsafe_people = true\n", "everybody past the provider"),
    "looking all the time": (ENTRA + 'check_every = "1s"\n', "sign_in.check_every"),
}


@pytest.mark.parametrize(("text", "says"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_before_anybody_signs_in(text: str, says: str) -> None:
    with pytest.raises(BadConfiguration) as bad:
        sign_in(text)
    assert says in bad.value.sentence
    assert "hush" not in bad.value.sentence


def test_a_grant_may_demand_a_fresh_sign_in_and_a_second_factor() -> None:
    text = """
[accounts.main]
id = "123456789012"
[permission_sets.logs]
title = "Logs"
group = "logs"
[grants.logs]
groups = ["11111111-0000-4000-8000-000000000001"]
permission_sets = ["logs"]
accounts = ["main"]
max_ttl = "2d"
"""
    plain, strict = (settings.parse(text + more).catalogue().grants[0] for more in ("", STRICT))
    assert (plain.mfa, plain.max_sign_in_age) == (False, None)
    assert (strict.mfa, strict.max_sign_in_age) == (True, timedelta(hours=12))


STRICT = 'require_mfa = true\nmax_sign_in_age = "12h"\n'
