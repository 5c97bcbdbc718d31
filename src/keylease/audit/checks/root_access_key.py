"""Access keys of the root user: they may do anything, and no policy of the account can hold them."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, Unseen
from keylease.audit.wording import key_evidence


def find(at: Snapshot) -> Iterator[Found]:
    """Each of the two by the credential report; by the account's summary where the report is older than the key."""
    keys = at.root().keys
    for key in keys:
        if key.active or key.made:
            state = "active" if key.active else "inactive, which its owner can undo"
            yield Found(
                kind="root",
                subject="root",
                arn=at.root().arn,
                about=f"key {key.slot}",
                sentence=f"The root user has an access key ({state}).",
                evidence=(("which", f"access key {key.slot}"), *key_evidence(at, key)),
                severity=None if key.active else Severity.HIGH,
            )
    present = 0 if isinstance(at.summary, Unseen) else at.summary.get("AccountAccessKeysPresent", 0)
    if present and not any(key.active or key.made for key in keys):
        sentence = "The root user has an access key, made since the credential report was."
        yield Found(kind="root", subject="root", arn=at.root().arn, about="new", sentence=sentence)


CHECK = Check(
    id="root-access-key",
    title="The root user has an access key",
    severity=Severity.CRITICAL,
    why="Whoever has it owns the account and everything in it. Nobody can tell who used it, and no permissions "
    "boundary and no policy of the account holds it back.",
    mend="`keylease root` leads away from it step by step, without breaking what still uses it.",
    cis=cis("1.4", "1.4", "1.3", "2.3", "2.4"),
    parts=("report", "summary"),
    find=find,
)
