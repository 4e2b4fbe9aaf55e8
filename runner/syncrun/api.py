"""syncrun from Python: a project's records, runs and queries (docs/reference/python.md)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, Unpack

from syncrun.engine.job import Options, Runtime
from syncrun.engine.models import find_model, moment_or_position
from syncrun.engine.outside import utc_now
from syncrun.engine.report import RunReport
from syncrun.engine.selection import Workspace, open_workspace
from syncrun.errors import Interrupted, UsageError
from syncrun.expressions.moments import parse_moment
from syncrun.stores.values.feed import Feed, FeedQuery, QueryResult
from syncrun.stores.values.ids import ModelId

if TYPE_CHECKING:
    from syncrun.engine.dryrun import DryRun

Action = Literal["added", "updated", "deleted"]
Moment = datetime | timedelta | str
"""A time; a length of time before now; or either as text: `2024-05-01`, `2h`."""

_ACTIONS = ("added", "updated", "deleted")


class RecordsOptions(TypedDict, total=False):
    """What `Project.records` takes beside the model."""

    cursor: str
    modified_after: Moment | None
    filter: Iterable[Action]
    ids: Iterable[Any] | None
    limit: int | None
    as_of: Moment | int | None


class RunOptions(TypedDict, total=False):
    """What `Project.run` takes beside the targets."""

    everything: bool
    full: bool
    reset: bool
    limit: int | None
    accept_deletes: bool
    adopt: bool
    jobs: int
    timeout: float | None
    lock_timeout: float


def records(
    model: str, *, path: str | Path = ".", env: str | None = None, **options: Unpack[RecordsOptions]
) -> Records:
    """Return records of the project at *path*; the rest is as in `Project.records`."""
    return Project.load(path, env).records(model, **options)


def run(
    *targets: str, path: str | Path = ".", env: str | None = None, **options: Unpack[RunOptions]
) -> list[RunReport]:
    """Run syncs of the project at *path*; the rest is as in `Project.run`."""
    return Project.load(path, env).run(*targets, **options)


def query(
    sql: str, *, path: str | Path = ".", env: str | None = None, allow_files: bool = False
) -> QueryResult:
    """Ask the database of the project at *path*, as `Project.query` does."""
    return Project.load(path, env).query(sql, allow_files=allow_files)


class Records(Iterator[dict[str, Any]]):
    """Records of a model in the order of their last change: fields by name, and metadata (`_cursor`, …).

    They are fetched as they are asked for, and the database stays open until the last one: a run that wants
    to commit waits for it. Read to the end, or close it; as a context manager it closes itself.
    """

    def __init__(self, feed: Feed, cursor: str) -> None:
        self._columns, self._rows = feed.result.columns, feed.result.rows
        self._json = [kind == "JSON" for kind in feed.result.types]
        self._end, self._cursor = feed.cursor, cursor

    @property
    def cursor(self) -> str:
        """Where the next read goes on: after the record given last, past everything when there is no more."""
        return self._cursor

    def __next__(self) -> dict[str, Any]:
        try:
            row = next(self._rows)
        except StopIteration:
            self._cursor = self._end
            raise
        record = {
            name: json.loads(value) if is_json and isinstance(value, str) else value
            for name, value, is_json in zip(self._columns, row, self._json, strict=True)
        }
        self._cursor = record["_cursor"]
        return record

    def close(self) -> None:
        """Leave the rest unread, and the database free; `cursor` stays where it is."""
        self._end, self._rows = self._cursor, iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Project:
    """A syncrun project, as one environment sees it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @classmethod
    def load(cls, path: str | Path = ".", env: str | None = None) -> Project:
        """Return the project of *path*, its file or a folder in or below it, as environment *env* sees it.

        Raise ConfigurationError with every problem of its file, UsageError for an unknown *env*.
        """
        return cls(open_workspace(Path(path), env=env))

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self._workspace.database

    def records(
        self,
        model: str,
        *,
        cursor: str = "",
        modified_after: Moment | None = None,
        filter: Iterable[Action] = (),  # noqa: A002 - as the command's option
        ids: Iterable[Any] | None = None,
        limit: int | None = None,
        as_of: Moment | int | None = None,
    ) -> Records:
        """Return the records of *model* (`connection/model`) that changed after *cursor*, deleted ones too.

        *filter*: those that were last added, updated or deleted. *ids*: those with these keys, which are none
        when it is empty; a composite key is a list. *as_of*: those that were live at a time, or after the
        change of a cursor; it takes `history: true`. Raise UsageError for what means nothing here, StoreError
        without a database.
        """
        store = self._workspace.store()
        target = find_model(self._workspace, store, model)
        query = FeedQuery(
            target,
            cursor,
            None if modified_after is None else _moment(modified_after),
            _actions(filter),
            None if ids is None else tuple(map(_identity, [ids] if isinstance(ids, str) else ids)),
            _limit(limit),
            None if as_of is None else _as_of(as_of, target),
        )
        return Records(store.records(query), cursor)

    def run(
        self,
        *targets: str,
        everything: bool = False,
        full: bool = False,
        reset: bool = False,
        limit: int | None = None,
        accept_deletes: bool = False,
        adopt: bool = False,
        jobs: int = 1,
        timeout: float | None = None,
        lock_timeout: float = 300.0,
    ) -> list[RunReport]:
        """Run the syncs that *targets* name (`connection` or `connection/sync`) and return their reports.

        *everything* runs all syncs of all connections; the rest is as the options of `syncrun run`. A run
        that fails raises nothing: its report says so. Raise UsageError and ConfigurationError for what cannot
        be run, and KeyboardInterrupt after ^C, once the runs are over and their progress is saved.
        """
        from syncrun.engine.batch import run_all

        workspace = replace(self._workspace, lock_timeout=lock_timeout)
        asked = workspace.jobs(targets, everything=everything)
        options = Options(
            full=full or reset,
            reset=reset,
            limit=_limit(limit),
            accept_deletes=accept_deletes,
            adopt=adopt,
            lock_timeout=lock_timeout,
            timeout=timeout,
            commit_rows=workspace.project.commits.rows,
            commit_seconds=workspace.project.commits.seconds,
        )
        stop = threading.Event()

        def sleep(seconds: float) -> None:
            if stop.wait(seconds):  # whoever presses ^C does not wait for an API that asked for patience
                raise Interrupted("stopped on request; progress is saved")

        store = workspace.store(writing=True, sleep=sleep)
        runtime = Runtime(store, workspace.database, environ=workspace.environ, stop=stop, sleep=sleep)
        return run_all(asked, options, runtime, workers=jobs)

    def dryrun(
        self,
        target: str,
        *,
        full: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        most: int = 20,
        lock_timeout: float = 300.0,
    ) -> DryRun:
        """Return what a run of *target* (`connection/sync`) would do; write nothing.

        *cursor* is where to start in place of the saved one, *metadata* is put over that of the connection.
        The preview holds the first *most* records of each kind. A read that fails raises nothing: the report
        says so. Raise UsageError and ConfigurationError for what cannot be run.
        """
        from syncrun.engine.adjustments import incremental_of, read_cursor
        from syncrun.engine.dryrun import dry_run

        workspace = replace(self._workspace, lock_timeout=lock_timeout)
        job = workspace.job(target)
        job = replace(job, metadata={**job.metadata, **(metadata or {})})
        if cursor is not None:
            incremental_of(job.id, job.sync)
            cursor = read_cursor(cursor, job.sync, option="cursor")
        options = Options(full=full, limit=_limit(limit), cursor=cursor, lock_timeout=lock_timeout)
        runtime = Runtime(workspace.store(), workspace.database, environ=workspace.environ)
        return dry_run(job, options, runtime, most=most)

    def query(self, sql: str, *, allow_files: bool = False) -> QueryResult:
        """Run *sql*, one statement that reads, and return column names, types and rows; raise StoreError.

        It opens nothing but the database, unless *allow_files* lets it read files of this machine. The
        database stays open until the last row is read.
        """
        return self._workspace.store().query(sql, files=allow_files)


def _moment(value: Moment) -> datetime:
    if isinstance(value, timedelta):
        return utc_now() - value
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return parse_moment(value, utc_now())
    except ValueError as error:
        raise UsageError(str(error)) from None


def _as_of(value: Moment | int, model: ModelId) -> datetime | int:
    if isinstance(value, int):
        return value
    return moment_or_position(value, model, utc_now()) if isinstance(value, str) else _moment(value)


def _actions(names: Iterable[str]) -> frozenset[str]:
    given = [names] if isinstance(names, str) else list(names)
    for name in given:
        if name not in _ACTIONS:
            raise UsageError(f"filter: {name!r} is none of {', '.join(_ACTIONS)}")
    return frozenset(name.upper() for name in given)


def _identity(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value if isinstance(value, str) else json.dumps(value)


def _limit(limit: int | None) -> int | None:
    if limit is not None and limit < 1:
        raise UsageError(f"limit: {limit} is less than 1")
    return limit
