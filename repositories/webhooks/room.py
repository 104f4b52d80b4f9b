"""How many requests may be under way in this process: in all, to one host, to one webhook, to receivers that fail."""

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

Key = TypeVar("Key", int, str)

MOST = 2000
"""Each is a thread that mostly waits: some 100 KB. They are started when they are needed."""
MOST_PER_HOST = 16
MOST_PER_WEBHOOK = 4
SHARE_OF_FAILING = 0.5
"""Webhooks whose last attempt failed get no more than this: those that work always find a thread."""
SHARE_FOR_MANY = 0.25
"""While more is taken, a webhook that has a request under way gets no second. A thousand receivers that stopped
answering just now have failed no attempt yet: so they hold a thousand places, however much waits for each.
"""


@dataclass
class Room:
    """Safe to share between threads."""

    most: int = MOST
    _lock: Lock = field(default_factory=Lock)
    _hosts: Counter[str] = field(default_factory=Counter)
    _hooks: Counter[int] = field(default_factory=Counter)
    _failing: int = 0

    def take(self, hook: int, host: str, *, failing: bool) -> bool:
        """A place for one request, if there is one. Give it back with the same words."""
        with self._lock:
            if self._is_full(hook, host, failing=failing):
                return False
            self._hosts[host] += 1
            self._hooks[hook] += 1
            self._failing += failing
            return True

    def give(self, hook: int, host: str, *, failing: bool) -> None:
        with self._lock:
            self._failing -= failing
            _less(self._hosts, host)
            _less(self._hooks, hook)

    def _is_full(self, hook: int, host: str, *, failing: bool) -> bool:
        if self._hooks.total() >= self.most or (failing and self._failing >= self.most * SHARE_OF_FAILING):
            return True
        return self._hosts[host] >= MOST_PER_HOST or self._hooks[hook] >= self._most_per_webhook()

    def _most_per_webhook(self) -> int:
        return MOST_PER_WEBHOOK if self._hooks.total() < self.most * SHARE_FOR_MANY else 1

    @property
    def under_way(self) -> int:
        with self._lock:
            return self._hooks.total()

    @property
    def has_place(self) -> bool:
        return self.under_way < self.most

    @property
    def has_place_for_failing(self) -> bool:
        with self._lock:
            return self._hooks.total() < self.most and self._failing < self.most * SHARE_OF_FAILING

    def full(self) -> tuple[list[str], list[int]]:
        """Hosts and webhooks that take no more."""
        with self._lock:
            hosts = [host for host, count in self._hosts.items() if count >= MOST_PER_HOST]
            most = self._most_per_webhook()
            hooks = [hook for hook, count in self._hooks.items() if count >= most]
        return hosts, hooks


def _less(counter: Counter[Key], key: Key) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
