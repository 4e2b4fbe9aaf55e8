"""`syncrun dryrun`: fetch, map and compare, write nothing, and show what a run would do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from textwrap import indent
from typing import Any

import click

from syncrun.cli import changes, counts
from syncrun.cli.events import EventCommand, JsonEvents
from syncrun.cli.options import (
    connector_set,
    database_wait,
    environment,
    limit_option,
    project_folder,
    show_option,
)
from syncrun.cli.progress import Events, Lines
from syncrun.cli.runtime import runtime_of
from syncrun.cli.signals import stopping
from syncrun.cli.terminal import echo
from syncrun.engine.adjustments import incremental_of, read_cursor
from syncrun.engine.dryrun import DryRun, dry_run
from syncrun.engine.job import Job, Options
from syncrun.engine.outside import Outside
from syncrun.engine.report import Event
from syncrun.engine.selection import open_workspace
from syncrun.errors import UsageError
from syncrun.stores.values.preview import RecordChange
from syncrun.wording import counted, size

_ENOUGH = 3  # records that say something about a field


@click.command(
    "dryrun",
    cls=EventCommand,
    epilog="Examples: syncrun dryrun acme/issues; syncrun dryrun acme/issues --no-limit --full --json",
)
@click.argument("target", metavar="CONNECTION/SYNC")
@limit_option("Stop after N records; what is not seen is not deleted then.", default=100)
@click.option("--no-limit", is_flag=True, help="Read all that a run would read.")
@click.option("--full", is_flag=True, help="Read everything, as run --full does.")
@click.option("--checkpoint", metavar="VALUE", help="Start from this cursor in place of the saved one.")
@click.option(
    "--metadata",
    multiple=True,
    metavar="NAME=VALUE|JSON",
    help="Metadata of the connection, put over what it has.",
)
@show_option(20, "How many records of each kind to show.")
@click.option("--diagnostics", is_flag=True, help="Show memory, processor use and the time of each stage.")
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Keep the API's answers in FOLDER/SYNC.json, secrets redacted, for `syncrun test`.",
)
@database_wait
@connector_set
@environment
@project_folder
@click.pass_obj
def command(
    events: JsonEvents | None,
    *,
    target: str,
    limit: int,
    no_limit: bool,
    full: bool,
    checkpoint: str | None,
    metadata: tuple[str, ...],
    show: int,
    diagnostics: bool,
    save: Path | None,
    lock_timeout: float,
    settings: tuple[str, ...],
    env: str | None,
    project: Path | None,
) -> int:
    """Fetch a sync without writing, and show what a run would add, update and delete."""
    workspace = open_workspace(project, env=env, lock_timeout=lock_timeout)
    job = workspace.job(target, settings)
    job = replace(job, metadata={**job.metadata, **_metadata(metadata)})
    options = Options(
        full=full,
        limit=None if no_limit else limit,
        cursor=_cursor(job, checkpoint, full=full),
        lock_timeout=lock_timeout,
    )
    shown = Lines() if events is None else Events(events)
    outside = click.get_current_context().find_object(Outside) or Outside()
    with stopping(outside.wait) as stop:
        runtime = runtime_of(workspace, outside, stop, shown.event, lock_timeout=lock_timeout)
        done = dry_run(job, options, runtime, most=show, record=save is not None, measure=diagnostics)
        code = stop.exit_code or int(done.report.exit_code)
    saved = _save(done, job, save)
    if events is None:
        print_dry_run(done, saved)
    else:
        _write(events, done, saved, code)
    return code


def _cursor(job: Job, text: str | None, *, full: bool) -> Any:
    if text is None:
        return None
    if full:
        raise UsageError("--full reads everything, so that --checkpoint means nothing", hint="give one")
    incremental_of(job.id, job.sync)
    return read_cursor(text, job.sync, option="--checkpoint")


def _metadata(texts: Sequence[str]) -> dict[str, Any]:
    """Return what --metadata gives: members of JSON objects, and NAME=VALUE as text."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not text.lstrip().startswith("{"):
            if not equals or not name:
                raise UsageError(f"--metadata {text}: expected NAME=VALUE or a JSON object")
            values[name] = value
            continue
        try:
            values |= json.loads(text)
        except ValueError as error:
            raise UsageError(f"--metadata {text}: no JSON object: {error}") from None
    return values


def _save(done: DryRun, job: Job, folder: Path | None) -> Path | None:
    if folder is None or done.recording is None:
        return None
    path = folder / f"{job.id.sync}.json"
    done.recording.write(path)
    return path


# ── for programs ───────────────────────────────────────────────────────────────────────────────────


def _write(events: JsonEvents, done: DryRun, saved: Path | None, code: int) -> None:
    report = done.report
    told = Events(events)

    def tell(name: str, details: Mapping[str, Any]) -> None:
        told.event(Event(name, report.sync, report.run_id, details))

    for record in done.preview.records:
        tell("record", asdict(record))
    for rejection in done.preview.rejected:
        tell("quarantine", asdict(rejection))
    details: dict[str, Any] = {**report.to_json(), "deletes": done.deletes, "table": list(done.preview.table)}
    optional = {
        "repeated": list(done.preview.repeated),
        "pagination": done.pagination,
        "saved": str(saved) if saved else "",
        "diagnostics": done.diagnostics.to_json() if done.diagnostics else None,
    }
    tell("dryrun_finished", {**details, **{name: value for name, value in optional.items() if value}})
    events.finish(code)


# ── for people ─────────────────────────────────────────────────────────────────────────────────────


def print_dry_run(done: DryRun, saved: Path | None = None) -> None:
    """Print the records to standard output, and what to know about them to standard error."""
    for record in done.preview.records:
        echo(_line(record))
    for rejection in done.preview.rejected:
        key = "" if rejection.key is None else f"{changes.shown_id(rejection.key)}  "
        echo(f"! {key}{rejection.reason}")
    for line in _summary(done, saved):
        echo(line, err=True)


def _line(record: RecordChange) -> str:
    if record.action != "UPDATED":
        return changes.whole(record.action, record.id, record.values)
    before = record.before or {}
    return changes.changed(record.id, ((name, value, record.values[name]) for name, value in before.items()))


def _summary(done: DryRun, saved: Path | None) -> Iterator[str]:
    report = done.report
    if report.status != "ok":
        yield f"✗ {report.sync.label}: {report.message}"
        if report.hint:
            yield f"  hint: {report.hint}"
    told = counts.told(report.counts) or "nothing to change"
    read = f"{counted(report.records, 'record')} read, {counted(report.requests, 'request')}, {report.mode}"
    yield f"{report.sync}  would be: {told}  ({read}, {counts.duration(report.seconds)})"
    yield f"  deletes: {done.deletes}"
    if done.preview.changes.duplicates:
        keys = ", ".join(changes.shown_id(key) for key in done.preview.repeated)
        yield f"  duplicates: the last of each key wins, such as {keys}"
    yield from (f"  table: {sentence}" for sentence in done.preview.table)
    notes = [report.message, *report.notes] if report.status == "ok" else report.notes
    yield from (f"  note: {note}" for note in [*notes, _empty_fields(done)] if note)
    if done.pagination:
        yield "  to keep the pagination that was detected, paste:"
        yield indent(done.pagination.rstrip(), "    ")
    if saved is not None:
        yield f"  answers saved in {saved}"
    if done.diagnostics is not None:
        yield from _costs(done)


def _empty_fields(done: DryRun) -> str:
    """Return which fields have no value in any record that is shown: their path may be misspelt."""
    shown = [record.values for record in done.preview.records if record.action == "ADDED"]
    if len(shown) < _ENOUGH:
        return ""
    empty = [name for name in shown[0] if all(values.get(name) is None for values in shown)]
    return f"null in all {len(shown)} records shown: {', '.join(empty)}" if empty else ""


def _costs(done: DryRun) -> Iterator[str]:
    cost = done.diagnostics
    if cost is None:
        return
    memory = f"{cost.memory_average >> 20} MiB on average, {cost.memory_peak >> 20} MiB at most"
    yield f"  memory: {memory}; processor: {cost.cpu_average:.0f} % on average, {cost.cpu_peak:.0f} % at most"
    stages = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in cost.stages.items())
    yield f"  time: {cost.seconds:.2f} s ({stages}); {counted(cost.requests, 'request')}, {size(cost.bytes)}"
