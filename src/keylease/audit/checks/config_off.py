"""AWS Config is off."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, Unseen


def find(at: Snapshot) -> Iterator[Found]:
    """One finding with all the regions in which no recorder records."""
    seen_regions = {region: fact for region, fact in at.recorders.items() if not isinstance(fact, Unseen)}
    off = sorted(region for region, recording in seen_regions.items() if not any(recording))
    if off:
        everywhere = len(off) == len(seen_regions)
        where = (
            "in no region that was looked at" if everywhere else f"not in {len(off)} of {len(seen_regions)} regions"
        )
        evidence = (("off in", ", ".join(off)),)
        yield Found(kind="account", subject=at.account, sentence=f"AWS Config records {where}.", evidence=evidence)


CHECK = Check(
    id="config-off",
    title="AWS Config does not record",
    severity=Severity.LOW,
    why="What an account looked like last month, and who changed it since, is then nowhere.",
    mend="`aws configservice start-configuration-recorder` in every region that is in use, with a channel to a "
    "bucket.",
    cis=cis("3.3", "3.3", "3.3", "4.3", "4.3"),
    parts=("recorders",),
    find=find,
)
