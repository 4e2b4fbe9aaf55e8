"""`syncrun list`: connectors, connections and syncs, with how their last run ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from syncrun.cli import counts
from syncrun.cli.columns import deployed_version, print_columns
from syncrun.cli.options import environment, json_lines, project_folder, tell
from syncrun.cli.terminal import echo
from syncrun.config.load import list_connectors, shown
from syncrun.engine.agenda import entries
from syncrun.engine.forgetting import unowned
from syncrun.engine.outside import utc_now
from syncrun.engine.selection import Workspace, open_workspace
from syncrun.stores.values.forgotten import Owner
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.run import Agenda, Run
from syncrun.wording import iso, minute


@click.command("list", epilog="Example: syncrun list --json")
@json_lines("sync")
@environment
@project_folder
def command(*, as_json: bool, env: str | None, project: Path | None) -> int:
    """Show connectors, connections and syncs, with their last run."""
    workspace = open_workspace(project, env=env)
    rows = _rows(workspace)
    if as_json:
        import json

        for row in rows:
            echo(json.dumps(row, ensure_ascii=False))
        return 0
    _print_connectors(workspace)
    _print_syncs(rows)
    return 0


def _rows(workspace: Workspace) -> list[dict[str, Any]]:
    """Return one row a sync of each connection, and one a sync that was run without a project."""
    known = workspace.store(on_wait=tell).agenda() if workspace.database.exists() else Agenda()
    last, now = dict(known.last), utc_now()
    rows = []
    for entry in entries(workspace):
        stands = entry.standing(known, now)
        schedule = str(entry.schedule) if entry.schedule else None
        row = _row(entry.sync, last.pop(entry.sync, None), stands.state, schedule)
        rows.append({**row, **deployed_version(workspace, entry.sync)})
    lost = {str(owner) for owner in unowned(workspace, workspace.store(on_wait=tell))}
    for sync, run in last.items():
        state = "unowned" if str(Owner(sync.connection, sync.connector)) in lost else "unscheduled"
        rows.append(_row(sync, run, state, None))
    return rows


def _row(sync: SyncId, run: Run | None, state: str, schedule: str | None) -> dict[str, Any]:
    row = {
        "connection": sync.connection,
        "connector": sync.connector,
        "sync": sync.sync,
        "enabled": state != "disabled",
        "state": state,
        "schedule": schedule,
    }
    if run is None:
        return {**row, "last_run": None}
    ended = run.ended_at or run.started_at
    return {**row, "last_run": {"id": run.id, "status": run.status, "at": iso(ended), **run.counts}}


def _print_connectors(workspace: Workspace) -> None:
    folder = workspace.folder / "connectors"
    places = [(name, f"{one.version}, deployed {minute(one.at)}") for name, one in workspace.deployed.items()]
    built_in: list[str] = []
    for name, path in () if places else list_connectors([folder]):
        if path.is_relative_to(folder):
            places.append((name, shown(path)))
        else:
            built_in.append(name)
    if places:
        echo("Connectors")
        print_columns(places)
    if built_in:
        echo("\nBuilt-in connectors" if places else "Built-in connectors")
        echo(click.wrap_text(", ".join(built_in), 78, initial_indent="  ", subsequent_indent="  "))


def _print_syncs(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        echo("\nNo connections yet: add them to syncrun.yaml, or run a connector by its name.")
        return
    echo("\nSyncs")
    print_columns(
        [
            (str(SyncId(row["connection"], row["connector"], row["sync"])), row["connector"], *_state(row))
            for row in rows
        ]
    )


def _state(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return how the last run of a sync ended, when, what it changed, and when the sync runs by itself."""
    run, resting = row["last_run"], row["state"] in ("disabled", "paused", "unowned")
    state = row["state"] if resting else "never run" if run is None else run["status"]
    told = (minute(datetime.fromisoformat(run["at"])), counts.told(run)) if run else ("", "")
    return (state, *told, row["schedule"] or "")
