"""Records whose hash is of another type of number than the one that the model has now (R5).

A decimal is hashed as text with as many digits as its scale, and 10 as `10` in an integer field and as `10.0`
in a number field. So when such a column changes its type, the stored hashes get a mark. A record with a
marked hash is compared by its values. Where they are equal it gets the new hash, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from syncrun.shapes import Column, ColumnType
from syncrun.stores.staging import ORDINALS, StagedFiles, staged_value
from syncrun.stores.tables import Table
from syncrun.stores.types import fold, quote
from syncrun.stores.widen import convert

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MARK = "~"
_NUMERIC = frozenset({"number", "integer", "decimal"})

_MARK = f"UPDATE {{table}} SET _hash = '{MARK}' || _hash WHERE NOT starts_with(_hash, '{MARK}')"
_SAME = """
INSERT INTO temp.same
SELECT c.ord
FROM {contents} AS f
JOIN temp.change AS c ON c.ord = f.i + {offset}
JOIN {table} AS r ON r.rowid = c.row_id
WHERE c.action = 'RETYPED' AND r._pruned_at IS NULL{conditions}
"""
# What has other values takes a position in the feed after all, so that they are counted anew.
_SETTLE = """
CREATE OR REPLACE TEMP TABLE change AS
WITH settled AS (
    SELECT c.* REPLACE (
        CASE WHEN c.action = 'RETYPED' AND s.ord IS NULL THEN 'UPDATED' ELSE c.action END AS action
    )
    FROM temp.change AS c
    LEFT JOIN temp.same AS s ON s.ord = c.ord
)
SELECT s.* REPLACE (
    $seq + row_number() OVER (
        PARTITION BY s.action IN ('MOVED', 'RESTORED', 'RETYPED') ORDER BY s.ord
    ) AS seq
)
FROM settled AS s
"""
_RETAKE = """
UPDATE {table} SET _hash = s.h, _partition = s.p
FROM temp.change AS c
JOIN temp.staged AS s ON s.ord = c.ord
WHERE {table}.rowid = c.row_id AND c.action = 'RETYPED'
"""


def changes_hashes(before: ColumnType, new: ColumnType) -> bool:
    """Return whether equal values may have other hashes in the type *new*."""
    return before != new and before.is_list == new.is_list and {before.base, new.base} <= _NUMERIC


def mark(db: DuckDBPyConnection, table: str) -> None:
    """Mark all hashes of *table*: they are of other types."""
    db.execute(_MARK.format(table=table))


def settle(db: DuckDBPyConnection, table: Table, staged: StagedFiles, seq: int) -> None:
    """Make UPDATED of what is RETYPED in `temp.change` and has other values than the stored record."""
    found = "SELECT DISTINCT c.ord // ? FROM temp.change AS c WHERE c.action = 'RETYPED'"
    numbers = [number for (number,) in db.execute(found, [ORDINALS]).fetchall()]
    if not numbers:
        return
    db.execute("CREATE OR REPLACE TEMP TABLE same (ord BIGINT)")
    for number in numbers:
        conditions = _conditions(table, staged.files[number].columns)
        db.execute(
            _SAME.format(
                contents=staged.contents(number),
                offset=number * ORDINALS,
                table=table.name,
                conditions="".join(f"\n    AND {condition}" for condition in conditions),
            )
        )
    db.execute(_SETTLE, {"seq": seq})


def _conditions(table: Table, columns: tuple[Column, ...]) -> Iterator[str]:
    """Yield what is true where the fields that count are the same in a staged line and its stored record."""
    staged = {fold(column.name): column for column in columns}
    left_out = {fold(column.name) for column in (*table.columns.values(), *columns) if not column.hashed}
    for key in dict.fromkeys((*staged, *table.stored)):
        if key in left_out or (key in staged and key not in table.columns):
            continue
        before, target = table.stored.get(key), table.columns.get(key)
        old = new = "NULL"
        if before is not None:
            old = quote(before.name)
            old = f"r.{old}" if target is None else convert(f"r.{old}", before.type, target.type)
        if key in staged and target is not None:
            new = convert(staged_value(staged[key]), staged[key].type, target.type)
        yield f"({old}) IS NOT DISTINCT FROM ({new})"


def retake(db: DuckDBPyConnection, table: str) -> None:
    """Give the records that are RETYPED the hashes of their values in the types of now."""
    db.execute(_RETAKE.format(table=table))
