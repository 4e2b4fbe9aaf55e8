"""`syncrun query`: read-only SQL against the database, in the format that the next program wants."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from syncrun.cli.options import environment, project_folder, tell
from syncrun.cli.tables import FORMATS, write
from syncrun.engine.selection import open_workspace
from syncrun.errors import UsageError
from syncrun.stores.base import Store

_PARQUET = "parquet"
_STDOUT = Path("-")


@click.command(
    "query", epilog="Example: syncrun query 'SELECT name, stars FROM github.repos ORDER BY stars DESC'"
)
@click.argument("sql")
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice([*FORMATS, _PARQUET]),
    help="By default what the output's name ends with, else a table.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    default=_STDOUT,
    help="Write to a file instead of standard output; a file that is there is replaced.",
)
@environment
@project_folder
def command(*, sql: str, form: str | None, output: Path, env: str | None, project: Path | None) -> int:
    """Run read-only SQL against the database."""
    if not sql.strip():
        raise UsageError("the SQL is empty", hint="such as syncrun query 'SHOW ALL TABLES'")
    if form is None:
        suffix = output.suffix.removeprefix(".")
        form = suffix if suffix in (*FORMATS, _PARQUET) else "table"
    if form == _PARQUET and output == _STDOUT:
        raise UsageError("parquet cannot be written to standard output", hint="give it a file: -o FILE")
    store = open_workspace(project, env=env).store(on_wait=tell)
    if output == _STDOUT:
        write(store.query(sql), form, sys.stdout)
    elif output.exists() and not output.is_file():  # a pipe or device cannot be replaced
        _write(store, sql, form, output)
    else:
        _replace(store, sql, form, output)
    return 0


def _replace(store: Store, sql: str, form: str, output: Path) -> None:
    """Write to a new file beside *output* that then takes its place: a failure leaves what was there."""
    if not output.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {output.parent}", hint="create it, or name another file")
    draft = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    try:
        _write(store, sql, form, draft)
        draft.replace(output)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)


def _write(store: Store, sql: str, form: str, path: Path) -> None:
    if form == _PARQUET:
        store.export(sql, path)
        return
    result = store.query(sql)
    with path.open("w", encoding="utf-8", newline="") as file:
        write(result, form, file)
