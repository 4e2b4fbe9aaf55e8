"""SIGINT and SIGTERM: the first asks runs to save their progress, the second ends at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from syncrun.errors import Interrupted

_SHOW_CURSOR = b"\x1b[?25h\n"


class Stop:
    """Whether somebody asked to stop; runs look at *event* between pages."""

    def __init__(self, wait: Callable[[threading.Event, float], bool] = threading.Event.wait) -> None:
        self.event = threading.Event()
        self.exit_code = 0
        self._wait = wait

    def sleep(self, seconds: float) -> None:
        """Wait *seconds*; raise Interrupted as soon as a stop is asked for."""
        if self._wait(self.event, seconds):
            raise Interrupted("stopped on request; progress is saved")

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Ask to stop; on the second signal leave without saving."""
        del frame
        code = 128 + number
        terminal = os.isatty(2)
        if self.event.is_set():
            if terminal:
                os.write(2, _SHOW_CURSOR)  # live progress had hidden it
            os._exit(code)  # a second ^C: whoever presses it wants out now
        self.exit_code = code
        self.event.set()
        if terminal:
            os.write(2, b"\nstopping, and saving progress; once more stops at once\n")


@contextmanager
def stopping(wait: Callable[[threading.Event, float], bool] = threading.Event.wait) -> Iterator[Stop]:
    """Turn SIGINT and SIGTERM into a `Stop`, which waits with *wait*, while the block runs."""
    stop = Stop(wait)
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop.handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
