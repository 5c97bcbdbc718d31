"""Checks of the company's directory: would people sign in, and do leases end when somebody leaves?

`gather` asks the provider and Microsoft Graph, `directory` judges. Nobody signs in for it: what only a person's
token would show is named as not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from uuid import UUID

from keylease import app
from keylease.doctor.facts import Fact, Facts, SignInFacts, learn
from keylease.doctor.row import Row, Verdict, failed, fix, many, ok, unknown
from keylease.domain.access import Catalogue
from keylease.domain.clock import Clock
from keylease.errors import KeyleaseError
from keylease.ports import People
from keylease.settings import Settings

CALLBACK = "/sign-in/callback"
"""Where a provider sends people back to, after `server.address`."""
MOST_SKEW = timedelta(seconds=60)
"""What the times in a token may be off by."""
PRIVATE = ("https://", "http://127.", "http://localhost:", "http://[::1]:")
NOBODY = "00000000-0000-4000-8000-000000000000"
ENTRA = "docs/how-to/entra.md shows how."


def gather(settings: Settings, clock: Clock) -> Fact[SignInFacts] | None:
    """What `directory` judges; None where no directory is configured."""
    company = learn(partial(app.company, settings.sign_in, clock))
    if company is None or isinstance(company, KeyleaseError):
        return company
    discovery, registration = company.sign_in.discovery, company.sign_in.provider.registration
    catalogue, people = settings.catalogue(), company.people
    try:
        return SignInFacts(
            entra=settings.sign_in.provider == "entra",
            issuer=registration.issuer,
            redirect_address=settings.server.address.rstrip("/") + CALLBACK,
            signs_with=learn(lambda: discovery.read().algorithms),
            keys=learn(company.sign_in.count_keys),
            skew=learn(discovery.clock_skew),
            graph=None if people is None else learn(partial(_ask, people, registration.issuer, catalogue)),
            algorithms=registration.algorithms,
            mfa_context=registration.mfa_context,
            device_code=registration.device_code,
            catalogue=catalogue,
        )
    finally:
        company.close()


def _ask(people: People, issuer: str, catalogue: Catalogue) -> str:
    """Ask for the first administrator that is named, and for a group: what that needs, every look needs."""
    named = sorted(filter(_is_id, catalogue.administrators.subjects))
    groups = sorted(group for grant in catalogue.grants for group in grant.who.groups if _is_id(group))
    who = f"{issuer}#{named[0] if named else NOBODY}"
    people.gone({who: frozenset(groups[:1])})
    lost = people.gone({who: frozenset()}).get(who)
    return f"{named[0]} {lost}" if lost and named else ""


def directory(facts: Facts) -> Iterator[Row]:
    """All rows. Where the development sign-in is allowed in place of a directory, another check speaks of it."""
    of = facts.sign_in
    if of is None:
        if not facts.machine.allow_unsafe_people:
            remedy = "Name the company's directory in [sign_in]: docs/how-to/entra.md, docs/how-to/openid.md."
            yield fix("directory", "No directory is configured, so nobody can sign in.", remedy)
        return
    if isinstance(of, KeyleaseError):
        yield failed("directory", of)
        return
    checks: tuple[Callable[[SignInFacts], Iterator[Row]], ...] = (
        _document, _keys, _clock, _redirect, _leaving, _demands, _administrators, _device,
    )  # fmt: skip
    for check in checks:
        yield from check(of)


def _document(of: SignInFacts) -> Iterator[Row]:
    """It is there, and names the issuer that it should."""
    if isinstance(of.signs_with, KeyleaseError):
        yield failed("directory", of.signs_with)
        return
    yield ok("directory", f"{of.issuer} answers, and names itself so.")
    if of.signs_with and not of.signs_with & of.algorithms:
        theirs, ours = (" and ".join(sorted(some)) for some in (of.signs_with, of.algorithms))
        remedy = "Set `sign_in.algorithms` to one of RS256, ES256, PS256 that the provider has."
        yield fix("algorithms", f"The provider signs with {theirs}; keylease believes {ours} alone.", remedy)


def _keys(of: SignInFacts) -> Iterator[Row]:
    if isinstance(of.keys, KeyleaseError):
        yield unknown("signing-keys", "The provider's keys", of.keys)
    elif of.keys == 0:
        allowed = " and ".join(sorted(of.algorithms))
        remedy = "Compare `sign_in.algorithms` with the provider's."
        yield fix("signing-keys", f"The provider has no key for {allowed}: no token could be verified.", remedy)
    else:
        yield ok("signing-keys", f"The provider has {many(of.keys, 'key')} that can verify a token.")


def _clock(of: SignInFacts) -> Iterator[Row]:
    if isinstance(of.skew, KeyleaseError):
        yield unknown("directory-clock", "The clock", of.skew)
        return
    seconds = many(int(abs(of.skew).total_seconds()), "second")
    if abs(of.skew) > MOST_SKEW:
        way = "behind" if of.skew > timedelta() else "ahead of"
        sentence = f"This machine's clock is {seconds} {way} the provider's: fresh tokens would be refused."
        yield fix("directory-clock", sentence, "Set it, best by NTP.")
    else:
        yield ok("directory-clock", f"This machine's clock and the provider's differ by {seconds}.")


def _redirect(of: SignInFacts) -> Iterator[Row]:
    """People come back encrypted, or on this machine."""
    if of.redirect_address.startswith(PRIVATE):
        yield ok("redirect-address", f"People come back to {of.redirect_address}; the provider must know it so.")
    else:
        sentence = f"People would come back to {of.redirect_address} without encryption."
        yield fix("redirect-address", sentence, "Serve keylease by https, and set `server.address` to that.")


def _leaving(of: SignInFacts) -> Iterator[Row]:
    """Leases end when somebody leaves, or it is said that they do not."""
    if of.graph is None:
        sentence = "Leases do not end when somebody leaves the company: nobody tells keylease."
        if of.entra:
            remedy = f"Set `sign_in.graph`, with two application permissions in Entra; {ENTRA}"
            yield fix("leaving", sentence, remedy)
        else:
            yield ok("leaving", f"{sentence} Revoke them by hand, and keep `max_ttl` short.")
    elif isinstance(of.graph, KeyleaseError):
        yield failed("leaving", of.graph)
    else:
        yield ok("leaving", "Microsoft Graph answers: leases end when their owners leave.")
        yield from _roles(of)


def _roles(of: SignInFacts) -> Iterator[Row]:
    rest = [grant.name for grant in of.catalogue.grants if not all(map(_is_id, grant.who.groups))]
    if rest:
        sentence = f"{_grants(rest, 'rest')} on app roles: who loses one keeps the lease, until they leave."
        yield ok("leaving-a-role", f"{sentence} Groups, by their ids, are looked after.")


def _demands(of: SignInFacts) -> Iterator[Row]:
    """What grants demand of a sign-in is something that tokens can show."""
    strong = [grant.name for grant in of.catalogue.grants if grant.mfa]
    fresh = [grant.name for grant in of.catalogue.grants if grant.max_sign_in_age is not None]
    if strong and of.entra and of.mfa_context is None:
        sentence = f"{_grants(strong, 'demand')} a second factor, of which Entra's tokens do not speak."
        yield fix("second-factor", sentence, f"Set `sign_in.mfa_context` to an authentication context; {ENTRA}")
    if fresh:
        sentence = f"{_grants(fresh, 'demand')} a fresh sign-in. Only a token shows whether the provider dates it."
        remedy = "Sign in once. With Entra, add the optional claim auth_time to id tokens first."
        yield Row(check="sign-in-age", verdict=Verdict.NOT_CHECKED, sentence=sentence, remedy=remedy)


def _administrators(of: SignInFacts) -> Iterator[Row]:
    """Somebody is, and nobody by a name that may change hands."""
    named, every = of.catalogue.administrators, of.catalogue
    if not named.subjects and not named.groups:
        remedy = "Name the first by the directory's id of the person, under `people` in [administrators]."
        yield fix("administrators", "Nobody is an administrator.", remedy)
    elif isinstance(of.graph, str) and of.graph:
        yield fix("administrators", f"The administrator {of.graph}.", "Name one who is there.")
    else:
        yield ok("administrators", "There are administrators.")
    whos = [named, every.auditors, *(who for one in every.grants for who in (one.who, one.approvers))]
    people = sorted({subject for who in whos for subject in who.subjects})
    wrong = [one for one in people if (of.entra and not _is_id(one)) or "@" in one]
    if wrong:
        remedy = "Write the id that the directory gives a person: with Entra the object id, else `sub`."
        yield fix("people", f"No id of a person, so nobody is meant: {', '.join(wrong)}.", remedy)


def _device(of: SignInFacts) -> Iterator[Row]:
    if of.device_code:
        yield ok("device-code", "Sign-in with a code on another device is allowed; many companies block it.")


def _grants(names: list[str], verb: str) -> str:
    """`The grant media demands`, `The grants logs and media demand`."""
    several = len(names) > 1
    return f"The grant{'s' if several else ''} {' and '.join(names)} {verb}{'' if several else 's'}"


def _is_id(text: str) -> bool:
    """Whether it is an id as Entra writes them."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
