"""One text on its way, through Apprise: mail by SMTP, chat by whatever the configuration's addresses name.

A mail is plain text with the same in small HTML beside it. It carries the notice's own key in a header and refers
to one mail of its lease, so that programs show them together; it says that nobody needs to answer. Apprise's own
log stays silent, since what it says may hold an address with its password.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote, urlsplit

import apprise

from keylease.domain.notice import Notice, Text
from keylease.domain.secret import Secret
from keylease.errors import BadConfiguration, NotDelivered

KEY = "X-Keylease-Notice"
CHAT = "chat:"

log = logging.getLogger(__name__)
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)


class Sending:
    """Sends notices. `mail` and each of `chats` are Apprise's addresses, which may hold passwords."""

    def __init__(self, *, mail: Secret | None, chats: Sequence[Secret] = (), host: str = "keylease") -> None:
        self._mail = mail
        self._chats: Mapping[str, Secret] = {f"{CHAT}{number}": one for number, one in enumerate(chats, start=1)}
        self._host = host
        for name, one in {"notify.mail": mail, **self._chats}.items():
            if one is not None and apprise.Apprise.instantiate(self._for_check(name, one)) is None:
                raise BadConfiguration(
                    f"{name} is no address that Apprise knows.", hint="docs/how-to/notify.md shows some."
                )

    def send(self, notice: Notice) -> None:
        """Send one. Raises `NotDelivered`; then it may be sent again."""
        address = self._address(notice)
        sender = apprise.Apprise()
        if address is None or not sender.add(address):
            raise NotDelivered(f"There is no way to reach {_shown(notice.to)}.")
        is_mail = not notice.to.startswith(CHAT)
        body = as_html(notice.text) if is_mail else as_text(notice.text)
        kind = apprise.NotifyFormat.HTML if is_mail else apprise.NotifyFormat.TEXT
        went_out = False
        try:
            went_out = bool(sender.notify(title=notice.text.subject, body=body, body_format=kind))
        except Exception:  # noqa: BLE001 - whatever a plugin raises, it may hold an address with its password
            log.debug("sending failed")
        if not went_out:
            raise NotDelivered(f"The text to {_shown(notice.to)} did not go out.")

    def _address(self, notice: Notice) -> str | None:
        if notice.to.startswith(CHAT):
            known = self._chats.get(notice.to)
            return known.reveal() if known else None
        if self._mail is None:
            return None
        headers = {KEY: notice.key, "Auto-Submitted": "auto-generated"}
        if notice.lease_id:
            headers["References"] = f"<{notice.lease_id}@{self._host}>"
        asked = {"to": notice.to, "format": "html", **{f"+{name}": value for name, value in headers.items()}}
        query = "&".join(f"{quote(name, safe='+')}={quote(value, safe='')}" for name, value in asked.items())
        base = self._mail.reveal()
        return f"{base}{'&' if urlsplit(base).query else '?'}{query}"

    def _for_check(self, name: str, one: Secret) -> str:
        if name.startswith(CHAT):
            return one.reveal()
        return f"{one.reveal()}{'&' if urlsplit(one.reveal()).query else '?'}to=check@example.com"


def as_text(text: Text) -> str:
    """The text for chat, and for who reads plain mail."""
    return "\n".join((*text.lines, "", text.link))


def as_html(text: Text) -> str:
    """The same in HTML; the mail gets its plain text from it."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in text.lines)
    return f'{lines}<p><a href="{escape(text.link)}">{escape(text.link)}</a></p>'


def _shown(to: str) -> str:
    """Whom it was for, without the address of a person in a log."""
    name, _, host = to.partition("@")
    return f"{name[:1]}…@{host}" if host else to
