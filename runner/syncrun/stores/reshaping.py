"""A model's table and view: made, extended and converted to what the model says now, losing nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.shapes import Column, ColumnType, Model
from syncrun.stores import retyping
from syncrun.stores.loss import count_lost, refuse_loss
from syncrun.stores.staging import StagedFiles
from syncrun.stores.tables import (
    RESERVED,
    SYSTEM_COLUMNS,
    Stored,
    Table,
    definitions,
    field_columns,
    history_table,
    record_table,
)
from syncrun.stores.types import fold, quote, sql_type
from syncrun.stores.widen import convert, widest
from syncrun.widening import NUMBER, STRING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SHOWN = ("_connection", "_first_seen_at", "_last_modified_at")
_RESERVED_SCHEMAS = frozenset({"syncrun", "main", "temp", "system", "information_schema", "pg_catalog"})


def prepare(db: DuckDBPyConnection, model: Model, staged: StagedFiles, stored: Stored) -> Table:
    """Make the table and view that *model* and *staged* need; raise StoreError where data would be lost."""
    _check_names(model, staged)
    name = record_table(model.connector, model.name)
    old = {fold(column.name): column for column in field_columns(stored.table)}
    target = _Target(db, model, staged, stored, old).columns()
    if stored.table:
        extend(db, name, target, stored.table, raw=model.raw)
        convert_columns(db, model, name, target, old)
        if _is_retyped(target, old):
            retyping.mark(db, name)
    else:
        _create(db, model, name, target)
    shown = {fold(c.name) for c in model.columns}
    if model.inferred:
        shown |= {fold(c.name) for file in staged.files for c in file.columns}
    if model.open:
        shown |= old.keys()
    order = [*(fold(c.name) for c in model.columns), *target]
    _show(db, model, [target[key] for key in dict.fromkeys(order) if key in shown], stored.view)
    return Table(name, target, raw=model.raw, stored=old | target)


def foresee(
    db: DuckDBPyConnection, model: Model, staged: StagedFiles, stored: Stored
) -> tuple[Table, dict[str, Column]]:
    """Return the table as `prepare` would leave it, and the columns that it has now, by folded name.

    Nothing is written: a table that is not there yet is an empty temporary one. Raise what `prepare` raises.
    """
    _check_names(model, staged)
    name = record_table(model.connector, model.name)
    old = {fold(column.name): column for column in field_columns(stored.table)}
    target = _Target(db, model, staged, stored, old).columns()
    for _ in _new_types(db, model, name, target, old):
        pass  # a value that would be lost is refused
    _refuse_foreign_table(db, model)
    if not stored.table:
        name, columns = "temp.nothing", ", ".join(f"{n} {kind}" for n, kind in SYSTEM_COLUMNS.items())
        db.execute(f"CREATE TEMP TABLE nothing ({columns})")
    return Table(name, target, raw=model.raw, stored=old, retyped=_is_retyped(target, old)), old


def _is_retyped(target: dict[str, Column], old: dict[str, Column]) -> bool:
    return any(key in old and retyping.changes_hashes(old[key].type, new.type) for key, new in target.items())


def _check_names(model: Model, staged: StagedFiles) -> None:
    if fold(model.connector) in _RESERVED_SCHEMAS:
        raise StoreError(f"no connector can be named {model.connector}: DuckDB or syncrun uses that schema")
    for columns in (model.columns, *(file.columns for file in staged.files)):
        names = set()
        for column in columns:
            if fold(column.name) in RESERVED:
                raise StoreError(f"{model.connector}.{model.name}: the column name {column.name} is reserved")
            if fold(column.name) in names:
                raise StoreError(f"{model.connector}.{model.name}: two columns are named {column.name}")
            names.add(fold(column.name))


class _Target:
    """The columns that records will go to, by folded name, in the order in which new ones are added."""

    def __init__(
        self,
        db: DuckDBPyConnection,
        model: Model,
        staged: StagedFiles,
        stored: Stored,
        old: dict[str, Column],
    ) -> None:
        self._db, self._model, self._staged, self._stored, self._old = db, model, staged, stored, old
        self._given = list(model.columns)
        if model.inferred:
            self._given += [column for file in staged.files for column in file.columns]
        self._keys = {column.name: fold(column.name) for file in staged.files for column in file.columns}

    def columns(self) -> dict[str, Column]:
        """Return them, with declared types or else those that hold what is stored and what is staged."""
        target = dict(self._old) if self._model.open else {}
        kinds: dict[str, list[ColumnType]] = {}
        for column in self._given:
            told = [] if column.blank else [column.own or column.type]
            kinds.setdefault(fold(column.name), []).extend(told)
        declared = {fold(c.name) for c in self._model.columns if c.declared or not self._model.inferred}
        for column in reversed(self._given):  # the model's own spelling of a name comes first
            target[fold(column.name)] = column
        for key, types in kinds.items():
            if key not in declared:
                stored = self._stored_type(key, types)
                kind = widest(stored + types or [STRING], partial(self._fits_double, key))
                target[key] = Column(target[key].name, kind)
        order = [
            *(fold(c.name) for c in self._model.columns),
            *(self._old if self._model.open else ()),
            *kinds,
        ]
        found = {key: target[key] for key in dict.fromkeys(order)}
        self._staged.read_as({name: found[key].type for name, key in self._keys.items() if key in found})
        return found

    def _stored_type(self, key: str, staged: list[ColumnType]) -> list[ColumnType]:
        """Return the type of a stored column; none where it holds nothing and *staged* values tell one."""
        if key not in self._old:
            return []
        before = self._old[key]
        if before.type == STRING and staged and STRING not in staged and not self._has_values(key):
            return []
        return [before.type]

    def _has_values(self, key: str) -> bool:
        return any(
            self._db.execute(f"SELECT 1 FROM {relation} AS v WHERE v.c IS NOT NULL LIMIT 1").fetchall()
            for _, relation in self._stored_values(key)
        )

    def _stored_values(self, key: str) -> Iterator[tuple[Column, str]]:
        """Yield the column in the table, and in its history, with an SQL relation of its `c`."""
        names = (self._model.connector, self._model.name)
        for table, stored in (
            (record_table(*names), self._stored.table),
            (history_table(*names), self._stored.history),
        ):
            for column in field_columns(stored):
                if fold(column.name) == key:
                    yield column, f"(SELECT {quote(column.name)} AS c FROM {table})"

    def _fits_double(self, key: str) -> bool:
        """Return whether every exact number of a column, stored or staged, equals a double."""
        sources = [*self._staged.values(key, self._keys), *self._stored_values(key)]
        return not any(count_lost(self._db, values, column.type, NUMBER) for column, values in sources)


def _create(db: DuckDBPyConnection, model: Model, table: str, target: dict[str, Column]) -> None:
    db.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(model.connector)}")
    db.execute(f"CREATE TABLE {table} ({', '.join(definitions(target.values(), raw=model.raw))})")


def extend(
    db: DuckDBPyConnection, table: str, target: dict[str, Column], stored: dict[str, str], *, raw: bool
) -> None:
    """Add to *table*, which has the columns *stored*, those of *target* that it lacks."""
    names = {fold(name) for name in stored}
    for key, column in target.items():
        if key not in names:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {quote(column.name)} {sql_type(column.type)}")
    if raw and "_raw" not in names:
        db.execute(f"ALTER TABLE {table} ADD COLUMN _raw JSON")


def convert_columns(
    db: DuckDBPyConnection,
    model: Model,
    table: str,
    target: dict[str, Column],
    old: dict[str, Column],
    *,
    values: str = "of the stored values",
) -> None:
    """Change the types of stored columns; raise StoreError when a stored value would not survive."""
    for before, new in _new_types(db, model, table, target, old, values=values):
        value = quote(before.name)
        db.execute(
            f"ALTER TABLE {table} ALTER COLUMN {value} TYPE {sql_type(new.type)}"
            f" USING {convert(value, before.type, new.type)}"
        )


def _new_types(
    db: DuckDBPyConnection,
    model: Model,
    table: str,
    target: dict[str, Column],
    old: dict[str, Column],
    *,
    values: str = "of the stored values",
) -> Iterator[tuple[Column, Column]]:
    """Yield each stored column whose type changes, before and after; its values are safe."""
    for key, new in target.items():
        before = old.get(key)
        if before is None or before.type == new.type:
            continue
        stored = f"(SELECT {quote(before.name)} AS c FROM {table})"
        place = f"{model.connector}.{model.name}: column {before.name}: {values}"
        refuse_loss(db, stored, before.type, new.type, place)
        yield before, new


def _show(db: DuckDBPyConnection, model: Model, fields: list[Column], view: dict[str, str]) -> None:
    """Make the view of the live records, unless it is there as it should be.

    It names its table without schema: DuckDB looks for it beside the view, whatever the file is called.
    """
    wanted = {c.name: sql_type(c.type) for c in fields} | {name: SYSTEM_COLUMNS[name] for name in _SHOWN}
    if list(view.items()) == list(wanted.items()):
        return
    _refuse_foreign_table(db, model)
    table = quote(f"{model.name}__records")
    columns = ", ".join(f"{quote(name)} AS {quote(name)}" for name in wanted)
    db.execute(
        f"CREATE OR REPLACE VIEW {quote(model.connector)}.{quote(model.name)} AS"
        f" SELECT {columns} FROM {table} WHERE _action <> 'DELETED'"
    )


def _refuse_foreign_table(db: DuckDBPyConnection, model: Model) -> None:
    found = db.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database()"
        " AND schema_name = ? AND table_name = ?",
        [model.connector, model.name],
    ).fetchall()
    if found:
        raise StoreError(
            f"{model.connector}.{model.name} is a table that syncrun did not make",
            hint="rename it, or give the sync another `model`",
        )
