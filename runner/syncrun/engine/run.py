"""One run of one sync for one connection: lock, read, stage, commit, report (semantics: A run)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from syncrun.engine import checkpoints, locks
from syncrun.engine.commits import Commits
from syncrun.engine.deletes import Decision, decide
from syncrun.engine.enumeration import CursorExpired, Enumeration
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.plan import Mode, mode_of
from syncrun.engine.report import Event, RunReport, Status
from syncrun.errors import Interrupted, LockedError, RunError, SyncrunError
from syncrun.http.redact import Redactor
from syncrun.stores.base import Changes, Run, SnapshotDeletes
from syncrun.transform.mapping import Mapped, Mapper

_QUARANTINE_SHARE, _QUARANTINE_LEAST = 0.1, 100


def run_sync(job: Job, options: Options, runtime: Runtime) -> RunReport:
    """Run *job* once and return how it ended; only defects of syncrun itself raise."""
    started = runtime.now()
    run_id = f"{started:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
    run = SyncRun(job, options, runtime, run_id, started)
    try:
        with locks.hold(
            runtime.locks_folder,
            job.id,
            run_id=run_id,
            timeout=options.lock_timeout,
            clock=runtime.clock,
            sleep=runtime.sleep,
            on_wait=run.waiting,
        ):
            return run.execute()
    except SyncrunError as error:
        return run.report(error)


def _status_of(error: SyncrunError) -> Status:
    if isinstance(error, LockedError):
        return "locked"
    return "interrupted" if isinstance(error, Interrupted) else "failed"


class SyncRun:
    """The state of one run, from its first request to its report."""

    def __init__(self, job: Job, options: Options, runtime: Runtime, run_id: str, started: datetime) -> None:
        self.job, self.options, self.runtime, self.run_id, self.started = (
            job,
            options,
            runtime,
            run_id,
            started,
        )
        self.sync = job.sync
        self.redactor = Redactor(job.secrets)
        self.commits = Commits(job, options, runtime, run_id)
        self.mode: Mode = "full"
        self.window: str | None = None
        self.notes: list[str] = []
        self.enumeration: Enumeration | None = None

    def execute(self) -> RunReport:
        """Do the whole run, with the sync's lock held."""
        for earlier in self.commits.recover():
            self.notes.append(f"committed what run {earlier} had staged")
        try:
            saved = self._prepare()
        except RunError as error:
            return self._record(error)
        try:
            self._read(saved)
            report = self._finish()
        except LockedError as error:
            return self.report(error)  # what is staged is committed by the next run (R3)
        except SyncrunError as error:
            report = self._save_progress(error)
        self.commits.close()
        return report

    # ── reading ────────────────────────────────────────────────────────────────────────────────────

    def _prepare(self) -> dict[str, checkpoints.Progress]:
        """Find out what to read, and return the saved progress by partition; raise CheckpointError (R1)."""
        store, sync = self.runtime.store, self.job.id
        if self.options.reset:
            store.forget(sync)
        field = self._fresh().field
        stored = store.saved(sync, self.job.model_name)
        found = stored.checkpoints.values()
        saved = {c.partition: checkpoints.read(c.state, sync, c.partition, field=field) for c in found}
        self.window = stored.window
        now = self.runtime.now()
        self.mode = mode_of(self.sync, saved, full=self.options.full, window=self.window, now=now)
        self.mapper = Mapper(self.sync, known=stored.columns, redact=self.redactor.text)
        self.saved, self.whole = saved, saved.get("", self._fresh())
        return saved

    def _fresh(self) -> checkpoints.Progress:
        incremental = self.sync.incremental
        return checkpoints.Progress("" if incremental is None else incremental.cursor or "token")

    def _read(self, saved: Mapping[str, checkpoints.Progress]) -> None:
        """Read; when the API says that the cursor has expired, read everything, keeping records (R16)."""
        self._emit("run_started", mode=self.mode)
        try:
            self._enumerate(saved)
        except CursorExpired as expired:
            self.notes.append(f"the cursor has expired, everything is read again: {expired.message}")
            self.mode = "full"
            self._enumerate({})

    def _enumerate(self, saved: Mapping[str, checkpoints.Progress]) -> None:
        self.enumeration = Enumeration(
            self.job,
            self.options,
            self.runtime,
            mode=self.mode,
            window=self.window,
            mapper=self.mapper,
            redactor=self.redactor,
            sink=self._stage,
            between=self._commit_when_due,
            notes=self.notes,
        )
        self.enumeration.read(saved, self._fresh())

    def _stage(self, mapped: Mapped) -> None:
        self.commits.stage(mapped, self.mapper.columns)

    def _commit_when_due(self) -> None:
        report = self.report()
        self._emit("page", page=report.pages, records=report.records)
        if self.commits.due:
            self._commit("running")

    # ── the end of the run ─────────────────────────────────────────────────────────────────────────

    def _finish(self) -> RunReport:
        """Commit the rest, with the deletes that a complete enumeration allows."""
        status, message, _ = self._outcome()
        may_delete = self.options.limit is None and (status == "ok" or self._partly())
        decision = self._decide() if may_delete else Decision(None)
        changes = self._commit(status, message, deletes=decision.deletes)
        if decision.reason:
            self.notes.append(decision.reason)
        return self.report(refused=changes.refused.reason if changes.refused else "")

    def _save_progress(self, error: SyncrunError) -> RunReport:
        """Commit what was read before *error*, for the next run to go on from; delete nothing (R7)."""
        if self.enumeration is None or not self.enumeration.pages:
            return self._record(error)
        report = self.report(error)
        try:
            self._commit(report.status, report.message)
        except LockedError:
            self.notes.append("what was read so far is staged; the next run commits it")
        return self.report(error)

    def _record(self, error: SyncrunError) -> RunReport:
        """Keep the row of a run that ended before it read anything."""
        report = self.report(error)
        self.runtime.store.record_run(self._row(report.status, report.message))
        return report

    def _partly(self) -> bool:
        """Return whether some partitions may delete although others failed."""
        return bool(self.enumeration and self.enumeration.sources and not self._too_many_rejected())

    def _decide(self) -> Decision:
        assert self.enumeration is not None  # noqa: S101 - there is one once reading began
        return decide(
            self.sync.delete_rule,
            mode=self.mode,
            readings=self.enumeration.readings,
            stored=self._stored_partitions(),
            accept=self.options.accept_deletes,
        )

    def _stored_partitions(self) -> frozenset[str] | None:
        if self.enumeration is None or not self.enumeration.sources:
            return None
        sync = self.job.id
        return self.runtime.store.partitions(sync.connector, self.job.model_name, sync.connection)

    def _commit(self, status: str, message: str = "", *, deletes: SnapshotDeletes | None = None) -> Changes:
        """Make what is staged true, together with the progress it stands for (R12)."""
        if self.options.limit is not None:
            return self.commits.commit(self._row(status, message), self.mapper, {})  # a look, not progress
        window = None
        if self.mode == "full":
            if self.window is None and status not in ("ok", "incomplete"):
                self.window = self.run_id  # the enumeration goes on in a later commit, perhaps of a later run
            window = self.window
        saved = self._progress(finished=status in ("ok", "incomplete"))
        return self.commits.commit(
            self._row(status, message), self.mapper, saved, snapshot=window, deletes=deletes
        )

    def _progress(self, *, finished: bool) -> dict[str, str | None]:
        """Return the checkpoints to save, by partition."""
        assert self.enumeration is not None  # noqa: S101 - there is one once reading began
        readings = self.enumeration.readings
        now = {
            name: reading.progress(self.window) for name, reading in readings.items() if not reading.skipped
        }
        timed = self.sync.incremental is not None  # the others are read completely each time
        if timed and finished and self.mode == "full" and all(reading.done for reading in readings.values()):
            now[""] = replace(now.get("", self.whole), snapshot_at=self.started.isoformat())
        fresh = self._fresh()
        # what has not moved need not be written: a sync may have many thousand partitions
        return {name: state.to_text() for name, state in now.items() if state != self.saved.get(name, fresh)}

    # ── telling ────────────────────────────────────────────────────────────────────────────────────

    def report(self, error: SyncrunError | None = None, *, refused: str = "") -> RunReport:
        """Return how the run stands: *error* ended it, or it read everything, or something is missing."""
        status, message, hint = self._outcome(error, refused)
        read = self.enumeration
        return RunReport(
            sync=self.job.id,
            model=self.job.model_name,
            run_id=self.run_id,
            status=status,
            mode=self.mode,
            started_at=self.started,
            ended_at=self.runtime.now(),
            changes=self.commits.changes,
            records=read.records if read else 0,
            pages=read.pages if read else 0,
            requests=read.requests if read else 0,
            message=self.redactor.text(message),
            hint=self.redactor.text(hint),
            notes=tuple(self.notes),
        )

    def _outcome(self, error: SyncrunError | None = None, refused: str = "") -> tuple[Status, str, str]:
        """Return status, message and hint."""
        if error is not None:
            return _status_of(error), error.message, error.hint
        if refused:
            return "incomplete", refused, "`run --accept-deletes` deletes them all the same"
        return self._verdict()

    def _verdict(self) -> tuple[Status, str, str]:
        read = self.enumeration
        if read is None or (read.limit_reached and not read.failures):
            return (
                "ok",
                f"stopped at {read.records} records, as asked; nothing was deleted" if read else "",
                "",
            )
        if read.failures and len(read.failures) == len(read.readings):
            return "failed", read.failures[0].message, read.failures[0].hint
        missing = [
            end.reason
            for name, end in read.verdicts.items()
            if not end.complete and not read.readings[name].skipped
        ]
        if missing:
            more = f" (and {len(missing) - 1} more partitions)" if len(missing) > 1 else ""
            return "incomplete", missing[0] + more, ""
        if self._too_many_rejected():
            told = f"{read.rejected} of {read.records} records were quarantined"
            return "incomplete", told, "see syncrun.quarantine; `max_quarantined` raises the limit"
        return "ok", "", ""

    def _too_many_rejected(self) -> bool:
        """Return whether more records were quarantined than a run may have (R22)."""
        read, limit = self.enumeration, self.sync.max_quarantined
        if read is None:
            return False
        if limit is None:
            return read.rejected > max(_QUARANTINE_LEAST, read.records * _QUARANTINE_SHARE)
        return read.rejected > (read.records * limit if 0 < limit < 1 else limit)

    def _row(self, status: str, message: str = "") -> Run:
        report = self.report()
        ended = None if status == "running" else report.ended_at
        run = Run(self.run_id, self.job.id, self.job.model_name, self.mode, self.started, status, ended)
        return replace(run, message=self.redactor.text(message), counts=report.counts)

    def waiting(self, reason: str) -> None:
        """Tell that the run waits for somebody else."""
        self._emit("waiting", reason=reason)

    def _emit(self, name: str, **details: Any) -> None:
        self.runtime.emit(Event(name, self.job.id, self.run_id, details))
