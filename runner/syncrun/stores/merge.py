"""One commit: staged records become changes, in a single transaction (R2, R4, R6).

New or returning keys are ADDED, other hashes UPDATED, rows marked `D` DELETED; the rest is not touched, but
that a payload which retention had taken comes back when the record is read again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from syncrun.errors import OtherProjectError
from syncrun.stores import binding, checkpoints, quarantine, run_log, runs, snapshots, told
from syncrun.stores.classify import classify
from syncrun.stores.history import open_history
from syncrun.stores.owners import one
from syncrun.stores.reshaping import prepare
from syncrun.stores.staging import Facts, StagedFiles
from syncrun.stores.tables import Stored, look_up
from syncrun.stores.values.basis import Basis
from syncrun.stores.values.commit import Changes, Commit
from syncrun.stores.vanished import Vanishing
from syncrun.stores.writing import Writer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def merge(db: DuckDBPyConnection, commit: Commit, fault: Callable[[str], None]) -> Changes:
    """Make *commit* true in one transaction of *db*; a commit that is the run's last already is left alone.

    Raise OtherDatabaseError when the database is not the one that it stands for.

    *fault* is told at each step, for tests that stop there: loaded, begun, prepared, records, deletes, state,
    committed.
    """
    staged = StagedFiles(db, commit.staged, commit.rejected, newest_first=commit.newest_first)
    facts = staged.load()
    identity = identity_of(commit, facts.last)
    stored = look_up(db, commit.model)
    fault("loaded")
    with transaction(db, fault):
        basis, stand = _bound(db, commit), runs.stand_of(db, commit.run)
        if stand.commit == identity:
            # A crash came after this commit but before its caller knew: doing it again could delete too much.
            changes = Changes(last_seq=stand.seq)
        else:
            changes = _apply(db, commit, staged, facts=facts, stored=stored, before=stand.seq, fault=fault)
            runs.write(db, commit.run, changes, identity, stand=stand)
            run_log.write(db, commit.run.id, commit.log, first=not stand.known)
            basis = binding.advance(db, basis)
    return replace(changes, basis=basis)


def _bound(db: DuckDBPyConnection, commit: Commit) -> Basis:
    """Return the state of the database, in which *commit* belongs: that of its run, and of its project."""
    basis = binding.check(db, commit.basis)
    if commit.home is not None:
        registered = binding.homes(db, [commit.run.sync.connection])
        why = binding.why_not_home(commit, registered.get(commit.run.sync.connection))
        if why:
            raise OtherProjectError(why, hint=binding.SETTLE)
        binding.settle_homes(db, [commit], registered)
    return basis


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
    owners = one(commit)
    upserts = facts.upserts - told.apply(db, commit, staged, table, facts.last)
    written = classify(db, owners, table, staged, seq=before, upserts=upserts)
    looks = commit.run.mode == "full" and written.updated
    vanishing = Vanishing(db, table, {0: commit.run.sync.connection} if looks else {})
    Writer(db, commit.model, table, staged, owners).write(written, before)
    fault("records")
    last = before + written.events
    told.keep(db, commit)
    settled = snapshots.settle(db, commit, table.name, window, last)
    last += settled.deleted
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
        deleted=written.deleted + settled.deleted,
        unchanged=written.unchanged,
        duplicates=facts.duplicates,
        quarantined=quarantined,
        last_seq=last,
        refused=settled.refused,
        missing=settled.missing,
        note=settled.note,
        vanished=vanishing.found().get(0, ()),
    )


def identity_of(commit: Commit, last: int | None) -> str:
    """Return what tells this commit, whose last ordinal is *last*, from every other one of its run."""
    paths = [file.path for file in commit.staged] + [file.path for file in commit.rejected]
    files = [(path.name, path.stat().st_size) for path in paths]
    deletes = None if commit.deletes is None else sorted(commit.deletes.partitions or ())
    if commit.told is not None:
        files += [(file.path.name, file.path.stat().st_size) for file in commit.told.files]
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


@contextmanager
def transaction(db: DuckDBPyConnection, fault: Callable[[str], None]) -> Iterator[None]:
    """Make what the block does true at its end, or nothing of it; tell *fault* how far it has come."""
    db.execute("BEGIN")
    try:
        fault("begun")
        yield
        fault("state")
        db.execute("COMMIT")
    except BaseException:
        _roll_back(db)
        raise
    fault("committed")


def _roll_back(db: DuckDBPyConnection) -> None:
    from syncrun.stores.library import duckdb

    try:
        db.execute("ROLLBACK")
    except duckdb.Error:  # DuckDB has ended the transaction itself: the file is as it was before
        return
