"""`syncrun dev`: looks again whenever a file is saved, whether it is valid and what its syncs would do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from syncrun.cli.dryrun import print_dry_run
from syncrun.cli.options import environment, limit_option, project_folder, show_option
from syncrun.cli.progress import Lines
from syncrun.cli.runtime import runtime_of
from syncrun.cli.signals import Stop, stopping
from syncrun.cli.terminal import echo
from syncrun.cli.validate import print_problems
from syncrun.engine.dryrun import dry_run
from syncrun.engine.job import Options
from syncrun.engine.outside import Outside
from syncrun.engine.selection import Workspace
from syncrun.engine.workbench import Workbench
from syncrun.errors import SyncrunError
from syncrun.wording import iso


@click.command("dev", epilog="Examples: syncrun dev; syncrun dev acme/issues --limit 20")
@click.argument("targets", nargs=-1, metavar="[CONNECTION/SYNC]...")
@limit_option("Stop each dry run after about N records.", default=100)
@show_option(5, "How many records of each kind to show.")
@environment
@project_folder
def command(*, targets: tuple[str, ...], limit: int, show: int, env: str | None, project: Path | None) -> int:
    """Watch the project: check it on every save, and dry run the syncs that are read another way now.

    With names only these syncs, and at once. Nothing is written. ^C ends it, with 130.
    """
    outside = click.get_current_context().find_object(Outside) or Outside()
    bench = Workbench(project, env, targets)
    with stopping(outside.wait) as stop:
        changes = outside.changes(bench.folder, stop.event)
        _look(bench, outside, stop, limit=limit, show=show)
        echo("waiting for changes; ^C ends", err=True)
        for changed in changes:
            echo(f"\n{iso(outside.now().replace(microsecond=0))}  {_named(changed, bench.folder)}", err=True)
            _look(bench, outside, stop, limit=limit, show=show)
            if stop.event.is_set():
                break
    return stop.exit_code


def _look(bench: Workbench, outside: Outside, stop: Stop, *, limit: int, show: int) -> None:
    """Check the files, and try the syncs that an edit changed; whatever is wrong is told."""
    try:
        found = bench.look()
        print_problems(found.problems, files=found.files, errors=found.errors)
        for sync in found.syncs:
            if found.workspace is not None and not stop.event.is_set():
                _try(sync, found.workspace, outside, stop, limit=limit, show=show)
    except SyncrunError as error:
        echo(f"error: {error}", err=True)


def _try(sync: str, workspace: Workspace, outside: Outside, stop: Stop, *, limit: int, show: int) -> None:
    try:
        job = workspace.job(sync)
        runtime = runtime_of(workspace, outside, stop, Lines().event, lock_timeout=0.0)
        print_dry_run(dry_run(job, Options(limit=limit, lock_timeout=0.0), runtime, most=show))
    except SyncrunError as error:
        echo(f"{sync}: {error}", err=True)


def _named(changed: Iterable[Path], folder: Path) -> str:
    root = folder.absolute()
    names = (path.relative_to(root) if path.is_relative_to(root) else path for path in changed)
    return ", ".join(sorted(map(str, names)))
