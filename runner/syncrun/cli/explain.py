"""`syncrun explain`: what the next run of a sync would ask for and do, without sending anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from textwrap import indent

import click

from syncrun.cli.events import EventCommand, JsonEvents
from syncrun.cli.options import connector_set, database_wait, environment, project_folder, show_option, tell
from syncrun.cli.terminal import echo
from syncrun.engine.explain import Explanation, explain
from syncrun.engine.job import Options, Runtime
from syncrun.engine.selection import open_workspace
from syncrun.wording import counted


@click.command("explain", cls=EventCommand, epilog="Example: syncrun explain acme/issues")
@click.argument("target", metavar="CONNECTION/SYNC")
@click.option("--full", is_flag=True, help="Explain run --full.")
@show_option(3, "Of how many partitions to show the first request.")
@database_wait
@connector_set
@environment
@project_folder
@click.pass_obj
def command(
    events: JsonEvents | None,
    *,
    target: str,
    full: bool,
    show: int,
    lock_timeout: float,
    settings: tuple[str, ...],
    env: str | None,
    project: Path | None,
) -> int:
    """Show the requests, partitions, cursor, deletes and table of a sync's next run; sends nothing."""
    workspace = open_workspace(project, env=env, on_wait=tell, lock_timeout=lock_timeout)
    job = workspace.job(target, settings)
    store = workspace.store()
    runtime = Runtime(store, workspace.database, environ=workspace.environ)
    told = explain(job, Options(full=full), runtime, most=show)
    if events is None:
        for line in _lines(told):
            echo(line)
        return 0
    events.write("explanation", **asdict(told.sync), **{k: v for k, v in asdict(told).items() if k != "sync"})
    events.finish(0)
    return 0


def _lines(told: Explanation) -> Iterator[str]:
    yield f"{told.sync}: the next run is {told.mode}: {told.why}"
    yield f"auth: {told.auth}"
    if told.check:
        yield f"who is asking: {told.check}"
    if told.setup:
        yield f"asked for first: {', '.join(told.setup)} (shown as VARS.NAME below)"
    if told.source:
        skipped = f", {told.skipped} more are up to date" if told.skipped else ""
        yield f"partitions: {told.partitions}, from {told.source}{skipped}"
    for request in told.requests:
        windows = f", {counted(request.windows, 'window')} of time" if request.windows else ""
        yield f"first request{f' of partition {request.partition}' if request.partition else ''}{windows}:"
        yield indent(request.curl, "  ")
    multiline = "\n" in told.pagination
    yield told.pagination if multiline else f"pagination: {told.pagination.removeprefix('pagination: ')}"
    yield f"cursor: {told.cursor}"
    yield f"deletes: {told.deletes}"
    yield told.table
