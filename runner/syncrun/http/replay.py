"""An HTTP transport that gives recorded answers in place of an API's (the form is that of `recording`)."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from syncrun.errors import ConfigurationError, Problem, RequestError
from syncrun.excerpts import MASK
from syncrun.http.recording import content_of
from syncrun.http.redact import Redactor
from syncrun.secrets import is_sensitive_name

Key = tuple[str, str, str]


def read_recording(path: Path, name: str) -> list[dict[str, Any]]:
    """Return the exchanges in the file at *path*; raise ConfigurationError, calling it *name*."""
    try:
        exchanges = json.loads(path.read_bytes())
    except OSError as error:
        hint = "`syncrun test --record` or `dryrun --save` makes one"
        problem = Problem(f"cannot be read: {error.strerror or error}", name, hint=hint)
        raise ConfigurationError([problem]) from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError([Problem(f"not JSON: {error}", name)]) from None
    if not isinstance(exchanges, list):
        raise ConfigurationError([Problem("expected a list of exchanges", name)])
    for number, exchange in enumerate(exchanges, start=1):
        if not _is_exchange(exchange):
            message = f"exchange {number} needs request: {{method, url}} and response: {{status}}"
            raise ConfigurationError([Problem(message, name)])
    return exchanges


def _is_exchange(exchange: Any) -> bool:
    request = exchange.get("request") if isinstance(exchange, dict) else None
    response = exchange.get("response") if isinstance(exchange, dict) else None
    return (
        isinstance(request, dict)
        and isinstance(request.get("method"), str)
        and isinstance(request.get("url"), str)
        and isinstance(response, dict)
        and isinstance(response.get("status"), int)
    )


class Replay(httpx.BaseTransport):
    """Answers requests with *exchanges*: those of one method, URL and body in the order of the file.

    Parameters that hold secrets make no difference. `problems` names each request that has no answer.
    """

    def __init__(self, exchanges: Sequence[Mapping[str, Any]], redactor: Redactor, name: str) -> None:
        self._redactor, self._name = redactor, name
        self._answers: dict[Key, list[Mapping[str, Any]]] = {}
        self._given: dict[Key, int] = {}
        self._guard = threading.Lock()
        self.problems: list[str] = []
        for exchange in exchanges:
            request = exchange["request"]
            body = {member: request[member] for member in ("json", "text", "base64") if member in request}
            key = self._key(request["method"], request["url"], body)
            self._answers.setdefault(key, []).append(exchange["response"])

    @property
    def unused(self) -> int:
        """How many recorded answers nobody asked for."""
        return sum(len(answers) - self._given.get(key, 0) for key, answers in self._answers.items())

    def knows(self, method: str, url: str, content: bytes) -> bool:
        """Return whether an answer to this request is recorded."""
        return self._key(method, url, content_of(content, self._redactor)) in self._answers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the recorded answer; raise RequestError, naming the nearest request, when there is none."""
        key = self._key(request.method, str(request.url), content_of(request.read(), self._redactor))
        with self._guard:
            answers, given = self._answers.get(key, []), self._given.get(key, 0)
            if given < len(answers):
                self._given[key] = given + 1
                return _response(answers[given])
            error = self._missing(key, request, len(answers))
            self.problems.append(str(error))
            raise error

    def _missing(self, key: Key, request: httpx.Request, recorded: int) -> RequestError:
        place = self._redactor.exchange(request.method, str(request.url))
        if recorded:
            times = "once" if recorded == 1 else f"{recorded} times"
            return RequestError(f"{place}: asked for again, but answered only {times} in {self._name}")
        known = {" ".join(part for part in other if part): other for other in self._answers}
        near = get_close_matches(" ".join(part for part in key if part), list(known), n=1, cutoff=0.0)
        hint = f"the nearest recorded request is {near[0]}" if near else "nothing is recorded there"
        return RequestError(f"{place}: no answer in {self._name}", hint=hint)

    def _key(self, method: str, url: str, body: Mapping[str, Any]) -> Key:
        parts = urlsplit(self._redactor.url(url))
        pairs = [
            f"{name}={value}"
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
            if MASK not in value and not is_sensitive_name(name)
        ]
        query = "&".join(sorted(pairs))
        address = f"{parts.scheme}://{parts.netloc}{parts.path}" + (f"?{query}" if query else "")
        shown = json.dumps(body, sort_keys=True, ensure_ascii=False) if body else ""
        return method.upper(), address, shown


def _response(answer: Mapping[str, Any]) -> httpx.Response:
    headers = dict(answer.get("headers") or {})
    if "json" in answer:
        content = json.dumps(answer["json"], ensure_ascii=False).encode()
        headers.setdefault("content-type", "application/json")
    elif "base64" in answer:
        content = b64decode(answer["base64"])
    else:
        content = str(answer.get("text", "")).encode()
    return httpx.Response(answer["status"], headers=headers, content=content)
