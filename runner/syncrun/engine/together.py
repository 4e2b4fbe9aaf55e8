"""Runs side by side, and their small commits in one go: each takes longer to begin than to do.

A run that waits for its commit leaves its place to the next one. What is ready is committed when enough of it
is there, when nobody else is on the way, or when somebody has waited long enough.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from syncrun.stores.values.commit import Changes, Commit

if TYPE_CHECKING:
    from syncrun.stores.base import Store

MOST = 64
"""Commits that are done in one go."""

_PATIENCE = 2.0  # seconds that one waits for others


@dataclass(eq=False, slots=True)
class _Waiting:
    """A run that waits for its commit: woken to do those of a *group*, and to go on when it is *done*."""

    commit: Commit
    woken: threading.Event = field(default_factory=threading.Event)
    group: Sequence[_Waiting] = ()
    done: Changes | BaseException | None = None
    overdue: bool = False


class Together:
    """At most so many *places* for runs that do something; those that wait for a commit have none."""

    def __init__(self, places: int, *, most: int = MOST, patience: float = _PATIENCE) -> None:
        self._guard = threading.Lock()
        self._free, self._places = places, places
        self._most, self._patience = most, patience
        self._starting: dict[int, threading.Event] = {}
        self._next = 0
        self._returning: deque[threading.Event] = deque()
        self._waiting: list[_Waiting] = []
        self._committing = False

    @contextmanager
    def place(self, turn: int) -> Iterator[None]:
        """Have a place for as long as the block lasts, apart from waits for a commit.

        Turns are counted from zero; who comes before its turn waits for it.
        """
        mine = threading.Event()
        with self._guard:
            self._starting[turn] = mine
            self._fill()
        mine.wait()
        try:
            yield
        finally:
            with self._guard:
                self._give()

    def commit(self, commit: Commit, store: Store) -> Changes:
        """Make *commit* true in *store*, perhaps with those of others; raise what the store does.

        To be called with a place, which somebody else has meanwhile. Waits for the file are told by the one
        run that does the commits.
        """
        mine = _Waiting(commit)
        with self._guard:
            self._waiting.append(mine)
            self._give()
        if not mine.woken.wait(self._patience):
            with self._guard:
                mine.overdue = True
                self._call()
            mine.woken.wait()
        if mine.group:
            self._do(mine, store)
            mine.woken.wait()
        assert mine.done is not None  # noqa: S101 - it goes on only then
        if isinstance(mine.done, Changes):
            return mine.done
        raise mine.done

    def _do(self, mine: _Waiting, store: Store) -> None:
        """Do the commits of a group; its runs go on in their order, each when there is a place."""
        group, mine.group = mine.group, ()
        mine.woken.clear()
        results: Sequence[Changes | BaseException]
        try:
            results = store.commit_all([waiting.commit for waiting in group])
        except BaseException as error:  # noqa: BLE001 - a defect: every run tells it
            results = [error] * len(group)
        with self._guard:
            for waiting, result in zip(group, results, strict=True):
                waiting.done = result
                self._returning.append(waiting.woken)
            self._fill()
            self._committing = False
            self._call()

    def _give(self) -> None:
        """Give a place to somebody else."""
        self._free += 1
        self._fill()
        self._call()

    def _fill(self) -> None:
        """Give free places to runs that go on, then to those whose turn it is to begin."""
        while self._free and (self._returning or self._next in self._starting):
            self._free -= 1
            if self._returning:
                self._returning.popleft().set()
            else:
                self._starting.pop(self._next).set()
                self._next += 1

    def _call(self) -> None:
        """Let somebody do the commits that are ready, when it is time."""
        if self._committing or not self._waiting:
            return
        alone = self._free == self._places and not self._starting
        if alone or len(self._waiting) >= self._most or any(waiting.overdue for waiting in self._waiting):
            self._committing = True
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            group[0].group = group
            group[0].woken.set()
