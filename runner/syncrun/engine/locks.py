"""One run of a sync at a time: a lock file beside the database, held by the operating system."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from syncrun.errors import LockedError, StoreError
from syncrun.own_file import open_own
from syncrun.stores.values.ids import SyncId

_POLL_SECONDS = 0.1
_TO_COME = 1 << 63


def folder_of(database: Path) -> Path:
    """Return where the runs of a *database* lock their syncs."""
    return database.with_name(database.name + ".locks")


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
    on_wait: Callable[[str], None] = lambda _reason: None,
) -> Iterator[int | None]:
    """Hold the lock of *sync*, and yield when it was held before (see `last_held`).

    Wait up to *timeout* seconds for it, then raise LockedError naming the holder.
    With 0 it fails at once. What *sleep* raises ends the wait. The lock is the kernel's (`flock`): it ends
    with the process that holds it, however that dies. Raise StoreError where no file can be made, or a link
    is in its place.
    """
    descriptor, made_at = _open(lock_path(folder, sync))
    try:
        deadline = clock() + timeout
        waiting = False
        while not _try(descriptor):
            holder = _holder(descriptor)
            if clock() >= deadline:
                raise LockedError(
                    f"another run of {sync} is going on ({holder})",
                    hint="wait for it, or give --lock-timeout more time",
                )
            if not waiting:
                on_wait(f"waiting for another run of {sync} ({holder})")
            waiting = True
            sleep(max(0.0, min(_POLL_SECONDS, deadline - clock())))
        touched = os.fstat(descriptor).st_mtime_ns
        note = json.dumps({"pid": os.getpid(), "run": run_id}).encode()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note, 0)
        yield None if touched == made_at else touched
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_held(folder: Path, sync: SyncId) -> bool:
    """Return whether a run of *sync* is going on."""
    path = lock_path(folder, sync)
    if not path.exists():
        return False
    descriptor, _ = _open(path)
    try:
        return not _try(descriptor)
    finally:
        os.close(descriptor)


def last_held(folder: Path, sync: SyncId) -> int | None:
    """Return when the lock of *sync* was last let go, in nanoseconds; None when nobody ever held it.

    While it is held that is a time to come.
    """
    try:
        facts = lock_path(folder, sync).lstat()
    except OSError:
        return None
    return _TO_COME if facts.st_size else facts.st_mtime_ns


def _open(path: Path) -> tuple[int, int | None]:
    """Return the open lock file, and when it was made if that was now."""
    folder = path.parent
    try:
        folder.mkdir(exist_ok=True)
        while True:
            with suppress(FileNotFoundError):
                return open_own(path, os.O_RDWR), None
            with suppress(FileExistsError):
                descriptor = open_own(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
                return descriptor, os.fstat(descriptor).st_mtime_ns
    except FileNotFoundError:
        raise StoreError(f"there is no folder {folder.parent}", hint="create the folder") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StoreError(
            f"cannot lock the sync: {error.filename}: {reason}",
            hint="whoever runs syncs needs to write to the database's folder",
        ) from None


def _try(descriptor: int) -> bool:
    """Return whether the lock is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    try:
        note = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {note['pid']}, run {note['run']}"
    except (ValueError, KeyError, TypeError):
        return "it has just begun"
