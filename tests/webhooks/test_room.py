"""How many requests may be under way: nobody takes the place of another."""

from repositories.webhooks.room import MOST_PER_HOST, MOST_PER_WEBHOOK, Room


def taken(room: Room, hook: int, *, failing: bool = False, tries: int = 10) -> int:
    return sum(room.take(hook, f"host-{hook}", failing=failing) for _try in range(tries))


def test_a_webhook_gets_a_few_places_while_there_are_plenty() -> None:
    assert taken(Room(most=100), 1) == MOST_PER_WEBHOOK


def test_while_many_places_are_taken_a_webhook_gets_no_second() -> None:
    room = Room(most=20)
    assert [taken(room, hook) for hook in (1, 2, 3)] == [4, 1, 1]
    assert room.full() == ([], [1, 2, 3])
    room.give(1, "host-1", failing=False)
    assert not room.take(1, "host-1", failing=False)
    room.give(2, "host-2", failing=False)
    assert room.take(1, "host-1", failing=False)


def test_a_host_gets_no_more_than_its_share_whoever_calls_it() -> None:
    room = Room(most=1000)
    assert sum(room.take(hook, "shared", failing=False) for hook in range(50)) == MOST_PER_HOST
    assert room.full()[0] == ["shared"]


def test_those_that_hang_without_having_failed_leave_places_for_others() -> None:
    """1,000 receivers with four deliveries each, of a process that has room for 2,000."""
    room = Room(most=2000)
    for _delivery in range(4):
        for hook in range(1000):
            room.take(hook, f"host-{hook}", failing=False)
    assert room.under_way <= 1000 + 2000 * 0.25
    assert room.take(5000, "works", failing=False)
