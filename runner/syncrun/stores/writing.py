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


class Writer:
    """Brings *table* of *model* up to date with what was found of *staged*, which is in `temp.change`."""

    def __init__(
        self, db: DuckDBPyConnection, model: Model, table: Table, staged: StagedFiles, owners: Owners
    ) -> None:
        self._db, self._model, self._table, self._staged, self._owners = db, model, table, staged, owners

    def write(self, found: Classified) -> None:
        """Write all that is *found*."""
        db, table = self._db, self._table.name
        if found.rewritten:
            db.execute(
                f"DELETE FROM {table} WHERE rowid IN"
                " (SELECT c.row_id FROM temp.change AS c WHERE c.action IN ('ADDED', 'UPDATED'))"
            )
        if found.changed:
            self._insert(found.changed)
        if found.deleted:
            db.execute(_TOMBSTONES.format(table=table, owners=self._owners), self._owners.facts)
        if found.moved:  # the same record, now listed by another partition: no event
            db.execute(
                f"UPDATE {table} SET _partition = c.p FROM temp.change AS c"
                f" WHERE {table}.rowid = c.row_id AND c.action = 'MOVED'"
            )
        if found.restored:
            self._restore()

    def _restore(self) -> None:
        table = self._table
        for number in changed_files(self._db, "RESTORED"):
            names, values = filled_columns(self._db, self._model, table, self._staged, number)
            fields = dict(zip(names, values, strict=True)) | ({"_raw": "f.r"} if table.raw else {})
            sql = _RESTORE.format(
                table=table.name,
                fields="".join(f"{name} = {value}, " for name, value in fields.items()),
                contents=self._staged.contents(number, raw=table.raw),
                offset=number * ORDINALS,
            )
            self._db.execute(sql)

    def _insert(self, expected: int) -> None:
        """Insert the changed records from the files that have any."""
        inserted, table, files = 0, self._table, self._staged.files
        changed = changed_files(self._db) if len(files) > 1 else {0: expected}
        for number, count in changed.items():
            names, values = filled_columns(self._db, self._model, table, self._staged, number)
            with excerpt(self._db, files[number], number, count) as path:
                sql = _INSERT.format(
                    table=table.name,
                    names="".join(f"{name}, " for name in names),
                    values="".join(f"{value}, " for value in values),
                    owners=self._owners,
                    raw_name=", _raw" if table.raw else "",
                    raw_value=", f.r" if table.raw else "",
                    contents=self._staged.contents(number, raw=table.raw, path=path),
                    offset=number * ORDINALS,
                )
                given = {**self._owners.given, **self._owners.facts}
                inserted += int(self._db.execute(sql, given).fetchall()[0][0])
        if inserted != expected:
            raise StoreError(
                f"{expected} staged records changed, but {inserted} were found again: ordinals repeat"
            )
