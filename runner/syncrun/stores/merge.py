"""One commit: staged records become changes, in a single transaction (R2, R4, R6).

New or returning keys are ADDED, other hashes UPDATED, rows marked `D` DELETED; the rest is not touched.
Changed rows are deleted by rowid and inserted again, so that nothing depends on an index.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.stores import checkpoints, quarantine, run_log, runs, snapshots
from syncrun.stores.base import Changes, Commit
from syncrun.stores.history import open_history
from syncrun.stores.staging import ORDINALS, StagedFiles
from syncrun.stores.tables import Stored, Table, look_up, prepare, refuse_loss
from syncrun.stores.types import quote
from syncrun.stores.widen import convert
from syncrun.widening import widen

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CLASSIFY = """
CREATE TEMP TABLE change AS
WITH classified AS (
    SELECT
        staged.ord,
        stored.row_id,
        CASE WHEN stored.action <> 'DELETED' THEN stored.first_seen_at END AS first_seen_at,
        CASE
            WHEN staged.a = 'D' THEN 'DELETED'
            WHEN stored.row_id IS NULL OR stored.action = 'DELETED' THEN 'ADDED'
            WHEN stored.hash IS DISTINCT FROM staged.h THEN 'UPDATED'
            ELSE 'MOVED'
        END AS action,
        staged.p
    FROM temp.staged AS staged
    LEFT JOIN (
        SELECT
            r.rowid AS row_id,
            r._id AS id,
            r._hash AS hash,
            r._partition AS partition,
            r._action AS action,
            r._first_seen_at AS first_seen_at
        FROM {table} AS r
        WHERE r._connection = $connection
    ) AS stored ON stored.id = staged.k
    WHERE CASE staged.a
        WHEN 'D' THEN stored.action <> 'DELETED'
        WHEN 'U' THEN
            stored.row_id IS NULL
            OR stored.action = 'DELETED'
            OR stored.hash IS DISTINCT FROM staged.h
            OR stored.partition IS DISTINCT FROM staged.p
        ELSE FALSE
    END
)
SELECT
    c.*,
    $seq + row_number() OVER (PARTITION BY c.action = 'MOVED' ORDER BY c.ord) AS seq
FROM classified AS c
"""

_INSERT = """
INSERT INTO {table} (
    {names}_connection, _id, _partition, _hash, _seq, _action,
    _first_seen_at, _last_modified_at, _run_id{raw_name}
)
SELECT
    {values}$connection, f.k, coalesce(f.p, ''), f.h, c.seq, c.action,
    coalesce(c.first_seen_at, $at), $at, $run{raw_value}
FROM {contents} AS f
JOIN temp.change AS c ON c.ord = f.i + {offset}
WHERE c.action IN ('ADDED', 'UPDATED')
"""

_TOMBSTONES = """
UPDATE {table} SET
    _action = 'DELETED', _deleted_at = $at, _last_modified_at = $at, _seq = c.seq, _run_id = $run
FROM temp.change AS c
WHERE {table}.rowid = c.row_id AND c.action = 'DELETED'
"""


@dataclass(frozen=True, slots=True)
class _Written:
    added: int
    updated: int
    deleted: int
    unchanged: int

    @property
    def events(self) -> int:
        return self.added + self.updated + self.deleted


def merge(db: DuckDBPyConnection, commit: Commit, fault: Callable[[str], None]) -> Changes:
    """Make *commit* true in one transaction of *db*; a commit that is the run's last already is left alone.

    *fault* is told at each step, for tests that stop there: loaded, begun, prepared, records, deletes, state,
    committed.
    """
    staged = StagedFiles(db, commit.staged, commit.rejected, newest_first=commit.newest_first)
    duplicates = staged.load()
    identity = _identity(db, commit)
    stored = look_up(db, commit.model)
    fault("loaded")
    db.execute("BEGIN")
    try:
        fault("begun")
        if runs.last_commit(db, commit.run) == identity:
            # A crash came after this commit but before its caller knew: doing it again could delete too much.
            changes = Changes(last_seq=_sequence(db))
        else:
            changes = _apply(db, commit, staged, stored, fault)
            changes = replace(changes, duplicates=duplicates)
            runs.write(db, commit.run, changes, identity)
            run_log.write(db, commit.run.id, commit.log)
        fault("state")
        db.execute("COMMIT")
    except BaseException:
        _roll_back(db)
        raise
    fault("committed")
    return changes


def _apply(
    db: DuckDBPyConnection, commit: Commit, staged: StagedFiles, stored: Stored, fault: Callable[[str], None]
) -> Changes:
    before = _sequence(db)
    window = snapshots.window_of(db, commit, before)
    table = prepare(db, commit.model, staged, stored)
    history = open_history(db, commit.model, table, stored)
    fault("prepared")
    written = _write_records(db, commit, table, staged, before)
    fault("records")
    last = before + written.events
    vanished, refused = snapshots.settle(db, commit, table.name, window, last)
    last += vanished
    if history is not None:
        history.catch_up()
    fault("deletes")
    if last != before:
        db.execute("UPDATE syncrun.sequence SET last = ?", [last])
    quarantined = quarantine.write(db, commit)
    checkpoints.write(db, commit)
    return Changes(
        added=written.added,
        updated=written.updated,
        deleted=written.deleted + vanished,
        unchanged=written.unchanged,
        quarantined=quarantined,
        last_seq=last,
        refused=refused,
    )


def _write_records(
    db: DuckDBPyConnection, commit: Commit, table: Table, staged: StagedFiles, seq: int
) -> _Written:
    parameters = {"connection": commit.run.sync.connection, "seq": seq}
    db.execute(_CLASSIFY.format(table=table.name), parameters)
    rows = db.execute("SELECT c.action, count(*) FROM temp.change AS c GROUP BY c.action").fetchall()
    count = {"ADDED": 0, "UPDATED": 0, "DELETED": 0, "MOVED": 0} | dict(rows)
    upserts = int(db.execute("SELECT count(*) FROM temp.staged AS s WHERE s.a = 'U'").fetchall()[0][0])
    changed = count["ADDED"] + count["UPDATED"]
    if changed:
        db.execute(
            f"DELETE FROM {table.name} WHERE rowid IN"
            " (SELECT c.row_id FROM temp.change AS c WHERE c.action IN ('ADDED', 'UPDATED'))"
        )
        _insert(db, commit, table, staged, changed)
    if count["DELETED"]:
        db.execute(_TOMBSTONES.format(table=table.name), {"at": commit.at, "run": commit.run.id})
    if count["MOVED"]:  # the same record, now listed by another partition: no event
        db.execute(
            f"UPDATE {table.name} SET _partition = c.p FROM temp.change AS c"
            f" WHERE {table.name}.rowid = c.row_id AND c.action = 'MOVED'"
        )
    return _Written(count["ADDED"], count["UPDATED"], count["DELETED"], upserts - changed)


def _insert(db: DuckDBPyConnection, commit: Commit, table: Table, staged: StagedFiles, expected: int) -> None:
    """Insert the changed records from the files that have any."""
    numbers = db.execute(
        "SELECT DISTINCT c.ord // ? FROM temp.change AS c WHERE c.action IN ('ADDED', 'UPDATED') ORDER BY 1",
        [ORDINALS],
    ).fetchall()
    parameters = {"connection": commit.run.sync.connection, "at": commit.at, "run": commit.run.id}
    inserted = 0
    for (number,) in numbers:
        names, values = _fields(db, commit, table, staged, number)
        sql = _INSERT.format(
            table=table.name,
            names="".join(f"{name}, " for name in names),
            values="".join(f"{value}, " for value in values),
            raw_name=", _raw" if table.raw else "",
            raw_value=", f.r" if table.raw else "",
            contents=staged.contents(number, raw=table.raw),
            offset=number * ORDINALS,
        )
        inserted += int(db.execute(sql, parameters).fetchall()[0][0])
    if inserted != expected:
        raise StoreError(
            f"{expected} staged records changed, but {inserted} were found again: ordinals repeat"
        )


def _fields(
    db: DuckDBPyConnection, commit: Commit, table: Table, staged: StagedFiles, number: int
) -> tuple[list[str], list[str]]:
    """Return the table's columns that a file fills, and the expressions that give them their values."""
    names, values = [], []
    for position, column in enumerate(staged.files[number].columns):
        target = table.column(column.name)
        if target is None:  # the model has lost this field since the file was written
            continue
        if column.type != target.type and widen(column.type, target.type) != target.type:
            place = (
                f"{commit.model.connector}.{commit.model.name}: column {target.name}: of the staged values"
            )
            for kind, relation in staged.values(column.name, {column.name: column.name}):
                refuse_loss(db, relation, kind.type, target.type, place)
        names.append(quote(target.name))
        values.append(convert(f"f.c{position}", column.type, target.type))
    return names, values


def _identity(db: DuckDBPyConnection, commit: Commit) -> str:
    """Return what tells this commit from every other one of its run."""
    last = db.execute("SELECT max(s.ord) FROM temp.staged AS s").fetchall()[0][0]
    paths = [file.path for file in commit.staged] + [file.path for file in commit.rejected]
    files = [(path.name, path.stat().st_size) for path in paths]
    deletes = None if commit.deletes is None else sorted(commit.deletes.partitions or ())
    parts = [
        commit.at.isoformat(),
        commit.run.status,
        files,
        last,
        sorted(commit.checkpoints.items()),
        commit.snapshot,
        deletes,
    ]
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _sequence(db: DuckDBPyConnection) -> int:
    return int(db.execute("SELECT last FROM syncrun.sequence").fetchall()[0][0])


def _roll_back(db: DuckDBPyConnection) -> None:
    import duckdb

    try:
        db.execute("ROLLBACK")
    except duckdb.Error:  # DuckDB has ended the transaction itself: the file is as it was before
        return
