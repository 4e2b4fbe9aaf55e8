"""The lock that DuckDB takes on a database file, taken without DuckDB: to copy the file, or to replace it.

It belongs to the process, and ends as soon as the process closes any descriptor of the file.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def log_of(path: Path) -> Path:
    """Return the write-ahead log of the database at *path*; there is one while the file is not complete."""
    return path.with_name(f"{path.name}.wal")


def inode_of(path: Path) -> int | None:
    """Return what tells the file at *path* from others that take its place; None when there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def lock_file(path: Path, *, exclusive: bool) -> int:
    """Return a descriptor of the file at *path*, locked: nobody writes to it, nor opens it when *exclusive*.

    Raise BlockingIOError when somebody has it open, or has just left it with a log or replaced it.
    """
    descriptor = os.open(path, (os.O_RDWR if exclusive else os.O_RDONLY) | os.O_CLOEXEC)
    try:
        fcntl.lockf(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        changed = log_of(path).exists() or os.fstat(descriptor).st_ino != path.stat().st_ino
    except BaseException:
        os.close(descriptor)
        raise
    if changed:
        os.close(descriptor)
        raise BlockingIOError
    return descriptor


def shut_out(descriptor: int) -> None:
    """Lock the open file for this process alone, which may have it open elsewhere; else BlockingIOError."""
    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
