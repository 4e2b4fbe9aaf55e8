"""The log of runs: every request and every message, loaded in bulk from the files that a run writes.

{"seq": 1, "us": 1717243200000000, "method": "GET", "url": "https://…", "status": 200, "ms": 81.2, …}
{"seq": 2, "us": 1717243201000000, "level": "warning", "message": "…"}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.stores.types import quote_path, quote_text

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
_LAST = """
SELECT greatest(
    (SELECT coalesce(max(r.seq), 0) FROM syncrun.requests AS r WHERE r.run_id = $run),
    (SELECT coalesce(max(l.seq), 0) FROM syncrun.logs AS l WHERE l.run_id = $run)
)
"""


def write(db: DuckDBPyConnection, run_id: str, files: Sequence[Path]) -> None:
    """Add the lines of *files* to the log of a run, those excepted that are in it already.

    A line that a power failure cut short is left out: these files are not made durable, as it is not worth
    the time.
    """
    found = [path for path in files if path.exists() and path.stat().st_size]
    if not found:
        return
    last = db.execute(_LAST, {"run": run_id}).fetchall()[0][0]
    for table, at, columns in (("requests", "sent_at", _REQUEST), ("logs", "logged_at", _MESSAGE)):
        names = list(columns)
        db.execute(
            f"INSERT INTO syncrun.{table} (run_id, seq, {at}, {', '.join(names)})"
            f" SELECT $run, f.seq, make_timestamptz(f.us), {', '.join(f'f.{name}' for name in names)}"
            f" FROM {_relation(found, columns)} AS f"
            f" WHERE f.seq > $last AND f.{names[0]} IS NOT NULL ORDER BY f.seq",
            {"run": run_id, "last": last},
        )


def _relation(files: Sequence[Path], columns: dict[str, str]) -> str:
    kinds = {"seq": "BIGINT", "us": "BIGINT", **columns}
    members = ", ".join(f"{name}: {quote_text(kind)}" for name, kind in kinds.items())
    paths = ", ".join(quote_path(path) for path in files)
    return (
        f"read_json([{paths}], format = 'newline_delimited', ignore_errors = true,"
        f" maximum_object_size = {_LONGEST}, columns = {{{members}}})"
    )
