"""Who runs a pass or a watch where there are many machines: workers on one queue, which is Procrastinate's.

Every worker looks at what is due and puts it into the queue; whichever is free takes it. Of one account only one
pass waits and one runs, however many look: the queue's locks see to that, and its rows in the ledger's database
carry them across machines. A worker that dies leaves its job behind; the others see that its heart no longer beats
and free the job's locks. A pass is level-triggered, so one that was cut off, or by bad luck runs twice, is no harm.

What is due is read from what passes have left behind, not from a timetable: a clock that is set forth or back costs
one pass at most.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued, ProcrastinateException
from procrastinate.jobs import Status

from keylease import jobs
from keylease.directory import DirectoryWatch
from keylease.errors import KeyleaseError
from keylease.health import Health

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two looks at what is due."""
HEARTBEAT, STALLED = 3.0, 15.0
"""Seconds between two beats, and after how many a worker counts as dead."""
AGAIN = 2.0
"""Seconds after which a worker whose database broke off begins anew."""
END_WITHIN = 20.0
QUEUE, PASS, WATCH, TELL = "keylease", "pass", "watch", "tell"


class Workers:
    """The workers of one process: `at_once` of them, on one loop in a thread of its own."""

    def __init__(
        self,
        parameters: dict[str, Any],
        *,
        health: Health,
        watch: DirectoryWatch | None,
        tell: Callable[[], object],
        every: timedelta,
        watch_every: timedelta,
        at_once: int,
    ) -> None:
        self._parameters = parameters
        self._health = health
        self._watch = watch
        self._tell = tell
        self._every = every
        self._watch_every = watch_every
        self._at_once = at_once
        self._ended = threading.Event()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work until the block is left; passes that run then are given a while to come to their end."""
        thread = threading.Thread(target=self._run, name="workers", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(timeout=END_WITHIN)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                asyncio.run(self._work())
            except (ProcrastinateException, OSError) as failure:
                log.error("workers: the queue broke off (%s)", type(failure).__name__)  # noqa: TRY400 - no traceback
            except Exception:
                log.exception("workers")
            self._ended.wait(AGAIN)  # also where nothing broke off: then it is over

    async def _work(self) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(self._at_once + 4))
        connector = procrastinate.PsycopgConnector(kwargs=self._parameters, min_size=1, max_size=4)
        queue = procrastinate.App(connector=connector)
        queue.task(name=PASS, queue=QUEUE)(self._pass)
        queue.task(name=WATCH, queue=QUEUE)(self._look_at_directory)
        queue.task(name=TELL, queue=QUEUE)(self._tell_people)
        async with queue.open_async():
            working = asyncio.create_task(
                queue.run_worker_async(
                    queues=[QUEUE],
                    concurrency=self._at_once,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    fetch_job_polling_interval=LOOK_EVERY,
                    update_heartbeat_interval=HEARTBEAT,
                    stalled_worker_timeout=STALLED,
                    shutdown_graceful_timeout=END_WITHIN,
                )
            )
            looking = asyncio.create_task(self._look(queue))
            await asyncio.wait({working, looking}, return_when=asyncio.FIRST_COMPLETED)
            for task in (looking, working):
                task.cancel()
            await _told(looking, working)

    async def _look(self, queue: procrastinate.App) -> None:
        """Put into the queue what is due and what dead workers have left, until this process is to end."""
        while not self._ended.is_set():
            for name, lock, wanted in await asyncio.to_thread(self._due):
                task = queue.configure_task(name, lock=lock, queueing_lock=lock)
                try:
                    await task.defer_async(**wanted)
                except AlreadyEnqueued:
                    continue
            for job in await queue.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED):
                await _bury(queue, job)
            await asyncio.sleep(LOOK_EVERY)

    def _due(self) -> list[tuple[str, str, dict[str, str]]]:
        """Of each job that is due: its name, its lock and what it is told."""
        try:
            due = [(PASS, f"pass {name}", {"account": name}) for name in self._health.due(self._every)]
            if self._watch is not None and self._health.is_watch_due(self._watch_every):
                due.append((WATCH, WATCH, {}))
            due.append((TELL, TELL, {}))
        except KeyleaseError as failure:
            log.error("workers: %s %s", failure.code, failure.sentence)  # noqa: TRY400 - a failure is its sentence
            return []
        return due

    def _pass(self, account: str) -> None:
        """Another worker may have passed the account while this job stood in line."""
        if _quietly(lambda: account in self._health.due(self._every)):
            jobs.run_account(self._health, account)

    def _look_at_directory(self) -> None:
        if self._watch is not None and _quietly(lambda: self._health.is_watch_due(self._watch_every)):
            jobs.watch_once(self._watch)
            _quietly(self._health.watched)

    def _tell_people(self) -> None:
        self._tell()


async def _bury(queue: procrastinate.App, job: Any) -> None:
    """Free the locks of a job whose worker is dead; what was due still is. Another worker may do the same now."""
    try:
        await queue.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
    except ProcrastinateException:
        log.debug("another worker has buried %s", job.task_name)


async def _told(*tasks: asyncio.Task[None]) -> None:
    """Wait for the tasks, and raise the first failure of theirs that is none of our own ending."""
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


def _quietly(ask: Callable[[], bool | None]) -> bool:
    try:
        return bool(ask())
    except KeyleaseError as failure:
        log.error("workers: %s %s", failure.code, failure.sentence)  # noqa: TRY400 - a failure is its sentence
        return False
