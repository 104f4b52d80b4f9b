"""What a worker process does: claims, sends on threads, writes what came of it."""

from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.room import MOST_PER_HOST, MOST_PER_WEBHOOK, Room
from repositories.webhooks.sender import send_due
from tests.system.receiver import Receiver

State = Delivery.State


def test_what_is_due_is_sent_and_told(hook: Webhook, delivery: Delivery, receiver: Receiver) -> None:
    assert send_due() == 1
    row = Delivery.objects.get()
    assert (row.state, row.attempt_count, row.last_status) == (State.DELIVERED, 1, 200)
    assert Attempt.objects.get().status == 200
    assert len(receiver.got("/ci?token=s3cret")) == 1


def test_a_host_and_a_webhook_have_their_limits() -> None:
    room = Room(most=100)
    assert [room.take(1, "a.example", failing=False) for _ in range(MOST_PER_WEBHOOK + 1)].count(
        True
    ) == MOST_PER_WEBHOOK
    others = [room.take(hook, "a.example", failing=False) for hook in range(2, 30)]
    assert others.count(True) == MOST_PER_HOST - MOST_PER_WEBHOOK
    assert room.take(99, "b.example", failing=False)
    assert room.full() == (["a.example"], [1])
    room.give(1, "a.example", failing=False)
    assert room.full() == ([], [])
