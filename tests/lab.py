"""A bench for whole runs: a connector in YAML, an API as a Python function, rows out of DuckDB."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx

from syncrun.config.load import load_connector
from syncrun.engine.asked_once import AskedOnce
from syncrun.engine.dryrun import DryRun, dry_run
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.report import Event, RunReport
from syncrun.engine.run import run_sync
from syncrun.http.redact import Redactor
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.ids import SyncId

ITEMS = """
    syncs:
      items:
        request: /items
        pagination: none
        key: id
        fields: {id: {path: id, type: integer}, name: name}
"""
"""A sync that reads everything in one answer: what `items` makes."""

Handler = Callable[[httpx.Request], Any]


def items(*names: str) -> list[dict[str, Any]]:
    """Return one record a name, numbered from 1."""
    return [{"id": number, "name": name} for number, name in enumerate(names, start=1)]


class Clock:
    """A time that moves only when told, or by a second a look."""

    def __init__(self) -> None:
        self.time = datetime(2024, 6, 1, 12, 0, 0, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)

    def advance(self, **length: float) -> None:
        self.time += timedelta(**length)


class Lab:
    """One connector, one database, one API that the test scripts.

    `api` is a function from an `httpx.Request` to a JSON value, or to an `httpx.Response`. `requests` are
    those sent, as `METHOD path?query`. Without *proves_who_asks* the `check` of a connector is left out.
    """

    def __init__(self, folder: Path, yaml: str = "", api: Handler | None = None) -> None:
        self.folder = folder
        self.database = folder / "lab.duckdb"
        self.clock = Clock()
        self.store = DuckDBStore(self.database)
        self.api: Handler = api or (lambda _request: [])
        self.requests: list[str] = []
        self.events: list[Event] = []
        self.environ: dict[str, str] = {}
        self.proves_who_asks = True
        self.stop = threading.Event()
        if yaml:
            self.write(yaml)

    def write(self, yaml: str) -> None:
        """Replace the connector by *yaml*; its name and base URL are filled in when missing."""
        text = dedent(yaml)
        head = "" if "connector:" in text else "connector: lab\nversion: 1.0.0\nbase_url: https://api.test\n"
        (self.folder / "connectors").mkdir(exist_ok=True)
        self.file = self.folder / "connectors" / "lab.yaml"
        self.file.write_text(head + text, encoding="utf-8")
        self.connector = load_connector(self.file)

    def run(
        self,
        sync: str | None = None,
        *,
        connection: str = "acme",
        config: Mapping[str, Any] | None = None,
        fault: Callable[[str], None] = lambda _step: None,
        **options: Any,
    ) -> RunReport:
        """Run *sync* (the only one when absent) and return its report."""
        job = self._job(sync, connection, config)
        return run_sync(job, Options(**{"lock_timeout": 0.0, **options}), self._runtime(fault))

    def keep_secrets(self) -> None:
        """Give the key that issued tokens are kept with."""
        self.environ["SYNCRUN_SECRET_KEY"] = urlsafe_b64encode(b"k" * 32).decode()

    def sign_in(
        self, token: str, *, connection: str = "acme", config: Mapping[str, Any] | None = None
    ) -> None:
        """Keep the access *token* as if a person had signed *connection* in."""
        from syncrun.auth.grants import fingerprint
        from syncrun.auth.oauth2 import OAuth2
        from syncrun.auth.tokens import Token, credentials_name, write_token
        from syncrun.engine.context import auth_context, auth_of, context_of

        self.keep_secrets()
        job, runtime = self._job(None, connection, config), self._runtime()
        roots = context_of(job, runtime)
        spec = auth_of(job, roots)
        assert isinstance(spec, OAuth2)
        context = auth_context(job, runtime, roots, Redactor(()), lambda _exchange: None)
        kept = write_token(Token(token, self.clock.monotonic()), fingerprint(spec, context))
        with context.credentials.hold(credentials_name(context)):
            context.credentials.save(credentials_name(context), kept)

    def dry_run(
        self,
        sync: str | None = None,
        *,
        connection: str = "acme",
        config: Mapping[str, Any] | None = None,
        record: bool = False,
        measure: bool = False,
        most: int = 20,
        **options: Any,
    ) -> DryRun:
        """Run *sync* without writing and return what it would do."""
        job = self._job(sync, connection, config)
        asked = Options(**{"lock_timeout": 0.0, **options})
        return dry_run(job, asked, self._runtime(), most=most, record=record, measure=measure)

    def _job(self, sync: str | None, connection: str, config: Mapping[str, Any] | None) -> Job:
        name = sync or next(iter(self.connector.syncs))
        identity = SyncId(connection, self.connector.connector, name)
        return Job(identity, self.connector, config or {}, folder=self.folder)

    def _runtime(self, fault: Callable[[str], None] = lambda _step: None) -> Runtime:
        return Runtime(
            self.store,
            self.database,
            now=self.clock.now,
            clock=self.clock.monotonic,
            sleep=self.clock.sleep,
            random=lambda: 1.0,
            transport=httpx.MockTransport(self._answer),
            emit=self.events.append,
            environ=self.environ,
            stop=self.stop,
            fault=fault,
            checks=AskedOnce(lambda _request: self.proves_who_asks),
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        query = f"?{request.url.query.decode()}" if request.url.query else ""
        self.requests.append(f"{request.method} {request.url.path}{query}")
        answer = self.api(request)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return list(self.store.query(sql).rows)

    def live(self, model: str | None = None) -> list[dict[str, Any]]:
        """Return the live records as they were mapped, ordered by their first column."""
        name = model or next(iter(self.connector.syncs))
        result = self.store.query(
            "SELECT * EXCLUDE (_connection, _first_seen_at, _last_modified_at)"
            f' FROM {self.connector.connector}."{name}" ORDER BY 1'
        )
        return [dict(zip(result.columns, row, strict=True)) for row in result.rows]

    def feed(self, model: str | None = None) -> list[tuple[Any, str]]:
        """Return (id, action) of every record in the order of its last change."""
        name = model or next(iter(self.connector.syncs))
        table = f'{self.connector.connector}."{name}__records"'
        rows = self.rows(f"SELECT _id, _action FROM {table} ORDER BY _seq")
        return [(json.loads(identity)[0], action) for identity, action in rows]

    def checkpoint(
        self, partition: str = "", sync: str | None = None, connection: str = "acme"
    ) -> dict[str, Any]:
        """Return the saved progress of a partition; empty when there is none."""
        name = sync or next(iter(self.connector.syncs))
        saved = self.store.checkpoints(SyncId(connection, self.connector.connector, name)).get(partition)
        return json.loads(saved.state) if saved else {}
