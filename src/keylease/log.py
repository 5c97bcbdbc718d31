"""What logs say, and in which form: lines for people, or one JSON object a line for programs.

Each line that is written while a request is answered carries the request's id, which the answer carries too
(`X-Request-Id`). A secret cannot get into a line: it is of a type that does not print (domain/secret.py).
"""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

from keylease.domain.clock import to_text

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being answered here; empty outside of one."""

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s%(request)s"


class ForPeople(logging.Formatter):
    """A line of text; the request's id at its end."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        here = request_id.get()
        record.request = f" [{here}]" if here else ""
        return super().format(record)


class ForPrograms(logging.Formatter):
    """One JSON object, in ASCII, on one line whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said = {
            "at": to_text(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id.get():
            said["request_id"] = request_id.get()
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said)


FORMS: dict[str, type[logging.Formatter]] = {"text": ForPeople, "json": ForPrograms}
