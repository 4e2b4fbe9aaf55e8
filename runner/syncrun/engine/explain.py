"""What a run would do, told without sending anything: requests, partitions, mode, deletes, table."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from syncrun.auth.base import Auth
from syncrun.engine import deletes
from syncrun.engine.context import auth_of, context_of
from syncrun.engine.enumeration import Enumeration
from syncrun.engine.identity import check_of
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.reading import Reading
from syncrun.engine.run import SyncRun
from syncrun.errors import SyncrunError
from syncrun.excerpts import watching
from syncrun.expressions.template import render
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from syncrun.stores.values.ids import SyncId

if TYPE_CHECKING:
    from syncrun.transform.mapping import Mapper

_FOUND_OUT = "found out on the first answer; `syncrun dryrun` shows it as YAML"


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """The first request of a *partition*, as masked curl; *windows* counts its slices of time."""

    partition: str
    curl: str
    windows: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the next run of *sync* would do; texts are sentences or YAML, and hold no secret.

    *partitions* counts those that would be read, *skipped* those that would not; *requests* are of the first
    few. *setup* names what is asked for before.
    """

    sync: SyncId
    mode: str
    why: str
    auth: str
    check: str
    setup: tuple[str, ...]
    requests: tuple[FirstRequest, ...]
    partitions: int
    skipped: int
    source: str
    pagination: str
    cursor: str
    deletes: str
    table: str


class _Asked(Exception):  # noqa: N818 - it carries the request to whoever wants to see it
    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request


class _Listener:
    """Stands where the API's client would, and sends nothing."""

    def send(self, request: Request, *, also: Collection[int] = ()) -> Response:
        """Hand the request back to the one who made it ask."""
        del also
        raise _Asked(request)

    def repeat(self, answer: Response, reason: str) -> Response | None:
        """Return nothing: no answer ever came."""
        del answer, reason
        return None


def explain(job: Job, options: Options, runtime: Runtime, *, most: int = 3) -> Explanation:
    """Return what a run of *job* would do; show the first requests of at most so many partitions.

    Nothing is sent and nothing written: parents are those in the store, and what `setup` would ask for is
    shown by its name. Raise RunError for what a run would stumble over too.
    """
    redactor = job.redactor
    try:
        with watching(redactor):
            return _explain(job, options, runtime, redactor, most=most)
    except SyncrunError as error:
        error.message, error.hint = redactor.text(error.message), redactor.text(error.hint)
        raise


def _explain(job: Job, options: Options, runtime: Runtime, redactor: Redactor, *, most: int) -> Explanation:
    from syncrun.extract.setup import needed_entries

    setup = tuple(needed_entries(job.connector, job.id.sync))
    with TemporaryDirectory(prefix="syncrun-explain-", dir=runtime.passing_folder) as folder:
        apart = runtime.apart(Path(folder), runtime.store)
        run = SyncRun(job, options, apart, f"explain-{secrets.token_hex(3)}", runtime.now())
        read = run.outline(_Listener(), {"vars": {name: f"VARS.{name}" for name in setup}})
        readings = [reading for reading in read.readings.values() if reading.end is None]
        context = {**context_of(job, runtime), "vars": {name: f"VARS.{name}" for name in setup}}
        auth = auth_of(job, context)
        requests = [
            FirstRequest(redactor.text(reading.partition.id), curl, reading.slices)
            for reading in islice(readings, most)
            if (curl := _first_curl(job, reading, context, auth, redactor))
        ]
    return Explanation(
        sync=job.id,
        mode=run.mode,
        why=run.start.why_full or "a cursor is saved",
        auth=_kind(auth),
        check=_check(job, context),
        setup=setup,
        requests=tuple(requests),
        partitions=len(readings),
        skipped=len(read.readings) - len(readings),
        source=redactor.text(_source(job)),
        pagination=_pagination(job),
        cursor=redactor.text(_cursor(job, read)),
        deletes=deletes.describe(job.sync.delete_rule),
        table=_table(job, run.mapper),
    )


def _first_curl(
    job: Job, reading: Reading, context: dict[str, Any], auth: Auth | None, redactor: Redactor
) -> str:
    """Return the first request of *reading*; empty when there is none."""
    from syncrun.http.curl import as_curl, credentials_of

    kind, place, name, prefix = (getattr(auth, n, "") for n in ("type", "place", "name", "prefix"))
    shown = credentials_of(kind or "none", place, name, prefix)
    try:
        next(reading.pages(), None)
    except _Asked as asked:
        return as_curl(asked.request, render(job.connector.headers, context), shown, redactor)
    return ""


def _kind(auth: Auth | None) -> str:
    parts = (getattr(auth, "type", "none"), getattr(auth, "grant", ""))
    return " ".join(str(part) for part in parts if part)


def _check(job: Job, context: dict[str, Any]) -> str:
    """Say what proves who is asking."""
    check = check_of(job, context)
    if check is None:
        return ""
    request = check.request_spec
    asked = f"{request.method} {request.url or request.path}, once before anything is read"
    return f"{asked}; {check.expect} must hold of the answer" if check.expect else asked


def _source(job: Job) -> str:
    """Say where the partitions come from."""
    told = []
    for source in job.sync.sources:
        parents = ", ".join(sorted(source.parents))
        told.append(f"the stored records of {parents}" if parents else "listed values")
    return " times ".join(told)


def _pagination(job: Job) -> str:
    from syncrun.extract.detect import as_yaml

    found = job.sync.pagination
    return _FOUND_OUT if found is None else as_yaml(found).strip()


def _cursor(job: Job, read: Enumeration) -> str:
    """Say what the cursor is, and where the first partition starts from."""
    incremental = job.sync.incremental
    if incremental is None:
        return "none"
    what = incremental.cursor or f"the token {incremental.token}"
    first = next(iter(read.readings.values()), None)
    start = first.context.get("cursor") if first is not None else None
    begins = "from the beginning" if start is None else f"from {start}"
    return f"{what}, read {begins}"


def _table(job: Job, mapper: Mapper) -> str:
    """Return the table as SQL makes it."""
    from syncrun.stores.tables import definitions, record_table

    model = mapper.model(job.id.connector, job.id.sync)
    lines = ",\n".join(f"  {line}" for line in definitions(model.columns, raw=model.raw))
    grows = "  -- every member of a record becomes a column\n" if model.open else ""
    return f"CREATE TABLE {record_table(model.connector, model.name)} (\n{grows}{lines}\n)"
