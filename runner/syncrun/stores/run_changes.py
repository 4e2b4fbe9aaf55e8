"""What one run changed: from the history, else the records that no later run has touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from syncrun.stores.connection import DatabaseFile
from syncrun.stores.query import open_to_read, stream
from syncrun.stores.tables import described, field_columns, history_table, record_table
from syncrun.stores.types import quote, quote_text
from syncrun.stores.values.run import Run, RunChange, RunChanges

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The versions of every record that the run touched: each next to the one before it.
_VERSIONS = """
SELECT r._id, r._action, {fields} AS now, lag({fields}) OVER past AS before,
    lag(r._action) OVER past AS before_action
FROM {history} AS r
WHERE r._connection = {connection}
    AND r._id IN (SELECT h._id FROM {history} AS h WHERE h._connection = {connection} AND h._run_id = {run})
WINDOW past AS (PARTITION BY r._id ORDER BY r._seq)
QUALIFY r._run_id = {run}
ORDER BY r._seq
"""
_RECORDS = """
SELECT r._id, r._action, {fields} AS now, NULL AS before, NULL AS before_action
FROM {records} AS r
WHERE r._connection = {connection} AND r._run_id = {run}
ORDER BY r._seq
"""


def read(file: DatabaseFile, run: Run) -> RunChanges:
    """Return what *run* changed; the file stays open until the last change is read."""
    with ExitStack() as opened:
        db = opened.enter_context(open_to_read(file))
        history = bool(described(db, run.sync.connector, f"{run.model}__history"))
        sql = _select(db, run, history=history)
        if not sql:
            return RunChanges(iter(()), history=history)
        return RunChanges(_changes(stream(db, opened, sql).rows), history=history)
    raise AssertionError  # the stack above lets no exception end here


def _select(db: DuckDBPyConnection, run: Run, *, history: bool) -> str:
    names = (run.sync.connector, run.model)
    fields = field_columns(described(db, names[0], f"{run.model}__{'history' if history else 'records'}"))
    if not fields:
        return ""
    members = ", ".join(f"{quote(column.name)} := r.{quote(column.name)}" for column in fields)
    return (_VERSIONS if history else _RECORDS).format(
        # what retention has taken is not known
        fields=f"CASE WHEN r._pruned_at IS NULL THEN to_json(struct_pack({members})) END",
        history=history_table(*names),
        records=record_table(*names),
        connection=quote_text(run.sync.connection),
        run=quote_text(run.id),
    )


def _changes(rows: Iterator[tuple[Any, ...]]) -> Iterator[RunChange]:
    for identity, action, now, before, before_action in rows:
        live = None if before is None or before_action == "DELETED" else json.loads(before)
        known = None if now is None else json.loads(now)
        if action == "DELETED":  # a tombstone keeps the payload that the record had
            yield RunChange(identity, action, live or known, None)
        else:
            yield RunChange(identity, action, live, known)
