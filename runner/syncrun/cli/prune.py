"""`syncrun prune`: apply the project's retention, and give the room back to the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from syncrun.cli.options import database_wait, environment, project_folder, tell
from syncrun.cli.terminal import echo
from syncrun.config.load import shown
from syncrun.engine.retention import Report, asks_for_nothing, prune
from syncrun.engine.selection import open_workspace
from syncrun.errors import UsageError
from syncrun.wording import counted, size


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
    workspace = open_workspace(project, env=env, on_wait=tell, lock_timeout=lock_timeout)
    if asks_for_nothing(workspace.project.retention) and not compact:
        file = shown(workspace.project.file) if workspace.project.file else "syncrun.yaml"
        hint = f"write such as `retention: {{run_logs: 90d}}` in {file}"
        raise UsageError("the project keeps everything: it has no retention", hint=hint)
    there = workspace.database.exists()
    store = workspace.store(writing=not dry_run)
    report = prune(workspace, store, datetime.now(UTC), dry_run=dry_run, compact=compact)
    if as_json:
        echo(json.dumps(_document(report, dry_run=dry_run)))
    if report.trouble:
        tell(f"not compacted, though much is free: {report.trouble}")
    if not quiet and not as_json:
        name = workspace.database.name
        for line in _lines(report, name, dry_run=dry_run) if there else [f"there is no {name} yet"]:
            echo(line, err=True)
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
    for model, count in pruned.payloads.items():
        yield f"{model}: {counted(count, 'record')} {would}emptied"
    for model, count in pruned.versions.items():
        yield f"{model}: {counted(count, 'version')} in the history {would}emptied"
    for sync, count in pruned.idle.items():
        yield f"{sync}: idle, {would}removed with {counted(count, 'record')}"
    for sync in report.busy:
        yield f"{sync}: idle until now, and kept: a run of it is going on"
    for table, count in pruned.logs.items():
        yield f"syncrun.{table}: {counted(count, 'row')} {would}removed"
    if not pruned.anything and report.compaction is None:
        yield "nothing is old enough to go"
    if (done := report.compaction) is not None:
        about = "about " if dry_run else ""
        room = f"{about}{size(done.given_back)} of {size(done.before)}"
        yield f"{database}: {room} {would}given back to the disk"
