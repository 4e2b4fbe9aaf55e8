"""Fields that had values before a commit and have none after it: an API may have renamed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from syncrun.stores.tables import Table
from syncrun.stores.types import quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Vanishing:
    """Looks at *table* before and after a commit of *connections*: one, or several by number with *joint*.

    Made before the changed rows are written: what they hold may be the last values of a field.
    """

    def __init__(
        self, db: DuckDBPyConnection, table: Table, connections: Mapping[int, str], *, joint: bool = False
    ) -> None:
        self._db, self._table, self._connections = db, table, connections
        self._number = "c.n" if joint else "0"  # as `temp.member` numbers them
        self._names = [column.name for column in table.columns.values()]
        self._filled = self._changed() if connections and self._names else {}

    def found(self) -> dict[int, tuple[str, ...]]:
        """Return the fields that no live record has any more, by number."""
        if not any(self._filled.values()):
            return {}
        marks = ", ".join("?" for _ in self._connections)
        rows = self._db.execute(
            f"SELECT r._connection, {self._any_value} FROM {self._table.name} AS r"
            f" WHERE r._connection IN ({marks}) AND r._action <> 'DELETED' GROUP BY ALL",
            list(self._connections.values()),
        ).fetchall()
        left = {row[0]: self._those(row[1:]) for row in rows}
        return {
            number: tuple(name for name in self._filled.get(number, ()) if name not in left[connection])
            for number, connection in self._connections.items()
            if connection in left
        }

    def _changed(self) -> dict[int, list[str]]:
        rows = self._db.execute(
            f"SELECT {self._number}, {self._any_value} FROM {self._table.name} AS r"
            " JOIN temp.change AS c ON c.row_id = r.rowid WHERE c.action = 'UPDATED' GROUP BY 1"
        ).fetchall()
        return {row[0]: self._those(row[1:]) for row in rows}

    @property
    def _any_value(self) -> str:
        return ", ".join(f"coalesce(bool_or(r.{quote(name)} IS NOT NULL), FALSE)" for name in self._names)

    def _those(self, marks: tuple[bool, ...]) -> list[str]:
        return [name for name, mark in zip(self._names, marks, strict=True) if mark]
