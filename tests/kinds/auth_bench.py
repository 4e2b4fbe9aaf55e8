"""A connection as an auth kind sees it: config values, an API as a function, a clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
from pydantic import TypeAdapter

from syncrun.auth import AnyAuth, Auth
from syncrun.auth.base import AuthContext
from syncrun.auth.credentials import Credentials
from syncrun.expressions.template import render
from syncrun.http.client import Client
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from syncrun.http.retry import RetryPolicy

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

adapter: TypeAdapter[Any] = TypeAdapter(AnyAuth)


def load(sample: Mapping[str, Any]) -> Auth:
    auth = adapter.validate_python(sample)
    assert isinstance(auth, Auth)
    return auth


class Bench:
    """One connection of an API at https://api.test; *answer* plays every server."""

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        answer: Callable[[httpx.Request], httpx.Response] = lambda _request: httpx.Response(200, json=[]),
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.config = dict(config or {})
        self.answer = answer
        self.time = 1_700_000_000.0
        self.slept: list[float] = []
        self.requests: list[httpx.Request] = []
        self.redactor = Redactor(str(value) for value in self.config.values() if isinstance(value, str))
        self.credentials = Credentials(folder, environ or {})

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def context(self) -> AuthContext:
        return AuthContext(
            render=lambda value: render(value, {"config": self.config}),
            send=self._send,
            now=self.now,
            sleep=self.sleep,
            redactor=self.redactor,
            credentials=self.credentials,
            owner="acme",
            connector="lab",
            base_url="https://api.test",
            sign=self._sign,
        )

    def _sign(self, request: httpx.Request, refused: bool) -> None:
        """Sign as a hook of the project would."""
        token = "renewed" if refused else str(self.config["token"]).strip()
        request.headers["X-Hook"] = token

    def client(self, sample: Mapping[str, Any] | None = None, base_url: str = "https://api.test") -> Client:
        auth = load(sample).authenticator(self.context()) if sample else None
        return Client(
            base_url=base_url,
            redactor=self.redactor,
            auth=auth,
            retry=RetryPolicy(attempts=3),
            transport=httpx.MockTransport(self._handle),
            sleep=self.sleep,
            now=self.now,
            random=lambda: 1.0,
        )

    def _send(self, request: Request, statuses: frozenset[int]) -> Response:
        with self.client(base_url=request.url) as client:
            return client.send(request, also=statuses)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)

    @property
    def asked(self) -> list[str]:
        """The requests so far, as `METHOD host/path`."""
        return [f"{request.method} {request.url.host}{request.url.path}" for request in self.requests]
