"""`syncrun pause`: let a sync, or all of a connection, run only by hand."""

from __future__ import annotations

from pathlib import Path

import click

from syncrun.cli.options import database_wait, environment, project_folder, tell
from syncrun.cli.terminal import echo
from syncrun.engine.outside import utc_now
from syncrun.engine.selection import open_workspace


@click.command("pause", epilog="Examples: syncrun pause acme/issues; syncrun pause acme")
@click.argument("target", metavar="CONNECTION[/SYNC]")
@database_wait
@environment
@project_folder
def command(*, target: str, lock_timeout: float, env: str | None, project: Path | None) -> int:
    """Leave a sync out of `run --due` and `run --all`; by its name it still runs, and a run goes on."""
    said = set_paused(target, paused=True, lock_timeout=lock_timeout, env=env, project=project)
    echo(f"{said} paused until `syncrun resume {target}`", err=True)
    return 0


def set_paused(
    target: str, *, paused: bool, lock_timeout: float, env: str | None, project: Path | None
) -> str:
    """Pause or resume *target*; return the beginning of a sentence about it."""
    workspace = open_workspace(project, env=env, on_wait=tell, lock_timeout=lock_timeout)
    identity = workspace.owner(target)
    store = workspace.store(writing=True)
    store.set_paused(identity, paused=paused, at=utc_now())
    return f"{target} is" if identity.sync else f"all syncs of {target} are"
