"""`syncrun checkpoint`: show and change the saved progress of a sync."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from syncrun.cli.options import environment, project_folder, run_wait, tell
from syncrun.cli.terminal import echo
from syncrun.engine import adjustments
from syncrun.engine.job import Runtime
from syncrun.engine.selection import Workspace, open_workspace

_target = click.argument("target", metavar="CONNECTION/SYNC")
_partition = click.option(
    "--partition", metavar="ID", help="One partition, by the id that `checkpoint show` gives it."
)


@click.group("checkpoint", epilog="Example: syncrun checkpoint show acme/issues")
def command() -> None:
    """Show and change how far a sync has come."""


def _shared(function: Callable[..., int]) -> Callable[..., int]:
    for decorate in (project_folder, environment, _partition, _target):
        function = decorate(function)
    return function


@command.command("show", epilog="Example: syncrun checkpoint show acme/issues")
@_shared
def show(*, target: str, partition: str | None, env: str | None, project: Path | None) -> int:
    """Print the progress of every partition as JSON."""
    workspace = open_workspace(project, env=env)
    sync, _ = workspace.sync(target)
    document = adjustments.describe(sync, _runtime(workspace), partition)
    echo(json.dumps(document, indent=2, ensure_ascii=False))
    return 0


@command.command("set", epilog="Example: syncrun checkpoint set acme/issues --cursor 2024-05-01")
@_shared
@click.option("--cursor", required=True, metavar="VALUE", help="Where the next run starts.")
@run_wait
def set_(
    *,
    target: str,
    cursor: str,
    partition: str | None,
    lock_timeout: float,
    env: str | None,
    project: Path | None,
) -> int:
    """Make the next run start from a cursor, in all partitions or one; records stay."""
    workspace = open_workspace(project, env=env, on_wait=tell, lock_timeout=lock_timeout)
    sync, definition = workspace.sync(target)
    runtime = _runtime(workspace, writing=True)
    value = adjustments.set_cursor(
        sync, definition, cursor, runtime, partition, lock_timeout=lock_timeout, tell=tell
    )
    echo(f"{sync}: the next run starts from {value}", err=True)
    return 0


@command.command("clear", epilog="Example: syncrun checkpoint clear acme/issues")
@_shared
@run_wait
def clear(
    *, target: str, partition: str | None, lock_timeout: float, env: str | None, project: Path | None
) -> int:
    """Forget the progress, as `run --reset` does, without running; records stay."""
    workspace = open_workspace(project, env=env, on_wait=tell, lock_timeout=lock_timeout)
    sync, _ = workspace.sync(target)
    runtime = _runtime(workspace, writing=True)
    count = adjustments.clear(sync, runtime, partition, lock_timeout=lock_timeout, tell=tell)
    told = "there was nothing to forget"
    if count:
        told = "the next run reads everything" + (" in that partition" if partition is not None else "")
    echo(f"{sync}: {told}", err=True)
    return 0


def _runtime(workspace: Workspace, **options: Any) -> Runtime:
    return Runtime(workspace.store(**options, on_wait=tell), workspace.database, environ=workspace.environ)
