"""One commit: staged records become changes, in a single transaction (R2, R4, R6).

New or returning keys are ADDED, other hashes UPDATED, rows marked `D` DELETED; the rest is not touched, but
that a payload which retention had taken comes back when the record is read again.
Changed rows are deleted by rowid and inserted again, so that nothing depends on an index.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.stores import checkpoints, quarantine, run_log, runs, snapshots
from syncrun.stores.classify import Classified, changed_files, classify, filled_columns
from syncrun.stores.excerpt import excerpt
from syncrun.stores.history import open_history
from syncrun.stores.reshaping import prepare
from syncrun.stores.staging import ORDINALS, Facts, StagedFiles
from syncrun.stores.tables import Stored, Table, look_up
from syncrun.stores.values.commit import Changes, Commit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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

# The payload that retention had taken is read again: no event, since nothing about the record has changed.
_RESTORE = """
UPDATE {table} SET {fields}_pruned_at = NULL, _partition = coalesce(f.p, '')
FROM {contents} AS f
JOIN temp.change AS c ON c.ord = f.i + {offset}
WHERE {table}.rowid = c.row_id AND c.action = 'RESTORED'
"""


def merge(db: DuckDBPyConnection, commit: Commit, fault: Callable[[str], None]) -> Changes:
    """Make *commit* true in one transaction of *db*; a commit that is the run's last already is left alone.

    *fault* is told at each step, for tests that stop there: loaded, begun, prepared, records, deletes, state,
    committed.
    """
    staged = StagedFiles(db, commit.staged, commit.rejected, newest_first=commit.newest_first)
    facts = staged.load()
    identity = _identity(commit, facts)
    stored = look_up(db, commit.model)
    fault("loaded")
    db.execute("BEGIN")
    try:
        fault("begun")
        stand = runs.stand_of(db, commit.run)
        if stand.commit == identity:
            # A crash came after this commit but before its caller knew: doing it again could delete too much.
            changes = Changes(last_seq=stand.seq)
        else:
            changes = _apply(db, commit, staged, facts=facts, stored=stored, before=stand.seq, fault=fault)
            runs.write(db, commit.run, changes, identity, stand=stand)
            run_log.write(db, commit.run.id, commit.log, first=not stand.known)
        fault("state")
        db.execute("COMMIT")
    except BaseException:
        _roll_back(db)
        raise
    fault("committed")
    return changes


def _apply(
    db: DuckDBPyConnection,
    commit: Commit,
    staged: StagedFiles,
    *,
    facts: Facts,
    stored: Stored,
    before: int,
    fault: Callable[[str], None],
) -> Changes:
    window = snapshots.window_of(db, commit, before)
    table = prepare(db, commit.model, staged, stored)
    history = open_history(db, commit.model, table, stored)
    fault("prepared")
    written = classify(db, commit.run.sync.connection, table.name, before, facts.upserts)
    _write_records(db, commit, table, staged, written)
    fault("records")
    last = before + written.events
    vanished, refused = snapshots.settle(db, commit, table.name, window, last)
    last += vanished
    if history is not None:
        history.catch_up()
        if written.restored:
            history.restore()
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
        duplicates=facts.duplicates,
        quarantined=quarantined,
        last_seq=last,
        refused=refused,
    )


def _write_records(
    db: DuckDBPyConnection, commit: Commit, table: Table, staged: StagedFiles, found: Classified
) -> None:
    if found.rewritten:
        db.execute(
            f"DELETE FROM {table.name} WHERE rowid IN"
            " (SELECT c.row_id FROM temp.change AS c WHERE c.action IN ('ADDED', 'UPDATED'))"
        )
    if found.changed:
        _insert(db, commit, table, staged, found.changed)
    if found.deleted:
        db.execute(_TOMBSTONES.format(table=table.name), {"at": commit.at, "run": commit.run.id})
    if found.moved:  # the same record, now listed by another partition: no event
        db.execute(
            f"UPDATE {table.name} SET _partition = c.p FROM temp.change AS c"
            f" WHERE {table.name}.rowid = c.row_id AND c.action = 'MOVED'"
        )
    if found.restored:
        _restore(db, commit, table, staged)


def _restore(db: DuckDBPyConnection, commit: Commit, table: Table, staged: StagedFiles) -> None:
    for number in changed_files(db, "RESTORED"):
        names, values = filled_columns(db, commit.model, table, staged, number)
        fields = dict(zip(names, values, strict=True)) | ({"_raw": "f.r"} if table.raw else {})
        sql = _RESTORE.format(
            table=table.name,
            fields="".join(f"{name} = {value}, " for name, value in fields.items()),
            contents=staged.contents(number, raw=table.raw),
            offset=number * ORDINALS,
        )
        db.execute(sql)


def _insert(db: DuckDBPyConnection, commit: Commit, table: Table, staged: StagedFiles, expected: int) -> None:
    """Insert the changed records from the files that have any."""
    parameters = {"connection": commit.run.sync.connection, "at": commit.at, "run": commit.run.id}
    inserted = 0
    changed = changed_files(db) if len(staged.files) > 1 else {0: expected}
    for number, count in changed.items():
        names, values = filled_columns(db, commit.model, table, staged, number)
        with excerpt(db, staged.files[number], number, count) as path:
            sql = _INSERT.format(
                table=table.name,
                names="".join(f"{name}, " for name in names),
                values="".join(f"{value}, " for value in values),
                raw_name=", _raw" if table.raw else "",
                raw_value=", f.r" if table.raw else "",
                contents=staged.contents(number, raw=table.raw, path=path),
                offset=number * ORDINALS,
            )
            inserted += int(db.execute(sql, parameters).fetchall()[0][0])
    if inserted != expected:
        raise StoreError(
            f"{expected} staged records changed, but {inserted} were found again: ordinals repeat"
        )


def _identity(commit: Commit, facts: Facts) -> str:
    """Return what tells this commit from every other one of its run."""
    paths = [file.path for file in commit.staged] + [file.path for file in commit.rejected]
    files = [(path.name, path.stat().st_size) for path in paths]
    deletes = None if commit.deletes is None else sorted(commit.deletes.partitions or ())
    parts = [
        commit.at.isoformat(),
        commit.run.status,
        files,
        facts.last,
        sorted(commit.checkpoints.items()),
        commit.snapshot,
        deletes,
    ]
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _roll_back(db: DuckDBPyConnection) -> None:
    import duckdb

    try:
        db.execute("ROLLBACK")
    except duckdb.Error:  # DuckDB has ended the transaction itself: the file is as it was before
        return
