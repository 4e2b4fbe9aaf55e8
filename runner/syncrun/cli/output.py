"""Where rows go and in which format: the options `--format` and `--output`, and what they mean."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from syncrun.cli.tables import FORMATS, write
from syncrun.errors import UsageError
from syncrun.stores.values.feed import QueryResult

_PARQUET = "parquet"
_STDOUT = Path("-")
_BESIDE = ("wal", "tmp", "new-", "locks", "staging", "credentials")

format_option = click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice([*FORMATS, _PARQUET]),
    help="By default what the output's name ends with, else a table.",
)
output_option = click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    default=_STDOUT,
    help="Write to a file instead of standard output; a file that is there is replaced.",
)


def deliver(
    query: Callable[[], QueryResult],
    export: Callable[[Path], object],
    form: str | None,
    output: Path,
    *,
    database: Path,
) -> None:
    """Write the rows of *query* to *output* in the format *form*; *export* is asked for a Parquet file.

    They never take the place of the project's *database*, nor of another one.
    """
    if form is None:
        suffix = output.suffix.removeprefix(".")
        form = suffix if suffix in (*FORMATS, _PARQUET) else "table"
    if form == _PARQUET and output == _STDOUT:
        raise UsageError("parquet cannot be written to standard output", hint="give it a file: -o FILE")

    if output != _STDOUT:
        check_no_database(output, database)

    def save(path: Path) -> None:
        if form == _PARQUET:
            export(path)
            return
        result = query()
        with path.open("w", encoding="utf-8", newline="") as file:
            write(result, form, file)

    if output == _STDOUT:
        write(query(), form, sys.stdout)
        sys.stdout.flush()
    elif output.exists() and not output.is_file():  # a pipe or device cannot be replaced
        save(output)
    else:
        replace_file(output, save)


def check_no_database(output: Path, own: Path | None = None) -> None:
    """Raise UsageError when *output* is a database, or a file beside the project's *own*."""
    hint = "name another file; `publish` in syncrun.yaml keeps a copy of the database"
    if own is not None:
        place, database = output.resolve(), own.resolve()
        beside = place.name.removeprefix(f"{database.name}.") if place.parent == database.parent else ""
        if place == database or (beside != place.name and beside.startswith(_BESIDE)):
            raise UsageError(f"{output} belongs to the project's database and is not replaced", hint=hint)
    if output.is_file():
        with suppress(OSError), output.open("rb") as file:
            start = file.read(16)
            if start[8:12] == b"DUCK" or start.startswith(b"SQLite format 3"):
                raise UsageError(f"{output} is a database and is not replaced", hint=hint)


def replace_file(output: Path, save: Callable[[Path], object]) -> None:
    """Let *save* write beside *output* and then put it in its place: a failure leaves what was there."""
    if not output.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {output.parent}", hint="create it, or name another file")
    check_no_database(output)
    draft = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    try:
        save(draft)
        draft.replace(output)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):  # what kept it from being written is told
            draft.unlink()
