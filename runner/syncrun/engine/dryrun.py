"""A dry run: a whole run, whose commits are looked at and not made, in a folder that is gone afterwards."""

from __future__ import annotations

import math
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from syncrun.config.sync import Deletes
from syncrun.engine import pending
from syncrun.engine.diagnostics import Diagnostics, Meter
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.report import RunReport
from syncrun.engine.run import SyncRun
from syncrun.errors import SyncrunError
from syncrun.http.redact import Redactor, masked
from syncrun.stores.base import Store
from syncrun.stores.values.basis import Basis
from syncrun.stores.values.commit import Changes, Commit
from syncrun.stores.values.preview import Preview
from syncrun.stores.values.run import Run

if TYPE_CHECKING:
    from syncrun.http.client import Exchange
    from syncrun.http.encoding import Outgoing
    from syncrun.http.outcome import Outcome
    from syncrun.http.recording import Recording


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would do: its *report*, the *preview* of its commit, and what to know about them.

    *deletes* says what becomes of records that were not seen. *pagination* is what was detected, as YAML to
    paste, where the sync declares none. *recording* holds the answers that the API gave, secrets redacted.
    """

    report: RunReport
    preview: Preview
    deletes: str
    pagination: str = ""
    recording: Recording | None = field(default=None, repr=False)
    diagnostics: Diagnostics | None = None


def dry_run(
    job: Job,
    options: Options,
    runtime: Runtime,
    *,
    most: int = 20,
    record: bool = False,
    measure: bool = False,
) -> DryRun:
    """Do all that a run of *job* would do, but write nothing; only defects of syncrun itself raise.

    At most so many records of each kind are shown. *record* keeps the answers, *measure* fills the
    diagnostics. Nobody is locked out: records and progress may change meanwhile. What the API issues to sign
    in is kept, because it may be valid only once.
    """
    from syncrun.http.recording import Recording

    recording = Recording() if record else None
    scratch = TemporaryDirectory(prefix="syncrun-dryrun-", dir=runtime.passing_folder)
    with scratch as folder, Meter(runtime.clock, on=measure) as meter:
        onlooker = Onlooker(runtime.store, most, meter)
        apart = runtime.apart(Path(folder), onlooker, _Watch(meter, recording))
        whole = replace(options, commit_rows=sys.maxsize, commit_seconds=math.inf)
        started = runtime.now()
        run = SyncRun(job, whole, apart, f"dry-{started:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}", started)
        try:
            report = run.execute()
        except SyncrunError as error:
            report = run.report(error)
    read = run.enumeration
    meter.stages["mapping"] = read.mapping_seconds if read else 0.0
    if recording is not None:
        recording.redact(run.redactor)
    return DryRun(
        report=replace(report, notes=(*report.notes, *_notes(job, runtime, run))),
        preview=_hidden(onlooker.preview_made, run.redactor),
        deletes=_verdict(job.sync.delete_rule, report, onlooker, options, unsure=run.unsure),
        pagination=_pagination(run),
        recording=recording,
        diagnostics=meter.diagnostics() if measure else None,
    )


class Onlooker:
    """A store that looks at commits and makes none: everything else of it reads."""

    def __init__(self, store: Store, most: int, meter: Meter) -> None:
        self._store, self._most, self._meter = store, most, meter
        self.commits: list[Commit] = []
        self.preview_made = Preview()

    def __getattr__(self, name: str) -> Any:
        """Return what the store itself has of this name, when it only reads."""
        if name in ("forget", "save_checkpoints"):
            raise AssertionError(f"a dry run does not {name}")
        return getattr(self._store, name)

    def telling(self, on_wait: Callable[[str], None]) -> Onlooker:
        """Be told what the store waits for."""
        self._store = self._store.telling(on_wait)
        return self

    def commit(self, commit: Commit) -> Changes:
        """Return what *commit* would change."""
        self.commits.append(commit)
        with self._meter.stage("comparing"):
            self.preview_made = self._store.preview(commit, most=self._most)
        return self.preview_made.changes

    def bind(self, at: datetime) -> None:
        """Make no database."""

    def record_run(self, run: Run, log: Sequence[Path] = (), *, basis: Basis | None = None) -> None:
        """Leave the history of runs as it is."""


class _Watch:
    """Hands on what goes over the wire to those who want to know."""

    def __init__(self, meter: Meter, recording: Recording | None) -> None:
        self._meter, self._recording = meter, recording

    def exchange(self, exchange: Exchange) -> None:
        self._meter.exchange(exchange)

    def answer(self, asked: Outgoing, answered: Outcome) -> None:
        if self._recording is not None:
            self._recording.add(asked, answered)


def _verdict(
    rule: Deletes | None, report: RunReport, onlooker: Onlooker, options: Options, *, unsure: bool
) -> str:
    """Say whether records that were not seen would be deleted, and why."""
    refused = onlooker.preview_made.changes.refused
    decided = onlooker.commits[-1].deletes if onlooker.commits else None
    some = decided is not None and (decided.partitions is None or len(decided.partitions) > 0)
    incomplete = report.status == "incomplete"
    cases = (
        (rule is None, "none: this sync never deletes"),
        (refused is not None, f"none: {refused.reason if refused else ''}"),
        (report.status not in ("ok", "incomplete"), "none: the read did not come to its end"),
        (options.limit is not None, "none for what was not seen: a limited read deletes nothing"),
        (some and (incomplete or unsure), "what was not seen in the partitions that were read completely"),
        (some, "what the complete read did not see"),
        (unsure, "none for what was not seen: the read went on at a page that may have moved"),
        (incomplete, "none for what was not seen: the read was incomplete"),
        (rule is not None and bool(rule.snapshot), "none for what was not seen: only changes were read"),
    )
    return next((told for holds, told in cases if holds), "what the API says is deleted")


def _notes(job: Job, runtime: Runtime, run: SyncRun) -> Iterator[str]:
    """Yield what else to know before trusting the numbers."""
    left = pending.folder_of(runtime.staging_folder, job.id, "")
    if left.is_dir() and any(map(pending.is_saved, left.iterdir())):
        yield "an earlier run could not commit what it read: the next one does that first"
    if job.parents and run.enumeration is not None and not run.enumeration.readings:
        names = ", ".join(sorted(str(parent) for parent in job.parents))
        yield f"no parent record is stored, so that nothing was read: run {names} first"


def _pagination(run: SyncRun) -> str:
    from syncrun.extract.detect import as_yaml

    found = run.enumeration.detected if run.enumeration is not None else None
    return "" if found is None else as_yaml(found)


def _hidden(preview: Preview, redactor: Redactor) -> Preview:
    """Return *preview* without secrets: an API may echo them (R23)."""

    def hide(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: masked(value, redactor) for name, value in values.items()}

    records = tuple(
        replace(record, id=redactor.text(record.id), values=hide(record.values), before=hide(record.before))
        for record in preview.records
    )
    repeated = tuple(map(redactor.text, preview.repeated))
    return replace(preview, records=records, repeated=repeated)
