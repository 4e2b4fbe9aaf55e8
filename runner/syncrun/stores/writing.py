"""What was found to have changed, written to a model's table.

Changed rows are deleted by rowid and inserted again, so that nothing depends on an index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.shapes import Model
from syncrun.stores.classify import Classified, changed_files, filled_columns
from syncrun.stores.excerpt import excerpt
from syncrun.stores.owners import Owners
from syncrun.stores.staging import ORDINALS, StagedFiles
from syncrun.stores.tables import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_INSERT = """
INSERT INTO {table} (
    {names}_connection, _id, _partition, _hash, _seq, _action,
    _first_seen_at, _last_modified_at, _run_id{raw_name}
)
SELECT
    {values}{owners.connection}, f.k, coalesce(f.p, ''), f.h, c.seq, c.action,
    coalesce(c.first_seen_at, {owners.at}), {owners.at}, {owners.run}{raw_value}
FROM {contents} AS f
JOIN temp.change AS c ON c.ord = f.i + {offset}{owners.of_change}
WHERE c.action IN ('ADDED', 'UPDATED')
"""

_TOMBSTONES = """
UPDATE {table} SET
    _action = 'DELETED', _deleted_at = {owners.at}, _last_modified_at = {owners.at}, _seq = c.seq,
    _run_id = {owners.run}
FROM temp.change AS c{owners.of_change}
WHERE {table}.rowid = c.row_id AND c.action = 'DELETED'
"""

# The payload that retention had taken is read again: no event, since nothing about the record has changed.
_RESTORE = """
UPDATE {table} SET {fields}_pruned_at = NULL, _partition = coalesce(f.p, '')
FROM {contents} AS f
JOIN temp.change AS c ON c.ord = f.i + {offset}
WHERE {table}.rowid = c.row_id AND c.action = 'RESTORED'
"""


def write_records(
    db: DuckDBPyConnection,
    model: Model,
    table: Table,
    staged: StagedFiles,
    found: Classified,
    owners: Owners,
) -> None:
    """Bring *table* up to date with what was *found* of *staged*, which is in `temp.change`."""
    if found.rewritten:
        db.execute(
            f"DELETE FROM {table.name} WHERE rowid IN"
            " (SELECT c.row_id FROM temp.change AS c WHERE c.action IN ('ADDED', 'UPDATED'))"
        )
    if found.changed:
        _insert(db, model, table, staged, found.changed, owners)
    if found.deleted:
        db.execute(_TOMBSTONES.format(table=table.name, owners=owners), owners.facts)
    if found.moved:  # the same record, now listed by another partition: no event
        db.execute(
            f"UPDATE {table.name} SET _partition = c.p FROM temp.change AS c"
            f" WHERE {table.name}.rowid = c.row_id AND c.action = 'MOVED'"
        )
    if found.restored:
        _restore(db, model, table, staged)


def _restore(db: DuckDBPyConnection, model: Model, table: Table, staged: StagedFiles) -> None:
    for number in changed_files(db, "RESTORED"):
        names, values = filled_columns(db, model, table, staged, number)
        fields = dict(zip(names, values, strict=True)) | ({"_raw": "f.r"} if table.raw else {})
        sql = _RESTORE.format(
            table=table.name,
            fields="".join(f"{name} = {value}, " for name, value in fields.items()),
            contents=staged.contents(number, raw=table.raw),
            offset=number * ORDINALS,
        )
        db.execute(sql)


def _insert(
    db: DuckDBPyConnection, model: Model, table: Table, staged: StagedFiles, expected: int, owners: Owners
) -> None:
    """Insert the changed records from the files that have any."""
    inserted = 0
    changed = changed_files(db) if len(staged.files) > 1 else {0: expected}
    for number, count in changed.items():
        names, values = filled_columns(db, model, table, staged, number)
        with excerpt(db, staged.files[number], number, count) as path:
            sql = _INSERT.format(
                table=table.name,
                names="".join(f"{name}, " for name in names),
                values="".join(f"{value}, " for value in values),
                owners=owners,
                raw_name=", _raw" if table.raw else "",
                raw_value=", f.r" if table.raw else "",
                contents=staged.contents(number, raw=table.raw, path=path),
                offset=number * ORDINALS,
            )
            inserted += int(db.execute(sql, {**owners.given, **owners.facts}).fetchall()[0][0])
    if inserted != expected:
        raise StoreError(
            f"{expected} staged records changed, but {inserted} were found again: ordinals repeat"
        )
