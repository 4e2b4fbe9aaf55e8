"""The commits of one run: what is staged, when it is due, and the manifest that survives a crash (R2, R3)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from syncrun.engine import pending
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.report import add_changes
from syncrun.records import Column
from syncrun.stores.base import Changes, Commit, Run, SnapshotDeletes
from syncrun.transform.mapping import Mapped, Mapper
from syncrun.transform.stage import Staging


class Commits:
    """Stages mapped pages and makes them true in the store, in one transaction each."""

    def __init__(self, job: Job, options: Options, runtime: Runtime, run_id: str) -> None:
        self._job, self._options, self._runtime = job, options, runtime
        self.folder: Path = pending.folder_of(runtime.staging_folder, job.id, run_id)
        self._staging = Staging(self.folder)
        self._last = runtime.clock()
        self.changes = Changes()

    def recover(self) -> list[str]:
        """Commit what earlier runs staged and could not commit; return the ids of those runs."""
        recovered = []
        for commit in pending.find(self._runtime.staging_folder, self._job.id):
            self._runtime.store.commit(commit)
            recovered.append(commit.run.id)
        return recovered

    def stage(self, mapped: Mapped, columns: tuple[Column, ...]) -> None:
        """Append one mapped page to the staging file."""
        self._staging.write(mapped, columns)

    @property
    def due(self) -> bool:
        """Whether enough is staged, or has waited long enough, to be shown."""
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
    ) -> Changes:
        """Make what is staged, and the progress it stands for, true; return what this commit changed."""
        staged, rejected = self._staging.seal()
        commit = Commit(
            run=run,
            model=mapper.model(self._job.id.connector, self._job.id.sync),
            at=self._runtime.now(),
            staged=tuple(staged),
            rejected=tuple(rejected),
            checkpoints=checkpoints,
            snapshot=snapshot,
            deletes=deletes,
        )
        pending.save(self.folder, commit)
        self._runtime.fault("staged")
        changes = self._runtime.store.commit(commit)
        self._runtime.fault("committed")
        pending.done(self.folder)
        self._staging.discard()
        self._last = self._runtime.clock()
        self.changes = add_changes(self.changes, changes)
        return changes

    def close(self) -> None:
        """Remove the staging folder: everything in it is in the database, or given up."""
        pending.discard(self.folder)
