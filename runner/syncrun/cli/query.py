"""`syncrun query`: read-only SQL against the database, in the format that the next program wants."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from syncrun.cli.options import environment, project_folder
from syncrun.cli.tables import FORMATS, write
from syncrun.engine.selection import open_workspace


@click.command(
    "query", epilog="Example: syncrun query 'SELECT name, stars FROM github.repos ORDER BY stars DESC'"
)
@click.argument("sql")
@click.option("--format", "-f", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Write to a file instead of standard output."
)
@environment
@project_folder
def command(*, sql: str, form: str, output: Path | None, env: str | None, project: Path | None) -> int:
    """Run read-only SQL against the database."""
    workspace = open_workspace(project, env=env)
    result = workspace.store().query(sql)
    if output is None:
        write(result, form, sys.stdout)
    else:
        with output.open("w", encoding="utf-8", newline="") as file:
            write(result, form, file)
    return 0
