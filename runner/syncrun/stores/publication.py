"""A copy of the database for readers, put in its place at once: they never wait, nor see half a run (R3).

    publish: read.duckdb

The file is copied as it is, byte by byte, while its lock keeps writers away: that takes a fraction of what
writing it anew would, and nothing but a link to the same blocks where the file system can share them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.errors import LockedError, StoreError
from syncrun.stores import runs
from syncrun.stores.binding import basis_of
from syncrun.stores.classify import sequence
from syncrun.stores.connection import DatabaseFile
from syncrun.stores.drafts import draft
from syncrun.stores.values.ids import SyncId

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHUNK = 8 << 20  # bytes
_ATTEMPTS = 5


def copy_at(path: Path, *, key: str | None) -> DatabaseFile:
    """Return the copy at *path*, for which nobody waits."""
    return DatabaseFile(path, lock_timeout=0, clock=time.monotonic, sleep=time.sleep, on_wait=None, key=key)


def publish(
    file: DatabaseFile,
    copy: DatabaseFile,
    under_way: Callable[[Sequence[SyncId]], bool],
    *,
    always: bool = False,
) -> bool:
    """Bring *copy* up to date with *file*, and return whether that was done.

    It is left as it is while it has all changes (unless *always*), and while any of the syncs that have
    committed a part of a run is *under_way*: that run publishes at its end. Raise StoreError when the copy
    cannot be made, LockedError when the database stays held.
    """
    _check_place(copy.path)
    for _ in range(_ATTEMPTS):
        with file.reading() as db:
            if db is None:
                return False
            mark, state, unfinished = file.mark, _state(db), runs.unfinished(db)
        if not always and _published(copy) == state:
            return False
        if unfinished and under_way(unfinished):
            return False
        with file.still(exclusive=False) as source:
            if file.mark == mark:  # what was found out is still true
                _replace(source, copy.path)
                return True
    return False  # others commit again and again, and publish after it


def _check_place(path: Path) -> None:
    if not path.parent.is_dir():
        raise StoreError(f"{path}: there is no folder {path.parent}", hint="create the folder")
    if path.with_name(f"{path.name}.wal").exists():
        raise StoreError(
            f"{path}: another program writes into the published copy, which would be lost",
            hint="close it, remove the .wal file beside the copy, and open the copy read-only",
        )


def _state(db: DuckDBPyConnection) -> tuple[str, int]:
    """Return which database this is, and the newest change that it has."""
    basis = basis_of(db)
    return basis.identity if basis else "", sequence(db)


def _published(copy: DatabaseFile) -> tuple[str, int] | None:
    """Return the state of the copy; None when there is none, or nobody can tell."""
    try:
        with copy.reading() as db:
            return None if db is None else _state(db)
    except LockedError:  # somebody has opened it for writing
        return None
    except StoreError as error:
        raise StoreError(
            f"{copy.path}: there is something else than a published copy: {error.message}",
            hint="remove the file, or name another one as `publish`",
        ) from None


def _replace(source: int, target: Path) -> None:
    """Copy the open file *source* beside *target* and put it there, for reading only."""
    try:
        with draft(target) as new:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with FileIO(descriptor, "wb") as file:
                _copy(source, file)
                os.fchmod(descriptor, os.fstat(source).st_mode & 0o444)
                os.fsync(descriptor)
            new.replace(target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StoreError(f"{target}: the copy cannot be made: {reason}") from None


def _copy(source: int, target: FileIO) -> None:
    """Copy within the kernel where it can, which shares the blocks where the file system can."""
    with suppress(AttributeError, OSError):  # not on this system, or not between these file systems
        while os.copy_file_range(source, target.fileno(), _CHUNK):
            pass
        return
    os.lseek(source, 0, os.SEEK_SET)
    target.seek(0)
    while chunk := memoryview(os.read(source, _CHUNK)):
        while chunk:
            chunk = chunk[target.write(chunk) :]
