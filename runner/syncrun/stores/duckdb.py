"""The store in one DuckDB file."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncrun import stores
from syncrun.errors import Interrupted, LockedError, StoreError, SyncrunError
from syncrun.stores.connection import DatabaseFile
from syncrun.stores.instances import ran_out_of_memory
from syncrun.stores.migrations import stored_version
from syncrun.stores.values.commit import SMALL
from syncrun.stores.values.ids import ModelId, SyncId
from syncrun.stores.values.progress import Checkpoint, Saved
from syncrun.stores.values.run import Agenda, LogLine, Run, RunChanges, RunChoice

if TYPE_CHECKING:
    from syncrun.shapes import Column
    from syncrun.stores.compaction import Compaction, Space
    from syncrun.stores.retention import IdleSync, Pruned, Retention
    from syncrun.stores.values.basis import Basis, Home
    from syncrun.stores.values.commit import Changes, Commit
    from syncrun.stores.values.definition import Definition
    from syncrun.stores.values.feed import Feed, FeedQuery, QueryResult
    from syncrun.stores.values.forgotten import Owner
    from syncrun.stores.values.preview import Absent, Preview
    from syncrun.stores.values.quarantine import QuarantineCount, Quarantined


def _no_fault(_point: str) -> None:
    return


class DuckDBStore:
    """Keeps records in the DuckDB file at *path*, which the first commit makes (see `base.Store`).

    A method opens the file, acts and closes it. While another process holds it, the method waits up to
    *lock_timeout* seconds, tells *on_wait* once who that is, and raises LockedError in the end. Threads of
    this process count as anybody else, unless *patience* says how long they wait for each other without a
    word. `publish` keeps a copy for readers at *copy*. Both are encrypted with *key*. *fault* is called
    with the name of each step of a commit: a test's way to stop there.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout: float = 300.0,
        patience: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        on_wait: Callable[[str], None] | None = None,
        fault: Callable[[str], None] = _no_fault,
        copy: Path | None = None,
        key: str | None = None,
    ) -> None:
        self._file = DatabaseFile(
            path,
            lock_timeout=lock_timeout,
            patience=patience,
            clock=clock,
            sleep=sleep,
            on_wait=on_wait,
            key=key,
        )
        self._key = key
        self._copy = copy
        self._fault = fault

    @property
    def encrypted(self) -> bool:
        """Whether nothing of the records may rest on disk as it is."""
        return self._key is not None

    def telling(self, on_wait: Callable[[str], None]) -> DuckDBStore:
        """Return the same store for somebody who wants to be told, in one sentence, what it waits for."""
        other = copy(self)
        other._file = self._file.telling(on_wait)  # noqa: SLF001 - one of its own kind
        return other

    def commit(self, commit: Commit) -> Changes:
        """Make *commit* true in one transaction; raise StoreError, or LockedError past the lock timeout.

        The run's row gets the commit's changes added to the counts it comes with, and status incomplete in
        place of ok when deletes were refused. A commit that is the newest of its run already changes nothing.
        """
        merge = stores.merge.merge  # imported before the file is held
        small = commit.rows <= SMALL
        try:
            with self._file.writing(commit.at, basis=commit.basis, frugal=True, small=small) as db:
                return merge(db, commit, self._fault)
        except StoreError as error:
            if not ran_out_of_memory(error):
                raise
        # there are records of a size that frugality cannot take
        with self._file.writing(commit.at, basis=commit.basis) as db:
            return merge(db, commit, self._fault)

    def commit_all(self, commits: Sequence[Commit]) -> list[Changes | SyncrunError]:
        """Make each of *commits* true as `commit` does, in few transactions; return what became of each.

        One that fails takes no other with it, but for what keeps all of them from the file.
        """
        joint = stores.joint
        done: dict[str, Changes | SyncrunError] = {}
        kept_out: SyncrunError | None = None
        groups = joint.rounds([commit for commit in commits if joint.fits(commit)])
        for group in [group for group in groups if len(group) > 1]:
            with suppress(StoreError):  # whoever it was, the others go on by themselves
                try:
                    basis = group[0].basis  # the others' too, or nearly so
                    with self._file.writing(group[0].at, basis=basis, frugal=True, small=True) as db:
                        done |= joint.merge_together(db, group, self._fault)
                except (LockedError, Interrupted) as error:
                    kept_out = error
                    break
        for commit in commits:
            if commit.run.id not in done:
                try:
                    done[commit.run.id] = kept_out or self.commit(commit)
                except (StoreError, LockedError, Interrupted) as error:
                    done[commit.run.id] = error
                    kept_out = None if isinstance(error, StoreError) else error
        return [done[commit.run.id] for commit in commits]

    def preview(self, commit: Commit, *, most: int) -> Preview:
        """Return what `commit` would do now, with at most so many examples of each kind; write nothing."""
        with self._file.reading_any(commit.at) as db:
            return stores.preview.preview(db, commit, most)

    def absent(
        self, commit: Commit, possible: Callable[[Mapping[str, Any]], bool] | None, *, most: int
    ) -> Absent:
        """Return which live records `commit` would find missing, of those for which *possible* is true.

        It is told the fields of a record. Of the first *most* records all fields are returned; nothing is
        written.
        """
        with self._file.reading_any(commit.at) as db:
            return stores.preview.absent(db, commit, possible, most)

    def bind(self, at: datetime) -> Basis:
        """Return the state of the database, which is made or upgraded where needed, as of *at*."""
        with self._file.writing(at) as db:
            return stores.binding.look(db).basis

    def record_run(self, run: Run, log: Sequence[Path] = (), *, basis: Basis | None = None) -> None:
        """Write or replace the row of *run*, and add the files of its *log*.

        Raise OtherDatabaseError where the database is not that of *basis*, nor a copy of it.
        """
        with self._file.writing(run.ended_at or run.started_at, basis=basis) as db:
            stores.binding.check_identity(db, basis)
            db.execute("BEGIN")
            stores.runs.write(db, run)
            stores.run_log.write(db, run.id, log)
            db.execute("COMMIT")

    def saved(self, sync: SyncId, model: str) -> Saved:
        """Return all that a run of *sync* needs to know before it reads, in one look."""
        with self._file.reading(brief=True) as db:
            return stores.checkpoints.saved(db, sync, model) if db else Saved()

    def saved_all(self, syncs: Mapping[SyncId, str]) -> dict[SyncId, Saved]:
        """Return for each of *syncs*, with its model, what `saved` returns, in one look."""
        with self._file.reading(brief=True) as db:
            return stores.checkpoints.saved_all(db, syncs) if db else dict.fromkeys(syncs, Saved())

    def checkpoints(self, sync: SyncId) -> dict[str, Checkpoint]:
        """Return the saved progress of each partition, by partition id."""
        with self._file.reading() as db:
            return stores.checkpoints.read(db, sync) if db else {}

    def forget(self, sync: SyncId) -> None:
        """Drop all checkpoints and open snapshot windows of *sync*."""
        if not self._file.exists:
            return
        with self._file.open(read_only=False) as db:
            if not stored_version(db):
                return
            db.execute("BEGIN")
            stores.checkpoints.forget(db, sync)
            stores.snapshots.forget(db, sync)
            if stored_version(db) >= stores.told.SINCE:
                stores.told.forget(db, sync)
            stores.missing.forget(db, sync)
            db.execute("COMMIT")

    def save_checkpoints(self, sync: SyncId, states: Mapping[str, str | None], at: datetime) -> None:
        """Replace (None: drop) the progress of partitions by hand, and close open snapshot windows.

        A window that stayed open would make the next run read everything, whatever the checkpoints say.
        """
        with self._file.writing(at) as db:
            db.execute("BEGIN")
            stores.checkpoints.replace(db, sync, states, run_id="", at=at)
            stores.snapshots.forget(db, sync)
            stores.told.forget(db, sync)
            db.execute("COMMIT")

    def open_snapshot(self, sync: SyncId) -> str | None:
        """Return the id of the open snapshot window, if there is one."""
        with self._file.reading() as db:
            return stores.snapshots.find_open(db, sync) if db else None

    def columns(self, connector: str, model: str) -> tuple[Column, ...]:
        """Return the fields that the model's table has, empty when there is no table yet."""
        with self._file.reading() as db:
            if db is None:
                return ()
            return stores.tables.field_columns(stores.tables.described(db, connector, f"{model}__records"))

    def partitions(self, connector: str, model: str, connection: str) -> frozenset[str]:
        """Return the partition ids that live records belong to."""
        with self._file.reading(brief=True) as db:
            return stores.live.partitions(db, connector, model, connection) if db else frozenset()

    def deleted(self, connector: str, model: str, connection: str) -> frozenset[str]:
        """Return the ids of the records that are deleted."""
        with self._file.reading(brief=True) as db:
            return stores.live.deleted(db, connector, model, connection) if db else frozenset()

    def live(
        self, connector: str, model: str, connection: str, *, since_seq: int = 0
    ) -> Iterator[dict[str, Any]]:
        """Yield live records changed after *since_seq*, oldest first: fields by name, `_id` and `_seq`.

        All are read at once, so that they belong to one moment and the file is free while the caller goes on.
        """
        with self._file.reading(brief=True) as db:
            if db is None:
                return iter(())
            return stores.live.read(db, connector, model, connection, since_seq, encrypted=self.encrypted)

    def records(self, query: FeedQuery) -> Feed:
        """Read a model's change feed; the file stays open until the last record is read."""
        return stores.change_feed.read(self._file, query)

    def export_records(self, query: FeedQuery, path: Path) -> str:
        """Write a model's change feed to the Parquet file *path*, and return the cursor to go on from."""
        return stores.change_feed.export(self._file, query, path)

    def find_runs(self, prefix: str) -> list[Run]:
        """Return the runs whose id begins with *prefix*, newest first."""
        with self._file.reading() as db:
            return stores.runs.find(db, prefix) if db else []

    def run_changes(self, run: Run) -> RunChanges:
        """Return what *run* changed; the file stays open until the last change is read."""
        return stores.run_changes.read(self._file, run)

    def last_runs(self) -> list[Run]:
        """Return the newest run of every sync of every connection."""
        with self._file.reading() as db:
            return stores.runs.newest(db) if db else []

    def runs(self, choice: RunChoice) -> list[Run]:
        """Return the runs of *choice*, newest first."""
        with self._file.reading() as db:
            return stores.runs.select(db, choice) if db else []

    def run_log(self, run_id: str) -> Iterator[LogLine]:
        """Yield the requests and messages of a run in their order; the file stays open until the last."""
        return stores.run_log.read(self._file, run_id)

    def agenda(self) -> Agenda:
        """Return what is known of when syncs ran, in one look."""
        with self._file.reading() as db:
            if db is None:
                return Agenda()
            last = {run.sync: run for run in stores.runs.newest(db)}
            return Agenda(last, stores.runs.fresh(db), stores.states.read(db))

    def set_paused(self, sync: SyncId, *, paused: bool, at: datetime) -> None:
        """Pause or resume *sync*; with an empty name all syncs of its connection."""
        with self._file.writing(at) as db:
            db.execute("BEGIN")
            stores.states.write(db, sync, paused=paused, at=at)
            db.execute("COMMIT")

    def count_live(self, models: Collection[tuple[str, str]]) -> dict[ModelId, int]:
        """Return how many records are live in these models, each a connector and a name, by connection."""
        with self._file.reading() as db:
            return stores.live.count(db, models) if db else {}

    def count_quarantined(self) -> dict[SyncId, QuarantineCount]:
        """Return how many records are in quarantine, by sync."""
        with self._file.reading() as db:
            return stores.quarantine.count(db) if db else {}

    def quarantined(
        self, connection: str = "", sync: str = "", *, everything: bool = False
    ) -> list[Quarantined]:
        """Return the rejected records that nobody has reviewed, or *everything*, newest first."""
        with self._file.reading() as db:
            return stores.quarantine.select(db, connection, sync, everything=everything) if db else []

    def review_quarantined(self, connection: str, sync: str, at: datetime) -> int:
        """Mark the rejected records of a connection (or one sync of it) as reviewed; return how many."""
        if not self._file.exists:
            return 0
        with self._file.writing(at) as db:
            return stores.quarantine.review(db, connection, sync, at)

    def idle_syncs(self, before: datetime) -> list[IdleSync]:
        """Return the syncs whose last run began before that time."""
        with self._file.reading() as db:
            return stores.retention.find_idle(db, before) if db else []

    def prune(self, rule: Retention, at: datetime, *, dry_run: bool = False) -> Pruned:
        """Let go what *rule* says, in one transaction; a *dry_run* only finds out what it would be."""
        if not self._file.exists:
            return stores.retention.Pruned()
        with self._file.reading_any(at) if dry_run else self._file.writing(at) as db:
            return stores.retention.prune(db, rule, at, dry_run=dry_run)

    def owners(self) -> dict[Owner, int]:
        """Return whose rows there are, and how many live records each owner has."""
        with self._file.reading() as db:
            return stores.forgetting.owners(db) if db else {}

    def homes(self) -> dict[str, Home]:
        """Return the project of each connection that has one."""
        with self._file.reading() as db:
            return stores.binding.homes(db) if db else {}

    def forget_owner(self, owner: Owner, at: datetime, *, dry_run: bool) -> dict[str, int]:
        """Let all go that is of *owner*, in one transaction; return how many rows of each table that is."""
        if not self._file.exists:
            return {}
        with self._file.reading_any(at) if dry_run else self._file.writing(at) as db:
            return stores.forgetting.forget(db, owner, dry_run=dry_run)

    def space(self) -> Space | None:
        """Return how much of the file holds nothing; None when there is no file."""
        return stores.compaction.space(self._file)

    def compact(self, *, always: bool = True) -> Compaction | None:
        """Give the disk back what is free in the file, *always* or when it is much (see `compaction`)."""
        return stores.compaction.compact(self._file, self._fault, always=always)

    def count_missing(self) -> dict[ModelId, int]:
        """Return how many records wait to be missed by another complete read, by connection and model."""
        with self._file.reading() as db:
            return stores.missing.count(db) if db else {}

    def deployed(self, environment: str) -> dict[str, Definition]:
        """Return the definitions that *environment* uses, by connector; none before a first deployment."""
        with self._file.reading() as db:
            return stores.definitions.active(db, environment) if db else {}

    def versions(self, connector: str) -> list[Definition]:
        """Return every version of *connector* that was deployed to any environment, newest first."""
        with self._file.reading() as db:
            return stores.definitions.versions(db, connector) if db else []

    def deploy(self, environment: str, chosen: Sequence[Definition], at: datetime) -> list[Definition]:
        """Let *environment* use the definitions *chosen* from now on; return them as deployed."""
        with self._file.writing(at) as db:
            db.execute("BEGIN")
            deployed = stores.definitions.deploy(db, environment, chosen, at)
            db.execute("COMMIT")
            return deployed

    def publish(self, under_way: Callable[[Sequence[SyncId]], bool], *, always: bool = False) -> bool:
        """Bring the copy for readers up to date, and return whether that was needed (see `publication`)."""
        if self._copy is None:
            return False
        copy = stores.publication.copy_at(self._copy, key=self._key)
        return stores.publication.publish(self._file, copy, under_way, always=always)

    def query(self, sql: str, parameters: Sequence[Any] = (), *, files: bool = False) -> QueryResult:
        """Run *sql*, one statement that reads; raise StoreError.

        It opens nothing but the database, unless *files* lets it read files of this machine. The database
        stays open until the last row is read.
        """
        return stores.query.run_query(self._file, sql, parameters, files=files)

    def export(self, sql: str, path: Path, *, files: bool = False) -> None:
        """Write the rows of *sql*, which `query` would run, to the Parquet file *path*; raise StoreError."""
        stores.query.export(self._file, sql, path, files=files)
