"""Files that are written beside their place, so that a crash leaves what was there."""

from __future__ import annotations

import glob
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """Yield where to write what is to be *path*; what is still there at the end is removed.

    So is what processes that were killed while they wrote have left.
    """
    clear(path)
    new = path.with_name(f"{path.name}.new-{os.getpid()}-{threading.get_ident()}")
    log = new.with_name(f"{new.name}.wal")
    new.unlink(missing_ok=True)
    try:
        yield new
    finally:
        new.unlink(missing_ok=True)
        log.unlink(missing_ok=True)


def clear(path: Path) -> None:
    """Remove what processes that were killed while they wrote *path* anew have left."""
    for old in path.parent.glob(f"{glob.escape(path.name)}.new-*"):
        if not _is_being_written(old):
            old.unlink(missing_ok=True)


def place(new: Path, path: Path) -> None:
    """Move *new* to *path* unless somebody else has just made one there."""
    try:
        os.link(new, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            new.rename(path)


def _is_being_written(path: Path) -> bool:
    import psutil

    process = path.name.rpartition(".new-")[2].partition("-")[0]
    return not process.isdecimal() or psutil.pid_exists(int(process))
