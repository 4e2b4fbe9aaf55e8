"""A commit that is not made: what it would do, found with the same SQL, in a database that stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from syncrun.shapes import Column
from syncrun.stores import missing, snapshots, told
from syncrun.stores.absence import Settled, find_absent
from syncrun.stores.classify import changed_files, classify, filled_columns, sequence
from syncrun.stores.json_values import json_reader
from syncrun.stores.owners import one
from syncrun.stores.reshaping import foresee
from syncrun.stores.staging import ORDINALS, StagedFiles
from syncrun.stores.tables import Table, look_up
from syncrun.stores.types import fold, quote
from syncrun.stores.values.commit import Changes, Commit, SnapshotDeletes
from syncrun.stores.values.preview import Absent, AbsentRecord, Preview, RecordChange, Rejection
from syncrun.stores.widen import convert

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHANGED = """
SELECT c.seq, c.action, f.k, coalesce(f.p, ''), {values}
FROM {contents} AS f
JOIN temp.change AS c ON c.ord = f.i + {offset}
LEFT JOIN {table} AS r ON r.rowid = c.row_id
WHERE c.action IN ('ADDED', 'UPDATED')
QUALIFY row_number() OVER (PARTITION BY c.action ORDER BY c.seq) <= $most
ORDER BY c.seq
"""
_VANISHED = """
SELECT r._id, r._partition, {values}
FROM {table} AS r
JOIN ({gone}) AS gone ON gone.row_id = r.rowid
ORDER BY gone.seq
LIMIT $most
"""
_CHUNK = 2_000
_FLAGGED = "SELECT c.row_id, c.seq FROM temp.change AS c WHERE c.action = 'DELETED'"
_MISSING = "SELECT m.row_id, {last} + m.old AS seq FROM temp.missing AS m WHERE {which}"


def preview(db: DuckDBPyConnection, commit: Commit, most: int) -> Preview:
    """Return what *commit* would do to the read-only *db*, with the first *most* records of each kind."""
    staged = StagedFiles(db, commit.staged, commit.rejected, newest_first=commit.newest_first)
    facts = staged.load()
    stored = look_up(db, commit.model)
    before = sequence(db)
    window = snapshots.window_of(db, commit, before)
    table, old = foresee(db, commit.model, staged, stored)
    upserts = facts.upserts - told.apply(db, commit, staged, table, facts.last)
    found = classify(db, one(commit), table, staged, seq=before, upserts=upserts)
    known = missing.are_known(db, commit)
    settled = Settled()
    if commit.deletes is not None:
        settled = find_absent(db, commit, table.name, window, known=known)
    last = before + found.events
    changes = Changes(
        added=found.added,
        updated=found.updated,
        deleted=found.deleted + settled.deleted,
        unchanged=found.unchanged,
        duplicates=facts.duplicates,
        quarantined=commit.quarantined,
        last_seq=last + settled.deleted,
        refused=settled.refused,
        missing=settled.waiting,
        note=settled.note,
    )
    columns = list(old.values())
    gone = _FLAGGED
    if settled.deleted:
        gone = f"{_FLAGGED} UNION ALL {_MISSING.format(last=last, which='m.due')}"
    records = [
        *_changed(db, commit, table, staged, old=old, most=most),
        *_vanished(db, table.name, columns, gone, action="DELETED", most=most),
    ]
    if settled.waiting:
        waiting = _MISSING.format(last=last, which="m.may AND NOT m.due")
        records += _vanished(db, table.name, columns, waiting, action="MISSING", most=most)
    repeated = "SELECT r.k FROM temp.repeated AS r ORDER BY r.ord LIMIT ?"
    return Preview(
        changes,
        tuple(records),
        tuple(_rejected(db, most) if commit.quarantined else ()),
        tuple(key for (key,) in db.execute(repeated, [most]).fetchall()) if facts.duplicates else (),
        tuple(_altered(table, old)) if stored.table else ("the table would be made",),
    )


def absent(
    db: DuckDBPyConnection,
    commit: Commit,
    possible: Callable[[Mapping[str, Any]], bool] | None,
    most: int,
) -> Absent:
    """Return which live records *commit* would find missing, those for which *possible* is true.

    Of the first *most* of them all fields are returned as well.
    """
    staged = StagedFiles(db, commit.staged, commit.rejected, newest_first=commit.newest_first)
    facts = staged.load()
    stored = look_up(db, commit.model)
    window = snapshots.window_of(db, commit, sequence(db))
    table, old = foresee(db, commit.model, staged, stored)
    told.apply(db, commit, staged, table, facts.last)
    known = missing.are_known(db, commit)
    find_absent(db, commit, table.name, window, known=known)
    columns = list(old.values())
    values = "".join(f"r.{quote(column.name)}, " for column in columns)
    db.execute(
        f"SELECT {values}r._id, r._partition FROM {table.name} AS r"
        " JOIN temp.missing AS m ON m.row_id = r.rowid ORDER BY r._seq"
    )
    ids: list[str] = []
    first: list[AbsentRecord] = []
    while rows := db.fetchmany(_CHUNK):
        for *row, identity, partition in rows:
            fields = _values(columns, row)
            if possible is None or possible(fields):
                ids.append(identity)
                if len(first) < most:
                    first.append(AbsentRecord(identity, partition, fields))
    chosen = replace(commit.deletes or SnapshotDeletes(), only=frozenset(ids))
    settled = find_absent(db, replace(commit, deletes=chosen), table.name, window, known=known)
    return Absent(frozenset(ids), tuple(first), refused=settled.refused is not None)


def _changed(
    db: DuckDBPyConnection,
    commit: Commit,
    table: Table,
    staged: StagedFiles,
    *,
    old: Mapping[str, Column],
    most: int,
) -> list[RecordChange]:
    """Return the first *most* added and updated records each, in the order of the change feed."""
    found: list[tuple[int, RecordChange]] = []
    for number in changed_files(db):
        names, values = filled_columns(db, commit.model, table, staged, number)
        by_name = {quote(column.name): column for column in table.columns.values()}
        columns = [by_name[name] for name in names]
        sql = _CHANGED.format(
            values=", ".join([*values, *(_stored(column, old) for column in columns)]) or "NULL",
            contents=staged.contents(number, raw=False),
            offset=number * ORDINALS,
            table=table.name,
        )
        for seq, *row in db.execute(sql, {"most": most}).fetchall():
            found.append((seq, _record(row, columns)))
    found.sort(key=lambda pair: pair[0])
    kinds = ("ADDED", "UPDATED")
    first = {kind: [seq for seq, record in found if record.action == kind][:most] for kind in kinds}
    return [record for seq, record in found if seq in first[record.action]]


def _record(row: Sequence[Any], columns: Sequence[Column]) -> RecordChange:
    """Return the change of a *row*: action, id, partition, its new values, and those stored."""
    action, identity, partition, *rest = row
    values = _values(columns, rest[: len(columns)])
    if action == "ADDED":
        return RecordChange(action, identity, partition, values)
    stored = _values(columns, rest[len(columns) :])
    before = {name: value for name, value in stored.items() if value != values[name]}
    return RecordChange(action, identity, partition, values, before)


def _vanished(
    db: DuckDBPyConnection, table: str, columns: Sequence[Column], gone: str, *, action: str, most: int
) -> Iterator[RecordChange]:
    values = ", ".join(f"r.{quote(column.name)}" for column in columns) or "NULL"
    sql = _VANISHED.format(table=table, values=values, gone=gone)
    for identity, partition, *row in db.execute(sql, {"most": most}).fetchall():
        yield RecordChange(action, identity, partition, _values(columns, row))


def _stored(column: Column, old: Mapping[str, Column]) -> str:
    """Return the SQL for the stored value of *column*, in the type that it would have."""
    before = old.get(fold(column.name))
    return "NULL" if before is None else convert(f"r.{quote(before.name)}", before.type, column.type)


def _values(columns: Sequence[Column], row: Sequence[Any]) -> dict[str, Any]:
    """Return the fields of a *row* as JSON values."""
    values = {}
    for column, value in zip(columns, row, strict=False):
        read = json_reader(column.type.base, is_list=column.type.is_list)
        values[column.name] = value if value is None or read is None else read(value)
    return values


def _rejected(db: DuckDBPyConnection, most: int) -> Iterator[Rejection]:
    sql = "SELECT r.k, r.reason, r.path, r.raw FROM temp.rejected AS r ORDER BY r.i LIMIT ?"
    for row in db.execute(sql, [most]).fetchall():
        yield Rejection(*row)


def _altered(table: Table, old: Mapping[str, Column]) -> Iterator[str]:
    """Say what would change about a table."""
    for key, column in table.columns.items():
        before = old.get(key)
        if before is None:
            yield f"column {column.name} ({column.type}) would be added"
        elif before.type != column.type:
            yield f"column {column.name} would change from {before.type} to {column.type}"
