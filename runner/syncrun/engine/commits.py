"""The commits of one run: what is staged, when it is due, and the manifest that survives a crash (R2, R3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from syncrun.engine import disk, pending
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.report import add_changes
from syncrun.engine.run_log import RunLog
from syncrun.errors import OtherDatabaseError, StoreError
from syncrun.http.redact import Redactor
from syncrun.shapes import Column
from syncrun.stores.values.basis import Basis, Home
from syncrun.stores.values.commit import Changes, Commit, SnapshotDeletes
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.run import Run
from syncrun.stores.values.told import Told
from syncrun.transform.mapping import Mapped, Mapper
from syncrun.transform.stage import Staging

if TYPE_CHECKING:
    from syncrun.stores.base import Store


class Commits:
    """Stages mapped pages and makes them true in the store, in one transaction each.

    `log` is the run's log, which goes with every commit; *notes* are the run's. `basis` is the database that
    the run relies on, `homes` the project that it is of, and the one that the connection was of before.
    With *newest_first* the first version of a record counts, so all that is read goes into one commit.

    As a context manager it closes the files that it writes, also when a defect ends the run.
    """

    def __init__(
        self,
        job: Job,
        options: Options,
        runtime: Runtime,
        run_id: str,
        *,
        notes: Sequence[str] = (),
        redactor: Redactor,
    ) -> None:
        self._job, self._options, self._runtime = job, options, runtime
        self.folder: Path = pending.folder_of(runtime.staging_folder, job.id, run_id)
        self._staging = Staging(self.folder)
        self.log = RunLog(self.folder, notes=notes, now=runtime.now, redact=redactor.text)
        self._last = runtime.clock()
        self.changes = Changes()
        self._sealed = False
        self.newest_first = False
        self.basis: Basis | None = None
        self.homes: tuple[Home | None, Home | None] = (None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._staging.close()
        self.log.close()

    @property
    def unsettled(self) -> bool:
        """Whether the last commit is not in the database: no other may pass over what it holds."""
        return self._sealed

    @property
    def left(self) -> bool:
        """Whether the next run will find the last commit, and do it."""
        return self._sealed and pending.is_saved(self.folder)

    def recover(self) -> list[str]:
        """Commit what earlier runs staged and could not commit; return what there is to tell about it.

        What the database refuses is given up: its checkpoint was not saved, so it is fetched again (R12).
        """
        return recover(self._runtime.staging_folder, self._job.id, self._runtime.store, self._runtime.fault)

    def stage(self, mapped: Mapped, columns: tuple[Column, ...]) -> None:
        """Append one mapped page to the staging file; raise StoreError when the disk does not take it."""
        with disk.in_words():
            self._staging.write(mapped, columns)

    @property
    def due(self) -> bool:
        """Whether enough is staged, or has waited long enough, to be shown."""
        if self.newest_first or self._job.sync.merge:
            return False
        rows = self._staging.rows
        waited = self._runtime.clock() - self._last
        return rows >= self._options.commit_rows or (rows > 0 and waited >= self._options.commit_seconds)

    def commit(
        self,
        run: Run,
        mapper: Mapper,
        checkpoints: Mapping[str, str | None],
        *,
        snapshot: str | None = None,
        deletes: SnapshotDeletes | None = None,
        at_once: bool = True,
        begun: bool = False,
        told: Told | None = None,
        unseen: frozenset[str] = frozenset(),
        sift: Callable[[Commit], Commit] | None = None,
    ) -> Changes:
        """Make what is staged, and the progress it stands for, true; return what this commit changed.

        *told* is what is known of lists of deletions, whose entries are staged,
        *unseen* are partitions that the window has to see anew, *sift* narrows what is deleted for not having
        been seen.
        *begun* tells that no record of the run has been mapped yet: inferred columns have no types so far.

        Without *at_once* it is left to the next run, as it is when the store raises. Raise StoreError when
        the disk does not take it.
        """
        self._sealed = True
        with disk.in_words():
            staged, rejected = self._staging.seal()
            lists = self._staging.seal_told()
        self._runtime.fault("sealed")
        commit = Commit(
            run=run,
            model=mapper.model(self._job.id.connector, self._job.id.sync, told=begun),
            at=self._runtime.now(),
            staged=tuple(staged),
            rejected=tuple(rejected),
            checkpoints=checkpoints,
            snapshot=snapshot,
            deletes=deletes,
            log=self.log.seal(),
            newest_first=self.newest_first,
            basis=self.basis,
            home=self.homes[0],
            home_before=self.homes[1],
            told=told and replace(told, files=lists),
            unseen=unseen,
        )
        commit = commit if sift is None else sift(commit)
        with disk.in_words():
            pending.save(self.folder, commit)
        self._runtime.fault("staged")
        if not at_once:
            return Changes()
        changes = self._runtime.commit(commit)
        self._runtime.fault("committed")
        pending.done(self.folder)
        self._sealed = False
        self._staging.discard()
        self.log.discard()
        self._runtime.fault("settled")
        self._last = self._runtime.clock()
        self.changes = add_changes(self.changes, changes)
        self.basis = changes.basis or self.basis
        return changes

    def record(self, run: Run) -> None:
        """Write the row and the log of a run that can commit nothing."""
        self._runtime.store.record_run(run, self.log.seal(), basis=self.basis)

    def close(self) -> None:
        """Remove the staging folder, unless the next run has to commit what is in it."""
        if not self.left:
            with disk.in_words():
                pending.discard(self.folder)


def recover(
    staging: Path, sync: SyncId, store: Store, fault: Callable[[str], None] = lambda _step: None
) -> list[str]:
    """Commit what runs of *sync* left in *staging*; return what there is to tell. Hold the sync's lock.

    What was read for another database than the one that is there now is put aside.
    """
    told = []
    with disk.in_words():
        for commit in pending.find(staging, sync):
            try:
                store.commit(commit)
            except OtherDatabaseError:
                told.append(pending.put_aside(staging, sync, commit.run.id))
            except StoreError as error:
                told.append(f"what run {commit.run.id} had staged is fetched again: {error.message}")
            else:
                told.append(f"committed what run {commit.run.id} had staged")
            fault("recovered")
    return told
