"""One run of one sync for one connection: lock, read, stage, commit, report (semantics: A run)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from syncrun.config.secrecy import long_texts
from syncrun.engine import locks, outcome
from syncrun.engine.after_run import after_run
from syncrun.engine.aside import Aside
from syncrun.engine.checkpoints import Progress
from syncrun.engine.commits import Commits
from syncrun.engine.context import context_of
from syncrun.engine.deadline import Deadline
from syncrun.engine.defects import as_told, trace_of
from syncrun.engine.deletes import Decision, decide
from syncrun.engine.enumeration import CursorExpired, Enumeration
from syncrun.engine.fetching import Sender
from syncrun.engine.homes import claim_home
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.leaving import tells_partition
from syncrun.engine.outcome import Outcome
from syncrun.engine.parents import left_of, stored_partitions
from syncrun.engine.plan import Mode, complete_rule
from syncrun.engine.publishing import publish_after
from syncrun.engine.reach import reach_of
from syncrun.engine.remapping import Remapping
from syncrun.engine.report import Event, RunReport
from syncrun.engine.saving import RUN_BEGAN, Saving
from syncrun.engine.sifting import Sifting
from syncrun.engine.start import start_from
from syncrun.errors import Interrupted, LockedError, OtherProjectError, SyncrunError
from syncrun.excerpts import watching
from syncrun.hooks import NO_HOOKS, load_hooks
from syncrun.http.redact import masked
from syncrun.stores.values.commit import Changes
from syncrun.stores.values.run import Run
from syncrun.transform.mapping import Mapped, Mapper

_UNMERGED = "nothing was committed: records come in parts, and not all were read"
_CHANGED = -1  # no time at which the lock was last held: what was saved before has changed since


def run_sync(job: Job, options: Options, runtime: Runtime) -> RunReport:
    """Run *job* once and return how it ended; a defect of syncrun ends this run and no other."""
    started = runtime.now()
    run_id = f"{started.strftime(RUN_BEGAN)}-{secrets.token_hex(3)}"
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
        ) as run.before:
            report = publish_after(run.execute(), run.runtime)
            return after_run(run.hooks, job, runtime, report)
    except SyncrunError as error:
        return run.report(error)
    except Exception as error:  # noqa: BLE001 - told by its place, and the other runs of the command go on
        return run.fail(error)


class SyncRun:
    """The state of one run, from its first request to its report."""

    def __init__(self, job: Job, options: Options, runtime: Runtime, run_id: str, started: datetime) -> None:
        self.job, self.options, self.run_id, self.started = job, options, run_id, started
        self.runtime = runtime.telling(self.waiting, self.held)
        self.sync = job.sync
        self.redactor = job.redactor
        self.notes: list[str] = []
        self.commits = Commits(job, options, self.runtime, run_id, notes=self.notes, redactor=self.redactor)
        self.hooks = NO_HOOKS
        self.mode: Mode = "full"
        self.unsure = False
        self.enumeration: Enumeration | None = None
        self.before: int | None = _CHANGED
        self.stage = "preparing"

    def execute(self) -> RunReport:
        """Do the whole run, with the sync's lock held."""
        self.deadline = Deadline(self.runtime, self.options.timeout)
        self.aside = Aside(self.deadline.check)
        recovered = self.commits.recover()
        if recovered:
            self.notes += recovered
            self.before = _CHANGED
        with watching(self.redactor), self.commits:
            try:
                self._prepare()
                self._bind()
                self._read()
                report = self._finish()
            except Exception as error:  # noqa: BLE001 - what a defect leaves of the run is kept as for any error
                report = self._end_early(self._told(error))
            finally:
                self.aside.close()
            self.commits.close()
        return report

    def fail(self, error: Exception) -> RunReport:
        """Return the report of a run that a defect ended where nothing else was left to do."""
        told = self._told(error)
        with suppress(Exception):  # there may be no database to keep the row in
            self.commits.record(self._row("failed", told.message))
        return self.report(told)

    def _told(self, error: Exception) -> SyncrunError:
        read = self.enumeration
        url = read.last_asked if read else ""
        told = as_told(error, run_id=self.run_id, stage=read.stage if read else self.stage, url=url)
        if told is not error:
            self.commits.log.tell("error", trace_of(error))
        return told

    # ── reading ────────────────────────────────────────────────────────────────────────────────────

    def _prepare(self) -> None:
        """Find out what to read; raise CheckpointError (R1)."""
        store, sync = self.runtime.store, self.job.id
        named = (self.job.connector.hooks, self.sync.hooks)
        folder, redact = self.job.folder, self.redactor.text
        self.hooks = self.aside.do(lambda: load_hooks(named, folder, redact))
        if self.hooks.has("before_request"):  # it may sign with any of them
            self.redactor.add_names(*long_texts(self.job.config))
        if self.options.reset:
            store.forget(sync)
            self.before = _CHANGED
        stored = self.saved = self.runtime.saved(self.job, self.before)
        if stored.paused:
            self.notes.append(f"the sync is paused: only by hand does it run, until `syncrun resume {sync}`")
        self.start = start_from(stored, self.job, self.options, self.runtime.now())
        self.mode = self.start.mode
        self.remapping = Remapping(self.start, self.job, self.hooks, store)
        self._tell(self.remapping.before())
        self.saving = Saving(
            self.job, self.options, self.commits, self.start, began=self.started, redactor=self.redactor
        )
        self.mapper = Mapper(self.sync, known=stored.columns, redact=self.redactor.text)

    def _bind(self) -> None:
        """Bind the run to the database that is there now, and the connection to its project."""
        store, saved = self.runtime.store, self.saved
        claim = claim_home(self.job, self.runtime.state_folder, saved.home, adopt=self.options.adopt)
        self._tell(claim.note)
        self.commits.homes = claim.home, saved.home
        self.commits.basis = saved.basis or store.bind(self.started)

    def _read(self) -> None:
        """Read; when the API says that the cursor has expired, read everything, keeping records (R16)."""
        self._emit("run_started", mode=self.mode)
        try:
            self._enumerate(self.start.saved)
        except CursorExpired as expired:
            self.notes.append(f"the cursor has expired, everything is read again: {expired.message}")
            if self.enumeration is not None and self.enumeration.moved and self.options.limit is None:
                self._commit("running")  # what was seen before is not seen by the read of everything
            self.mode = "full"
            self._enumerate({})

    def _enumerate(self, saved: Mapping[str, Progress]) -> None:
        self.commits.newest_first = self.mode == "incremental" and self.sync.newest_first
        self.enumeration = self._enumeration()
        self.enumeration.read(saved, self.start.fresh)

    def _enumeration(self) -> Enumeration:
        return Enumeration(
            self.job,
            self.options,
            self.runtime,
            mode=self.mode,
            window=self.saving.window,
            missing=self.start.missing,
            mapper=self.mapper,
            mapping=self.remapping.mapping,
            redactor=self.redactor,
            sink=self._stage,
            between=self._commit_when_due,
            save=self._save_progress,
            check=self.deadline.check,
            aside=self.aside,
            on_wait=lambda reason: self._emit("waiting", reason=reason),
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
        self.aside = Aside(self.deadline.check)
        self._prepare()
        enumeration = self._enumeration()
        context = {**context_of(self.job, self.runtime), **roots}
        enumeration.plan(self.start.saved, self.start.fresh, context, sender)
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
        found = outcome.of_reading(self.enumeration, self.sync)
        partly = found.status == "incomplete" and self._partly()
        may_delete = self.options.limit is None and (found.status == "ok" or partly)
        decision = self._decide() if may_delete else Decision(None)
        self.unsure = bool(decision.unsure)
        read = self.enumeration
        assert read is not None  # noqa: S101 - there is one once reading began
        ended = self._outcome()
        self._tell(*outcome.notes_on(read, ended, decision))
        self.commits.log.tell(ended.level, ended.message)
        if self._lacks_parts():
            self._tell(_UNMERGED)
            return self._record_end(ended)
        if decision.deletes is not None:
            self.saving.sift = Sifting(self.job, self.runtime, read, self._tell)
        changes = self._commit(ended.status, ended.message, decision=decision)
        self._tell(changes.note, "" if decision.deletes is None else outcome.of_missing(changes))
        self._tell(self.remapping.after(read, self.commits.changes))
        if self.mode == "full" and ended.status == "ok":
            self._tell(outcome.of_vanished(self.commits.changes))
        return self.report(refused=changes.refused.reason if changes.refused else "")

    def _end_early(self, error: SyncrunError) -> RunReport:
        """Keep what was read before *error*, for the next run to go on from; delete nothing (R7)."""
        self.commits.log.tell(outcome.of_error(error).level, error.message)
        if self.enumeration is None or not self.enumeration.moved:
            return self._record(error)
        if self._lacks_parts():
            self._tell(_UNMERGED)
            return self._record(error)
        stopped_by = error
        if self.commits.unsettled:  # it was this commit that failed
            if not isinstance(error, (LockedError, Interrupted)):
                self._record(error)
        else:
            report = self.report(error)
            try:
                self._commit(report.status, report.message, at_once=not isinstance(error, LockedError))
            except SyncrunError as trouble:
                stopped_by = trouble
                self._note(trouble, unless=error)
        if self.commits.left:
            self.notes.append(outcome.of_staged(stopped_by, self.commits.folder))
        return self.report(error)

    def _lacks_parts(self) -> bool:
        """Whether records may lack parts that were not read: stored, they would lose what they had."""
        read = self.enumeration
        return self.sync.merge and (read is None or not all(r.done for r in read.readings.values()))

    def _record_end(self, ended: Outcome) -> RunReport:
        """Keep the row of a run that has ended without a commit."""
        self.commits.record(self._row(ended.status, ended.message))
        return self.report()

    def _record(self, error: SyncrunError) -> RunReport:
        """Keep the row of a run that could commit nothing, where the database lets it."""
        report = self.report(error)
        if isinstance(error, (LockedError, OtherProjectError)):  # what is there is told by somebody else
            return report
        try:
            self.commits.record(self._row(report.status, report.message))
        except SyncrunError as trouble:  # the run's own error is the one to tell
            self._note(trouble, unless=error)
        return self.report(error)

    def _tell(self, *notes: str) -> None:
        self.notes += filter(None, notes)

    def _note(self, trouble: SyncrunError, *, unless: SyncrunError) -> None:
        if trouble.message != unless.message:
            self.notes.append(trouble.message)

    def _partly(self) -> bool:
        """Return whether some partitions may delete although others failed."""
        read = self.enumeration
        return bool(read and read.sources and not outcome.too_many_rejected(read, self.sync))

    def _decide(self) -> Decision:
        assert self.enumeration is not None  # noqa: S101 - there is one once reading began
        read = self.enumeration
        stored = stored_partitions(self.job, self.runtime)
        vanished = (stored or frozenset()) - frozenset(read.readings)
        decision = decide(
            complete_rule(self.sync),
            mode=self.mode,
            readings=read.readings,
            stored=stored,
            left=left_of(self.job, self.runtime, vanished, read.vars),
            apart=tells_partition(self.sync, self.job.connector.syncs),
            accept=self.options.accept_deletes,
        )
        if self.mode != "full":
            return decision
        readings = self.enumeration.readings
        nameless = sum(reading.nameless for reading in readings.values())
        return decision.within(reach_of(self.sync, readings), nameless)

    def _commit(
        self,
        status: str,
        message: str = "",
        *,
        decision: Decision | None = None,
        at_once: bool = True,
    ) -> Changes:
        assert self.enumeration is not None  # noqa: S101 - there is one once reading began
        self.enumeration.stage = "committing"
        row = self._row(status, message)
        return self.saving.commit(row, self.mapper, self.enumeration, decision, at_once=at_once)

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
            filtered=read.filtered if read else 0,
            message=self.redactor.text(ended.message),
            hint=self.redactor.text(ended.hint),
            notes=tuple(map(self.redactor.text, self.notes)),
            quarantine=self.redactor.text(outcome.of_quarantine(read)) if read else "",
        )

    def _outcome(self, error: SyncrunError | None = None, refused: str = "") -> Outcome:
        if error is not None:
            return outcome.of_error(error)
        if refused:
            return outcome.of_refusal(refused)
        found = outcome.of_reading(self.enumeration, self.sync)
        return outcome.of_gaps(self.enumeration) or found if found.status == "ok" else found

    def _row(self, status: str, message: str = "") -> Run:
        report = self.report()
        ended = None if status == "running" else report.ended_at
        run = Run(self.run_id, self.job.id, self.job.model_name, self.mode, self.started, status, ended)
        read = None if status == "running" else self.enumeration
        fresh = None if read is None else self.saving.went_on_from(read)
        return replace(run, message=self.redactor.text(message), counts=report.counts, fresh_at=fresh)

    def waiting(self, reason: str) -> None:
        """Tell that the run waits for somebody else."""
        self.commits.log.tell("info", reason)
        self._emit("waiting", reason=reason)

    def held(self, reason: str) -> None:
        """Tell at once, and in the summary, that the API's own limit makes requests wait."""
        if reason not in self.notes:
            self.notes.append(reason)
        self.waiting(reason)

    def _emit(self, name: str, **details: Any) -> None:
        self.runtime.emit(Event(name, self.job.id, self.run_id, masked(details, self.redactor)))
