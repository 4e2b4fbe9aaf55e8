"""Who of this process may open a database file: either one writer, or any number of readers."""

from __future__ import annotations

import threading
from pathlib import Path
from weakref import WeakValueDictionary


class Caller:
    """Somebody who wants to open the file; *first* says whether all others have to wait for it."""

    first = False


class Gate:
    """Lets callers in or refuses them; it never waits.

    One that is refused and wants to be first keeps everybody else out, until it has been in, wants it no
    more, or gives up. Without that, readers that follow each other closely would keep a writer out for ever.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._readers = 0
        self._writing = False
        self._first: Caller | None = None

    def enter(self, caller: Caller, *, read_only: bool) -> bool:
        """Return whether *caller* may open the file; it then has to leave."""
        with self._guard:
            if self._first is None or self._first is caller:
                self._first = caller if caller.first else None
            others_turn = self._first not in (None, caller)
            if others_turn or self._writing or (self._readers and not read_only):
                return False
            self._first = None
            self._readers += read_only
            self._writing = not read_only
            return True

    def leave(self, *, read_only: bool) -> None:
        """Undo one successful `enter`."""
        with self._guard:
            self._readers -= read_only
            self._writing = False

    def give_up(self, caller: Caller) -> None:
        """Keep nobody out any longer for *caller*."""
        with self._guard:
            if self._first is caller:
                self._first = None


_gates: WeakValueDictionary[Path, Gate] = WeakValueDictionary()
_guard = threading.Lock()


def gate_of(path: Path) -> Gate:
    """Return the one gate of this process to the file at *path*."""
    with _guard:
        return _gates.setdefault(path.resolve(), Gate())
