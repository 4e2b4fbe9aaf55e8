"""What hooks write goes to people, without secrets: standard output holds data only (R23)."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

Redact = Callable[[str], str]

_redact: ContextVar[Redact | None] = ContextVar("redact", default=None)


class _Stream:
    """Stands in for *own*, standard output or standard error, while some thread runs a hook.

    Only what that thread writes is taken out of its way: to *people*, as its hook's connection may show it.
    """

    def __init__(self, own: TextIO, people: TextIO) -> None:
        self._own, self._people = own, people

    def write(self, text: str) -> int:
        redact = _redact.get()
        if redact is None:
            return self._own.write(text)
        self._people.write(redact(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        (self._own if _redact.get() is None else self._people).flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


class _Streams:
    """Puts the stand-ins where Python looks for the streams, and the streams back after the last hook.

    What hooks log passes the same way.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hooks = 0
        self._own: tuple[TextIO, TextIO] | None = None
        self._records: Callable[..., logging.LogRecord] | None = None

    def take(self) -> None:
        with self._lock:
            self._hooks += 1
            if self._hooks == 1:
                self._own = own, people = sys.stdout, sys.stderr
                sys.stdout, sys.stderr = _Stream(own, people), _Stream(people, people)
                self._records = logging.getLogRecordFactory()
                logging.setLogRecordFactory(self._record)

    def give_back(self) -> None:
        with self._lock:
            self._hooks -= 1
            if self._hooks == 0 and self._own is not None:
                sys.stdout, sys.stderr = self._own
                if self._records is not None and logging.getLogRecordFactory() == self._record:
                    logging.setLogRecordFactory(self._records)

    def _record(self, *args: Any, **options: Any) -> logging.LogRecord:
        """Return what somebody logs; a hook's words without secrets, whatever handler shows them."""
        make = self._records or logging.LogRecord
        record = make(*args, **options)
        redact = _redact.get()
        if redact is not None:
            try:
                record.msg, record.args = redact(record.getMessage()), ()
            except (TypeError, ValueError):  # a format that does not fit: logging tells the hook
                record.msg = redact(str(record.msg))
        return record


_streams = _Streams()  # the process has one pair of them


@contextmanager
def speaking(redact: Redact) -> Iterator[None]:
    """Let the code of a hook write: whatever it writes passes *redact* on its way to people."""
    _streams.take()
    token = _redact.set(redact)
    try:
        yield
    finally:
        _redact.reset(token)
        _streams.give_back()
