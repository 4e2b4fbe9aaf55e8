"""`syncrun runs`: the history of runs, newest first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from syncrun.cli import counts
from syncrun.cli.columns import print_columns
from syncrun.cli.options import environment, json_lines, project_folder, tell
from syncrun.cli.terminal import echo
from syncrun.engine.run_names import runs_of
from syncrun.engine.selection import open_workspace
from syncrun.stores.values.run import Run, RunChoice
from syncrun.wording import iso, minute

_STATUSES = ("running", "ok", "incomplete", "failed", "interrupted")


@click.command("runs", epilog="Examples: syncrun runs acme/issues; syncrun runs --status failed --limit 5")
@click.argument("target", required=False, metavar="[CONNECTION[/SYNC]]")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(_STATUSES), help="Only those; repeatable."
)
@json_lines("run")
@environment
@project_folder
def command(
    *,
    target: str | None,
    limit: int,
    statuses: tuple[str, ...],
    as_json: bool,
    env: str | None,
    project: Path | None,
) -> int:
    """Show the runs of all syncs, of a connection, or of one sync; `syncrun logs` has the details."""
    workspace = open_workspace(project, env=env)
    choice = runs_of(workspace, target or "", RunChoice(statuses=statuses, limit=limit))
    found = workspace.store(on_wait=tell).runs(choice) if workspace.database.exists() else []
    if as_json:
        for run in found:
            echo(json.dumps(document(run), ensure_ascii=False))
    elif found:
        print_columns([_row(run) for run in found])
    else:
        echo("no such runs yet", err=True)
    return 0


def document(run: Run) -> dict[str, Any]:
    """Return *run* as JSON."""
    return {
        "id": run.id,
        "connection": run.sync.connection,
        "connector": run.sync.connector,
        "sync": run.sync.sync,
        "model": run.model,
        "mode": run.mode,
        "status": run.status,
        "started_at": iso(run.started_at),
        "ended_at": iso(run.ended_at) if run.ended_at else None,
        "message": run.message,
        **run.counts,
    }


def _row(run: Run) -> tuple[str, ...]:
    seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at else None
    took = "" if seconds is None else counts.duration(seconds)
    told = counts.told(run.counts) if run.status in ("ok", "running") else run.message
    return (run.id, str(run.sync), run.status, minute(run.started_at), took, told.partition("\n")[0])
