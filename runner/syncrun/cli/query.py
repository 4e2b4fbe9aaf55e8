"""`syncrun query`: read-only SQL against the database, in the format that the next program wants."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from syncrun.cli.options import environment, project_folder, tell
from syncrun.cli.output import deliver, format_option, output_option
from syncrun.engine.selection import open_workspace
from syncrun.errors import UsageError


@click.command(
    "query",
    epilog="Examples: syncrun query 'SELECT name, stars FROM github.repos ORDER BY stars DESC'; "
    "syncrun query --file report.sql -o report.csv; echo 'FROM github.repos' | syncrun query -",
)
@click.argument("sql", required=False, metavar="SQL|@FILE|-")
@click.option(
    "--file", "file", type=click.Path(dir_okay=False, path_type=Path), help="Take the SQL from this file."
)
@click.option("--allow-files", is_flag=True, help="Let the SQL read other files: read_csv('prices.csv').")
@format_option
@output_option
@environment
@project_folder
def command(
    *,
    sql: str | None,
    file: Path | None,
    allow_files: bool,
    form: str | None,
    output: Path,
    env: str | None,
    project: Path | None,
) -> int:
    """Run one read-only SQL statement against the database; with - it is read from standard input."""
    text = _text(sql, file)
    if not text.strip():
        raise UsageError("the SQL is empty", hint="such as syncrun query 'SHOW ALL TABLES'")
    workspace = open_workspace(project, env=env)
    store = workspace.store(on_wait=tell)
    deliver(
        lambda: store.query(text, files=allow_files),
        lambda path: store.export(text, path, files=allow_files),
        form,
        output,
        database=workspace.database,
    )
    return 0


def _text(sql: str | None, file: Path | None) -> str:
    """Return the SQL that was typed, or that of the file or of standard input that was named."""
    if (sql is None) == (file is None):
        raise UsageError(
            "there is no SQL" if sql is None else "the SQL and --file both say what to ask",
            hint="give one of SQL, --file FILE, @FILE and - for standard input",
        )
    if sql is not None and sql.startswith("@"):
        file = Path(sql[1:])
    try:
        if file is not None:
            return file.read_text(encoding="utf-8-sig")
        return sys.stdin.read() if sql == "-" else str(sql)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"cannot read {file or 'standard input'}: {reason}") from None
