"""`syncrun run`: run syncs, tell what changed, exit with what cron needs to know."""

from __future__ import annotations

from pathlib import Path

import click

from syncrun.cli.options import connector_set, environment, project_folder
from syncrun.cli.signals import stopping
from syncrun.engine.batch import run_all
from syncrun.engine.job import Options, Runtime
from syncrun.engine.report import combined_exit_code
from syncrun.engine.selection import open_workspace


@click.command(
    "run",
    epilog="Examples: syncrun run --all; syncrun run acme/issues --full; syncrun run pokeapi --limit 50",
)
@click.argument("targets", nargs=-1, metavar="[CONNECTION[/SYNC]]...")
@click.option("--all", "everything", is_flag=True, help="Every enabled sync of every connection.")
@click.option("--full", is_flag=True, help="Read everything again, keeping records and history.")
@click.option("--reset", is_flag=True, help="Forget checkpoints and snapshot windows first; keeps records.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Stop after about N records; deletes nothing."
)
@click.option("--accept-deletes", is_flag=True, help="Delete even what the guard refuses.")
@click.option("--no-parents", is_flag=True, help="Do not run the parent syncs of a named sync first.")
@click.option(
    "--jobs", "workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Runs side by side."
)
@click.option(
    "--lock-timeout", type=float, default=300.0, show_default=True, metavar="SECONDS", help="Wait for locks."
)
@click.option("--json", "as_json", is_flag=True, help="Newline-delimited JSON events on stdout.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing unless something is wrong.")
@connector_set
@environment
@project_folder
def command(
    *,
    targets: tuple[str, ...],
    everything: bool,
    full: bool,
    reset: bool,
    limit: int | None,
    accept_deletes: bool,
    no_parents: bool,
    workers: int,
    lock_timeout: float,
    as_json: bool,
    quiet: bool,
    settings: tuple[str, ...],
    env: str | None,
    project: Path | None,
) -> int:
    """Run syncs: all of a connection, one (CONNECTION/SYNC), or --all."""
    workspace = open_workspace(project, env=env)
    jobs = workspace.jobs(targets, everything=everything, settings=settings, parents=not no_parents)
    options = Options(
        full=full or reset,
        reset=reset,
        limit=limit,
        accept_deletes=accept_deletes,
        lock_timeout=lock_timeout,
    )
    from syncrun.cli.progress import presenter

    with stopping() as stop, presenter(as_json=as_json, quiet=quiet) as shown:
        runtime = Runtime(
            workspace.store(lock_timeout=lock_timeout),
            workspace.database,
            sleep=stop.sleep,
            emit=shown.event,
            stop=stop.event,
        )
        reports = run_all(jobs, options, runtime, workers=workers, on_report=shown.report)
        code = stop.exit_code or combined_exit_code(reports)
        shown.finish(reports, int(code))
    return int(code)
