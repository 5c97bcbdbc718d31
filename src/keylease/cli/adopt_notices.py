"""How notices of an adoption leave: as files, by a program, or by SMTP."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keylease.cli.connecting import DEFAULT_SERVER
from keylease.cli.context import Invocation, WrongUsage

if TYPE_CHECKING:
    from email.message import EmailMessage


def sending(call: Invocation, outbox: Path | None, sendmail: str | None, mail_file: Path | None) -> Any:
    """How a notice leaves: one way must be named, since no end is ever untold."""
    if [outbox, sendmail, mail_file].count(None) != 2:
        raise WrongUsage("Say how owners are told: --outbox FOLDER, --sendmail PROGRAM or --mail-file PATH.")
    if outbox is not None:
        return _to_folder(outbox)
    return _to_program(sendmail) if sendmail is not None else _by_mail(call, mail_file or Path())


def _by_mail(call: Invocation, path: Path) -> Any:
    """By SMTP, as everything else that keylease tells people; the file holds the server and its password."""
    import secrets

    from keylease.domain.notice import Notice, Text, Told
    from keylease.domain.secret import Secret
    from keylease.notify import Sending

    try:
        by_mail = Sending(mail=Secret(path.read_text(encoding="utf-8").strip()))
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{path} cannot be read: {type(error).__name__}.") from None

    def send(message: EmailMessage) -> None:
        lines = tuple(message.get_content().strip().split("\n\n"))
        text = Text(subject=message["Subject"], lines=lines, link=link(call))
        key, now = secrets.token_hex(8), call.clock.now()
        by_mail.send(Notice(key=key, told=Told.ENDING, to=message["To"], lease_id=None, text=text, at=now))

    return send


def link(call: Invocation) -> str:
    """Where people ask for a lease."""
    return f"{(call.options.server or DEFAULT_SERVER).rstrip('/')}/leases/new"


def _to_folder(folder: Path) -> Any:
    import secrets

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def send(message: EmailMessage) -> None:
        path = folder / f"{secrets.token_hex(8)}.eml"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(bytes(message))
            file.flush()
            os.fsync(file.fileno())

    return send


def _to_program(program: str) -> Any:
    from keylease.errors import NoticeNotSent

    def send(message: EmailMessage) -> None:
        try:
            subprocess.run([program, "-t"], input=bytes(message), check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            raise NoticeNotSent(f"{program} did not take the mail ({type(error).__name__}).") from None

    return send
