"""The log of runs: every request and every message, loaded in bulk from the files that a run writes.

{"seq": 1, "us": 1717243200000000, "method": "GET", "url": "https://…", "status": 200, "ms": 81.2, …}
{"seq": 2, "us": 1717243201000000, "level": "warning", "message": "…"}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncrun.stores.connection import DatabaseFile
from syncrun.stores.migrations import stored_version
from syncrun.stores.types import UNNEST_ROWS, bind_rows, quote_path, quote_text
from syncrun.stores.values.run import LogLine

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_REQUEST = {
    "method": "VARCHAR",
    "url": "VARCHAR",
    "status": "INTEGER",
    "ms": "DOUBLE",
    "bytes": "BIGINT",
    "attempt": "INTEGER",
    "queued_ms": "DOUBLE",
    "wait_ms": "DOUBLE",
    "reason": "VARCHAR",
}
_LONGEST = 1 << 20  # of a line; DuckDB's buffers are as long
_MESSAGE = {"level": "VARCHAR", "message": "VARCHAR"}
_SINCE = 3  # the version of the engine's tables
_ERRORS = 400
_READ = f"""
SELECT seq, logged_at, level, message, {", ".join(_REQUEST)}
FROM (
    SELECT *, sent_at AS logged_at FROM syncrun.requests
    UNION ALL BY NAME FROM syncrun.logs
)
WHERE run_id = ? ORDER BY seq
"""
_LAST = """
SELECT greatest(
    (SELECT coalesce(max(r.seq), 0) FROM syncrun.requests AS r WHERE r.run_id = $run),
    (SELECT coalesce(max(l.seq), 0) FROM syncrun.logs AS l WHERE l.run_id = $run)
)
"""


def write(db: DuckDBPyConnection, run_id: str, files: Sequence[Path], *, first: bool = False) -> None:
    """Add the lines of *files* to the log of a run, those excepted that are in it already: none at *first*.

    A line that a power failure cut short is left out: these files are not made durable, as it is not worth
    the time.
    """
    found = [path for path in files if path.exists() and path.stat().st_size]
    if not found:
        return
    last = 0 if first else db.execute(_LAST, {"run": run_id}).fetchall()[0][0]
    for table, at, columns in (("requests", "sent_at", _REQUEST), ("logs", "logged_at", _MESSAGE)):
        names = list(columns)
        own = [path for path in found if _mentions(path, f'"{names[0]}":'.encode())]
        if own:
            db.execute(
                f"INSERT INTO syncrun.{table} (run_id, seq, {at}, {', '.join(names)})"
                f" SELECT $run, f.seq, make_timestamptz(f.us), {', '.join(f'f.{name}' for name in names)}"
                f" FROM {_relation(own, columns)} AS f"
                f" WHERE f.seq > $last AND f.{names[0]} IS NOT NULL ORDER BY f.seq",
                {"run": run_id, "last": last},
            )


def write_new(db: DuckDBPyConnection, files: Mapping[str, Sequence[Path]]) -> None:
    """Add the lines of *files*, by run, to the logs of runs that have none: they are few."""
    lines = [{"run_id": run, **line} for run, paths in files.items() for line in _read_lines(paths)]
    for table, at, columns in (("requests", "sent_at", _REQUEST), ("logs", "logged_at", _MESSAGE)):
        names = list(columns)
        own = [line for line in lines if line.get(names[0]) is not None]
        if own:
            kinds = {"run_id": "VARCHAR", "seq": "BIGINT", "us": "BIGINT", **columns}
            db.execute(
                f"INSERT INTO syncrun.{table} (run_id, seq, {at}, {', '.join(names)})"
                f" SELECT f.run_id, f.seq, make_timestamptz(f.us), {', '.join(f'f.{name}' for name in names)}"
                f" FROM ({UNNEST_ROWS}) AS f",
                bind_rows([{name: line.get(name) for name in kinds} for line in own], kinds),
            )


def _read_lines(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Yield the lines of the files at *paths*, but for one that was cut short."""
    for path in paths:
        for line in path.read_bytes().splitlines() if path.exists() else ():
            with suppress(ValueError):
                yield json.loads(line)


def _mentions(path: Path, member: bytes) -> bool:
    """Return whether a line of the file has this *member*: within a value its quotes are escaped."""
    with path.open("rb") as lines:
        return any(member in line for line in lines)


def read(file: DatabaseFile, run_id: str) -> Iterator[LogLine]:
    """Yield the requests and messages of a run in their order; the file stays open until the last."""
    from syncrun.stores.query import open_to_read, stream

    with ExitStack() as opened:
        db = opened.enter_context(open_to_read(file))
        if stored_version(db) < _SINCE:
            return iter(())
        return _lines(stream(db, opened, _READ, [run_id]).rows)
    raise AssertionError  # the stack above lets no exception end here


def _lines(rows: Iterator[tuple[Any, ...]]) -> Iterator[LogLine]:
    for seq, at, level, message, *members in rows:
        request = dict(zip(_REQUEST, members, strict=True)) if level is None else None
        yield LogLine(seq, at, level or _level(request or {}), message or "", request)


def _level(request: Mapping[str, Any]) -> str:
    """Return how grave a request is: one that was answered as wished is a detail."""
    status = request["status"]
    return "warning" if request["wait_ms"] or request["reason"] or (status or _ERRORS) >= _ERRORS else "info"


def _relation(files: Sequence[Path], columns: dict[str, str]) -> str:
    kinds = {"seq": "BIGINT", "us": "BIGINT", **columns}
    members = ", ".join(f"{name}: {quote_text(kind)}" for name, kind in kinds.items())
    paths = ", ".join(quote_path(path) for path in files)
    return (
        f"read_json([{paths}], format = 'newline_delimited', ignore_errors = true,"
        f" maximum_object_size = {_LONGEST}, columns = {{{members}}})"
    )
