"""Work that nobody can interrupt, in a thread that is left behind when its run has to end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1
_Task = tuple[Callable[[], Any], "queue.SimpleQueue[tuple[Any, BaseException | None]]"]


class Aside:
    """Does work for one run, a piece at a time; *check* is called ten times a second meanwhile.

    What *check* raises ends the wait. The work goes on to its end, if it has one, and its result counts for
    nothing: it must change nothing but what it returns.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._tasks: queue.SimpleQueue[_Task | None] | None = None

    def do(self, work: Callable[[], T]) -> T:
        """Return what *work* returns, or raise what it raises; raise what `check` raises in the meantime."""
        self._check()
        if self._tasks is None:
            self._tasks = _begin()
        answers: queue.SimpleQueue[tuple[T, BaseException | None]] = queue.SimpleQueue()
        self._tasks.put((work, answers))
        while True:
            try:
                result, error = answers.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                self._check_on()
                continue
            if error is not None:
                raise error
            return result

    def close(self) -> None:
        """Let the thread go, when it is done."""
        if self._tasks is not None:
            self._tasks.put(None)
            self._tasks = None

    def _check_on(self) -> None:
        try:
            self._check()
        except BaseException:
            self.close()  # another thread does what comes after
            raise


def _begin() -> queue.SimpleQueue[_Task | None]:
    tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()

    def work() -> None:
        while (task := tasks.get()) is not None:
            act, answers = task
            try:
                answers.put((act(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised where the work was asked for
                answers.put((None, error))
            del task, act, answers  # a page is not kept until the next one comes

    # a daemon: what never ends must not keep the process from ending
    threading.Thread(target=work, name="aside", daemon=True).start()
    return tasks
