"""`syncrun query`: read-only SQL against the database, in the format that the next program wants."""

from __future__ import annotations

from pathlib import Path

import click

from syncrun.cli.options import environment, project_folder, tell
from syncrun.cli.output import deliver, format_option, output_option
from syncrun.engine.selection import open_workspace
from syncrun.errors import UsageError


@click.command(
    "query", epilog="Example: syncrun query 'SELECT name, stars FROM github.repos ORDER BY stars DESC'"
)
@click.argument("sql")
@format_option
@output_option
@environment
@project_folder
def command(*, sql: str, form: str | None, output: Path, env: str | None, project: Path | None) -> int:
    """Run read-only SQL against the database."""
    if not sql.strip():
        raise UsageError("the SQL is empty", hint="such as syncrun query 'SHOW ALL TABLES'")
    store = open_workspace(project, env=env).store(on_wait=tell)
    deliver(lambda: store.query(sql), lambda path: store.export(sql, path), form, output)
    return 0
