"""Keeps a connection below its API's limits, in all threads and processes that share its file.

The file holds when the last requests were sent, who is sending now, and until when the API wants silence. A
bucket of N tokens, each of which comes back *per* seconds after it was spent: no stretch of that length ever
sees more than N requests, however the API counts them. Nothing in the file has to survive: one that is
damaged, or of other limits, is begun anew.
"""

from __future__ import annotations

import fcntl
import math
import os
import re
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from syncrun.http.retry import retry_after
from syncrun.own_file import open_own

_HEADER = struct.Struct("<4sIIId")  # magic, tokens, places, the token spent longest ago, silent until
_TIME = struct.Struct("<d")
_PLACE = struct.Struct("<qd")  # process id, when that process began
_MAGIC = b"SRL1"
_POLL_SECONDS = 0.05
_MAX_SILENCE = 86_400.0  # a quota of a day; a header that says more is wrong
_MAX_AHEAD = 100  # times *per*: beyond it the clock was set back
_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)")


class Limits(Struct, frozen=True):
    """At most *requests* in any *per* seconds, and *concurrency* at once; None: as many as you like.

    *remaining_header* and *reset_header*, in lower case, tell when the API has none left and until when.
    """

    requests: int | None = None
    per: float = 1.0
    concurrency: int | None = None
    remaining_header: str | None = None
    reset_header: str | None = None


Process = tuple[int, float]
"""Process id, and when it began in epoch seconds: ids are used again."""


def this_process() -> Process:
    """Return the process that runs this."""
    import psutil

    return os.getpid(), psutil.Process().create_time()


def is_alive(process: Process) -> bool:
    """Whether *process* still runs."""
    import psutil

    try:
        return bool(psutil.Process(process[0]).create_time() == process[1])
    except psutil.Error:
        return False


class RateLimiter:
    """The limits of a connection; *now* is in epoch seconds, and the same clock for all who share *path*.

    When the API says that no requests are left, nobody waits longer than *max_silence* seconds for it, and
    who does not heed it, such as a log-in, not at all. *on_silence* is told how long a wait for it will be.
    """

    def __init__(
        self,
        path: Path,
        limits: Limits,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        process: Process | None = None,
        alive: Callable[[Process], bool] = is_alive,
        max_silence: float = _MAX_SILENCE,
        heeds_silence: bool = True,
        on_silence: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._max_silence = min(max_silence, _MAX_SILENCE) if heeds_silence else 0.0
        self._on_silence = on_silence
        self._limits = limits
        self._now, self._sleep, self._alive = now, sleep, alive
        self._process = process or this_process()
        self._lock = threading.Lock()
        self._tokens, self._places = limits.requests or 0, limits.concurrency or 0
        self._threads = threading.BoundedSemaphore(self._places) if self._places else None
        self._places_at = _HEADER.size + self._tokens * _TIME.size
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open_own(path, os.O_RDWR | os.O_CREAT)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    @contextmanager
    def turn(self) -> Iterator[float]:
        """Wait until a request may be sent, and count it as under way; yield the seconds waited."""
        began = self._now()
        with ExitStack() as held:
            if self._threads is not None:
                held.enter_context(self._threads)
                held.enter_context(self._place())
            self._wait_for_token()
            yield max(self._now() - began, 0.0)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Note from *headers*, in lower case, that no requests are left, and until when."""
        limits = self._limits
        if limits.remaining_header is None or limits.reset_header is None:
            return
        remaining = _NUMBER.match(headers.get(limits.remaining_header, ""))
        if remaining is None or float(remaining[1]) > 0:
            return
        now = self._now()
        seconds = retry_after(headers.get(limits.reset_header, ""), now)
        if seconds is not None and seconds > 0:
            with self._exclusive():
                oldest, until = self._read_header()
                self._write_header(oldest, max(until, now + min(seconds, self._max_silence or _MAX_SILENCE)))

    def _wait_for_token(self) -> None:
        latest = self._now() + self._max_silence
        while True:
            now = self._now()
            with self._exclusive():
                until = min(self._read_header()[1], latest)
                at = self._spend(now, until)
            if at <= now:
                return
            if until - now >= 1:
                self._on_silence(until - now)
            self._sleep(at - now)
            with self._exclusive():
                silent = min(self._read_header()[1], latest) > self._now()
            if not silent:
                return  # nobody said in the meantime that it is too early

    def _spend(self, now: float, silent_until: float) -> float:
        """Take the token that has been out longest, and return when it may be used."""
        index, until = self._read_header()
        at = max(now, silent_until)
        if not self._tokens:
            return at
        place = _HEADER.size + index * _TIME.size
        (spent,) = _TIME.unpack(os.pread(self._file, _TIME.size, place))
        if math.isfinite(spent) and spent <= now + _MAX_AHEAD * self._limits.per:
            at = max(at, spent + self._limits.per)
        os.pwrite(self._file, _TIME.pack(at), place)
        self._write_header((index + 1) % self._tokens, until)
        return at

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Hold one of the places for requests under way; those of processes that ended are free."""
        while (place := self._take_place()) is None:
            self._sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            with self._exclusive():
                self._read_header()
                if os.pread(self._file, _PLACE.size, place) == _PLACE.pack(*self._process):
                    os.pwrite(self._file, _PLACE.pack(0, 0.0), place)

    def _take_place(self) -> int | None:
        with self._exclusive():
            self._read_header()
            for number in range(self._places):
                place = self._places_at + number * _PLACE.size
                holder = _PLACE.unpack(os.pread(self._file, _PLACE.size, place))
                if holder[0] == 0 or (holder != self._process and not self._alive(holder)):
                    os.pwrite(self._file, _PLACE.pack(*self._process), place)
                    return place
        return None

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Keep all others from the file for the moment that it takes to change it."""
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _read_header(self) -> tuple[int, float]:
        """Return the index of the token spent longest ago, and until when to be silent."""
        size = self._places_at + self._places * _PLACE.size
        head = os.pread(self._file, _HEADER.size, 0)
        if len(head) == _HEADER.size and os.fstat(self._file).st_size == size:
            magic, tokens, places, oldest, until = _HEADER.unpack(head)
            if (magic, tokens, places) == (_MAGIC, self._tokens, self._places) and oldest <= tokens:
                return oldest % max(tokens, 1), until if until < self._now() + _MAX_SILENCE + 1 else 0.0
        os.ftruncate(self._file, 0)
        os.ftruncate(self._file, size)
        self._write_header(0, 0.0)
        return 0, 0.0

    def _write_header(self, oldest: int, until: float) -> None:
        os.pwrite(self._file, _HEADER.pack(_MAGIC, self._tokens, self._places, oldest, until), 0)


def silent_until(path: Path) -> float:
    """Return until when, in epoch seconds, who shares the file at *path* is to be silent; 0: not at all."""
    try:
        with path.open("rb") as file:
            magic, _, _, _, until = _HEADER.unpack(file.read(_HEADER.size))
    except (OSError, struct.error):
        return 0.0
    return float(until) if magic == _MAGIC and math.isfinite(until) else 0.0


@contextmanager
def turns(limiters: Sequence[RateLimiter]) -> Iterator[float]:
    """Take a turn at each of *limiters*; yield the seconds waited."""
    if not limiters:
        yield 0.0
        return
    with ExitStack() as held:
        yield sum(held.enter_context(limiter.turn()) for limiter in limiters)
