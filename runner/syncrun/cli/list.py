"""`syncrun list`: connectors, connections and syncs, with how their last run ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncrun.cli.options import environment, project_folder
from syncrun.config.load import list_connectors
from syncrun.engine.selection import Workspace, open_workspace
from syncrun.stores.base import Run


@click.command("list", epilog="Example: syncrun list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a sync, on standard output.")
@environment
@project_folder
def command(*, as_json: bool, env: str | None, project: Path | None) -> int:
    """Show connectors, connections and syncs, with their last run."""
    workspace = open_workspace(project, env=env)
    rows = _rows(workspace)
    if as_json:
        import orjson

        for row in rows:
            click.echo(orjson.dumps(row).decode())
        return 0
    _print_connectors(workspace)
    _print_syncs(rows)
    return 0


def _rows(workspace: Workspace) -> list[dict[str, Any]]:
    """Return one row a sync of each connection, and one a sync that was run without a project."""
    last = _last_runs(workspace)
    rows = []
    for name, connection in workspace.project.connections.items():
        connector, _ = workspace.connector(connection.connector)
        for sync in connector.syncs:
            override = connection.syncs.get(sync)
            enabled = override is None or override.enabled
            rows.append(_row(name, connector.connector, sync, enabled, last.pop((name, sync), None)))
    rows += [_row(c, run.sync.connector, sync, True, run) for (c, sync), run in last.items()]  # noqa: FBT003
    return rows


def _last_runs(workspace: Workspace) -> dict[tuple[str, str], Run]:
    if not workspace.database.exists():
        return {}
    runs = workspace.store().last_runs()
    return {(run.sync.connection, run.sync.sync): run for run in runs}


def _row(connection: str, connector: str, sync: str, enabled: bool, run: Run | None) -> dict[str, Any]:  # noqa: FBT001
    state = {"connection": connection, "connector": connector, "sync": sync, "enabled": enabled}
    if run is None:
        return {**state, "last_run": None}
    ended = run.ended_at or run.started_at
    return {**state, "last_run": {"id": run.id, "status": run.status, "at": ended.isoformat(), **run.counts}}


def _print_connectors(workspace: Workspace) -> None:
    click.echo("Connectors")
    for name, path in list_connectors([workspace.folder / "connectors"]):
        own = path.is_relative_to(workspace.folder / "connectors")
        click.echo(f"  {name:<20} {path.relative_to(workspace.folder) if own else 'built-in'}")


def _print_syncs(rows: list[dict[str, Any]]) -> None:
    if not rows:
        click.echo("\nNo connections yet: add them to syncrun.yaml, or run a connector by its name.")
        return
    click.echo("\nSyncs")
    for row in rows:
        run = row["last_run"]
        state = (
            "disabled"
            if not row["enabled"]
            else "never run"
            if run is None
            else f"{run['status']} {run['at']}"
        )
        click.echo(f"  {row['connection'] + '/' + row['sync']:<30} {row['connector']:<16} {state}")
