"""What a commit changes: its staged records against the stored ones, found without writing anything.

A commit acts on what it finds here, and a dry run tells it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from syncrun.shapes import Model
from syncrun.stores import retyping
from syncrun.stores.loss import refuse_loss
from syncrun.stores.owners import Owners
from syncrun.stores.staging import ORDINALS, StagedFiles, staged_value
from syncrun.stores.tables import Table
from syncrun.stores.types import quote, quote_text
from syncrun.stores.widen import convert
from syncrun.widening import widen

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CLASSIFY = """
CREATE OR REPLACE TEMP TABLE change AS
WITH classified AS (
    SELECT
        {owners.number}staged.ord,
        stored.row_id,
        CASE WHEN stored.action <> 'DELETED' THEN stored.first_seen_at END AS first_seen_at,
        CASE
            WHEN staged.a IN ('D', 'T') THEN 'DELETED'
            WHEN stored.row_id IS NULL OR stored.action = 'DELETED' THEN 'ADDED'
            WHEN stored.hash IS DISTINCT FROM staged.h AND stored.retyped THEN 'RETYPED'
            WHEN stored.hash IS DISTINCT FROM staged.h THEN 'UPDATED'
            WHEN stored.pruned_at IS NOT NULL THEN 'RESTORED'
            ELSE 'MOVED'
        END AS action,
        staged.p
    FROM temp.staged AS staged
    LEFT JOIN (
        SELECT
            r.rowid AS row_id,
            r._id AS id,
            ltrim(r._hash, '{mark}') AS hash,
            {retyped} AS retyped,
            r._partition AS partition,
            r._action AS action,
            r._pruned_at AS pruned_at,
            r._first_seen_at AS first_seen_at,
            r._connection AS connection
        FROM {table} AS r
        WHERE {owners.mine}
    ) AS stored ON stored.id = staged.k{owners.same}
    WHERE CASE staged.a
        WHEN 'D' THEN stored.action <> 'DELETED'
        WHEN 'T' THEN stored.action <> 'DELETED'
        WHEN 'U' THEN
            stored.row_id IS NULL
            OR stored.action = 'DELETED'
            OR stored.hash IS DISTINCT FROM staged.h
            OR stored.pruned_at IS NOT NULL
            OR stored.partition IS DISTINCT FROM staged.p
        ELSE FALSE
    END
)
SELECT
    c.*,
    $seq + row_number() OVER (PARTITION BY c.action IN ('MOVED', 'RESTORED', 'RETYPED') ORDER BY c.ord) AS seq
FROM classified AS c
"""


@dataclass(frozen=True, slots=True)
class Classified:
    """How many staged records are what; *rewritten* of the added and updated ones have a row already.

    Among the unchanged, another partition lists the *moved* ones now, the *restored* ones get back the
    payload that retention had taken, and the *retyped* ones get the hash of the same values in new types.
    """

    added: int
    updated: int
    deleted: int
    moved: int
    restored: int
    retyped: int
    unchanged: int
    rewritten: int

    @classmethod
    def total(cls, parts: Iterable[Classified]) -> Classified:
        """Return the sums of *parts*."""
        return cls(*map(sum, zip(*map(astuple, parts), strict=True)))

    @property
    def changed(self) -> int:
        """How many records get new content."""
        return self.added + self.updated

    @property
    def events(self) -> int:
        """How many positions of the change feed they take."""
        return self.changed + self.deleted


def classify(
    db: DuckDBPyConnection, owners: Owners, table: Table, staged: StagedFiles, *, seq: int, upserts: int
) -> Classified:
    """Fill `temp.change` with what *staged*, loaded, changes in *table*; the newest feed position is *seq*.

    *upserts* is the number of staged records that have content.
    """
    _find_changes(db, owners, table, staged, seq)
    rows = db.execute("SELECT c.action, count(*), count(c.row_id) FROM temp.change AS c GROUP BY c.action")
    return _counted(rows.fetchall(), upserts)


def classify_each(
    db: DuckDBPyConnection,
    owners: Owners,
    table: Table,
    staged: StagedFiles,
    *,
    seq: int,
    upserts: Mapping[int, int],
) -> dict[int, Classified]:
    """Do what `classify` does for several runs; *upserts* and what is returned are by their number."""
    _find_changes(db, owners, table, staged, seq)
    rows = db.execute(
        "SELECT c.n, c.action, count(*), count(c.row_id) FROM temp.change AS c GROUP BY c.n, c.action"
    ).fetchall()
    return {
        number: _counted([row[1:] for row in rows if row[0] == number], count)
        for number, count in upserts.items()
    }


def _find_changes(
    db: DuckDBPyConnection, owners: Owners, table: Table, staged: StagedFiles, seq: int
) -> None:
    mark = retyping.MARK
    retyped = "TRUE" if table.retyped else f"starts_with(r._hash, '{mark}')"
    sql = _CLASSIFY.format(table=table.name, owners=owners, mark=mark, retyped=retyped)
    db.execute(sql, {**owners.given, "seq": seq})
    retyping.settle(db, table, staged, seq)


def _counted(rows: Iterable[tuple[str, int, int]], upserts: int) -> Classified:
    """Return the sum of *rows*, each an action, its records, and those of them that have a row."""
    count, stored = Counter[str](), Counter[str]()
    for action, records, in_table in rows:
        count[action], stored[action] = records, in_table
    return Classified(
        added=count["ADDED"],
        updated=count["UPDATED"],
        deleted=count["DELETED"],
        moved=count["MOVED"],
        restored=count["RESTORED"],
        retyped=count["RETYPED"],
        unchanged=upserts - count["ADDED"] - count["UPDATED"],
        rewritten=stored["ADDED"] + stored["UPDATED"],
    )


def changed_files(db: DuckDBPyConnection, *actions: str) -> dict[int, int]:
    """Return the staged files that hold records of *actions*, by default added or updated, and how many."""
    wanted = ", ".join(map(quote_text, actions or ("ADDED", "UPDATED")))
    rows = db.execute(
        "SELECT c.ord // ?, count(*) FROM temp.change AS c"
        f" WHERE c.action IN ({wanted}) GROUP BY 1 ORDER BY 1",
        [ORDINALS],
    ).fetchall()
    return dict(rows)


def filled_columns(
    db: DuckDBPyConnection, model: Model, table: Table, staged: StagedFiles, number: int
) -> tuple[list[str], list[str]]:
    """Return the table's columns that a file fills, and the expressions that give them their values."""
    names, values = [], []
    for column in staged.files[number].columns:
        target = table.column(column.name)
        if target is None:  # the model has lost this field since the file was written
            continue
        if column.type != target.type and widen(column.type, target.type) != target.type:
            place = f"{model.connector}.{model.name}: column {target.name}: of the staged values"
            for kind, relation in staged.values(column.name, {column.name: column.name}):
                refuse_loss(db, relation, kind.type, target.type, place)
        names.append(quote(target.name))
        values.append(convert(staged_value(column), column.type, target.type))
    return names, values


def sequence(db: DuckDBPyConnection) -> int:
    """Return the newest position of the change feed."""
    return int(db.execute("SELECT last FROM syncrun.sequence").fetchall()[0][0])
