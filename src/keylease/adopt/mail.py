"""What owners are told, as mail: one file a notice, or handed to a program that sends it.

A message holds no secret: the user's name, the ids of its keys, dates, and the way to a lease. Nothing is fetched
by a click, and nothing is decided by one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from keylease.adopt.adoption import Promise
from keylease.adopt.decide import Notice

SUBJECTS = {
    Notice.ADOPTED: "Your AWS access key {name} ends on {day}",
    Notice.REMINDER: "Your AWS access key {name} ends on {day}: {left}",
    Notice.OFF: "Your AWS access key {name} has ended",
    Notice.POSTPONED: "Your AWS access key {name} ends later: on {day}",
    Notice.UNDONE: "Your AWS access key {name} keeps working",
    Notice.DELETED: "Your AWS access key {name} is deleted",
}
WHO = "The access keys of the AWS user {name} in the account {account} "
TEXTS = {
    Notice.ADOPTED: "({keys}) stop working on {end}. AWS itself refuses them from then on.",
    Notice.REMINDER: "({keys}) stop working on {end}: {left}.",
    Notice.OFF: "stopped working on {end}. They are switched off and will be deleted; until then it can be undone.",
    Notice.POSTPONED: "stop working later than you were told: on {end}.",
    Notice.UNDONE: "have no end any more. An administrator took it back.",
    Notice.DELETED: "are deleted.",
}
WAY = "If you still need access, ask for a lease of your own: {link}"
UNKNOWN = "You are told since you are named as the owner. If it is not yours, tell whoever sent this."


class Mail:
    """Writes notices and gives each to `send`. `link`: where people ask for a lease."""

    def __init__(
        self,
        send: Callable[[EmailMessage], None],
        *,
        account: str,
        link: str,
        sender: str,
        fallback: str,
        now: datetime,
    ) -> None:
        self._send = send
        self._account, self._link, self._sender, self._fallback = account, link, sender, fallback
        self._now = now

    def tell(self, notice: Notice, name: str, promise: Promise) -> None:
        """Write one notice and hand it over."""
        self._send(self._message(notice, name, promise))

    def _message(self, notice: Notice, name: str, promise: Promise) -> EmailMessage:
        words = {
            "name": name,
            "account": self._account,
            "keys": ", ".join(promise.keys),
            "day": f"{promise.ends_at:%-d %B %Y}",
            "end": f"{promise.ends_at:%A, %-d %B %Y, %H:%M} UTC",
            "left": _left(promise.ends_at - self._now),
        }
        message = EmailMessage()
        message["Subject"] = SUBJECTS[notice].format(**words)
        message["From"] = self._sender
        message["To"] = promise.owner if _is_address(promise.owner) else self._fallback
        message["Date"] = format_datetime(self._now)
        ask = [] if notice is Notice.UNDONE else [WAY.format(link=self._link)]
        owner = (
            [] if _is_address(promise.owner) else [f"Its owner is named as {promise.owner}, which is no address."]
        )
        message.set_content("\n\n".join([(WHO + TEXTS[notice]).format(**words), *ask, *owner, UNKNOWN]) + "\n")
        return message


def _left(left: timedelta) -> str:
    days = max(0, left.days)
    return "today" if days == 0 else "in one day" if days == 1 else f"in {days} days"


def _is_address(text: str) -> bool:
    local, at, domain = text.partition("@")
    return bool(local and at and "." in domain) and not set(text) & set(" \r\n,;<>")
