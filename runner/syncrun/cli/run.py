"""`syncrun run`: run syncs, tell what changed, exit with what cron needs to know."""

from __future__ import annotations

import os
from pathlib import Path

import click

from syncrun.cli.events import EventCommand, JsonEvents, counted
from syncrun.cli.options import (
    Seconds,
    connector_set,
    environment,
    limit_option,
    project_folder,
    run_wait,
    tell,
)
from syncrun.engine.idle import Memory
from syncrun.engine.outside import Outside


@click.command(
    "run",
    cls=EventCommand,
    epilog="Examples: syncrun run acme/issues --full; syncrun run pokeapi --limit 50; syncrun run --due",
)
@click.argument("targets", nargs=-1, metavar="[CONNECTION[/SYNC]]...")
@click.option("--all", "everything", is_flag=True, help="Every enabled sync of every connection.")
@click.option("--due", is_flag=True, help="What its schedule says is due now: for a crontab line a minute.")
@click.option(
    "--if-stale",
    type=Seconds(),
    metavar="AGE",
    help="Only what no run has read well for longer than this, such as 1h.",
)
@click.option("--full", is_flag=True, help="Read everything again, keeping records and history.")
@click.option("--reset", is_flag=True, help="Forget checkpoints and snapshot windows first; keeps records.")
@limit_option("Stop after N records; deletes nothing.")
@click.option("--accept-deletes", is_flag=True, help="Delete even what the guard refuses.")
@click.option(
    "--adopt", is_flag=True, help="Take over connections that another project has had in this database."
)
@click.option("--no-parents", is_flag=True, help="Do not run the parent syncs of a named sync first.")
@click.option(
    "--jobs", "workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Runs side by side."
)
@click.option(
    "--timeout",
    type=Seconds(more_than_none=True),
    help="End a run that takes longer, keeping its progress.",
)
@run_wait
@click.option(
    "--quiet", "-q", is_flag=True, help="Say nothing unless something is wrong, or went into quarantine."
)
@connector_set
@environment
@project_folder
@click.pass_obj
def command(
    events: JsonEvents | None,
    *,
    targets: tuple[str, ...],
    everything: bool,
    due: bool,
    if_stale: float | None,
    full: bool,
    reset: bool,
    limit: int | None,
    accept_deletes: bool,
    adopt: bool,
    no_parents: bool,
    workers: int,
    timeout: float | None,
    lock_timeout: float,
    quiet: bool,
    settings: tuple[str, ...],
    env: str | None,
    project: Path | None,
) -> int:
    """Run syncs: all of a connection, one (CONNECTION/SYNC), --all, or what is --due."""
    outside = click.get_current_context().find_object(Outside) or Outside()
    now, say = outside.now(), _ignore if quiet or events else tell
    memory = Memory(project or Path.cwd(), env, os.environ)
    told = memory.recall(now) if due and not (targets or everything or if_stale is not None) else None
    if told is not None:  # nothing heavy is imported before: it is asked every minute
        say(told)
        return _nothing(events)

    from syncrun.cli.run_choice import Choice
    from syncrun.engine.selection import open_workspace

    workspace = open_workspace(project, env=env, outside=outside, on_wait=say, lock_timeout=lock_timeout)
    choice = Choice(targets, everything, due, if_stale, settings, not no_parents, memory)
    jobs = choice.jobs(workspace, now, say)
    if not jobs and (due or everything or if_stale is not None):
        return _nothing(events)

    from syncrun.cli.progress import presenter
    from syncrun.cli.runtime import runtime_of
    from syncrun.cli.signals import stopping
    from syncrun.engine.batch import run_all
    from syncrun.engine.job import Options
    from syncrun.engine.report import combined_exit_code

    options = Options(
        full=full or reset,
        reset=reset,
        limit=limit,
        accept_deletes=accept_deletes,
        adopt=adopt,
        lock_timeout=0.0 if due else lock_timeout,  # a run that goes on has the slot
        timeout=timeout,
        commit_rows=workspace.project.commits.rows,
        commit_seconds=workspace.project.commits.seconds,
    )
    names = [str(job.id) for job in jobs]
    with stopping(outside.wait) as stop, presenter(events, names, quiet=quiet) as shown:
        runtime = runtime_of(workspace, outside, stop, shown.event, writing=True, lock_timeout=lock_timeout)
        reports = run_all(jobs, options, runtime, workers=workers, on_report=shown.report)
        stopped = len(reports) < len(jobs) or any(report.status == "interrupted" for report in reports)
        code = (stopped and stop.exit_code) or combined_exit_code(reports)
        shown.finish(reports, int(code))
    return int(code)


def _nothing(events: JsonEvents | None) -> int:
    if events is not None:
        events.finish(0, runs=0, **counted({}))
    return 0


def _ignore(_reason: str) -> None:
    """Say nothing."""
