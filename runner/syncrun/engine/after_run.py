"""The hook that is told how a run ended, once everything of the run is committed."""

from __future__ import annotations

from dataclasses import replace

from syncrun.engine.context import context_of
from syncrun.engine.job import Job, Runtime
from syncrun.engine.report import Event, RunReport
from syncrun.errors import HookError, SyncrunError
from syncrun.hooks import Hooks
from syncrun.stores.values.run import Run


def after_run(hooks: Hooks, job: Job, runtime: Runtime, report: RunReport) -> RunReport:
    """Tell `after_run` what the event `run_finished` will say, and return the report.

    Where the hook raises, the report of a good run is one of a failed run: somebody has to look. What the run
    committed stays, and the next run goes on from there.
    """
    if not hooks.has("after_run"):
        return report
    summary = Event("run_finished", report.sync, report.run_id, report.to_json()).to_json()
    try:
        hooks.after_run(summary, context_of(job, runtime))
    except HookError as error:
        if report.status != "ok":  # the run has a trouble of its own to tell
            return replace(report, notes=(*report.notes, error.message))
        hint = "what the run read is committed all the same"
        return _recorded(replace(report, status="failed", message=error.message, hint=hint), runtime)
    return report


def _recorded(report: RunReport, runtime: Runtime) -> RunReport:
    row = Run(
        report.run_id,
        report.sync,
        report.model,
        report.mode,
        report.started_at,
        report.status,
        report.ended_at,
        message=report.message,
        counts=report.counts,
    )
    try:
        runtime.store.record_run(row, basis=report.changes.basis)
    except SyncrunError as trouble:
        return replace(report, notes=(*report.notes, trouble.message))
    return report
