"""What the checks for secrets in plain text have in common: from places to findings, one a place."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Found
from keylease.audit.plain_text import Secret, find
from keylease.audit.snapshot import PlainText, Regional, everywhere


def secrets_in(places: Regional[PlainText]) -> Iterator[Found]:
    """One finding for each place that holds something, with what and under which name; never the value."""
    for region, place in everywhere(places):
        secrets = list(find(place.texts))
        if secrets:
            yield Found(
                kind=place.kind,
                subject=place.name,
                arn=place.arn,
                region=region,
                sentence=f"The {place.kind} {place.name} holds {_words(secrets)} in plain text.",
                evidence=tuple((one.name or "text", _said(one)) for one in secrets),
            )


def _words(secrets: list[Secret]) -> str:
    kinds = list(dict.fromkeys(one.what for one in secrets))
    return " and ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))


def _said(secret: Secret) -> str:
    return f"{secret.what}: {secret.key_id}" if secret.key_id else secret.what
