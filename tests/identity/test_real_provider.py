"""Against panva's oidc-provider, through its own forms: what keylease says is what a real provider understands."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from real_provider import BACK, PEOPLE, Browser, RealProvider, client, real_provider

from keylease.domain.access import MFA
from keylease.errors import SignInRefused
from keylease.identity.company import Company
from keylease.ports import DeviceSignIn, SignedIn, SignIn

MFA_CONTEXT = "mfa-context"


def signed_in(
    company: Company, browser: Browser, *, max_age: timedelta | None = None, mfa: bool = False
) -> SignedIn:
    begun = company.sign_in.begin(redirect_uri=BACK, max_age=max_age, mfa=mfa)
    answer = browser.sign_in(begun.address)
    return company.sign_in.complete(memory=begun.memory, unverified_answer=answer, redirect_uri=BACK)


def test_both_ports_are_there(real: RealProvider) -> None:
    sign_in = real.entra().sign_in
    also: SignIn = sign_in
    assert isinstance(sign_in, DeviceSignIn)
    assert also is sign_in


def test_somebody_signs_in_and_is_who_the_directory_says(real: RealProvider) -> None:
    who = signed_in(real.entra(), Browser("mara")).principal
    assert (who.issuer, who.subject, who.name) == (real.issuer, PEOPLE["mara"]["oid"], "Mara Lind")
    assert who.groups == {"11111111-0000-4000-8000-000000000001", "keylease.media"}


def test_any_provider_goes_by_the_subject_of_the_standard(real: RealProvider) -> None:
    who = signed_in(real.openid(groups_claims=("roles",)), Browser("mara")).principal
    assert (who.subject, who.groups) == ("mara", {"keylease.media"})


def test_keylease_without_a_secret_is_let_in_by_pkce_alone(real: RealProvider) -> None:
    company = real.openid(client_id="keylease-public", client_secret=None)
    assert signed_in(company, Browser()).principal.subject == "mara"


def test_the_secret_is_understood_in_the_header_too() -> None:
    clients = (client(proof="client_secret_basic"),)
    with real_provider(clients, proofs=("client_secret_basic",)) as running:
        assert signed_in(running.openid(), Browser()).principal.subject == "mara"


def test_a_wrong_secret_is_told_as_such(real: RealProvider) -> None:
    from keylease.domain.secret import Secret

    with pytest.raises(SignInRefused, match="own credentials"):
        signed_in(real.entra(client_secret=Secret("wrong")), Browser())


def test_a_code_is_good_once(real: RealProvider) -> None:
    company = real.entra()
    begun = company.sign_in.begin(redirect_uri=BACK)
    answer = Browser().sign_in(begun.address)
    company.sign_in.complete(memory=begun.memory, unverified_answer=answer, redirect_uri=BACK)
    with pytest.raises(SignInRefused, match="was used"):
        company.sign_in.complete(memory=begun.memory, unverified_answer=answer, redirect_uri=BACK)


def test_a_code_of_another_sign_in_opens_nothing(real: RealProvider) -> None:
    """Swapped into one's own answer it fails at the verifier: PKCE ties a code to who began."""
    company = real.entra()
    theirs, ours = (company.sign_in.begin(redirect_uri=BACK) for _ in range(2))
    stolen, own = Browser("mara").sign_in(theirs.address), Browser("priya").sign_in(ours.address)
    with pytest.raises(SignInRefused, match="another sign-in"):
        company.sign_in.complete(
            memory=ours.memory, unverified_answer={**own, "code": stolen["code"]}, redirect_uri=BACK
        )
    with pytest.raises(SignInRefused, match="state"):
        company.sign_in.complete(memory=ours.memory, unverified_answer=stolen, redirect_uri=BACK)


def test_the_provider_names_itself_and_may_not_be_another(real: RealProvider) -> None:
    company = real.entra()
    begun = company.sign_in.begin(redirect_uri=BACK)
    answer = Browser().sign_in(begun.address)
    assert answer["iss"] == real.issuer
    with pytest.raises(SignInRefused, match="iss"):
        company.sign_in.complete(
            memory=begun.memory, unverified_answer={**answer, "iss": "https://evil.example"}, redirect_uri=BACK
        )
    with pytest.raises(SignInRefused, match="iss"):
        company.sign_in.complete(
            memory=begun.memory,
            unverified_answer={name: value for name, value in answer.items() if name != "iss"},
            redirect_uri=BACK,
        )


def test_who_declines_is_not_signed_in(real: RealProvider) -> None:
    company = real.entra()
    begun = company.sign_in.begin(redirect_uri=BACK)
    answer = Browser().decline(begun.address)
    assert answer["error"] == "access_denied"
    with pytest.raises(SignInRefused, match="declined"):
        company.sign_in.complete(memory=begun.memory, unverified_answer=answer, redirect_uri=BACK)


def test_who_is_signed_in_there_is_not_asked_again_unless_it_was_too_long_ago(real: RealProvider) -> None:
    company, browser = real.entra(), Browser()
    signed_in(company, browser)
    signed_in(company, browser)
    assert browser.asked_who == 1
    fresh = signed_in(company, browser, max_age=timedelta(seconds=1))
    assert browser.asked_who == 2
    assert fresh.principal.authenticated_at == fresh.authenticated_at


def test_taking_the_demand_out_of_the_address_does_not_help(real: RealProvider) -> None:
    company, browser = real.openid(), Browser()
    signed_in(company, browser)
    time.sleep(1.1)  # noqa: TID251 - a real provider's clock
    begun = company.sign_in.begin(redirect_uri=BACK, max_age=timedelta(seconds=0))
    without = begun.address.replace("&max_age=0", "")
    assert without != begun.address
    answer = browser.sign_in(without)
    with pytest.raises(SignInRefused, match="auth_time"):
        company.sign_in.complete(memory=begun.memory, unverified_answer=answer, redirect_uri=BACK)


def test_a_second_factor_is_seen_where_the_directory_says_so(real: RealProvider) -> None:
    company = real.entra(mfa_context=MFA_CONTEXT)
    assert MFA in signed_in(company, Browser("priya"), mfa=True).methods
    with pytest.raises(SignInRefused, match="second factor"):
        signed_in(company, Browser("mara"), mfa=True)


def test_too_many_groups_for_a_token_are_never_none(real: RealProvider) -> None:
    for company in (real.entra(), real.openid()):
        with pytest.raises(SignInRefused, match="more groups"):
            signed_in(company, Browser("everywhere"))


def test_somebody_of_another_tenant_is_not_of_ours(real: RealProvider) -> None:
    with pytest.raises(SignInRefused, match="tid"):
        signed_in(real.entra(), Browser("stranger"))


@pytest.mark.parametrize("kind", ["openid", "entra"])
def test_a_terminal_signs_in_by_a_code_on_another_device(real: RealProvider, kind: str) -> None:
    company = (
        real.openid(device_code=True)
        if kind == "openid"
        else real.entra(device_code=True, client_id="keylease-public")
    )
    begun = company.sign_in.begin_device()
    assert begun.interval == timedelta(seconds=5)
    assert company.sign_in.poll_device(begun.memory) is None
    page = Browser("mara").allow_device(begun.verification_address, begun.user_code)
    assert "Success" in page
    assert company.sign_in.poll_device(begun.memory) is None, "the provider was asked a moment ago"
    time.sleep(begun.interval.total_seconds())  # noqa: TID251 - a real provider's clock
    found = company.sign_in.poll_device(begun.memory)
    assert found is not None
    assert found.principal.name == "Mara Lind"


def test_a_code_on_another_device_is_not_given_out_unless_it_is_allowed(real: RealProvider) -> None:
    with pytest.raises(SignInRefused, match="not allowed"):
        real.openid().sign_in.begin_device()
