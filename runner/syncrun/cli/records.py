"""`syncrun records`: the change feed of a model, from where the last read ended."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import click

from syncrun.cli.options import Moment, environment, limit_option, project_folder, tell
from syncrun.cli.output import deliver, format_option, output_option, replace_file
from syncrun.cli.terminal import echo
from syncrun.engine.models import find_model, moment_or_position
from syncrun.engine.outside import utc_now
from syncrun.engine.selection import open_workspace
from syncrun.errors import UsageError
from syncrun.stores.base import Store
from syncrun.stores.values.feed import FeedQuery, QueryResult

_ACTIONS = ("added", "updated", "deleted")


class _Actions(click.ParamType[frozenset[str]]):
    """Some of added, updated and deleted, with commas between them."""

    name = "actions"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[str]:
        """Return the actions as they are stored."""
        if isinstance(value, frozenset):
            return value
        words = [word.strip().lower() for word in str(value).split(",")]
        wrong = [word for word in words if word not in _ACTIONS]
        if wrong:
            self.fail(f"{wrong[0]!r} is none of {', '.join(_ACTIONS)}", param, ctx)
        return frozenset(word.upper() for word in words)


@click.command(
    "records",
    epilog="Examples: syncrun records acme/issues --limit 10; "
    "syncrun records acme/issues --cursor-file issues.cursor -o changes.jsonl",
)
@click.argument("target", metavar="CONNECTION/MODEL")
@click.option("--cursor", default="", help="Only what changed after it: the `_cursor` of a record.")
@click.option(
    "--cursor-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take the cursor from this file, and leave the next one there.",
)
@click.option("--modified-after", type=Moment(), help="Only what changed after a time, or since 2h ago.")
@click.option(
    "--filter",
    "actions",
    type=_Actions(),
    default=frozenset(),
    metavar="ACTIONS",
    help="Only records that were last added, updated or deleted; several with commas.",
)
@click.option(
    "--ids", multiple=True, metavar="ID[,ID]...", help='Only these keys; a composite one as ["a",1].'
)
@limit_option("At most N records.")
@click.option(
    "--as-of",
    metavar="TIME|CURSOR",
    help="The records that were live at a time, or after a change; needs `history: true`.",
)
@format_option
@output_option
@environment
@project_folder
def command(
    *,
    target: str,
    cursor: str,
    cursor_file: Path | None,
    modified_after: datetime | None,
    actions: frozenset[str],
    ids: tuple[str, ...],
    limit: int | None,
    as_of: str | None,
    form: str | None,
    output: Path,
    env: str | None,
    project: Path | None,
) -> int:
    """Read the records of a model in the order of their last change, deleted ones included."""
    if cursor_file is not None:
        cursor = _saved(cursor_file, cursor)
    workspace = open_workspace(project, env=env)
    store = workspace.store(on_wait=tell)
    model = find_model(workspace, store, target)
    query = FeedQuery(
        model,
        cursor,
        modified_after,
        actions,
        tuple(identity for text in ids for identity in _split(text)) if ids else None,
        limit,
        None if as_of is None else moment_or_position(as_of, model, utc_now()),
    )
    following = _deliver(store, query, form, output, database=workspace.database)
    if cursor_file is None:
        echo(f"next cursor: {following}", err=True)
    else:
        replace_file(cursor_file, lambda path: path.write_text(f"{following}\n", encoding="utf-8"))
    return 0


def _deliver(store: Store, query: FeedQuery, form: str | None, output: Path, *, database: Path) -> str:
    """Write what *query* asks for and return the cursor to go on from."""
    cursors: list[str] = []

    def read() -> QueryResult:
        feed = store.records(query)
        cursors.append(feed.cursor)
        return feed.result

    def export(path: Path) -> None:
        cursors.append(store.export_records(query, path))

    deliver(read, export, form, output, database=database)
    return cursors[-1]


def _saved(file: Path, cursor: str) -> str:
    """Return the cursor in *file*, empty when there is no such file yet."""
    if cursor:
        raise UsageError("--cursor and --cursor-file both say where to go on", hint="give one of them")
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from None


def _split(text: str) -> list[str]:
    """Return the ids in *text*; those that are JSON lists have commas of their own."""
    text = text.strip()
    if text.startswith("["):
        try:
            decoder, found = json.JSONDecoder(), []
            while text:
                _, end = decoder.raw_decode(text)
                found.append(text[:end])
                text = re.sub(r"^\s*,\s*", "", text[end:])
        except ValueError:
            raise UsageError(f"--ids {text}: this is no JSON list", hint='such as ["a",1]') from None
        return found
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise UsageError(
            f"--ids {text!r}: there is an empty id" if any(parts) else "--ids names no record",
            hint="such as --ids 1,2; leave it out to read all of them",
        )
    return parts
