"""A bounded, ordered queue of requests between threads, conflated by name: only the newest request of each name waits.

Used by `engine.runtime`, where the engine's thread carries out the console's requests, and by `tui.engine_process`,
where a thread writes them into a pipe that may stay full for long. The asking thread never blocks. Nothing is carried
out here.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

W = TypeVar("W")


class Wishes(Generic[W]):
    """Requests by name. Any thread may ask; one thread takes."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[str, tuple[W, int]] = {}
        """By name the request and how often it is still to be taken, in queue order."""
        self._is_closed = False

    def ask(self, name: str, wish: W, *, adds: bool = False) -> None:
        """Put `wish` at the end of the queue in place of a waiting one of this name. `adds`: requests of this name add
        up, as steps do: the newest is then taken as often as it was asked for."""
        with self._changed:
            times = self._waiting.pop(name, (wish, 0))[1]
            self._waiting[name] = (wish, times + 1 if adds else 1)
            self._changed.notify()

    def take(self) -> W | None:
        """The first in the queue, without waiting; None: the queue is empty."""
        with self._changed:
            return self._taken()

    def wait(self) -> W | None:
        """The first in the queue, once there is one; None: closed and empty."""
        with self._changed:
            while not self._waiting and not self._is_closed:
                self._changed.wait()
            return self._taken()

    def close(self) -> None:
        """Make `wait` return None once the queue is empty. May be called again."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _taken(self) -> W | None:
        if not self._waiting:
            return None
        name = next(iter(self._waiting))
        wish, times = self._waiting.pop(name)
        if times > 1:
            self._waiting = {name: (wish, times - 1), **self._waiting}
        return wish
