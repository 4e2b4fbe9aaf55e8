"""What DuckDB says about a file, in words for people."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.errors import StoreError

if TYPE_CHECKING:
    from duckdb import Error

OURSELVES = "this process itself"
"""Who holds the file when it is another thread of this program."""

_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<process>\d+)\)")

_TROUBLES = (
    (
        r"no space left|disk quota exceeded|disk is full",
        "the disk is full",
        "nothing was committed; make room, then run again",
    ),
    (r"is a directory", "this is a folder, not a database file", ""),
    (
        r"permission denied|read-only file system",
        "no permission to open or write it",
        "check its owner and mode",
    ),
    (r"not a valid duckdb database", "this is not a DuckDB database", "name another file as `database`"),
    (
        r"wrong encryption key",
        "the encryption key is not the one that it was written with",
        "check what `encryption_key` of the project reads",
    ),
    (
        r"encrypted database .* without a key",
        "the database is encrypted, and the project has no key",
        'write `encryption_key: "${env.SYNCRUN_DB_KEY}"` in syncrun.yaml',
    ),
    (
        r"key is explicitly specified, but",
        "the database is not encrypted, and the project has a key",
        "move the file away and run again with --full, or take `encryption_key` out",
    ),
    (
        r"read-only crypto module",
        "DuckDB can write an encrypted database only with its module httpfs",
        "pip install 'syncrun[encryption]', or INSTALL httpfs in any DuckDB of the same version",
    ),
    (r"newer version of duckdb", "it was written by a newer DuckDB", "upgrade: pip install -U duckdb"),
    (
        r"corrupt|checksum|could not read enough bytes",
        "the database file is damaged",
        "restore a copy, or move the file away and run again with --full",
    ),
)


def in_words(error: Error, path: Path) -> StoreError:
    """Return what DuckDB says about the file at *path* as one sentence, with a hint where there is one."""
    text = str(error).removeprefix("IO Error: ")
    for pattern, message, hint in _TROUBLES:
        if re.search(pattern, text, re.IGNORECASE):
            return StoreError(f"{path}: {message}", hint=hint)
    return StoreError(f"{path}: {text.strip().splitlines()[0]}")


def holder_in(message: str) -> str:
    """Return who holds the file when *message* says that somebody does."""
    if "Could not set lock on file" in message:
        match = _HOLDER.search(message)
        return f"{match['program']} (process {match['process']})" if match else "another program"
    if "used by another process" in message:
        return "another program"
    return OURSELVES if "Unique file handle conflict" in message else ""
