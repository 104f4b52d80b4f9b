"""When a delivery that failed is tried again. Pure.

Each wait is longer than all the time before it: 5 s, 12 s, 30 s, 70 s, 3 min, 7 min, 16 min, 40 min, 1.5 h, 3.5 h, 8 h.
About a dozen tries in a day, however many of them came out of turn.
"""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

TRIED_FOR = timedelta(hours=24)
LEAST_ATTEMPTS = 8
"""However late it is by the clock: one that jumped ahead gives up nothing."""
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=9)
GROWTH = 1.4
"""The next wait, as a multiple of the time since the first try."""
JITTER = 0.15
"""Of the wait, up or down: those that failed together don't come back together."""
LAST_WITHIN = timedelta(minutes=10)
"""After TRIED_FOR: the last try."""
LONGEST_ASKED = timedelta(hours=6)
"""A receiver's `Retry-After` that is obeyed."""


def next_attempt(*, trying_since: datetime, attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many attempts that failed; None: no more."""
    age = max(now - trying_since, timedelta())
    if age >= TRIED_FOR and attempts >= LEAST_ATTEMPTS:
        return None
    wait = min(FIRST_WAIT + GROWTH * min(age, TRIED_FOR), LONGEST_WAIT) * _jitter()
    if age < TRIED_FOR:
        wait = min(wait, TRIED_FOR - age + LAST_WITHIN * random.random())  # noqa: S311  no secret
    return now + wait


def _jitter() -> float:
    return random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  no secret


def asked_for(retry_after: str, now: datetime) -> datetime | None:
    """Until when a `Retry-After` header asks to be left alone: in seconds, or a date as HTTP writes it (RFC 9110,
    10.2.3). None for one that says nothing, or nothing ahead.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=min(int(text[:9]), LONGEST_ASKED.total_seconds()))
    else:
        try:
            when = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (when if when.tzinfo else when.replace(tzinfo=UTC)) - now
    wait = min(wait, LONGEST_ASKED)
    return now + wait if wait > timedelta() else None
