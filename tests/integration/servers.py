"""Start real servers as processes on loopback, at ports that the system chooses, and stop them again."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_ADDRESS = re.compile(r"(?:[Rr]unning|Serving) on (http://127\.0\.0\.1:\d+)")
_START_SECONDS = 60.0


@contextmanager
def serve(command: Sequence[str], folder: Path, **settings: str) -> Iterator[str]:
    """Run *command* in *folder*, yield the URL that its log says it listens at, and end it.

    *settings* are environment variables of its own.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **settings}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        log = _Log(process)
        try:
            yield log.address()
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
            log.join()


class _Log:
    """What a server prints: drained all the time, so that it never blocks, and searched for the address."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: list[str] = []
        self._found: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def address(self) -> str:
        """Wait for the line with the address."""
        try:
            address = self._found.get(timeout=_START_SECONDS)
        except queue.Empty:
            address = None
        if address is None:
            raise RuntimeError(f"the server did not start:\n{''.join(self._lines)}")
        return address

    def join(self) -> None:
        """Wait until the last line is read."""
        self._thread.join(timeout=10)

    def _drain(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)
            match = _ADDRESS.search(line)
            if match is not None:
                self._found.put(match[1])
        self._found.put(None)
