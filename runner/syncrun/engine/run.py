"""One run of one sync for one connection: lock, read, stage, commit, report (semantics: A run)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from syncrun.engine import checkpoints, locks, outcome, progress
from syncrun.engine.after_run import after_run
from syncrun.engine.commits import Commits
from syncrun.engine.context import context_of
from syncrun.engine.deadline import Deadline
from syncrun.engine.deletes import Decision, decide
from syncrun.engine.enumeration import CursorExpired, Enumeration
from syncrun.engine.fetching import Sender
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.outcome import Outcome
from syncrun.engine.plan import Mode, finds_missing, why_full
from syncrun.engine.publishing import publish_after
from syncrun.engine.report import Event, RunReport, Status
from syncrun.engine.run_log import Level
from syncrun.errors import Interrupted, LockedError, SyncrunError
from syncrun.hooks import NO_HOOKS, load_hooks
from syncrun.http.redact import Redactor
from syncrun.stores.values.commit import Changes, SnapshotDeletes
from syncrun.stores.values.run import Run
from syncrun.transform.mapping import Mapped, Mapper

_LEVELS: Mapping[Status, Level] = {
    "ok": "info",
    "incomplete": "warning",
    "interrupted": "warning",
    "locked": "warning",
    "failed": "error",
}


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
            report = publish_after(run.execute(), run.runtime)
            return after_run(run.hooks, job, runtime, report)
    except SyncrunError as error:
        return run.report(error)


class SyncRun:
    """The state of one run, from its first request to its report."""

    def __init__(self, job: Job, options: Options, runtime: Runtime, run_id: str, started: datetime) -> None:
        self.job, self.options, self.run_id, self.started = job, options, run_id, started
        self.runtime = runtime.telling(self.waiting)
        self.sync = job.sync
        self.redactor = Redactor(job.secrets)
        self.notes: list[str] = []
        self.commits = Commits(job, options, self.runtime, run_id, notes=self.notes, redactor=self.redactor)
        self.hooks = NO_HOOKS
        self.mode: Mode = "full"
        self.window: str | None = None
        self.enumeration: Enumeration | None = None

    def execute(self) -> RunReport:
        """Do the whole run, with the sync's lock held."""
        self.deadline = Deadline(self.runtime, self.options.timeout)
        self.notes += self.commits.recover()
        with self.commits:
            try:
                self._read(self._prepare())
                report = self._finish()
            except SyncrunError as error:
                report = self._end_early(error)
            self.commits.close()
        return report

    # ── reading ────────────────────────────────────────────────────────────────────────────────────

    def _prepare(self) -> dict[str, checkpoints.Progress]:
        """Find out what to read, and return the saved progress by partition; raise CheckpointError (R1)."""
        store, sync = self.runtime.store, self.job.id
        named = (self.job.connector.hooks, self.sync.hooks)
        self.hooks = load_hooks(named, self.job.folder, self.redactor.text)
        if self.options.reset:
            store.forget(sync)
        field = self._fresh().field
        stored = store.saved(sync, self.job.model_name)
        if stored.paused:
            self.notes.append(f"the sync is paused: only by hand does it run, until `syncrun resume {sync}`")
        found = stored.checkpoints.values()
        saved = {c.partition: checkpoints.read(c.state, sync, c.partition, field=field) for c in found}
        saved = progress.to_start_from(saved, self._fresh(), self.options)
        if self.options.limit is not None or self.options.cursor is not None:
            stored = replace(stored, window=None)
        self.saved, self.whole = saved, saved.get("", self._fresh())
        self.window = stored.window if finds_missing(self.sync) else self.whole.open_read
        self.why_full = why_full(
            self.sync,
            saved,
            full=self.options.full,
            window=self.window,
            now=self.runtime.now(),
            accept=self.options.accept_deletes,
            cursor=self.options.cursor,
        )
        self.mode = "full" if self.why_full else "incremental"
        self.mapper = Mapper(self.sync, known=stored.columns, redact=self.redactor.text)
        return saved

    def _fresh(self) -> checkpoints.Progress:
        incremental = self.sync.incremental
        field = "" if incremental is None else incremental.cursor or "token"
        return checkpoints.Progress(field, cursor=self.options.cursor)

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
        self.commits.newest_first = self.mode == "incremental" and self.sync.newest_first
        self.enumeration = self._enumeration()
        self.enumeration.read(saved, self._fresh())

    def _enumeration(self) -> Enumeration:
        return Enumeration(
            self.job,
            self.options,
            self.runtime,
            mode=self.mode,
            window=self.window,
            mapper=self.mapper,
            redactor=self.redactor,
            sink=self._stage,
            between=self._commit_when_due,
            save=self._save_progress,
            check=self.deadline.check,
            notes=self.notes,
            log=self.commits.log,
            hooks=self.hooks,
            before=self.enumeration,
        )

    def outline(self, sender: Sender, roots: Mapping[str, Any]) -> Enumeration:
        """Return what a run would read, asking *sender* in place of the API; nothing is asked yet.

        *roots* join the context of templates. Raise RunError.
        """
        self.deadline = Deadline(self.runtime, self.options.timeout)
        saved = self._prepare()
        enumeration = self._enumeration()
        enumeration.plan(saved, self._fresh(), {**context_of(self.job, self.runtime), **roots}, sender)
        return enumeration

    def _stage(self, mapped: Mapped) -> None:
        self.commits.stage(mapped, self.mapper.columns)

    def _commit_when_due(self) -> None:
        assert self.enumeration is not None  # noqa: S101 - a page of it was just read
        share = self.enumeration.share
        known = {} if share is None else {"share": round(share, 4)}
        self._emit("page", page=self.enumeration.pages, records=self.enumeration.records, **known)
        if self.commits.due:
            self._commit("running")

    def _save_progress(self) -> None:
        if self.options.limit is None:
            self._commit("running")

    # ── the end of the run ─────────────────────────────────────────────────────────────────────────

    def _finish(self) -> RunReport:
        """Commit the rest, with the deletes that a complete enumeration allows."""
        ended = self._outcome()
        partly = ended.status == "incomplete" and self._partly()
        may_delete = self.options.limit is None and (ended.status == "ok" or partly)
        decision = self._decide() if may_delete else Decision(None)
        if decision.reason:
            self.notes.append(decision.reason)
        self.commits.log.tell(_LEVELS[ended.status], ended.message)
        changes = self._commit(ended.status, ended.message, decision=decision)
        return self.report(refused=changes.refused.reason if changes.refused else "")

    def _end_early(self, error: SyncrunError) -> RunReport:
        """Keep what was read before *error*, for the next run to go on from; delete nothing (R7)."""
        self.commits.log.tell(_LEVELS[outcome.of_error(error).status], error.message)
        if self.enumeration is None or not self.enumeration.moved:
            return self._record(error)
        if self.commits.unsettled:  # it was this commit that failed
            if not isinstance(error, (LockedError, Interrupted)):
                self._record(error)
        else:
            report = self.report(error)
            try:
                self._commit(report.status, report.message, at_once=not isinstance(error, LockedError))
            except SyncrunError as trouble:
                self._note(trouble, unless=error)
        if self.commits.left:
            self.notes.append("what was read is staged: the next run commits it without fetching it again")
        return self.report(error)

    def _record(self, error: SyncrunError) -> RunReport:
        """Keep the row of a run that could commit nothing, where the database lets it."""
        report = self.report(error)
        if isinstance(error, LockedError):
            return report
        try:
            self.commits.record(self._row(report.status, report.message))
        except SyncrunError as trouble:  # the run's own error is the one to tell
            self._note(trouble, unless=error)
        return self.report(error)

    def _note(self, trouble: SyncrunError, *, unless: SyncrunError) -> None:
        if trouble.message != unless.message:
            self.notes.append(trouble.message)

    def _partly(self) -> bool:
        """Return whether some partitions may delete although others failed."""
        read = self.enumeration
        return bool(read and read.sources and not outcome.too_many_rejected(read, self.sync))

    def _decide(self) -> Decision:
        assert self.enumeration is not None  # noqa: S101 - there is one once reading began
        return decide(
            self.sync.delete_rule,
            mode=self.mode,
            readings=self.enumeration.readings,
            stored=self._stored_partitions(),
            sources=self.enumeration.sources,
            accept=self.options.accept_deletes,
        )

    def _stored_partitions(self) -> frozenset[str] | None:
        if self.enumeration is None or not self.enumeration.sources:
            return None
        sync = self.job.id
        return self.runtime.store.partitions(sync.connector, self.job.model_name, sync.connection)

    def _commit(
        self,
        status: str,
        message: str = "",
        *,
        decision: Decision | None = None,
        at_once: bool = True,
    ) -> Changes:
        """Make what is staged true, together with the progress it stands for (R12).

        A *decision* goes with the last commit of a run whose partitions have all ended, one way or another.
        """
        if self.options.limit is not None:
            # a look, not progress
            return self.commits.commit(self._row(status, message), self.mapper, {}, at_once=at_once)
        deletes = decided = None if decision is None else decision.deletes
        if self.mode == "full" and decision is None:
            # the read goes on in a later commit, perhaps of a later run
            self.window = self.window or self.run_id
        elif self.window is not None and deletes is None:
            deletes = SnapshotDeletes(frozenset())  # the window is over and deletes nothing
        return self.commits.commit(
            self._row(status, message),
            self.mapper,
            self._progress(decision),
            snapshot=self.window if finds_missing(self.sync) else None,
            deletes=deletes if finds_missing(self.sync) else decided,
            at_once=at_once,
            begun=decision is None and not (self.enumeration and self.enumeration.pages),
        )

    def _progress(self, decision: Decision | None) -> dict[str, str | None]:
        """Return the checkpoints to save, by partition."""
        assert self.enumeration is not None  # noqa: S101 - there is one once reading began
        readings = self.enumeration.readings
        rejected = outcome.too_many_rejected(self.enumeration, self.sync)
        if decision is None:
            window = None if rejected else self.window  # what a run judged too bad is read again (R22)
            now = progress.on_the_way(readings, self.whole, window, windowless=not finds_missing(self.sync))
            return self._moved(now, frozenset())
        full = self.mode == "full"
        snapshot = full and self.sync.incremental is not None and not rejected
        now = progress.at_the_end(readings, self.whole, self.started if snapshot else None)
        # should a partition come back whose records are deleted, all of them have to be read
        gone = frozenset(self.saved.keys() - now.keys() - decision.kept)
        if not full:
            gone &= (decision.deletes and decision.deletes.partitions) or frozenset()
        return self._moved(now, gone)

    def _moved(self, now: Mapping[str, checkpoints.Progress], gone: frozenset[str]) -> dict[str, str | None]:
        """Return the checkpoints to write, and take them for saved: no commit follows one that fails."""
        now = progress.without_secrets(now, self.redactor)
        before, self.saved = self.saved, {**self.saved, **now}
        return progress.to_save(now, before, self._fresh(), gone)

    # ── telling ────────────────────────────────────────────────────────────────────────────────────

    def report(self, error: SyncrunError | None = None, *, refused: str = "") -> RunReport:
        """Return how the run stands: *error* ended it, or it read everything, or something is missing."""
        ended, read = self._outcome(error, refused), self.enumeration
        return RunReport(
            sync=self.job.id,
            model=self.job.model_name,
            run_id=self.run_id,
            status=ended.status,
            mode=self.mode,
            started_at=self.started,
            ended_at=self.runtime.now(),
            changes=self.commits.changes,
            records=read.records if read else 0,
            pages=read.pages if read else 0,
            requests=read.requests if read else 0,
            message=self.redactor.text(ended.message),
            hint=self.redactor.text(ended.hint),
            notes=tuple(self.notes),
        )

    def _outcome(self, error: SyncrunError | None = None, refused: str = "") -> Outcome:
        if error is not None:
            return outcome.of_error(error)
        if refused:
            return Outcome("incomplete", refused, "`run --accept-deletes` deletes them all the same")
        return outcome.of_reading(self.enumeration, self.sync)

    def _row(self, status: str, message: str = "") -> Run:
        report = self.report()
        ended = None if status == "running" else report.ended_at
        run = Run(self.run_id, self.job.id, self.job.model_name, self.mode, self.started, status, ended)
        return replace(run, message=self.redactor.text(message), counts=report.counts)

    def waiting(self, reason: str) -> None:
        """Tell that the run waits for somebody else."""
        self.commits.log.tell("info", reason)
        self._emit("waiting", reason=reason)

    def _emit(self, name: str, **details: Any) -> None:
        self.runtime.emit(Event(name, self.job.id, self.run_id, details))
