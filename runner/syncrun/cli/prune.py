"""`syncrun prune`: apply the project's retention, and give the room back to the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from syncrun.cli.options import database_wait, environment, project_folder, tell
from syncrun.config.load import shown
from syncrun.engine.retention import Report, asks_for_nothing, prune
from syncrun.engine.selection import open_workspace
from syncrun.errors import UsageError


@click.command("prune", epilog="Examples: syncrun prune --dry-run; syncrun prune --compact")
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@click.option(
    "--compact", is_flag=True, help="Also where little of the database file is free: write it anew."
)
@click.option("--json", "as_json", is_flag=True, help="What went as one JSON object, on standard output.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing unless something is wrong.")
@database_wait
@environment
@project_folder
def command(
    *,
    dry_run: bool,
    compact: bool,
    as_json: bool,
    quiet: bool,
    lock_timeout: float,
    env: str | None,
    project: Path | None,
) -> int:
    """Let go what the project's retention says: old payloads, idle syncs, logs of old runs.

    When more than half of the database file, and 16 MiB, is free then, that goes back to the disk.
    """
    workspace = open_workspace(project, env=env)
    if asks_for_nothing(workspace.project.retention) and not compact:
        file = shown(workspace.project.file) if workspace.project.file else "syncrun.yaml"
        hint = f"write such as `retention: {{run_logs: 90d}}` in {file}"
        raise UsageError("the project keeps everything: it has no retention", hint=hint)
    store = workspace.store(writing=not dry_run, lock_timeout=lock_timeout, on_wait=tell)
    report = prune(workspace, store, datetime.now(UTC), dry_run=dry_run, compact=compact)
    if as_json:
        click.echo(json.dumps(_document(report, dry_run=dry_run)))
    if report.trouble:
        tell(f"not compacted, though much is free: {report.trouble}")
    if not quiet and not as_json:
        for line in _lines(report, workspace.database.name, dry_run=dry_run):
            click.echo(line, err=True)
    return 0


def _document(report: Report, *, dry_run: bool) -> dict[str, Any]:
    pruned = report.pruned
    return {
        "dry_run": dry_run,
        "payloads": dict(pruned.payloads),
        "versions": dict(pruned.versions),
        "idle_syncs": [
            {"connection": s.connection, "connector": s.connector, "sync": s.sync, "records": count}
            for s, count in pruned.idle.items()
        ],
        "busy_syncs": [str(sync) for sync in report.busy],
        "logs": dict(pruned.logs),
        "compaction": asdict(report.compaction) if report.compaction else None,
    }


def _lines(report: Report, database: str, *, dry_run: bool) -> Iterator[str]:
    would = "would be " if dry_run else ""
    pruned = report.pruned
    yield from _counted(pruned.payloads, f"records {would}emptied")
    yield from _counted(pruned.versions, f"versions in the history {would}emptied")
    for sync, count in pruned.idle.items():
        yield f"{sync}: idle, {would}removed with {count} records"
    for sync in report.busy:
        yield f"{sync}: idle until now, and kept: a run of it is going on"
    yield from _counted({f"syncrun.{name}": n for name, n in pruned.logs.items()}, f"rows {would}removed")
    if not pruned.anything and report.compaction is None:
        yield "nothing is old enough to go"
    if (done := report.compaction) is not None:
        about = "about " if dry_run else ""
        yield f"{database}: {about}{done.given_back:,} of {done.before:,} bytes {would}given back to the disk"


def _counted(counts: Mapping[str, int], told: str) -> Iterator[str]:
    for name, count in counts.items():
        yield f"{name}: {count} {told}"
