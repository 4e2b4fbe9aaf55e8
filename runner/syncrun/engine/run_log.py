"""The log of one run: every request and every message, appended to a file that the next commit loads.

    log-000001.jsonl    lines as `stores.run_log` reads them

Memory stays flat however many requests a run makes, and a crash leaves the file to the next run.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson

from syncrun.engine import disk
from syncrun.excerpts import excerpt
from syncrun.http.client import Exchange
from syncrun.transform.stage import make_folder

Level = Literal["info", "warning", "error"]

_BUFFER = 1 << 16
_LONGEST = 8192  # characters of a URL or message; some APIs take whole documents as a query


class RunLog:
    """Writes into *folder*; may be shared between threads.

    *notes* is the list that the run's parts append to: each new one becomes a message as soon as something
    else is logged. *redact* takes secrets out of all that is logged (R23).
    """

    def __init__(
        self,
        folder: Path,
        *,
        notes: Sequence[str],
        now: Callable[[], datetime],
        redact: Callable[[str], str],
    ) -> None:
        self._folder, self._notes, self._now, self._redact = folder, notes, now, redact
        self._guard = threading.Lock()
        self._file: BinaryIO | None = None
        self._written: list[Path] = []
        self._last: tuple[str, str] | None = None
        self._seq = self._noted = self._number = 0
        self._closed = False

    def request(self, exchange: Exchange) -> None:
        """Log one attempt to send, and the wait that follows it; raise StoreError when the disk is full."""
        line: dict[str, Any] = {
            "us": int(exchange.at * 1e6),
            "method": exchange.method,
            "url": _shortened(self._redact(exchange.url)),
            "status": exchange.status,
            "ms": round(exchange.elapsed * 1e3, 3),
            "bytes": exchange.received,
            "attempt": exchange.attempt,
            "queued_ms": round(exchange.queued * 1e3, 3),
            "wait_ms": round(exchange.wait * 1e3, 3),
            "reason": _shortened(self._redact(exchange.reason)),
        }
        with self._guard:
            self._take_notes()
            self._append(line)

    def tell(self, level: Level, message: str) -> None:
        """Log one sentence; the same one twice in a row is logged once."""
        with self._guard:
            self._take_notes()
            self._message(level, message)

    def seal(self) -> list[Path]:
        """Return the files with all that is not yet in the database; what comes later goes into a new one."""
        with self._guard:
            self._take_notes()
            self._close()
            return list(self._written)

    def discard(self) -> None:
        """Remove the sealed files: they are in the database."""
        with self._guard:
            for path in self._written[: None if self._file is None else -1]:
                path.unlink(missing_ok=True)
            del self._written[: None if self._file is None else -1]

    def close(self) -> None:
        """Close the file and leave it where it is; requests that end later are not logged."""
        with self._guard:
            self._close()
            self._closed = True

    def _take_notes(self) -> None:
        new, self._noted = self._notes[self._noted :], len(self._notes)
        for note in new:
            self._message("info", note)

    def _message(self, level: Level, message: str) -> None:
        text = _shortened(self._redact(message))
        if text and self._last != (level, text):
            self._last = (level, text)
            self._append({"us": int(self._now().timestamp() * 1e6), "level": level, "message": text})

    def _append(self, line: dict[str, Any]) -> None:
        if self._closed:
            return
        self._seq += 1
        text = orjson.dumps({"seq": self._seq, **line}, option=orjson.OPT_APPEND_NEWLINE)
        with disk.in_words():
            self._file = self._file or self._open()
            self._file.write(text)

    def _open(self) -> BinaryIO:
        make_folder(self._folder)
        self._number += 1
        path = self._folder / f"log-{self._number:06}.jsonl"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._written.append(path)
        return os.fdopen(descriptor, "wb", buffering=_BUFFER)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with disk.in_words():
                file.close()


def _shortened(text: str) -> str:
    short = text if len(text) <= _LONGEST else excerpt(text, _LONGEST)
    return short if short.isascii() else short.encode(errors="replace").decode()
