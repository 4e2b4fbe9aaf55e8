"""Whether values survive a change of their column's type; what would be lost is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.excerpts import excerpt
from syncrun.shapes import ColumnType
from syncrun.stores.widen import is_kept

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_EXAMPLE = 60  # characters of a value that a message shows


def count_lost(db: DuckDBPyConnection, values: str, old: ColumnType, new: ColumnType) -> int:
    """Return how many of *values*, an SQL relation with a column `c`, do not survive the change of type."""
    lost, _ = _lost(db, values, old, new)
    return lost


def refuse_loss(db: DuckDBPyConnection, values: str, old: ColumnType, new: ColumnType, place: str) -> None:
    """Raise StoreError when any of *values*, an SQL relation with a column `c`, would not survive."""
    lost, example = _lost(db, values, old, new)
    if lost:
        shown = excerpt(example, _EXAMPLE)
        raise StoreError(
            f"{place}, {lost} cannot change from {old} to {new} without loss, such as {shown}",
            hint=f"keep the type {old}, or give the field a new name",
        )


def _lost(db: DuckDBPyConnection, values: str, old: ColumnType, new: ColumnType) -> tuple[int, str]:
    if old == new:
        return 0, ""
    lost, example = db.execute(
        f"SELECT count(*), coalesce(min(CAST(v.c AS VARCHAR)), '') FROM {values} AS v"
        f" WHERE v.c IS NOT NULL AND NOT ({is_kept('v.c', old, new)})"
    ).fetchall()[0]
    return int(lost), str(example)
