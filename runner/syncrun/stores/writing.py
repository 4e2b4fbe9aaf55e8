"""What was found to have changed, written to a model's table.

Changed rows are deleted by rowid and inserted again, so that nothing depends on an index.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.shapes import Model
from syncrun.stores import retyping
from syncrun.stores.classify import Classified, changed_files, filled_columns
from syncrun.stores.excerpt import excerpt
from syncrun.stores.owners import Owners
from syncrun.stores.staging import ORDINALS, StagedFiles
from syncrun.stores.tables import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_INSERT = """
INSERT INTO {table} (
    {names}_connection, _id, _partition, _hash, _seq, _action, _first_seen_at,
    _last_modified_at, _run_id{raw_name}
)
SELECT
    {values}{owners.connection}, f.k, coalesce(f.p, ''), f.h, {event},
    {owners.at}, {owners.run}{raw_value}
FROM {contents} AS f{chosen}
"""
_EVENT = "c.seq, c.action, coalesce(c.first_seen_at, {owners.at})"
_CHOSEN = """
JOIN temp.change AS c ON c.ord = f.i + {offset}{owners.of_change}
WHERE c.action IN ('ADDED', 'UPDATED')"""

# Where every line of the only file is a record that is added, there is nothing to look up.
_NEW_EVENT = "$before + 1 + f.i - $first, 'ADDED', {owners.at}"

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

    def write(self, found: Classified, before: int | None = None) -> None:
        """Write all that is *found*; *before* is the feed's newest position where one run has it all."""
        db, table = self._db, self._table.name
        if found.rewritten:
            db.execute(
                f"DELETE FROM {table} WHERE rowid IN"
                " (SELECT c.row_id FROM temp.change AS c WHERE c.action IN ('ADDED', 'UPDATED'))"
            )
        first = self._staged.first
        if before is not None and first is not None and found.added == self._staged.files[0].rows:
            self._insert_new(found.added, before, first)
        elif found.changed:
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
        if found.retyped:
            retyping.retake(db, table)

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
        inserted, files = 0, self._staged.files
        changed = changed_files(self._db) if len(files) > 1 else {0: expected}
        for number, count in changed.items():
            chosen = _CHOSEN.format(offset=number * ORDINALS, owners=self._owners)
            with excerpt(self._db, files[number], number, count) as path:
                inserted += self._insert_from(number, _EVENT, chosen, path=path)
        _check(inserted, expected)

    def _insert_new(self, expected: int, before: int, first: int) -> None:
        """Insert all that the one file has, whose *first* line comes after the position *before*."""
        _check(self._insert_from(0, _NEW_EVENT, places={"before": before, "first": first}), expected)

    def _insert_from(
        self,
        number: int,
        event: str,
        chosen: str = "",
        *,
        path: Path | None = None,
        places: Mapping[str, int] | None = None,
    ) -> int:
        """Insert what is *chosen* of a file, or of *path* in its place; return how much that is."""
        table, owners = self._table, self._owners
        names, values = filled_columns(self._db, self._model, table, self._staged, number)
        sql = _INSERT.format(
            table=table.name,
            names="".join(f"{name}, " for name in names),
            values="".join(f"{value}, " for value in values),
            owners=owners,
            event=event.format(owners=owners),
            raw_name=", _raw" if table.raw else "",
            raw_value=", f.r" if table.raw else "",
            contents=self._staged.contents(number, raw=table.raw, path=path),
            chosen=chosen,
        )
        return int(self._db.execute(sql, {**owners.given, **owners.facts, **(places or {})}).fetchall()[0][0])


def _check(inserted: int, expected: int) -> None:
    if inserted != expected:
        raise StoreError(
            f"{expected} staged records changed, but {inserted} were found again: ordinals repeat"
        )
