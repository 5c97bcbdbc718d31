"""Who runs a pass and when: a thread of the server's own, on one machine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from keylease.domain.clock import to_text
from keylease.errors import KeyleaseError
from keylease.health import Health
from keylease.reconciler import PassReport

log = logging.getLogger(__name__)


@contextmanager
def passes(health: Health, every: timedelta) -> Iterator[None]:
    """Run a pass at once and then again and again, until the block is left."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            run_one(health)
            ended.wait(every.total_seconds())

    thread = threading.Thread(target=run, name="passes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=30)


def run_one(health: Health) -> Sequence[PassReport]:
    """One pass; what fails is logged, and the next pass comes all the same."""
    try:
        reports = health.run_pass()
    except KeyleaseError as failure:
        log.error("pass failed: %s %s", failure.code, failure.sentence)  # noqa: TRY400 - a failure is its sentence
        return []
    except Exception:
        log.exception("pass failed")
        return []
    for report in reports:
        if report.done:
            log.info("pass in %s: %s", report.account, dict(report.done))
        for one in report.failures:
            log.error("pass in %s: %s %s", report.account, one.code, one.sentence)
    for near in health.state.near:
        log.warning("horizon of %s in %s is %s", near.permission_set, near.account, to_text(near.horizon))
    return reports
