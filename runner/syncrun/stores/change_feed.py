"""The change feed of a model: its records in the order of their last change, from a cursor on.

A cursor is the position of a change in hexadecimal digits, so that cursors sort as texts, and a few more that
tell whose feed it is of: taken for another connection or model, it is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncrun.errors import StoreError, UsageError
from syncrun.stores.connection import DatabaseFile
from syncrun.stores.migrations import stored_version
from syncrun.stores.query import open_to_read, stream, write_parquet
from syncrun.stores.tables import described, field_columns, history_table, record_table
from syncrun.stores.types import fold, quote, quote_text
from syncrun.stores.values.feed import Feed, FeedQuery
from syncrun.stores.values.ids import ModelId
from syncrun.wording import iso

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PART = 20_000  # records that are sorted at once
_CURSOR = re.compile(r"(?P<seq>[0-9a-f]{16})(?P<check>[0-9a-f]{8})")
_RECORDS = {
    "_id": "r._id",
    "_first_seen_at": "r._first_seen_at",
    "_last_modified_at": "r._last_modified_at",
    "_last_action": "r._action",
    "_deleted_at": "r._deleted_at",
    "_pruned_at": "r._pruned_at",
}
_VERSIONS = _RECORDS | {
    "_last_modified_at": "r._valid_from",
    "_deleted_at": "CASE WHEN r._action = 'DELETED' THEN r._valid_from END",
}


def read(file: DatabaseFile, query: FeedQuery) -> Feed:
    """Return what *query* asks for; the file stays open until the last record is read."""
    with ExitStack() as opened:
        db = opened.enter_context(open_to_read(file))
        reading = _plan(db, query)
        first, *rest = reading.parts
        return Feed(stream(db, opened, first, then=rest), reading.cursor)
    raise AssertionError  # the stack above lets no exception end here


def export(file: DatabaseFile, query: FeedQuery, path: Path) -> str:
    """Write what *query* asks for to the Parquet file *path*, and return the cursor to go on from."""
    with open_to_read(file) as db:
        reading = _plan(db, query)
        write_parquet(db, reading.whole, path)
        return reading.cursor


def cursor_text(model: ModelId, seq: int) -> str:
    """Return the cursor of the change at the position *seq*."""
    digits = f"{seq:016x}"
    return digits + hashlib.md5(f"{_owner(model)}{digits}".encode(), usedforsecurity=False).hexdigest()[:8]


def read_cursor(model: ModelId, text: str) -> int:
    """Return the position that *text* names; raise UsageError when it is no cursor of *model*."""
    match = _CURSOR.fullmatch(text)
    seq = int(match["seq"], 16) if match else 0
    if match is None or cursor_text(model, seq) != text:
        what = f"a cursor of another feed than {model}" if match else "no cursor"
        raise UsageError(
            f"{text!r} is {what}",
            hint="a cursor is the `_cursor` of a record that was read from the same model",
        )
    return seq


@dataclass(frozen=True, slots=True)
class _Reading:
    """One read: the SQL of all its records, where the next one goes on, and the positions that end its parts.

    Sorting whole records would hold them all in memory; a part is sorted by itself.
    """

    sql: str
    cursor: str
    ends: tuple[int, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The SQL of each part, of which there is at least one."""
        bounds = pairwise((0, *self.ends)) if self.ends else [(0, 0)]
        return tuple(self._part(f"r._seq > {low} AND r._seq <= {high}") for low, high in bounds)

    @property
    def whole(self) -> str:
        """The SQL of all records."""
        return self._part("TRUE")

    def _part(self, bounds: str) -> str:
        chosen = "r._seq IN (SELECT c.seq FROM temp.chosen AS c)"
        return f"{self.sql} WHERE {bounds} AND {chosen} ORDER BY r._seq"


def _plan(db: DuckDBPyConnection, query: FeedQuery) -> _Reading:
    model = query.model
    start = read_cursor(model, query.cursor) if query.cursor else 0
    end = _newest(db)
    if start > end:
        raise UsageError(
            f"the cursor {query.cursor} is ahead of {model}: it was read from another database, or from"
            " this one before an older copy was restored",
            hint="leave the cursor out to read everything again",
        )
    stored = described(db, model.connector, f"{model.model}__records")
    if not stored:
        return _nothing(db, cursor_text(model, end))
    table = source = record_table(model.connector, model.model)
    conditions = [f"r._connection = {quote_text(model.connection)}", f"r._seq > {start}"]
    metadata = _RECORDS
    if query.as_of is not None:
        metadata, table = _VERSIONS, history_table(model.connector, model.model)
        end, source, valid = _travel(db, query)
        conditions += valid
    conditions += _filters(query, metadata)
    ends, count = _choose(db, f"{source} AS r WHERE {' AND '.join(conditions)}", query.limit)
    end = ends[-1] if count == query.limit else end
    fields = [f"r.{quote(name)}" for name in _fields(db, model, stored)]
    check = f"md5({quote_text(_owner(model))} || format('{{:016x}}', r._seq))"
    columns = [*fields, *(f"{value} AS {name}" for name, value in metadata.items())]
    columns.append(f"format('{{:016x}}', r._seq) || left({check}, 8) AS _cursor")
    sql = f"SELECT {', '.join(columns)} FROM {table} AS r"
    return _Reading(sql, cursor_text(model, max(start, end)), ends)


def _choose(db: DuckDBPyConnection, source: str, limit: int | None) -> tuple[tuple[int, ...], int]:
    """Fill `temp.chosen` with the positions to read; return where its parts end, and how many there are."""
    body = f"SELECT r._seq AS seq FROM {source} ORDER BY r._seq" + (f" LIMIT {limit}" if limit else "")
    db.execute(f"CREATE TEMP TABLE chosen AS {body}")
    ends = db.execute(
        "SELECT max(n.seq) FROM"
        " (SELECT c.seq, row_number() OVER (ORDER BY c.seq) - 1 AS place FROM temp.chosen AS c) AS n"
        f" GROUP BY n.place // {_PART} ORDER BY 1"
    ).fetchall()
    count = _one(db, "SELECT count(*) FROM temp.chosen")[0]
    return tuple(int(row[0]) for row in ends), int(count)


def _nothing(db: DuckDBPyConnection, cursor: str) -> _Reading:
    """Return the read of a model that has no records yet."""
    db.execute("CREATE TEMP TABLE chosen (seq BIGINT)")
    names = ", ".join(f"CAST(NULL AS VARCHAR) AS {name}" for name in (*_RECORDS, "_cursor"))
    return _Reading(f"SELECT {names} FROM (SELECT 0 AS _seq) AS r", cursor)


def _travel(db: DuckDBPyConnection, query: FeedQuery) -> tuple[int, str, list[str]]:
    """Return the position that `as_of` means, the source of what was true then, and its conditions."""
    model = query.model
    history = history_table(model.connector, model.model)
    if not described(db, model.connector, f"{model.model}__history"):
        raise UsageError(
            f"{model} keeps no history, so that its past is not known",
            hint="write `history: true` in the sync; the history begins with the next run",
        )
    mine = f"h._connection = {quote_text(model.connection)}"
    _check_gap(db, query, history, mine)
    if isinstance(query.as_of, datetime):
        at = _moment(query.as_of)
        later = f"min(h._seq) FILTER (WHERE h._valid_from > {at}) - 1"
        end = _one(db, f"SELECT coalesce({later}, max(h._seq), 0) FROM {history} AS h WHERE {mine}")[0]
        valid = [f"r._valid_from <= {at}", f"(r._valid_to IS NULL OR r._valid_to > {at})"]
        source = history
    else:
        last = _one(db, f"SELECT coalesce(max(h._seq), 0) FROM {history} AS h WHERE {mine}")[0]
        end, valid = min(int(query.as_of or 0), last), []
        source = (
            f"(SELECT h.* FROM {history} AS h WHERE {mine} AND h._seq <= {end}"
            " QUALIFY row_number() OVER (PARTITION BY h._id ORDER BY h._seq DESC) = 1)"
        )
    if not query.actions:
        valid.append("r._action <> 'DELETED'")
    return end, source, valid


def _check_gap(db: DuckDBPyConnection, query: FeedQuery, history: str, mine: str) -> None:
    """Raise UsageError for a past that was not kept: changes were made while the history was turned off."""
    model = query.model
    newest = f"SELECT coalesce(max(h._seq), 0), max(h._valid_from) FROM {history} AS h WHERE {mine}"
    last, at = _one(db, newest)
    records = record_table(model.connector, model.model)
    missed = f"SELECT count(*) FROM {records} AS h WHERE {mine} AND h._seq > {last}"
    asked, end = (query.as_of, at) if isinstance(query.as_of, datetime) else (int(query.as_of or 0), last)
    if (end is None or asked > end) and _one(db, missed)[0]:
        told = f"ends at {iso(at)}" if at else "has not begun"
        raise UsageError(
            f"the history of {model} {told}: what changed since is not known",
            hint="with `history: true` in the sync it goes on from the next run",
        )


def _filters(query: FeedQuery, metadata: dict[str, str]) -> list[str]:
    conditions = []
    if query.actions:
        conditions.append(f"r._action IN ({', '.join(map(quote_text, sorted(query.actions)))})")
    if query.modified_after is not None:
        conditions.append(f"{metadata['_last_modified_at']} > {_moment(query.modified_after)}")
    if query.ids is not None:
        ids = dict.fromkeys(identity for text in query.ids for identity in _identities(text))
        conditions.append(f"r._id IN ({', '.join(map(quote_text, ids)) or 'NULL'})")
    return conditions


def _identities(text: str) -> list[str]:
    """Return the ids that *text* may mean: itself, or a single key, which is a number or a string."""
    if text.startswith("["):
        try:
            return [text, json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))]
        except ValueError:
            pass
    keys = [f"[{text}]"] if re.fullmatch(r"-?\d+|true|false", text) else []
    return [text, json.dumps([text], ensure_ascii=False), *keys]


def _fields(db: DuckDBPyConnection, model: ModelId, stored: dict[str, str]) -> list[str]:
    """Return the fields that the model's view shows."""
    known = {fold(column.name) for column in field_columns(stored)}
    return [name for name in described(db, model.connector, model.model) if fold(name) in known]


def _newest(db: DuckDBPyConnection) -> int:
    return int(_one(db, "SELECT last FROM syncrun.sequence")[0]) if stored_version(db) else 0


def _one(db: DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = db.execute(sql).fetchone()
    if row is None:
        raise StoreError("a table of the database is empty that never is")
    return tuple(row)


def _moment(at: datetime) -> str:
    return f"TIMESTAMPTZ {quote_text(at.astimezone(UTC).isoformat())}"


def _owner(model: ModelId) -> str:
    return json.dumps([model.connection, model.connector, model.model])
