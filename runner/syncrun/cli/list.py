"""`syncrun list`: connectors, connections and syncs, with how their last run ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from syncrun.cli import counts
from syncrun.cli.options import environment, project_folder, tell
from syncrun.config.load import list_connectors, shown
from syncrun.engine.selection import Workspace, open_workspace
from syncrun.errors import ConfigurationError, Problem
from syncrun.stores.base import Run, SyncId


@click.command("list", epilog="Example: syncrun list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a sync, on standard output.")
@environment
@project_folder
def command(*, as_json: bool, env: str | None, project: Path | None) -> int:
    """Show connectors, connections and syncs, with their last run."""
    workspace = open_workspace(project, env=env)
    rows = _rows(workspace)
    if as_json:
        import json

        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return 0
    _print_connectors(workspace)
    _print_syncs(rows)
    return 0


def _rows(workspace: Workspace) -> list[dict[str, Any]]:
    """Return one row a sync of each connection, and one a sync that was run without a project."""
    rows, problems = [], list[Problem]()
    last = _last_runs(workspace)
    for name, connection in workspace.project.connections.items():
        try:
            connector, _ = workspace.connector_of(name)
        except ConfigurationError as error:
            problems += error.problems
            continue
        for sync in connector.syncs:
            override = connection.syncs.get(sync)
            identity = SyncId(name, connector.connector, sync)
            enabled = override is None or override.enabled
            rows.append(_row(identity, last.pop(identity, None), enabled=enabled))
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return rows + [_row(identity, run, enabled=True) for identity, run in last.items()]


def _last_runs(workspace: Workspace) -> dict[SyncId, Run]:
    if not workspace.database.exists():
        return {}
    return {run.sync: run for run in workspace.store(on_wait=tell).last_runs()}


def _row(sync: SyncId, run: Run | None, *, enabled: bool) -> dict[str, Any]:
    state = {
        "connection": sync.connection,
        "connector": sync.connector,
        "sync": sync.sync,
        "enabled": enabled,
    }
    if run is None:
        return {**state, "last_run": None}
    ended = run.ended_at or run.started_at
    return {**state, "last_run": {"id": run.id, "status": run.status, "at": ended.isoformat(), **run.counts}}


def _print_connectors(workspace: Workspace) -> None:
    folder = workspace.folder / "connectors"
    places = [
        (name, shown(path) if path.is_relative_to(folder) else "built-in")
        for name, path in list_connectors([folder])
    ]
    click.echo("Connectors")
    _print_columns(places)


def _print_syncs(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        click.echo("\nNo connections yet: add them to syncrun.yaml, or run a connector by its name.")
        return
    click.echo("\nSyncs")
    _print_columns(
        [
            (str(SyncId(row["connection"], row["connector"], row["sync"])), row["connector"], *_state(row))
            for row in rows
        ]
    )


def _state(row: dict[str, Any]) -> tuple[str, str, str]:
    """Return how the last run of a sync ended, when, and what it changed."""
    run = row["last_run"]
    state = "disabled" if not row["enabled"] else "never run" if run is None else run["status"]
    return (state, _minute(run["at"]), counts.told(run)) if run else (state, "", "")


def _minute(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    """Print *rows* as aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(f"  {'  '.join(cells)}".rstrip())
