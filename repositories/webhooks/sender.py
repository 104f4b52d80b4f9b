"""What sends, in a worker process: one thread claims what is due, many send, one writes what came of it.

Threads that send mostly wait for a receiver. They hold no connection to the database, so that a thousand receivers that
hang cost a thousand sleeping threads and keep nothing else waiting. Outcomes are written together: one transaction for
all that came in meanwhile.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from queue import Empty, SimpleQueue

from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from repositories.webhooks import deliveries, fanout, sending
from repositories.webhooks.fanout import AWAY
from repositories.webhooks.models import Delivery
from repositories.webhooks.room import Room
from repositories.webhooks.sending import Outcome

log = logging.getLogger(__name__)

LOOKS_EVERY = 2.0
"""Seconds after which a worker looks by itself for what lost its wake-up: so the broker may be away."""
PAUSE = 0.5
"""Seconds without a try after the database failed."""
TOGETHER = 200
"""Outcomes that one transaction writes."""

Send = Callable[[Delivery], Outcome]


class Sender:
    """One for a process. `wake` it when something may be due; it goes on until nothing is."""

    def __init__(self, *, most: int, send: Send = sending.send) -> None:
        self.room = Room(most)
        self._send = send
        self._due = threading.Event()
        self._ends = threading.Event()
        self._ends_since = 0.0
        self._done: SimpleQueue[deliveries.Done] = SimpleQueue()
        self._pool = ThreadPoolExecutor(max_workers=most, thread_name_prefix="webhook")
        self._claims = threading.Thread(target=self._claim, name="webhooks-claim", daemon=True)
        self._writes = threading.Thread(target=self._write, name="webhooks-write", daemon=True)
        self._looks = threading.Thread(target=self._look, name="webhooks-look", daemon=True)
        for thread in (self._claims, self._writes, self._looks):
            thread.start()

    def wake(self) -> None:
        self._due.set()

    def claim_no_more(self) -> None:
        """The beginning of a stop. A signal's handler may call it."""
        if not self._ends.is_set():
            self._ends_since = time.monotonic()
            self._ends.set()
            self._due.set()

    def stop(self, *, within: float) -> None:
        """Claim no more, and write what is under way, so many seconds from the beginning of the stop at most.

        What is left is for the next worker, when its lease is over.
        """
        self.claim_no_more()
        ends = self._ends_since + within
        self._claims.join(max(ends - time.monotonic(), 0))  # it may have just found something, which is under way then
        while self.room.under_way and time.monotonic() < ends:
            time.sleep(0.05)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _look(self) -> None:
        while not self._ends.wait(LOOKS_EVERY):
            try:
                sweep()
            except AWAY as error:
                log.warning("Nothing was looked for (%s); tried again.", type(error).__name__)
                _let_go()
            except Exception:
                log.exception("What lost its wake-up was not looked for.")
            close_old_connections()
            self._due.set()

    def _claim(self) -> None:
        while self._due.wait() and not self._ends.is_set():
            self._due.clear()
            try:
                while not self._ends.is_set() and (claimed := deliveries.claim(self.room)):
                    for delivery in claimed:
                        self._pass_on(delivery)
            except AWAY as error:
                log.warning("Deliveries were not claimed (%s); tried again.", type(error).__name__)
                _let_go()
                self._ends.wait(PAUSE)
                self._due.set()
            except Exception:
                log.exception("Deliveries were not claimed.")
            close_old_connections()

    def _pass_on(self, delivery: Delivery) -> None:
        try:
            self._pool.submit(self._send_one, delivery)
        except RuntimeError as error:  # the system gives no more threads: it is queued, and one of those there takes it
            log.warning("There is no new thread for delivery %s (%s).", delivery.public_id, error)

    def _send_one(self, delivery: Delivery) -> None:
        if is_late(delivery):
            deliveries.give_room(self.room, delivery)
            return
        try:
            outcome = self._send(delivery)
        except Exception:
            log.exception("Delivery %s was not sent.", delivery.public_id)
            outcome = Outcome(error="Moorage could not send it: an error of its own, which is in its log.")
        self._done.put((delivery, outcome))

    def _write(self) -> None:
        """Until the process ends. What the database does not take now is kept, and tried again."""
        while True:
            done = self._collected()
            while not written(done):
                time.sleep(PAUSE)
            for delivery, _outcome in done:
                deliveries.give_room(self.room, delivery)
            self._due.set()

    def _collected(self) -> list[deliveries.Done]:
        done = [self._done.get()]
        while len(done) < TOGETHER:
            try:
                done.append(self._done.get_nowait())
            except Empty:
                break
        return done


def sweep() -> None:
    """What lost its wake-up, or was left behind: events not dealt with, deliveries of webhooks that are off, due times
    that a clock set back has left in the far future. Safe to run twice, and without a write when there is nothing.
    """
    fanout.fan_out_unread()
    deliveries.settle_switched_off()
    deliveries.bring_forward()


def written(done: list[deliveries.Done]) -> bool:
    """Whether the outcomes need no other try. Those that cannot be written are among them: they are in the log."""
    try:
        deliveries.finish(done)
    except AWAY as error:
        log.warning("%d outcomes were not written (%s); tried again.", len(done), type(error).__name__)
        _let_go()
        return False
    except Exception:
        # One that cannot be written keeps no other from being written, and is sent again when its lease is over.
        log.exception("Outcomes of deliveries %s were not written.", [d.public_id for d, _o in done])
        if len(done) > 1:
            return all(written([one]) for one in done)
    close_old_connections()
    return True


def is_late(delivery: Delivery) -> bool:
    """Whether its lease may end before the answer comes: this process stood still since it claimed it. Another one may
    have sent it by then, and newer ones after it, which an old one must not follow.
    """
    lease = delivery.leased_until
    return lease is not None and timezone.now() + timedelta(seconds=sending.DEADLINE) > lease


def _let_go() -> None:
    """A connection that failed is opened anew."""
    connection.close()


class _Process:
    sender: Sender | None = None
    lock = threading.Lock()


def sender() -> Sender:
    """This process's, started at the first call."""
    with _Process.lock:
        if _Process.sender is None:
            _Process.sender = Sender(most=settings.WEBHOOKS_AT_ONCE)
        return _Process.sender


def claim_no_more() -> None:
    """The process's sender, if it has one; so does `stop`."""
    if (running := _Process.sender) is not None:  # without the lock, which the thread may hold that a signal interrupts
        running.claim_no_more()


def stop(*, within: float) -> None:
    with _Process.lock:
        running, _Process.sender = _Process.sender, None
    if running is not None:
        running.stop(within=within)


def send_due(room: Room | None = None) -> int:
    """Send all that is due, one after another, in this thread. Returns how many. For tests and the command line."""
    room, count = room or Room(), 0
    while claimed := deliveries.claim(room):
        for delivery in claimed:
            deliveries.finish([(delivery, sending.send(delivery))])
            deliveries.give_room(room, delivery)
            count += 1
    return count
