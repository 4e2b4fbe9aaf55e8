"""A model's table and view: made, extended and converted to what the model says now, losing nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.records import Column, ColumnType, Model, StagedFile
from syncrun.stores.types import column_type, fold, quote, sql_type
from syncrun.stores.widen import convert, is_kept, widest

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
_RAW = {"_raw": "JSON"}
_RESERVED = frozenset((*SYSTEM_COLUMNS, *_RAW))
_SHOWN = ("_connection", "_first_seen_at", "_last_modified_at")
_RESERVED_SCHEMAS = frozenset({"syncrun", "main", "temp", "system", "information_schema", "pg_catalog"})


@dataclass(frozen=True, slots=True)
class Table:
    """A model's table as it is now: its SQL name, and the columns that records are written to, by folded name."""

    name: str
    columns: dict[str, Column]
    raw: bool


StagedLoss = Callable[[StagedFile, int, str], int]
"""Counts the values of a staged file, in the column at a position, for which an SQL condition over `c` holds."""


def record_table(connector: str, model: str) -> str:
    """Return the SQL name of the table behind a model's view."""
    return f"{quote(connector)}.{quote(f'{model}__records')}"


def described(db: DuckDBPyConnection, schema: str, name: str) -> dict[str, str]:
    """Return the columns of a table or view with their DuckDB types, in order; empty when there is none."""
    rows = db.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database()"
        " AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [schema, name],
    ).fetchall()
    return dict(rows)


def field_columns(stored: dict[str, str]) -> tuple[Column, ...]:
    """Return those of the *stored* columns that are fields of the records."""
    return tuple(
        Column(name, column_type(kind)) for name, kind in stored.items() if fold(name) not in _RESERVED
    )


def prepare(db: DuckDBPyConnection, model: Model, staged: tuple[StagedFile, ...], count: StagedLoss) -> Table:
    """Make the table and view what *model* and the *staged* files need; raise StoreError where data would be lost."""
    _check_names(model, staged)
    name = record_table(model.connector, model.name)
    stored = described(db, model.connector, f"{model.name}__records")
    old = {fold(column.name): column for column in field_columns(stored)}
    target = _target(db, name, model, staged, old, count)
    if stored:
        _extend(db, name, target, old, {fold(column) for column in stored}, raw=model.raw)
        _convert(db, model, name, target, old)
    else:
        _create(db, model, name, target)
    shown = [target[fold(c.name)] for c in model.columns]
    if model.inferred:
        found = {fold(column.name): column for file in staged for column in file.columns}
        known = old | found if model.open else found
        shown += [target[key] for key in known if key not in {fold(c.name) for c in shown}]
    _show(db, model, shown)
    return Table(name, target, raw=model.raw)


def _check_names(model: Model, staged: tuple[StagedFile, ...]) -> None:
    if fold(model.connector) in _RESERVED_SCHEMAS:
        raise StoreError(f"no connector can be named {model.connector}: DuckDB or syncrun uses that schema")
    for columns in (model.columns, *(file.columns for file in staged)):
        names = set()
        for column in columns:
            if fold(column.name) in _RESERVED:
                raise StoreError(f"{model.connector}.{model.name}: the column name {column.name} is reserved")
            if fold(column.name) in names:
                raise StoreError(f"{model.connector}.{model.name}: two columns are named {column.name}")
            names.add(fold(column.name))


def _target(
    db: DuckDBPyConnection,
    table: str,
    model: Model,
    staged: tuple[StagedFile, ...],
    old: dict[str, Column],
    count: StagedLoss,
) -> dict[str, Column]:
    """Return the columns to write to, by folded name, in the order in which new ones are added."""
    fixed = {fold(c.name): c for c in model.columns if c.declared or not model.inferred}
    given = list(model.columns) + ([c for file in staged for c in file.columns] if model.inferred else [])
    target = {}
    for column in given:
        key = fold(column.name)
        if key in target:
            continue
        if key in fixed:
            target[key] = fixed[key]
            continue
        kinds = [c.type for c in (*((old[key],) if key in old else ()), *given) if fold(c.name) == key]

        def fits_double(key: str = key) -> bool:
            return not any(_inexact(db, table, key, old, staged, count))

        target[key] = Column(column.name, widest(kinds, fits_double))
    if model.open:
        target = {key: column for key, column in old.items() if key not in target} | target
    return target


def _inexact(
    db: DuckDBPyConnection,
    table: str,
    key: str,
    old: dict[str, Column],
    staged: tuple[StagedFile, ...],
    count: StagedLoss,
) -> Iterator[int]:
    """Yield how many exact numbers no double holds: of the table, then of each staged file."""
    number = ColumnType("number")
    if key in old and old[key].type != number:
        value = quote(old[key].name)
        yield _count(db, f"SELECT count(*) FROM {table} WHERE NOT ({is_kept(value, old[key].type, number)})")
    for file in staged:
        for position, column in enumerate(file.columns):
            if fold(column.name) == key and column.type != number:
                yield count(file, position, f"NOT ({is_kept('c', column.type, number)})")


def _create(db: DuckDBPyConnection, model: Model, table: str, target: dict[str, Column]) -> None:
    db.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(model.connector)}")
    system = {**SYSTEM_COLUMNS, **(_RAW if model.raw else {})}
    columns = [f"{quote(c.name)} {sql_type(c.type)}" for c in target.values()]
    columns += [f"{name} {kind}" for name, kind in system.items()]
    db.execute(f"CREATE TABLE {table} ({', '.join(columns)})")


def _extend(
    db: DuckDBPyConnection,
    table: str,
    target: dict[str, Column],
    old: dict[str, Column],
    stored: set[str],
    *,
    raw: bool,
) -> None:
    for key, column in target.items():
        if key not in old:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {quote(column.name)} {sql_type(column.type)}")
    if raw and "_raw" not in stored:
        db.execute(f"ALTER TABLE {table} ADD COLUMN _raw JSON")


def _convert(
    db: DuckDBPyConnection, model: Model, table: str, target: dict[str, Column], old: dict[str, Column]
) -> None:
    """Change the types of stored columns; raise StoreError when a stored value would not survive."""
    for key, new in target.items():
        before = old.get(key)
        if before is None or before.type == new.type:
            continue
        value = quote(before.name)
        lost, example = db.execute(
            f"SELECT count(*), any_value(CAST({value} AS VARCHAR)) FROM {table}"
            f" WHERE {value} IS NOT NULL AND NOT ({is_kept(value, before.type, new.type)})"
        ).fetchall()[0]
        if lost:
            shown = example if len(example) <= _EXAMPLE else f"{example[:_EXAMPLE]}…"
            raise StoreError(
                f"{model.connector}.{model.name}: column {before.name} cannot change from {before.type} to {new.type}:"
                f" {lost} stored {'value' if lost == 1 else 'values'} would be lost, such as {shown}",
                hint=f"keep the type {before.type}, or give the field a new name",
            )
        db.execute(
            f"ALTER TABLE {table} ALTER COLUMN {value} TYPE {sql_type(new.type)}"
            f" USING {convert(value, before.type, new.type)}"
        )


_EXAMPLE = 60


def _show(db: DuckDBPyConnection, model: Model, fields: list[Column]) -> None:
    """Make the view of the live records, unless it is there as it should be.

    It names its table without schema: DuckDB looks for it beside the view, whatever the file is called.
    """
    wanted = {c.name: sql_type(c.type) for c in fields} | {name: SYSTEM_COLUMNS[name] for name in _SHOWN}
    if list(described(db, model.connector, model.name).items()) == list(wanted.items()):
        return
    table = quote(f"{model.name}__records")
    columns = ", ".join(f"{quote(name)} AS {quote(name)}" for name in wanted)
    db.execute(
        f"CREATE OR REPLACE VIEW {quote(model.connector)}.{quote(model.name)} AS"
        f" SELECT {columns} FROM {table} WHERE _action <> 'DELETED'"
    )


def _count(db: DuckDBPyConnection, sql: str) -> int:
    return int(db.execute(sql).fetchall()[0][0])
