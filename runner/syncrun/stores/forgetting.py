"""Connections that nobody owns any more: what the database has of them, and how it goes.

Every table of the engine that names a connection is gone through, and every table of records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from syncrun.stores.tables import described
from syncrun.stores.types import quote
from syncrun.stores.values.forgotten import Owner

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TABLES = """
SELECT table_name FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = 'syncrun' AND column_name = 'connection'
ORDER BY ALL
"""
_MODELS = """
SELECT schema_name, table_name FROM duckdb_tables()
WHERE database_name = current_database()
    AND (ends_with(table_name, '__records') OR ends_with(table_name, '__history'))
ORDER BY ALL
"""
_MINE = "connection = $connection AND ($connector = '' OR connector = $connector)"


def owners(db: DuckDBPyConnection) -> dict[Owner, int]:
    """Return whose records or runs there are, and how many live records each has."""
    found = {
        Owner(*row): 0
        for row in db.execute("SELECT DISTINCT r.connection, r.connector FROM syncrun.runs AS r").fetchall()
    }
    for connector, table in _record_tables(db):
        if table.endswith("__records"):
            rows = db.execute(
                f"SELECT r._connection, count(*) FILTER (r._action <> 'DELETED')"
                f" FROM {quote(connector)}.{quote(table)} AS r GROUP BY ALL"
            ).fetchall()
            for connection, live in rows:
                owner = Owner(connection, connector)
                found[owner] = found.get(owner, 0) + live
    return found


def forget(db: DuckDBPyConnection, owner: Owner, *, dry_run: bool) -> dict[str, int]:
    """Let all go that is of *owner*, in one transaction; return how many rows of each table that is.

    An owner without a connector is the whole connection. A *dry_run* writes nothing.
    """
    parts = list(_parts(db, owner))
    counts = {
        table: int(db.execute(f"SELECT count(*) FROM {table} AS t WHERE {where}", given).fetchall()[0][0])
        for table, where, given in parts
    }
    if not dry_run and any(counts.values()):
        db.execute("BEGIN")
        try:
            for table, where, given in parts:
                if counts[table]:
                    db.execute(f"DELETE FROM {table} AS t WHERE {where}", given)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
    return {table: count for table, count in counts.items() if count}


def _parts(db: DuckDBPyConnection, owner: Owner) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the tables, each with the condition on its rows `t`; those that others are found by come last."""
    given = {"connection": owner.connection, "connector": owner.connector}
    for connector, table in _record_tables(db):
        if owner.connector in ("", connector):
            place = f"{quote(connector)}.{quote(table)}"
            yield place, "t._connection = $connection", {"connection": owner.connection}
    runs = f"t.run_id IN (SELECT r.id FROM syncrun.runs AS r WHERE {_MINE})"
    for name in ("requests", "logs"):
        if described(db, "syncrun", name):
            yield f"syncrun.{name}", runs, given
    yield "syncrun.seen", f"t.snapshot IN (SELECT s.id FROM syncrun.snapshots AS s WHERE {_MINE})", given
    for (name,) in db.execute(_TABLES).fetchall():
        if "connector" in described(db, "syncrun", name):
            yield f"syncrun.{name}", _MINE, given
        elif not owner.connector:
            yield f"syncrun.{name}", "t.connection = $connection", {"connection": owner.connection}


def _record_tables(db: DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    for connector, table in db.execute(_MODELS).fetchall():
        if "_run_id" in described(db, connector, table):
            yield connector, table
