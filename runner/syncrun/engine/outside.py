"""What a command takes from outside its process, and a test decides: time, chance, the network."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.engine.changes import file_changes

if TYPE_CHECKING:
    import httpx


def utc_now() -> datetime:
    """Return the present time, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Outside:
    """The world of one command; by default the real one.

    *clock* counts the seconds of waits. *wait* waits for an event, for so many seconds, and returns whether
    it was set. *transport* is what requests go through, None: the network. *fault* is told every step of a
    run and of its commits (as `store.STEP`); what it raises ends the process there. *changes* tells the files
    that are edited in a folder, until the event is set.
    """

    now: Callable[[], datetime] = utc_now
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait
    random: Callable[[], float] = random.random
    transport: httpx.BaseTransport | None = None
    fault: Callable[[str], None] = lambda _step: None
    changes: Callable[[Path, threading.Event], Iterator[frozenset[Path]]] = file_changes

    def sleep(self, seconds: float) -> None:
        """Wait *seconds*."""
        self.wait(threading.Event(), seconds)
