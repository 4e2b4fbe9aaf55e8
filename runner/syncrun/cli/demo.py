"""`syncrun demo`: a bundled API on a loopback port, synced three times, and what happened."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from syncrun.cli.progress import Lines
from syncrun.cli.signals import stopping
from syncrun.cli.tables import write
from syncrun.cli.terminal import echo
from syncrun.demo import DemoApi
from syncrun.engine.batch import run_all
from syncrun.engine.job import Options, Runtime
from syncrun.engine.report import RunReport, combined_exit_code
from syncrun.engine.selection import Workspace, open_workspace
from syncrun.errors import ExitCode, Interrupted, UsageError

_QUERY = (
    "SELECT status, count(*) AS orders, sum(total) AS total FROM shop.orders GROUP BY status ORDER BY status"
)


@click.command("demo", epilog="Example: syncrun demo --keep my-demo")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Leave the project in a new folder.",
)
def command(*, keep: Path | None) -> int:
    """Sync a bundled API three times and show adds, updates, deletes and a query; works offline."""
    with _folder(keep) as folder, DemoApi() as api:
        workspace = _project(folder, api)
        reports = _act(workspace, "First run: everything is new.")
        api.mutate()
        echo("\nThe shop changes: orders come, are paid and are cancelled.")
        reports += _act(workspace, "Second run: only what changed is written.")
        reports += _act(workspace, "Third run: nothing changed, nothing is written.")
        echo(f"\nThe data is a DuckDB file. {_QUERY}\n")
        write(workspace.store().query(_QUERY), "table", sys.stdout)
        if keep is not None:
            files = f"syncrun.yaml, connectors/shop.yaml, {workspace.database.name}"
            echo(f"\nThe project is in {folder}: {files}. Its API ends with this command.")
        else:
            echo("\n`syncrun demo --keep FOLDER` leaves the project for you to look at.")
    # the demo shows a quarantined record on purpose; anything but success is a defect of the installation
    return ExitCode.FAILED if combined_exit_code(reports) else ExitCode.OK


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="syncrun-demo-") as name:
            yield Path(name)
        return
    if keep.exists() and any(keep.iterdir()):
        raise UsageError(f"{keep} exists and is not empty", hint="name a new folder")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep


def _project(folder: Path, api: DemoApi) -> Workspace:
    """Write a small project into *folder*, as a user would, and open it."""
    (folder / "connectors").mkdir()
    (folder / "connectors" / "shop.yaml").write_text(api.connector, encoding="utf-8")
    connection = f"{{connector: shop, config: {{url: '{api.url}'}}}}"
    project = f"database: demo.duckdb\nconnections:\n  demo: {connection}\n"
    (folder / "syncrun.yaml").write_text(project, encoding="utf-8")
    return open_workspace(folder)


def _act(workspace: Workspace, title: str) -> list[RunReport]:
    echo(f"\n{title}")
    jobs = workspace.jobs(["demo"])
    lines = Lines(err=False, width=max(len(str(job.id)) for job in jobs))
    with stopping() as stop:
        store = workspace.store(writing=True, sleep=stop.sleep)
        runtime = Runtime(store, workspace.database, sleep=stop.sleep, stop=stop.event)
        reports = run_all(jobs, Options(), runtime, on_report=lines.report)
        if stop.exit_code:
            raise Interrupted("stopped on request")
    return reports
