"""A model's tables as the database has them: their names, columns and types."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.shapes import Column, Model
from syncrun.stores.types import column_type, fold, quote, sql_type

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SYSTEM_COLUMNS = {
    "_connection": "VARCHAR",
    "_id": "VARCHAR",
    "_partition": "VARCHAR",
    "_hash": "VARCHAR",
    "_seq": "BIGINT",
    "_action": "VARCHAR",
    "_first_seen_at": "TIMESTAMP WITH TIME ZONE",
    "_last_modified_at": "TIMESTAMP WITH TIME ZONE",
    "_deleted_at": "TIMESTAMP WITH TIME ZONE",
    "_pruned_at": "TIMESTAMP WITH TIME ZONE",
    "_run_id": "VARCHAR",
}
# DuckDB takes `"x"."csv"` for a file where there is no such table, and fetches an extension for some.
_FILE_KINDS = frozenset(
    {
        *("csv", "tsv", "txt", "json", "jsonl", "ndjson", "geojson", "parquet", "avro", "xlsx", "xls"),
        *("arrow", "db", "duckdb", "fgb", "gpkg", "gpx", "kml", "lance", "orc", "shp", "sqlite", "vortex"),
    }
)
_RAW = {"_raw": "JSON"}
_ELSEWHERE = ("_valid_from", "_valid_to", "_last_action", "_cursor")  # in the history and the change feed
RESERVED = frozenset((*SYSTEM_COLUMNS, *_RAW, *_ELSEWHERE))
"""The names, folded, that no field of a record can have."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a model has in the database: the columns of its tables and its view with their DuckDB types."""

    table: dict[str, str]
    view: dict[str, str]
    history: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """A model's table as it is now: its SQL name, and the columns that records go to, by folded name.

    *stored* are the columns that the database has. With *retyped* all hashes there are of other types.
    """

    name: str
    columns: dict[str, Column]
    raw: bool
    stored: dict[str, Column] = field(default_factory=dict)
    retyped: bool = False

    def column(self, name: str) -> Column | None:
        """Return the column that a field named *name* goes to, None when the model has no such field."""
        return self.columns.get(fold(name))


def record_table(connector: str, model: str) -> str:
    """Return the SQL name of the table behind a model's view."""
    return f"{quote(connector)}.{quote(f'{model}__records')}"


def history_table(connector: str, model: str) -> str:
    """Return the SQL name of the table that keeps the versions of a model's records."""
    return f"{quote(connector)}.{quote(f'{model}__history')}"


def described(db: DuckDBPyConnection, schema: str, name: str) -> dict[str, str]:
    """Return the columns of a table or view with their DuckDB types, in order; empty when there is none.

    Not to be called within a transaction: looking for what is not there would abort it.
    """
    from syncrun.stores.library import duckdb

    if _is_like_a_file(schema, name) and not _is_there(db, schema, name):
        return {}
    try:
        found = db.execute(f"SELECT * FROM {quote(schema)}.{quote(name)} LIMIT 0").description
    except (
        duckdb.CatalogException,
        duckdb.BinderException,
    ):  # no such name, or a view whose table has changed
        return {}
    return {str(column[0]): str(column[1]) for column in found}


def _is_like_a_file(schema: str, name: str) -> bool:
    """Return whether DuckDB would read a file `schema.name` where there is no such table."""
    return fold(name) in _FILE_KINDS or Path(f"{schema}.{name}").exists()


def _is_there(db: DuckDBPyConnection, schema: str, name: str) -> bool:
    found = db.execute(
        "SELECT 1 FROM duckdb_views() WHERE database_name = current_database()"
        " AND lower(schema_name) = lower($schema) AND lower(view_name) = lower($name)"
        " UNION ALL SELECT 1 FROM duckdb_tables() WHERE database_name = current_database()"
        " AND lower(schema_name) = lower($schema) AND lower(table_name) = lower($name)",
        {"schema": schema, "name": name},
    ).fetchall()
    return bool(found)


def field_columns(stored: dict[str, str]) -> tuple[Column, ...]:
    """Return those of the *stored* columns that are fields of the records."""
    try:
        return tuple(
            Column(name, column_type(kind)) for name, kind in stored.items() if fold(name) not in RESERVED
        )
    except ValueError as error:
        raise StoreError(f"a table was changed by another program: {error}") from None


def look_up(db: DuckDBPyConnection, model: Model) -> Stored:
    """Return what there is of *model*; call it before the transaction begins."""
    schema, name = model.connector, model.name
    history = described(db, schema, f"{name}__history") if model.history else {}
    return Stored(described(db, schema, f"{name}__records"), described(db, schema, name), history)


def definitions(columns: Iterable[Column], *, raw: bool) -> list[str]:
    """Return the columns of a model's table as SQL defines them: its fields, then those of syncrun."""
    system = {**SYSTEM_COLUMNS, **(_RAW if raw else {})}
    fields = [f"{quote(column.name)} {sql_type(column.type)}" for column in columns]
    return fields + [f"{name} {kind}" for name, kind in system.items()]
