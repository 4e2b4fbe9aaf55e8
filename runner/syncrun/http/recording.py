"""Answers of an API as a file that people read and `syncrun test` replays, without secrets (R23).

    [
      {"request": {"method": "GET", "url": "https://api.example.com/items?page=1"},
       "response": {"status": 200, "headers": {"link": "…"}, "json": [{"id": 1}]}}
    ]

Kept is the answer that each request got in the end; requests that sign in, retries and credentials are not.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syncrun.excerpts import MASK
from syncrun.http.encoding import Outgoing
from syncrun.http.outcome import Outcome
from syncrun.http.redact import Redactor, masked
from syncrun.secrets import is_sensitive_name

# What says something about this one transmission only, or would no longer be true of the decoded content.
_DROPPED = frozenset(
    {
        "age",
        "cf-ray",
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "keep-alive",
        "nel",
        "report-to",
        "server",
        "set-cookie",
        "strict-transport-security",
        "transfer-encoding",
        "vary",
        "via",
    }
)
# Members of a body that hold a credential, wherever it comes from.
_CREDENTIALS = frozenset(
    {"access_token", "refresh_token", "id_token", "client_secret", "password", "api_key"}
)


class Recording:
    """The exchanges of one run, in the order of their answers; `add` may be called from several threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._found: list[tuple[Outgoing, Outcome]] = []
        self.exchanges: list[dict[str, Any]] = []

    def add(self, asked: Outgoing, answered: Outcome) -> None:
        """Keep the answer that a request got."""
        with self._guard:
            self._found.append((asked, answered))

    def redact(self, redactor: Redactor) -> None:
        """Make `exchanges` of what was added, without all that *redactor* knows by now."""
        self.exchanges += [
            {"request": _request(asked, redactor), "response": _response(answered, redactor)}
            for asked, answered in self._found
        ]
        self._found.clear()

    def write(self, path: Path) -> None:
        """Write the exchanges to *path*; what was there is replaced. Raise OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.exchanges, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")


def _request(asked: Outgoing, redactor: Redactor) -> dict[str, Any]:
    request: dict[str, Any] = {"method": asked.method, "url": redactor.url(str(asked.url))}
    headers = {
        name: MASK if is_sensitive_name(name) else redactor.text(value)
        for name, value in asked.headers
        if name.lower() != "content-type"
    }
    if headers:
        request["headers"] = headers
    if asked.content is not None:
        request |= content_of(asked.content, redactor)
    return request


def _response(answered: Outcome, redactor: Redactor) -> dict[str, Any]:
    headers = {
        name: redactor.text(value)
        for name, value in answered.headers.items()
        if name.lower() not in _DROPPED and not is_sensitive_name(name)
    }
    return {"status": answered.status, "headers": headers, **content_of(answered.content, redactor)}


def content_of(content: bytes, redactor: Redactor) -> dict[str, Any]:
    """Return *content* as the one member that gives it back: `json`, `text` or `base64`; none for nothing."""
    if not content:
        return {}
    try:
        text = content.decode()
    except UnicodeDecodeError:
        seen = content.decode("latin-1")
        return {"base64": b64encode(content).decode() if redactor.text(seen) == seen else MASK}
    try:
        value = json.loads(text)
        # numbers that a double cannot hold have to stay as they are written
        exact = json.loads(text, parse_float=str) == json.loads(json.dumps(value), parse_float=str)
    except (ValueError, RecursionError):
        exact = False
    return {"json": _without(value, redactor)} if exact else {"text": redactor.text(text)}


def _without(value: Any, redactor: Redactor) -> Any:
    """Return *value* with credentials masked, those too that nobody told about."""
    if isinstance(value, Mapping):
        return {
            redactor.text(name): MASK
            if name in _CREDENTIALS and isinstance(member, str)
            else _without(member, redactor)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_without(member, redactor) for member in value]
    return masked(value, redactor)
