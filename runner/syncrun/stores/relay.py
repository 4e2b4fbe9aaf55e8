"""The open file, handed from thread to thread: opening and closing it costs more than a small commit does.

After a while it is closed all the same, for other processes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

from syncrun.stores.instances import Instance

_LONGEST = 1.0  # seconds that the file stays open while threads follow each other


@dataclass(eq=False, slots=True)
class _Waiting:
    """A thread that waits for its turn, and the file that it is handed: None while that is closed."""

    came: threading.Event = field(default_factory=threading.Event)
    instance: Instance | None = None


class Relay:
    """Threads of this process that use a file briefly take turns, in the order in which they come.

    Whoever has the turn opens the file, unless it was handed over open, and ends with `hand_over` or, with
    the file closed, with `leave`.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = self._open = False
        self._opened_at = 0.0
        self._waiting: deque[_Waiting] = deque()

    def join(
        self, *, timeout: float, drop: Callable[[Instance | None], None]
    ) -> tuple[bool, Instance | None]:
        """Wait up to *timeout* seconds for the turn; return whether it came, and the file if it is open.

        A turn that comes to somebody who is interrupted is ended with *drop*.
        """
        with self._guard:
            if not self._taken:
                self._taken = True
                return True, None
            mine = _Waiting()
            self._waiting.append(mine)
        try:
            mine.came.wait(timeout)
        except BaseException:
            if not self._withdraw(mine):
                drop(mine.instance)
            raise
        return not self._withdraw(mine), mine.instance

    @property
    def is_open(self) -> bool:
        """Whether the turn comes soon: who has it has the file too, and does not wait for it."""
        return self._open

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for the turn."""
        return bool(self._waiting)

    def opened(self, now: float) -> None:
        """Note that the file was opened at *now*, in seconds, by whoever has the turn."""
        self._open, self._opened_at = True, now

    def hand_over(self, instance: Instance, now: float) -> bool:
        """Give the turn and the open file to the next thread; return False when it is to be closed."""
        with self._guard:
            if not self._waiting or now - self._opened_at >= _LONGEST:
                return False
            self._next(instance)
            return True

    def leave(self) -> None:
        """Give the turn to the next thread, if there is one; the file is closed."""
        with self._guard:
            self._taken, self._open = bool(self._waiting), False
            if self._waiting:
                self._next(None)

    def _next(self, instance: Instance | None) -> None:
        following = self._waiting.popleft()
        following.instance = instance
        following.came.set()

    def _withdraw(self, mine: _Waiting) -> bool:
        """Return whether *mine* was still waiting, and is not any more."""
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return True
            return False


_relays: WeakValueDictionary[Path, Relay] = WeakValueDictionary()
_guard = threading.Lock()


def relay_of(path: Path) -> Relay:
    """Return the one relay of this process for the file at *path*."""
    with _guard:
        return _relays.setdefault(path.resolve(), Relay())
