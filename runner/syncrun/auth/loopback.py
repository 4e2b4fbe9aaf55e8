"""Receives what an authorization server sends a browser back with: a port on this machine (RFC 8252 §7.3)."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from socket import AF_INET6
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from syncrun.errors import CredentialError, UsageError

_PAGE = (
    "<!doctype html><meta charset=utf-8><title>syncrun</title>"
    "<body style='font-family:sans-serif;margin:4em'><p>{}</p></body>"
)
_POLL_SECONDS = 0.2


@dataclass
class _Result:
    path: str
    state: str
    answer: dict[str, str] | None = None


class _Handler(BaseHTTPRequestHandler):
    """Answers the one redirect that carries our state; anything else is a stranger."""

    timeout = 5
    result: _Result

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        values = dict(parse_qsl(url.query))
        if url.path != self.result.path:
            self._say(404, "Nothing is here.")
        elif not hmac.compare_digest(values.get("state", "").encode(), self.result.state.encode()):
            self._say(400, "This is not the sign-in that syncrun waits for.")
        else:
            self.result.answer = values
            done = "code" in values
            self._say(200, "Signed in. You can close this window." if done else "The sign-in was refused.")

    def log_message(self, *_: Any) -> None:
        """Say nothing: the query holds the code."""

    def _say(self, status: int, text: str) -> None:
        body = _PAGE.format(text).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


class _Server(HTTPServer):
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a connection that breaks off pass: the next one may be the browser's."""


class _Server6(_Server):
    address_family = AF_INET6


class Loopback:
    """A server for one redirect to *redirect_uri*, that carries *state*; a context manager."""

    def __init__(self, redirect_uri: str, state: str) -> None:
        parts = urlsplit(redirect_uri)
        host = parts.hostname or "127.0.0.1"
        self._result = _Result(parts.path or "/", state)
        handler = type("_BoundHandler", (_Handler,), {"result": self._result})
        server = _Server6 if host == "::1" else _Server
        try:
            self._server = server((host, parts.port or 0), handler)
        except OSError as error:
            raise UsageError(
                f"the port of redirect_uri cannot be listened on: {error.strerror}",
                hint=f"end what uses port {parts.port}, or register another redirect_uri",
            ) from None
        self._server.timeout = _POLL_SECONDS
        shown = f"[{host}]" if ":" in host else host
        self.uri = urlunsplit(("http", f"{shown}:{self._server.server_port}", parts.path, "", ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def wait(self, timeout: float, clock: Callable[[], float]) -> Mapping[str, str]:
        """Return the query of the redirect; raise CredentialError when none comes in *timeout* seconds."""
        deadline = clock() + timeout
        while self._result.answer is None:
            if clock() >= deadline:
                raise CredentialError(f"nobody signed in within {timeout:.0f} s", hint="start again")
            self._server.handle_request()
        return self._result.answer
