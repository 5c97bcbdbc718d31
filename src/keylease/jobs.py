"""Who runs a pass or a watch and when: threads of the server's own, on one machine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from keylease.directory import DirectoryWatch, WatchReport
from keylease.domain.clock import to_text
from keylease.errors import KeyleaseError
from keylease.health import Health
from keylease.notices import Delivered, Notices, Send
from keylease.reconciler import PassReport

log = logging.getLogger(__name__)


@contextmanager
def passes(health: Health, every: timedelta) -> Iterator[None]:
    """Run a pass at once and then again and again, until the block is left."""
    with _repeated("passes", lambda: run_one(health), every):
        yield


@contextmanager
def watching(watch: DirectoryWatch | None, every: timedelta) -> Iterator[None]:
    """Watch the directory in the same way, beside the passes; without a watch, do nothing."""
    if watch is None:
        yield
        return
    with _repeated("directory", lambda: watch_once(watch), every):
        yield


@contextmanager
def telling(notices: Notices, send: Send | None, every: timedelta) -> Iterator[None]:
    """Tell people what happens, in the same way; without a way out nothing is written down either."""
    with _repeated("notices", lambda: tell_once(notices, send), every):
        yield


@contextmanager
def _repeated(name: str, once: Callable[[], object], every: timedelta) -> Iterator[None]:
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            once()
            ended.wait(every.total_seconds())

    thread = threading.Thread(target=run, name=name, daemon=True)
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


def tell_once(notices: Notices, send: Send | None) -> Delivered:
    """Collect what is to be told, and send it; what fails is logged, and tried again later."""
    delivered = Delivered()
    try:
        if send is None:
            return delivered
        notices.collect()
        delivered = notices.deliver(send)
    except KeyleaseError as failure:
        log.error("notices failed: %s %s", failure.code, failure.sentence)  # noqa: TRY400 - a failure is its sentence
    except Exception:
        log.exception("notices failed")
    if delivered.failed:
        log.warning("notices: %d did not go out and will be tried again", delivered.failed)
    return delivered


def watch_once(watch: DirectoryWatch) -> WatchReport | None:
    """One look at the directory; what fails is logged, and the next look comes all the same."""
    try:
        report = watch.run()
    except KeyleaseError as failure:
        log.error("watch failed: %s %s", failure.code, failure.sentence)  # noqa: TRY400 - a failure is its sentence
        return None
    except Exception:
        log.exception("watch failed")
        return None
    for principal_id, why in report.gone.items():
        log.warning("directory: %s %s", principal_id, why)
    for principal_id, why in report.signed_out.items():
        log.info("directory: signed out %s, who %s", principal_id, why)
    for one in report.failures:
        log.error("watch of the directory: %s %s", one.code, one.sentence)
    return report
