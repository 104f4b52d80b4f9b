"""How fast the registry is asked: as fast as it answers well, so that people's pulls go first."""

import time
from collections.abc import Callable
from threading import Lock

WEIGHT = 0.1
"""Of the latest answer in the moving average."""
SLOWER = 3.0
"""Times the best average: the registry has other things to do by then."""
SMALL = 0.02
"""Seconds. So much more is no sign of anything."""
FORGET = 1.0005
"""The best average rises so with each answer: a registry whose storage became slower is not slow for ever."""
LONGEST = 2.0
"""Seconds of one pause."""


class Pace:
    """Shared by the threads that ask. Times are seconds."""

    def __init__(self, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._lock = Lock()
        self._average = 0.0
        self._best = 0.0
        self.paused = 0.0
        """In all, of all threads together."""

    def told(self, seconds: float) -> None:
        """An answer took so long."""
        with self._lock:
            self._average += (seconds - self._average) * WEIGHT if self._average else seconds
            self._best = min(self._best * FORGET, self._average) if self._best else self._average

    @property
    def pause(self) -> float:
        """Twice what an answer takes, while answers are slow: our share of the load falls to a third."""
        with self._lock:
            slow = self._average > self._best * SLOWER and self._average > self._best + SMALL
            return min(self._average * 2, LONGEST) if slow else 0.0

    def wait(self) -> None:
        if pause := self.pause:
            self.paused += pause
            self._sleep(pause)
