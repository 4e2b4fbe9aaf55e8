"""Run a built-in connector's sync against saved answers, through everything but the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from syncrun.config.load import find_connector, load_connector
from syncrun.engine.report import RunReport
from tests.lab import Lab

CONNECTORS = Path(__file__).parents[2] / "connectors"


@dataclass(frozen=True)
class Answer:
    """What the API gives for *url*: the body in *file*, and a `Link` header when there is a *next* URL."""

    url: str
    file: str
    next: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer, with the links that GitHub sends."""
        links = f'<{self.next}>; rel="next", <{self.next}>; rel="last"' if self.next else ""
        return {"Content-Type": "application/json; charset=utf-8", **({"Link": links} if links else {})}


class Replay:
    """One connection of a built-in connector, whose API gives the answers saved in `connectors/NAME/`."""

    def __init__(self, connector: str, folder: Path, **config: Any) -> None:
        self._lab = Lab(folder)
        self._lab.connector = self.connector = load_connector(find_connector(connector, []))
        self._config = config

    def run(self, sync: str, *answers: Answer) -> RunReport:
        """Run *sync* once; exactly the URLs of *answers* must be asked for, in their order."""
        asked: list[str] = []
        by_url = {answer.url: answer for answer in answers}

        def api(request: httpx.Request) -> httpx.Response:
            asked.append(str(request.url))
            answer = by_url[asked[-1]]
            body = (CONNECTORS / self.connector.connector / answer.file).read_bytes()
            return httpx.Response(200, headers=answer.headers, content=body)

        self._lab.api = api
        report = self._lab.run(sync, config=self._config)
        assert asked == [answer.url for answer in answers]
        return report

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return what a query gives, as one dictionary a row."""
        result = self._lab.store.query(sql)
        return [dict(zip(result.columns, row, strict=True)) for row in result.rows]
