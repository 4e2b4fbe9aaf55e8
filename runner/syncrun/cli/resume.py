"""`syncrun resume`: let a paused sync run by itself again."""

from __future__ import annotations

from pathlib import Path

import click

from syncrun.cli.options import database_wait, environment, project_folder
from syncrun.cli.pause import set_paused
from syncrun.cli.terminal import echo


@click.command("resume", epilog="Examples: syncrun resume acme/issues; syncrun resume acme")
@click.argument("target", metavar="CONNECTION[/SYNC]")
@database_wait
@environment
@project_folder
def command(*, target: str, lock_timeout: float, env: str | None, project: Path | None) -> int:
    """Let a sync, or all of a connection, run by itself again; with auto_start: false the first time."""
    said = set_paused(target, paused=False, lock_timeout=lock_timeout, env=env, project=project)
    echo(f"{said} resumed: what is due runs with the next `syncrun run --due`", err=True)
    return 0
