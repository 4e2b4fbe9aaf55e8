"""Reading: SQL that people write, and its rows as they are asked for."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from syncrun.errors import StoreError
from syncrun.stores.connection import DatabaseFile
from syncrun.stores.instances import Seal
from syncrun.stores.read_only import CHANGE, read_statements
from syncrun.stores.values.feed import QueryResult

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, Error

_BARRED = re.compile(r'Cannot access (?:file|directory) "(.*?)" - file system operations are disabled')
_EXTENSION = re.compile(r"exists in the (\w+) extension")

_Result = TypeVar("_Result")
_CHUNK = 2_000
_INTERRUPT_EVERY = 0.05  # seconds


class _Rows(Iterator[tuple[Any, ...]]):
    """Rows fetched as they are asked for; the file stays open until the last one, or until `close`.

    When those of the statement that was run are over, the statements *then* give more.
    """

    def __init__(self, db: DuckDBPyConnection, opened: ExitStack, then: Iterable[str] = ()) -> None:
        self._db = db
        self._opened = opened
        self._then = iter(then)
        self._chunk: Iterator[tuple[Any, ...]] = iter(())

    def __next__(self) -> tuple[Any, ...]:
        import duckdb

        for row in self._chunk:
            return row
        try:
            self._chunk = iter(_interruptible(self._db, self._fetch))
        except duckdb.Error as error:
            self.close()
            raise _in_words(error) from None
        for row in self._chunk:
            return row
        self.close()
        raise StopIteration

    def _fetch(self) -> list[tuple[Any, ...]]:
        while not (rows := self._db.fetchmany(_CHUNK)):
            statement = next(self._then, None)
            if statement is None:
                return []
            self._db.execute(statement)
        return rows

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing more is fetched."""
        self._opened.close()


class _Closed(Iterator[tuple[Any, ...]]):
    """What is left of a statement without a result."""

    def __next__(self) -> tuple[Any, ...]:
        raise StopIteration


def run_query(file: DatabaseFile, sql: str, parameters: Sequence[Any], *, files: bool = False) -> QueryResult:
    """Run *sql*, one statement that reads, on *file*; raise StoreError with DuckDB's message.

    It opens nothing but the database, unless *files* lets it read files of this machine.
    """
    with ExitStack() as opened:
        db = opened.enter_context(open_to_read(file, Seal(files)))
        _check(db, sql)
        return stream(db, opened, sql, parameters)
    raise AssertionError  # the stack above lets no exception end here


def _check(db: DuckDBPyConnection, sql: str) -> None:
    """Raise StoreError where *sql* is not one statement that reads."""
    import duckdb

    try:
        read_statements(db, sql)
    except duckdb.Error as error:
        raise _in_words(error) from None


def stream(
    db: DuckDBPyConnection,
    opened: ExitStack,
    sql: str,
    parameters: Sequence[Any] = (),
    then: Iterable[str] = (),
) -> QueryResult:
    """Run *sql*, and the statements *then*, and return the rows; then what *opened* holds is closed."""
    import duckdb

    try:
        _interruptible(db, lambda: db.execute(sql, list(parameters) or None))
    except duckdb.Error as error:
        raise _in_words(error) from None
    described_by = db.description
    if not described_by:
        return QueryResult((), (), _Closed())
    names = tuple(str(column[0]) for column in described_by)
    types = tuple(str(column[1]) for column in described_by)
    return QueryResult(names, types, _Rows(db, opened.pop_all(), then))


def export(file: DatabaseFile, sql: str, path: Path, *, files: bool = False) -> None:
    """Write the rows of *sql* to the Parquet file *path*, as `run_query` reads them; raise StoreError."""
    path = path.absolute()
    with open_to_read(file, Seal(files, path)) as db:
        write_parquet(db, sql, path)


def write_parquet(db: DuckDBPyConnection, sql: str, path: Path) -> None:
    """Write the rows of *sql*, one statement that reads, to the Parquet file *path*; raise StoreError."""
    import duckdb

    try:
        *before, last = read_statements(db, _without_end(sql))
        for statement in before:
            db.execute(statement)
        rows = db.sql(last)
        _interruptible(db, lambda: rows.write_parquet(str(path), compression="zstd"))
    except duckdb.Error as error:
        raise _in_words(error) from None


def _interruptible(db: DuckDBPyConnection, act: Callable[[], _Result]) -> _Result:
    """Return what *act* does with *db*; ^C ends it, which DuckDB by itself does not hear."""
    if threading.current_thread() is not threading.main_thread():
        return act()  # signals come to the main thread, which is free
    future: Future[_Result] = Future()
    try:
        threading.Thread(target=_do, args=(future, act), daemon=True).start()
        return future.result()
    except KeyboardInterrupt:
        begun = not future.cancel()
        while begun and not future.done():  # again and again: a statement that is being planned forgets it
            db.interrupt()
            wait([future], timeout=_INTERRUPT_EVERY)
        raise


def _do(future: Future[_Result], act: Callable[[], _Result]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(act())
    except BaseException as error:  # noqa: BLE001 - it travels to the caller's thread
        future.set_exception(error)


def _without_end(sql: str) -> str:
    """Return *sql* without the semicolons and comments after it: DuckDB puts more behind what it exports."""
    import duckdb

    content, end = sql.encode(), None
    for offset, kind in reversed(duckdb.tokenize(sql)):
        if kind != duckdb.token_type.comment and content[offset : offset + 1] != b";":
            break
        end = offset
    return content[:end].decode()


def open_to_read(file: DatabaseFile, seal: Seal | None = None) -> AbstractContextManager[DuckDBPyConnection]:
    """Open *file* as it is, with a *seal* for SQL that people write; raise StoreError when there is none."""
    if not file.exists:
        raise StoreError(f"there is no database at {file.path} yet", hint="`syncrun run` makes it")
    return file.open(read_only=True) if seal is None else file.asking(seal)


def _in_words(error: Error) -> StoreError:
    """Return DuckDB's message, which shows the place in the SQL, without what only this program knows."""
    text = str(error).strip()
    if re.search(r'statement of type "\w+" on database .* read-only mode', text):
        return StoreError("queries are read-only, and this one would change the database", hint=CHANGE)
    barred = _BARRED.search(text)
    if barred:
        return StoreError(
            f"a query reads nothing but the database, and not {barred[1]}",
            hint="syncrun query --allow-files lets it read files",
        )
    extension = _EXTENSION.search(text)
    if extension:
        return StoreError(
            f"this takes DuckDB's extension {extension[1]}, and queries load none",
            hint="use another DuckDB client, with the database opened read-only",
        )
    return StoreError(text)
