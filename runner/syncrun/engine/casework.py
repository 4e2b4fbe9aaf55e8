"""A test of a connector: recorded answers through whole runs, into a database that is gone afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from syncrun.config.cases import Case
from syncrun.config.connection_config import resolve_config
from syncrun.config.connector import Connector
from syncrun.engine.adjustments import read_cursor
from syncrun.engine.asked_once import AskedOnce
from syncrun.engine.checkpoints import Progress, read
from syncrun.engine.cursors import latest
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.report import RunReport
from syncrun.engine.run import run_sync
from syncrun.engine.selection import with_parents
from syncrun.errors import RunError
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.ids import SyncId

if TYPE_CHECKING:
    from syncrun.http.client import Exchange
    from syncrun.http.encoding import Outgoing
    from syncrun.http.messages import Request
    from syncrun.http.outcome import Outcome
    from syncrun.http.recording import Recording
    from syncrun.http.replay import Replay

_CONNECTION = "tests"
_BETWEEN = timedelta(hours=1)  # two runs of one test
_COUNTS = ("added", "updated", "deleted", "unchanged", "quarantined", "requests")


@dataclass(frozen=True, slots=True)
class Tested:
    """How a test ended: *actual* has the members of `expect`, *differences* are sentences, if any.

    *values* are what `expect` would have to say, by the path below it, where that is one value.
    """

    actual: Mapping[str, Any]
    differences: tuple[str, ...] = ()
    values: Mapping[tuple[str | int, ...], Any] | None = None


class _Clock:
    """A time that moves when somebody sleeps."""

    def __init__(self, start: datetime) -> None:
        self.time = start

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def run_case(connector: Connector, project: Path, case: Case, *, now: Callable[[], datetime]) -> Tested:
    """Run *case* and compare; raise ConfigurationError for a recording or config that cannot be used.

    Nobody signs in and nothing is waited for: credentials and rate limits are left out.
    """
    from syncrun.http.replay import Replay, read_recording

    plain = _without_limits(connector)
    config = _placeholders(plain, case.config)
    recorded = [(read_recording(project / name, name), name) for name in case.files]
    clock = _Clock(now() if case.now is None else _moment(case.now))
    problems: list[str] = []
    with TemporaryDirectory(prefix="syncrun-test-") as folder:
        database = Path(folder) / "data.duckdb"
        store = DuckDBStore(database)
        runtime = Runtime(
            store, database, now=clock.now, clock=clock.monotonic, sleep=clock.sleep, environ={}
        )
        for number, (exchanges, name) in enumerate(recorded):
            job = _job(plain, project, case, config)
            replay = Replay(exchanges, job.redactor, name)
            asked = replace(runtime, transport=replay, checks=AskedOnce(partial(_is_recorded, replay)))
            report = _run(job, asked, case if number == 0 else None)
            problems += replay.problems
            if not replay.problems and report.status == "ok" and replay.unused:
                problems.append(f"{replay.unused} of the answers in {name} were not asked for")
            clock.time += _BETWEEN
        actual = _outcome(store, job, report)
    return _compare(case, actual, problems, report)


def record_case(
    connector: Connector,
    project: Path,
    case: Case,
    config: Mapping[str, Any],
    *,
    limit: int | None,
    scratch: Path | None = None,
) -> Recording:
    """Ask the API what *case* asks, with the *config* of somebody who may; return the answers, redacted.

    What runs stage is in a folder in *scratch*, None: where the system has such. Raise RunError when a run
    fails.
    """
    from syncrun.engine.run import SyncRun
    from syncrun.http.recording import Recording

    recording = Recording()
    with TemporaryDirectory(prefix="syncrun-record-", dir=scratch) as folder:
        database = Path(folder) / "data.duckdb"
        runtime = Runtime(DuckDBStore(database), database, wire=_Listener(recording), environ={})
        target = _job(connector, project, case, {**config, **case.config})
        for job in _with_parents(target):
            started = runtime.now()
            run_id = f"{started:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
            run = SyncRun(job, _options(job, case, limit), runtime, run_id, started)
            report = run.execute()
            recording.redact(run.redactor)
            if report.status not in ("ok", "incomplete"):
                raise RunError(f"{job.id.sync}: {report.message}", hint=report.hint)
    return recording


class _Listener:
    """Keeps the answers that go over the wire."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def exchange(self, exchange: Exchange) -> None:
        """Look away: only what came of a request is kept."""

    def answer(self, asked: Outgoing, answered: Outcome) -> None:
        self._recording.add(asked, answered)


def _is_recorded(replay: Replay, request: Request) -> bool:
    """Return whether an answer to the check of who is asking is there; without one it is left out."""
    from syncrun.http.encoding import encode

    sent = encode(request)
    return replay.knows(sent.method, str(sent.url), sent.content or b"")


def _without_limits(connector: Connector) -> Connector:
    """Return *connector* for answers that are there at once, and to whoever asks."""
    once = connector.retry.model_copy(update={"attempts": 1})
    syncs = {
        name: sync.model_copy(update={"rate_limit": None, "retry": None})
        for name, sync in connector.syncs.items()
    }
    return connector.model_copy(update={"auth": None, "rate_limit": None, "retry": once, "syncs": syncs})


def _placeholders(connector: Connector, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of a test: what it gives, and something for each secret."""
    secret = {
        name: f"placeholder-of-{name}"
        for name, entry in connector.config.items()
        if entry.secret and entry.type == "string" and entry.default is None
    }
    return resolve_config(connector, {**secret, **given}, {}, where=f"tests of {connector.connector}")


def _job(connector: Connector, project: Path, case: Case, config: Mapping[str, Any]) -> Job:
    identity = SyncId(_CONNECTION, connector.connector, case.sync)
    return Job(identity, connector, config, case.metadata, project)


def _with_parents(job: Job) -> list[Job]:
    names = with_parents(job.connector, [job.id.sync])
    return [replace(job, id=replace(job.id, sync=name)) for name in names]


def _options(job: Job, case: Case | None, limit: int | None = None) -> Options:
    start = case.cursor if case is not None and case.sync == job.id.sync else None
    cursor = None if start is None else read_cursor(start, job.sync, option="tests: cursor:")
    return Options(lock_timeout=0.0, limit=limit, cursor=cursor)


def _run(target: Job, runtime: Runtime, case: Case | None) -> RunReport:
    """Run the parents of *target*, then itself; return the report of the first that fails, else the last."""
    for job in _with_parents(target):
        report = run_sync(job, _options(job, case), runtime)
        if report.status == "failed":
            break
    return report


def _outcome(store: DuckDBStore, job: Job, report: RunReport) -> dict[str, Any]:
    records = [
        {name: value for name, value in record.items() if name not in ("_id", "_seq")}
        for record in store.live(job.id.connector, job.model_name, _CONNECTION)
    ]
    cursor = None
    for saved in store.checkpoints(job.id).values():
        progress: Progress = read(saved.state, job.id, saved.partition, field=_field(job))
        cursor = latest(cursor, progress.cursor)
    counts = {name: report.counts[name] for name in _COUNTS}
    return {"status": report.status, "records": records, **counts, "cursor": cursor}


def _field(job: Job) -> str:
    incremental = job.sync.incremental
    return "" if incremental is None else incremental.cursor or "token"


def _compare(case: Case, actual: Mapping[str, Any], problems: Sequence[str], report: RunReport) -> Tested:
    told, values = list(problems), dict[tuple[str | int, ...], Any]()
    expect = case.expect
    for name in (*_COUNTS, "cursor"):
        if name not in expect.model_fields_set:
            continue
        wanted, got = getattr(expect, name), actual[name]
        got = _in_the_form_of(wanted, got) if name == "cursor" else got
        if wanted != got:
            told.append(f"{name}: expected {_shown(wanted)}, got {_shown(got)}")
            values[name,] = got
    if expect.status != report.status:
        why = f": {report.message}" if report.message and not problems else ""
        told.append(f"status: expected {expect.status}, got {report.status}{why}")
        values["status",] = report.status
    if isinstance(expect.records, int) and expect.records != len(actual["records"]):
        told.append(f"records: expected {expect.records}, got {len(actual['records'])}")
        values["records",] = len(actual["records"])
    elif isinstance(expect.records, list):
        found = _compare_records(expect.records, actual["records"])
        told += [text for _, _, text in found]
        values |= {("records", *path): value for path, value, _ in found if path}
    return Tested(actual, tuple(told), values)


def _compare_records(
    wanted: Sequence[Mapping[str, Any]], got: Sequence[Mapping[str, Any]]
) -> list[tuple[tuple[str | int, ...], Any, str]]:
    """Return (path, actual value, sentence) for each field of the first records that differs."""
    found: list[tuple[tuple[str | int, ...], Any, str]] = []
    for index, record in enumerate(wanted):
        if index >= len(got):
            found.append(((), None, f"record {index + 1}: expected {_shown(record)}, got none"))
            continue
        for name, value in record.items():
            if name not in got[index]:
                fields = ", ".join(got[index])
                found.append(((), None, f"record {index + 1}: no field {name}; it has {fields}"))
            elif got[index][name] != value:
                told = f"record {index + 1}, {name}: expected {_shown(value)}, got {_shown(got[index][name])}"
                found.append(((index, name), got[index][name], told))
    return found


def _in_the_form_of(wanted: Any, cursor: Any) -> Any:
    """Return a saved time as it is expected, when both are the same moment."""
    if not (isinstance(wanted, str) and isinstance(cursor, str)):
        return cursor
    try:
        same = _moment(wanted) == _moment(cursor)
    except ValueError:
        return cursor
    return wanted if same else cursor


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _shown(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str)
