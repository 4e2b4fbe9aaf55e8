"""`syncrun forget`: let go of what a connection has left that is no longer in the project."""

from __future__ import annotations

import json
from pathlib import Path

import click

from syncrun.cli.options import environment, project_folder, run_wait, tell
from syncrun.cli.terminal import echo
from syncrun.engine.forgetting import forget
from syncrun.engine.homes import of_others
from syncrun.engine.job import Runtime
from syncrun.engine.selection import open_workspace
from syncrun.errors import ExitCode, UsageError
from syncrun.stores.values.forgotten import Owner
from syncrun.wording import counted


@click.command("forget", epilog="Examples: syncrun forget acme; syncrun forget acme --yes")
@click.argument("connection")
@click.option("--connector", default="", metavar="NAME", help="Only what this connector has read for it.")
@click.option("--yes", is_flag=True, help="Do it; without, it is only shown what would go.")
@click.option("--json", "as_json", is_flag=True, help="What goes as one JSON object, on standard output.")
@run_wait
@environment
@project_folder
def command(
    *,
    connection: str,
    connector: str,
    yes: bool,
    as_json: bool,
    lock_timeout: float,
    env: str | None,
    project: Path | None,
) -> int:
    """Remove all that is stored for CONNECTION: records, history, runs, progress, quarantine, credentials.

    `status` and `list` show the connections that are no longer in the project.
    """
    workspace = open_workspace(project, env=env, on_wait=tell, lock_timeout=lock_timeout)
    store = workspace.store(writing=yes)
    owner = Owner(connection, connector)
    known = {found for found in store.owners() if owner in (found, Owner(found.connection))}
    if not known:
        names = ", ".join(sorted({found.connection for found in store.owners()}))
        raise UsageError(
            f"nothing is stored for {owner}", hint=f"there is something for {names}" if names else ""
        )
    other = of_others(store.homes(), workspace.folder, workspace.database).get(connection)
    if other is not None:
        raise UsageError(
            f"the connection {connection} is that of another project, in {other.project}",
            hint="forget it there, or take it out of that project's file",
        )
    runtime = Runtime(store, workspace.database, environ=workspace.environ)
    gone = forget(owner, runtime, store, dry_run=not yes, lock_timeout=lock_timeout)
    if as_json:
        echo(
            json.dumps({"connection": connection, "connector": connector or None, "done": yes, "rows": gone})
        )
        return ExitCode.OK
    word = "removed" if yes else "would be removed"
    for table, count in gone.items():
        echo(f"{table.replace(chr(34), '')}: {counted(count, 'row')} {word}", err=True)
    if not yes:
        echo(f"nothing was removed yet: syncrun forget {connection} --yes", err=True)
    if connection in workspace.project.connections:
        echo(f"{connection} is in the project: its next run reads everything", err=True)
    return ExitCode.OK
