"""Staging files as DuckDB reads them: once for identities and hashes, once more for the records that changed.

Reading twice keeps memory flat, and a run that changed nothing never converts a single field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.shapes import Column, ColumnType, RejectedFile, StagedFile
from syncrun.stores.types import quote, quote_path, quote_text, sql_type

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ORDINALS = 1 << 40
"""Ordinals of a file lie below; the position of a line among all files is `file number * ORDINALS + i`."""

_IDENTITY = {"i": "BIGINT", "p": "VARCHAR", "k": "VARCHAR", "h": "VARCHAR", "a": "VARCHAR"}
_OWNER = {"n": "INTEGER", "c": "VARCHAR"}
_REJECTED = {
    "i": "BIGINT",
    "p": "VARCHAR",
    "k": "VARCHAR",
    "reason": "VARCHAR",
    "path": "VARCHAR",
    "raw": "VARCHAR",
}
_SLACK = 1024
_NO_LINES = "CREATE TEMP TABLE staged (ord BIGINT, p VARCHAR, k VARCHAR, h VARCHAR, a VARCHAR)"
_FACTS = """
SELECT
    count(*) FILTER (
        WHERE k IS NULL OR ord IS NULL OR a IS NULL OR a NOT IN ('U', 'D', 'S') OR (a = 'U' AND h IS NULL)
    ),
    min(ord),
    max(ord),
    count(*) FILTER (WHERE a <> 'S'),
    count(*) FILTER (WHERE a = 'U'),
    count(DISTINCT k) FILTER (WHERE a <> 'S')
FROM temp.staged
"""


def staged_value(column: Column) -> str:
    """Return the SQL of a column's value in a relation of a staging file that is called `f`."""
    return f"f.f.{quote(column.name)}"


def _struct(columns: Sequence[Column]) -> str:
    return f"STRUCT({', '.join(f'{quote(column.name)} {sql_type(column.type)}' for column in columns)})"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the lines of a commit.

    *last* is the greatest ordinal, None when there are no lines; *upserts* counts the records with content,
    and *duplicates* the lines that another one of their key replaced.
    """

    last: int | None
    upserts: int
    duplicates: int


class StagedFiles:
    """The files of one commit. `load` first: it also finds out how long their lines are.

    `first` is the ordinal of the first line where there is one file, all of whose lines are records with
    content, of different keys and numbered without a gap; else None.
    """

    def __init__(
        self,
        db: DuckDBPyConnection,
        files: Sequence[StagedFile],
        rejected: Sequence[RejectedFile],
        *,
        newest_first: bool = False,
    ) -> None:
        self._newest_first = newest_first
        self._db = db
        self.files = tuple(files)
        self._rejected = tuple(rejected)
        self._longest: dict[Path, int] = {}
        self.first: int | None = None

    def load(self) -> Facts:
        """Fill `temp.staged`, and `temp.rejected` when there are rejected lines; keep one line of each key.

        Where there are repeated keys `temp.repeated` has them. Raise StoreError for a file that is not as it
        was written.
        """
        selects = [
            (f"SELECT f.i + {number * ORDINALS} AS ord, coalesce(f.p, '') AS p, f.k, f.h, f.a", file)
            for number, file in enumerate(self.files)
        ]
        self._fill("staged", selects, _IDENTITY)
        if not selects:
            self._db.execute(_NO_LINES)
        rejected = f"SELECT {', '.join(f'f.{name}' for name in _REJECTED)}"
        self._fill("rejected", [(rejected, file) for file in self._rejected], _REJECTED)
        wrong, first, last, lines, upserts, distinct = self._db.execute(_FACTS).fetchall()[0]
        if wrong:
            raise StoreError(f"{wrong} staged lines lack an ordinal, a key, a hash or an action")
        if distinct == lines:
            if upserts and len(self.files) == 1 and self.files[0].rows == upserts == last - first + 1:
                self.first = first
            return Facts(last, upserts, 0)
        duplicates = self._drop_repeated()
        upserts = self._db.execute("SELECT count(*) FROM temp.staged WHERE a = 'U'").fetchall()[0][0]
        return Facts(last, upserts, duplicates)

    def read_as(self, types: Mapping[str, ColumnType]) -> None:
        """Read values with their own type where the column, by name, is of other *types* than was known."""
        self.files = tuple(
            replace(
                file,
                columns=tuple(
                    replace(column, type=column.own, own=None)
                    if column.own is not None and types.get(column.name, column.type) != column.type
                    else column
                    for column in file.columns
                ),
            )
            for file in self.files
        )

    def load_joint(self) -> None:
        """Fill `temp.staged` with the lines of the one file, which name their owner too: `n`, and `c`."""
        select = "SELECT f.i AS ord, coalesce(f.p, '') AS p, f.k, f.h, f.a, f.n, f.c"
        self._fill("staged", [(select, self.files[0])], _IDENTITY | _OWNER)

    def contents(self, number: int, *, raw: bool = False, path: Path | None = None) -> str:
        """Return the SQL relation of a file: `i`, `p`, `k`, `h`, `f`, and `r` when *raw*.

        *path* is where some of its lines are to be read instead of all.
        """
        file = self.files[number]
        columns = {name: kind for name, kind in _IDENTITY.items() if name != "a"}
        if file.columns:
            columns["f"] = _struct(file.columns)
        columns |= {"r": "JSON"} if raw else {}
        return self._relation(path or file.path, columns, self._longest.get(file.path))

    def values(self, key: str, matches: Mapping[str, str]) -> Iterator[tuple[Column, str]]:
        """Yield each file's column whose name is *key* in *matches*, and an SQL relation of its `c`."""
        for file in self.files:
            for column in file.columns:
                if matches.get(column.name) == key:
                    relation = self._relation(file.path, {"f": _struct([column])})
                    yield column, f"(SELECT {staged_value(column)} AS c FROM {relation} AS f)"

    def _fill(
        self,
        table: str,
        selects: Sequence[tuple[str, StagedFile | RejectedFile]],
        columns: Mapping[str, str],
    ) -> None:
        """Make the temporary *table* of what each SELECT gives from its file."""
        for number, (select, file) in enumerate(selects):
            target = f"INSERT INTO temp.{table}" if number else f"CREATE OR REPLACE TEMP TABLE {table} AS"
            found = self._read(f"{target} {select} FROM ", file, columns)
            if found != file.rows:
                raise StoreError(
                    f"the staging file {file.path} has {found} lines, but {file.rows} were written",
                    hint="remove its folder to fetch those records again",
                )

    def _read(self, sql: str, file: StagedFile | RejectedFile, columns: Mapping[str, str]) -> int:
        """Execute *sql*, which goes on with the lines of *file*, called `f`; return how many there are."""
        from syncrun.stores.library import duckdb

        try:
            found = self._db.execute(f"{sql}{self._relation(file.path, columns)} AS f").fetchall()
        except duckdb.Error as error:
            if "maximum_object_size" not in str(error):
                raise
            # Buffers are as long as the longest line allowed, some for each thread: one must do then.
            with file.path.open("rb") as lines:
                self._longest[file.path] = max(map(len, lines)) + _SLACK
            self._db.execute("SET threads = 1")
            found = self._db.execute(f"{sql}{self._relation(file.path, columns)} AS f").fetchall()
        return int(found[0][0])

    def _relation(self, path: Path, columns: Mapping[str, str], longest: int | None = None) -> str:
        members = ", ".join(f"{quote(name)}: {quote_text(kind)}" for name, kind in columns.items())
        longest = longest or self._longest.get(path)
        size = f", maximum_object_size = {longest}" if longest else ""
        return f"read_json({quote_path(path)}, format = 'newline_delimited', columns = {{{members}}}{size})"

    def _drop_repeated(self) -> int:
        """Keep the newest line of each key, apart from those that only say that it was seen."""
        newest = "min" if self._newest_first else "max"
        self._db.execute(
            f"CREATE TEMP TABLE repeated AS SELECT s.k, {newest}(s.ord) AS ord FROM temp.staged AS s"
            " WHERE s.a <> 'S' GROUP BY s.k HAVING count(*) > 1"
        )
        dropped = self._db.execute(
            "DELETE FROM temp.staged USING temp.repeated AS r"
            " WHERE staged.k = r.k AND staged.a <> 'S' AND staged.ord <> r.ord"
        ).fetchall()
        return int(dropped[0][0])
