"""One account's calls at the pace that all processes share.

`Pacing` is what a door to AWS asks before each call and tells afterwards; domain/pace.py decides. A call that AWS
asked to come later is made again at the new pace, some times; what makes something waits for removals, but not for
ever: who waits at a page is told after `PATIENCE`.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import TypeVar

from keylease.domain import pace
from keylease.domain.clock import Clock
from keylease.domain.pace import Pace
from keylease.errors import AwsThrottled
from keylease.ports import Paces, Passed

R = TypeVar("R")

TRIES = 25
"""How often a call is made in all that AWS asks to come later."""
PATIENCE = 20.0
"""Seconds that a call which makes something waits for removals."""
LOOK_AGAIN = 0.5


class Pacing:
    """For one account."""

    def __init__(self, paces: Paces, account: str, clock: Clock) -> None:
        self._paces = paces
        self._account = account
        self._clock = clock
        self.counts: Counter[str] = Counter()
        """What came of this process's requests: answered, throttled, unanswered."""

    def call(self, do: Callable[[], R], *, removes: bool) -> R:
        """Make one call at the pace. Raises what it raises, `AwsThrottled` only after some tries."""
        for _ in range(TRIES - 1):
            self.wait(removes=removes)
            try:
                result = do()
            except AwsThrottled:
                self.refused()
                continue
            self.answered()
            return result
        self.wait(removes=removes)
        return do()

    def wait(self, *, removes: bool) -> None:
        """Wait for the next slot. Raises `AwsThrottled` where removals take all there are for too long."""
        waited = 0.0
        while waited <= PATIENCE:
            away = self._change(lambda now, it: pace.slot(it, now, removes=removes))
            if away >= 0:
                self._clock.sleep(away)
                return
            self._clock.sleep(LOOK_AGAIN)
            waited += LOOK_AGAIN
        raise AwsThrottled("AWS takes only so many calls, and what must be removed goes first.")

    def answered(self) -> None:
        """AWS took the call."""
        self.counts["answered"] += 1
        self._change(lambda now, it: (pace.answered(it, now), None))

    def refused(self) -> None:
        """AWS asked for it to come later."""
        self.counts["throttled"] += 1
        self._change(lambda now, it: (pace.refused(it, now), None))

    def unanswered(self) -> None:
        """The account did not answer at all: leave it alone for a while."""
        chance = random.random()  # noqa: S311 - only that not all come back at once
        self._change(lambda now, it: (pace.away(it, now, chance=chance), None))

    def back(self) -> None:
        """The account has answered."""
        self._change(lambda _, it: (pace.back(it), None))

    def is_away(self) -> bool:
        """Whether the account is to be left alone for now."""
        return self._change(lambda now, it: (it, pace.is_away(it, now)))

    def _change(self, rule: Callable[[float, Pace], tuple[Pace, R]]) -> R:
        return self._paces.change(self._account, lambda it: rule(self._clock.precise(), it))


class MemoryPaces:
    """Paces of one process; threads may share them."""

    def __init__(self) -> None:
        self._paces: dict[str, Pace] = defaultdict(Pace)
        self._lock = threading.Lock()

    def change(self, account: str, rule: Callable[[Pace], tuple[Pace, R]]) -> R:
        """Let a rule change an account's pace."""
        with self._lock:
            self._paces[account], answer = rule(self._paces[account])
        return answer


class MemoryPasses:
    """What passes saw, in one process."""

    def __init__(self) -> None:
        self._kept: dict[str, Passed] = {}

    def keep(self, name: str, passed: Passed) -> None:
        """Let this be what is known of the last one of that name."""
        self._kept[name] = passed

    def kept(self) -> Mapping[str, Passed]:
        """All that is known, by name."""
        return dict(self._kept)
