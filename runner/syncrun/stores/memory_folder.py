"""Where runs stage records that must not rest on disk: in memory, in a folder of the system's own."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from syncrun.errors import StoreError

_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, and the folder in it is the user's own


def own_memory() -> Path:
    """Return the user's folder in memory, which nobody else may enter; it outlives processes.

    Raise StoreError where there is no such memory, or somebody else has made the folder.
    """
    memory = _MEMORY
    if not memory.is_dir():
        raise StoreError(
            f"an encrypted database needs a file system in memory for what runs stage: there is no {memory}",
            hint="run on Linux, or take `encryption_key` out and keep the project on an encrypted disk",
        )
    folder = memory / f"syncrun-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise StoreError(f"{folder} is no folder that only you may enter", hint="remove it, then run again")
    return folder


def staging_in_memory(database: Path) -> Path:
    """Return the folder in memory that the runs of *database* stage into."""
    return own_memory() / hashlib.sha256(os.fsencode(database.resolve())).hexdigest()[:16]
