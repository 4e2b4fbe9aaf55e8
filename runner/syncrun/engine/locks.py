"""One run of a sync at a time: a lock file beside the database, held by the operating system."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from syncrun.errors import LockedError
from syncrun.stores.base import SyncId

_POLL_SECONDS = 0.1


def lock_path(folder: Path, sync: SyncId) -> Path:
    """Return the lock file of *sync*; names are identifiers, so they are safe in a file name."""
    return folder / f"{sync.connection}.{sync.connector}.{sync.sync}.lock"


@contextmanager
def hold(
    folder: Path,
    sync: SyncId,
    *,
    run_id: str,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    on_wait: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Hold the lock of *sync*; wait up to *timeout* seconds, then raise LockedError naming the holder.

    The lock is the kernel's (`flock`): it ends with the process that holds it, however that dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = lock_path(folder, sync)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, sync, timeout, clock, sleep, on_wait)
        note = json.dumps({"pid": os.getpid(), "run": run_id}).encode()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note, 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _acquire(
    descriptor: int,
    sync: SyncId,
    timeout: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    on_wait: Callable[[str], None] | None,
) -> None:
    deadline = clock() + timeout
    waiting = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
        else:
            return
        if clock() >= deadline:
            raise LockedError(
                f"{sync}: another run of this sync is going on ({holder})",
                hint="wait for it, or give --lock-timeout more time",
            )
        if not waiting and on_wait is not None:
            on_wait(f"waiting for another run of this sync ({holder})")
        waiting = True
        sleep(_POLL_SECONDS)


def _holder(descriptor: int) -> str:
    try:
        note = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {note['pid']}, run {note['run']}"
    except (ValueError, KeyError, TypeError):
        return "it has just begun"
