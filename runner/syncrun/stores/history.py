"""Every version of every record, as a slowly changing dimension of type 2 (`history: true`).

A version is valid from its change to the next one of the same record; a deletion is a version too. What the
records table holds and the history does not is found by `_seq`. So turning history on later begins with the
present state, and what changed while it was off is caught up with as far as it can be known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncrun.shapes import Model
from syncrun.stores.reshaping import convert_columns, extend
from syncrun.stores.tables import SYSTEM_COLUMNS, Stored, Table, field_columns, history_table
from syncrun.stores.types import fold, quote, sql_type

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_KEPT = ("_connection", "_id", "_seq", "_action", "_first_seen_at", "_pruned_at", "_run_id")

_NEWEST = "SELECT (SELECT max(r._seq) FROM {records} AS r), (SELECT max(h._seq) FROM {history} AS h)"
# A clock that was set back must not make two versions of a record valid at one time.
_CHANGED = """
CREATE OR REPLACE TEMP TABLE version AS
SELECT r._seq AS seq, past.row_id, greatest(r._last_modified_at, past.since) AS since
FROM {records} AS r
LEFT JOIN (
    SELECT h.rowid AS row_id, h._connection AS connection, h._id AS id, h._valid_from AS since
    FROM {history} AS h
    WHERE h._valid_to IS NULL
) AS past ON past.connection = r._connection AND past.id = r._id
WHERE r._seq > (SELECT coalesce(max(h._seq), 0) FROM {history} AS h)
"""
_CLOSE = """
UPDATE {history} SET _valid_to = v.since
FROM temp.version AS v
WHERE {history}.rowid = v.row_id
"""
_ADD = """
INSERT INTO {history} ({names}, _valid_from)
SELECT {values}, v.since
FROM {records} AS r
JOIN temp.version AS v ON v.seq = r._seq
"""
# What was pruned of the newest version comes back with the record's own payload.
_RESTORE = """
UPDATE {history} SET {fields}, _pruned_at = NULL
FROM {records} AS r
WHERE {history}._pruned_at IS NOT NULL AND r._pruned_at IS NULL AND r._seq = {history}._seq
"""


class History:
    """The versions of one model's records, in the transaction that changes them."""

    def __init__(self, db: DuckDBPyConnection, model: Model, table: Table, stored: Stored) -> None:
        self._db, self._records = db, table.name
        self._name = history_table(model.connector, model.name)
        fields = {fold(column.name): column for column in field_columns(stored.table)} | table.columns
        raw = table.raw or "_raw" in stored.table
        names = [quote(column.name) for column in fields.values()]
        self._columns = [*names, *_KEPT, *(["_raw"] if raw else [])]
        if stored.history:
            extend(db, self._name, fields, stored.history, raw=raw)
            old = {fold(column.name): column for column in field_columns(stored.history)}
            convert_columns(db, model, self._name, fields, old, values="of the values in its history")
            return
        columns = [f"{quote(column.name)} {sql_type(column.type)}" for column in fields.values()]
        columns += [f"{name} {SYSTEM_COLUMNS[name]}" for name in _KEPT]
        columns += [f"{name} {SYSTEM_COLUMNS['_last_modified_at']}" for name in ("_valid_from", "_valid_to")]
        columns += ["_raw JSON"] if raw else []
        db.execute(f"CREATE TABLE {self._name} ({', '.join(columns)})")

    def catch_up(self) -> None:
        """Add what changed since the newest version, and end the versions before."""
        tables = {"records": self._records, "history": self._name}
        newest = self._db.execute(_NEWEST.format(**tables)).fetchall()[0]
        if newest[0] == newest[1]:
            return
        self._db.execute(_CHANGED.format(**tables))
        self._db.execute(_CLOSE.format(**tables))
        names, values = ", ".join(self._columns), ", ".join(f"r.{name}" for name in self._columns)
        self._db.execute(_ADD.format(**tables, names=names, values=values))

    def restore(self) -> None:
        """Give versions that were pruned back what their records have got back."""
        taken = [name for name in self._columns if name not in _KEPT]
        fields = ", ".join(f"{name} = r.{name}" for name in taken) or "_id = r._id"
        self._db.execute(_RESTORE.format(history=self._name, records=self._records, fields=fields))


def open_history(db: DuckDBPyConnection, model: Model, table: Table, stored: Stored) -> History | None:
    """Return the history of *model*, in step with its table as it is now; None when it keeps none."""
    if not model.history:
        return None
    history = History(db, model, table, stored)
    history.catch_up()
    return history
