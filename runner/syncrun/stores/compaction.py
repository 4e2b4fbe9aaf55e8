"""The database written anew without the room that is free in it, which DuckDB never gives back by itself.

The new file is written beside the old one, which is held from the first row that is read until it is
replaced: other programs can read it meanwhile, and none can write to it.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.stores.connection import DatabaseFile
from syncrun.stores.drafts import clear, draft
from syncrun.stores.file_lock import log_of
from syncrun.stores.types import quote
from syncrun.wording import size

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WORTHWHILE = 16 << 20  # bytes
_SPACE = """
SELECT total_blocks * block_size, free_blocks * block_size
FROM pragma_database_size() WHERE database_name = current_database()
"""
_TABLES = """
SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? AND NOT internal ORDER BY ALL
"""
# all that has a name but tables, which are counted row by row
_OTHERS = """
SELECT 'view', schema_name, view_name FROM duckdb_views() WHERE database_name = $name
UNION ALL SELECT 'macro', schema_name, function_name FROM duckdb_functions() WHERE database_name = $name
UNION ALL SELECT 'sequence', schema_name, sequence_name FROM duckdb_sequences() WHERE database_name = $name
UNION ALL SELECT 'index', schema_name, index_name FROM duckdb_indexes() WHERE database_name = $name
UNION ALL SELECT 'type', schema_name, type_name FROM duckdb_types() WHERE database_name = $name
UNION ALL SELECT 'schema', schema_name, '' FROM duckdb_schemas() WHERE database_name = $name
ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Space:
    """How many bytes a database takes, and how many of them are in blocks that hold nothing."""

    total: int
    free: int

    @property
    def much_is_free(self) -> bool:
        """Whether a database that nobody asks to compact should be."""
        return self.free > _WORTHWHILE and 2 * self.free > self.total


@dataclass(frozen=True, slots=True)
class Compaction:
    """How many bytes the file was long, and how many the disk got back."""

    before: int
    given_back: int


def space(file: DatabaseFile) -> Space | None:
    """Return how full *file* is; None when there is none."""
    with file.reading() as db:
        return None if db is None else Space(*db.execute(_SPACE).fetchall()[0])


def compact(file: DatabaseFile, fault: Callable[[str], None], *, always: bool) -> Compaction | None:
    """Replace *file* by one without free blocks, and return what that gave back; None where it was not done.

    It is done *always*, or when much is free. A crash leaves the old file or the new one. Raise LockedError
    when others keep the file open, StoreError when there is no room beside it: it then stays as it was.
    """
    path = file.path.resolve()  # what a link leads to is replaced, not the link
    try:
        clear(path)
        found = space(file)
        if found is None or not (always or found.much_is_free):
            return None
        _check_room(path, found)
        return _write_anew(file, path, fault)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StoreError(f"{path}: it cannot be compacted: {reason}") from None


def _write_anew(file: DatabaseFile, path: Path, fault: Callable[[str], None]) -> Compaction:
    with file.still(exclusive=True):  # waits here rather than after the work, and takes a crash's log in
        pass
    with draft(path) as new, file.alone() as db:
        mark, before = file.mark, path.stat().st_size
        with file.beside(db, new) as name:
            _take_over_rights(path, new)
            fault("compacting")
            _copy(db, name, file.path)
        _complete(new)
        fault("copied")
        given_back = before - new.stat().st_size
        if given_back > 0:
            _replace(file, new, mark, fault)
    return Compaction(before, max(given_back, 0))


def _check_room(path: Path, found: Space) -> None:
    needed, there = found.total - found.free, shutil.disk_usage(path.parent).free
    if there < needed:
        raise StoreError(
            f"{path}: to compact it {size(needed)} are needed beside it, and the disk has {size(there)}",
            hint="make room on that disk, then run again",
        )


def _take_over_rights(old: Path, new: Path) -> None:
    """Let those who may read and write *old*, and nobody else, do so with *new*, before anything is in it."""
    facts = old.stat()
    new.chmod(stat.S_IMODE(facts.st_mode))
    with suppress(PermissionError):  # only the superuser gives files away
        os.chown(new, facts.st_uid, facts.st_gid)


def _copy(db: DuckDBPyConnection, name: str, path: Path) -> None:
    """Copy everything into the database *name*; raise StoreError when something of it is not there then."""
    from syncrun.stores.library import duckdb

    [(current,)] = db.execute("SELECT current_database()").fetchall()
    try:
        db.execute(f"COPY FROM DATABASE {quote(current)} TO {quote(name)}")
        complete = _contents(db, current) == _contents(db, name)
    except duckdb.ConstraintException:  # DuckDB 1.5 may copy a table before the one that its keys are in
        complete = False
    if not complete:
        raise StoreError(
            f"{path}: DuckDB cannot copy all that is in it", hint="upgrade: pip install -U duckdb"
        )


def _contents(db: DuckDBPyConnection, name: str) -> list[tuple[object, ...]]:
    """Return each table of the database *name* with how many rows it has, and all other names."""
    found = list[tuple[object, ...]]()
    for schema, table in db.execute(_TABLES, [name]).fetchall():
        full_name = f"{quote(name)}.{quote(schema)}.{quote(table)}"
        found += db.execute(f"SELECT ?, ?, count(*) FROM {full_name}", [schema, table]).fetchall()
    return found + db.execute(_OTHERS, {"name": name}).fetchall()


def _complete(new: Path) -> None:
    """Have the disk hold all of *new*."""
    if log_of(new).exists():
        raise StoreError(f"{new}: DuckDB has left a part of the copy in its log", hint="run again")
    _sync(new)


def _replace(file: DatabaseFile, new: Path, mark: tuple[int, int, int], fault: Callable[[str], None]) -> None:
    """Put *new* in the place of *file*, which is open `alone` since it had that *mark*."""
    path = file.path.resolve()
    old = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        file.shut_out(old)
        if file.mark != mark or log_of(file.path).exists():  # a file system whose locks hold nobody off
            raise StoreError(f"{path}: another program wrote to it while it was compacted", hint="run again")
        new.replace(path)
        fault("replaced")
        _sync(path.parent)
        if not os.fstat(old).st_nlink:  # whoever has found it but not locked it yet must not write to it
            os.ftruncate(old, 0)
        fault("emptied")
    finally:
        os.close(old)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
