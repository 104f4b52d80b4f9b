"""When it is tried again, by the clock alone."""

from datetime import UTC, datetime, timedelta

import pytest

from repositories.webhooks.schedule import LEAST_ATTEMPTS, LONGEST_ASKED, TRIED_FOR, asked_for, next_attempt

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def tries() -> list[timedelta]:
    """Since the first."""
    now, found = BEGUN, [timedelta()]
    while again := next_attempt(trying_since=BEGUN, attempts=len(found), now=now):
        now = again
        found.append(now - BEGUN)
    return found


@pytest.mark.parametrize("_round", range(20))
def test_about_a_dozen_tries_in_a_day(_round: int) -> None:
    found = tries()
    assert 10 <= len(found) <= 15
    assert TRIED_FOR <= found[-1] <= TRIED_FOR + timedelta(minutes=10)
    assert found[1] < timedelta(seconds=7)
    assert found[4] < timedelta(minutes=5)


def test_tries_out_of_turn_do_not_use_up_the_day() -> None:
    again = next_attempt(trying_since=BEGUN, attempts=500, now=BEGUN + timedelta(hours=1))
    assert again is not None
    assert timedelta(hours=1) < again - (BEGUN + timedelta(hours=1)) < timedelta(hours=2)


def test_a_clock_that_jumped_a_year_ahead_gives_up_only_after_some_tries() -> None:
    late = BEGUN + timedelta(days=365)
    again = next_attempt(trying_since=BEGUN, attempts=1, now=late)
    assert again is not None
    assert again > late
    assert next_attempt(trying_since=BEGUN, attempts=LEAST_ATTEMPTS, now=late) is None


def test_a_clock_that_was_set_back_waits_as_at_first() -> None:
    again = next_attempt(trying_since=BEGUN, attempts=3, now=BEGUN - timedelta(days=1))
    assert again is not None
    assert again - (BEGUN - timedelta(days=1)) < timedelta(seconds=7)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(minutes=2)),
        (" 5 ", timedelta(seconds=5)),
        ("Sun, 01 Mar 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("999999999999999999999", LONGEST_ASKED),
        ("Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_ASKED),
        ("0", None),
        ("-5", None),
        ("Sun, 01 Mar 2026 11:00:00 GMT", None),
        ("Sun, 01 Mar 2026 12:10:00 -0000", timedelta(minutes=10)),
        ("soon", None),
        ("", None),
        ("١٢", None),
    ],
)
def test_retry_after(header: str, wait: timedelta | None) -> None:
    assert asked_for(header, BEGUN) == (BEGUN + wait if wait else None)
