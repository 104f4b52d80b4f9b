"""Which repositories’ events a thread of this process is dealing with: a second one would make the same rows again."""

from threading import Lock


class Turns:
    """Safe to share between threads. Nobody waits: who finds a turn taken leaves the work to its holder."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked: dict[int, bool] = {}
        """Of each that is taken: whether somebody left work to its holder."""

    def take(self, key: int, *, ask: bool = True) -> bool:
        """Whether it is yours now, until you give it back. If it is not, `ask` leaves work to its holder."""
        with self._lock:
            if key in self._asked:
                self._asked[key] |= ask
                return False
            self._asked[key] = False
            return True

    def goes_on(self, key: int) -> bool:
        """Whether somebody left work meanwhile: then it stays yours, otherwise it is given back."""
        with self._lock:
            if self._asked.get(key):
                self._asked[key] = False
                return True
            self._asked.pop(key, None)
            return False

    def give(self, key: int) -> None:
        """Back, whatever was left."""
        with self._lock:
            self._asked.pop(key, None)
