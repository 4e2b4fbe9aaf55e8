"""Run a built-in connector's syncs against saved answers, through everything but the network.

api = Replay("acme", tmp_path, token="t-1")
report = api.run(
    "items",
    Answer("/items?limit=2", "items.1.json"),                      # a file in connectors/acme/
    Answer("/items?limit=2&after=7", status=429, headers={"Retry-After": "3"}),
    Answer("/items?limit=2&after=7", {"items": []}),               # JSON
)
assert counts(report) == (2, 0, 0, 0)
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import httpx
import orjson

from syncrun.config.connection_config import resolve_config
from syncrun.config.load import find_connector, load_connector
from syncrun.engine.report import RunReport
from syncrun.expressions.template import render
from tests.lab import Clock, Lab

CONNECTORS = Path(__file__).parents[2] / "connectors"
_TYPES = {".json": "application/json; charset=utf-8", ".xml": "text/xml", ".csv": "text/csv"}


@dataclass(frozen=True)
class Answer:
    """What the API gives for one request.

    *url* is written decoded, as people read it: `/path?query` below the connector's base URL, or in full, with
    a method before it unless that is GET. *body* is a file in `connectors/NAME/`, a JSON value, or bytes as
    they are. *next* is sent as a `Link` header. *sent* is the body that the request must have: JSON, or the
    members of a form.
    """

    url: str
    body: Any = None
    next: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: Any = None

    def request(self, base_url: str) -> str:
        """Return `METHOD URL` in full."""
        method, url = re.fullmatch(r"(?:([A-Z]+) )?(.+)", self.url).groups()  # type: ignore[union-attr]
        return f"{method or 'GET'} {base_url.rstrip('/') if url.startswith('/') else ''}{url}"

    def response(self, folder: Path) -> httpx.Response:
        """Return the answer; files are in *folder*."""
        headers = dict(self.headers)
        if self.next:
            headers["Link"] = f'<{self.next}>; rel="next", <{self.next}>; rel="last"'
        if isinstance(self.body, str):
            headers.setdefault("Content-Type", _TYPES[Path(self.body).suffix])
            return httpx.Response(self.status, headers=headers, content=(folder / self.body).read_bytes())
        if isinstance(self.body, bytes) or self.body is None:
            return httpx.Response(self.status, headers=headers, content=self.body)
        return httpx.Response(self.status, headers=headers, json=self.body)


class Replay:
    """One connection of a built-in connector, whose API gives the answers that a test lists.

    *requests* are those of the last run, *slept* the seconds it waited; *clock* moves when told.
    """

    def __init__(self, connector: str, folder: Path, **config: Any) -> None:
        self._lab = Lab(folder)
        self._lab.connector = self.connector = load_connector(find_connector(connector, []))
        self._config = resolve_config(self.connector, config, {})
        roots = {"config": self._config, "vars": {}}
        self.base_url = render(self.connector.base_url, roots) or ""  # unknown until `setup` has asked
        self.requests: list[httpx.Request] = []

    @property
    def clock(self) -> Clock:
        """The clock of all runs."""
        return self._lab.clock

    @property
    def slept(self) -> list[float]:
        """How long the last run waited each time."""
        return self._lab.clock.slept

    def run(
        self, sync: str, *answers: Answer, in_order: bool = True, check: bool = False, **options: Any
    ) -> RunReport:
        """Run *sync* once; exactly the requests of *answers* must be sent, *in_order* unless several run at once.

        With *check* the first of them asks who we are, which is left out otherwise. *options* are those of a run: `full=True`, `limit=10`.
        """
        left: dict[str, deque[Answer]] = defaultdict(deque)
        for answer in answers:
            left[answer.request(self.base_url)].append(answer)
        asked: list[str] = []
        self.requests.clear()
        self.slept.clear()

        def api(request: httpx.Request) -> httpx.Response:
            # as it is now: what signs in again signs the same object
            self.requests.append(
                httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
            )
            url = f"{request.method} {unquote_plus(str(request.url))}"
            asked.append(url)  # pages may be asked for side by side
            expected = [url for url, queue in left.items() if queue]
            assert left[url], f"{url} was not expected, but {expected}"
            answer = left[url].popleft()
            assert answer.sent is None or _body_of(request) == answer.sent
            return answer.response(CONNECTORS / self.connector.connector)

        self._lab.api, self._lab.proves_who_asks = api, check
        report = self._lab.run(sync, config=self._config, **options)
        expected = [answer.request(self.base_url) for answer in answers]
        assert (asked if in_order else sorted(asked)) == (expected if in_order else sorted(expected)), report
        return report

    def keep_secrets(self) -> None:
        """Give the key that issued tokens are kept with."""
        self._lab.keep_secrets()

    def sign_in(self, token: str) -> None:
        """Keep the access *token* as if a person had signed in."""
        self._lab.sign_in(token, config=self._config)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return what a query gives, as one dictionary a row."""
        result = self._lab.store.query(sql)
        return [dict(zip(result.columns, row, strict=True)) for row in result.rows]

    def column(self, sql: str) -> list[Any]:
        """Return the first column of what a query gives."""
        return [row[0] for row in self._lab.rows(sql)]


def counts(report: RunReport) -> tuple[int, int, int, int]:
    """Return how many records a run added, updated, deleted, and found unchanged."""
    changes = report.changes
    return changes.added, changes.updated, changes.deleted, changes.unchanged


def _body_of(request: httpx.Request) -> Any:
    """Return what a request sent: JSON, or the members of a form."""
    if "json" in request.headers.get("content-type", ""):
        return orjson.loads(request.content)
    return dict(parse_qsl(request.content.decode(), keep_blank_values=True))
