"""Who runs a pass or a watch and when: threads of the server's own, on one machine.

Each account has a thread of its own while it is passed, so one that is slow delays no other. For many machines see
workers.py; what is run is the same.
"""

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

AT_ONCE = 16
"""Accounts that are passed at the same time."""
LOOK_EVERY = 1.0
"""Seconds between two looks at which accounts are due."""
END_WITHIN = 30.0
"""Seconds that passes which run are given at the end; a pass that is cut off there is no harm."""


@contextmanager
def passes(health: Health, every: timedelta) -> Iterator[None]:
    """Pass every account at once and then again and again, until the block is left."""
    rounds = _Rounds(health, every)
    with _repeated("passes", rounds.look, min(every.total_seconds(), LOOK_EVERY)):
        try:
            yield
        finally:
            rounds.join()


@contextmanager
def watching(watch: DirectoryWatch | None, every: timedelta) -> Iterator[None]:
    """Watch the directory in the same way, beside the passes; without a watch, do nothing."""
    if watch is None:
        yield
        return
    with _repeated("directory", lambda: watch_once(watch), every.total_seconds()):
        yield


class _Rounds:
    """Begins what is due, as long as it does not run already."""

    def __init__(self, health: Health, every: timedelta) -> None:
        self._health = health
        self._every = every
        self._running: dict[str, threading.Thread] = {}
        self._is_first = True

    def look(self) -> None:
        """Begin the passes that are due. The first time all are: nobody knows how the last process ended."""
        self._running = {name: one for name, one in self._running.items() if one.is_alive()}
        for account in self._due()[: AT_ONCE - len(self._running)]:
            thread = threading.Thread(
                target=run_account, args=(self._health, account), name=f"pass {account}", daemon=True
            )
            self._running[account] = thread
            thread.start()

    def join(self) -> None:
        """Let those that run come to their end, for a while."""
        for thread in self._running.values():
            thread.join(timeout=END_WITHIN / max(1, len(self._running)))

    def _due(self) -> list[str]:
        try:
            due = self._health.accounts if self._is_first else self._health.due(self._every)
        except KeyleaseError as failure:
            log.error("passes: %s %s", failure.code, failure.sentence)  # noqa: TRY400 - a failure is its sentence
            return []
        except Exception:
            log.exception("passes")
            return []
        waiting = [account for account in due if account not in self._running]
        self._is_first = self._is_first and len(waiting) > AT_ONCE
        return waiting


@contextmanager
def telling(notices: Notices, send: Send | None, every: timedelta) -> Iterator[None]:
    """Tell people what happens, in the same way; without a way out nothing is written down either."""
    with _repeated("notices", lambda: tell_once(notices, send), every.total_seconds()):
        yield


@contextmanager
def _repeated(name: str, once: Callable[[], object], every: float) -> Iterator[None]:
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            once()
            ended.wait(every)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=END_WITHIN)


def run_one(health: Health) -> Sequence[PassReport]:
    """One pass over all accounts, one after the other; what fails is logged."""
    return [report for account in health.accounts if (report := run_account(health, account)) is not None]


def run_account(health: Health, account: str) -> PassReport | None:
    """One pass over an account; what fails is logged, and the next pass comes all the same."""
    try:
        report = health.run_account(account)
        near = health.state.near
    except KeyleaseError as failure:
        log.error("pass in %s failed: %s %s", account, failure.code, failure.sentence)  # noqa: TRY400 - its sentence
        return None
    except Exception:
        log.exception("pass in %s failed", account)
        return None
    if report.done:
        log.info("pass in %s: %s", account, dict(report.done))
    for one in report.failures:
        log.error("pass in %s: %s %s", account, one.code, one.sentence)
    for reach in near:
        if reach.account == account:
            log.warning("horizon of %s in %s is %s", reach.permission_set, account, to_text(reach.horizon))
    return report


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
