"""The loopback server: sockets and threads, and the script of answers."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.api.messages import Answer, Received

Script = Answer | Callable[[Received], Answer]

_MAX_HEAD = 1 << 20
_TLS = b"\x16"  # the first byte of a handshake, which this server does not speak


@dataclass
class _Entry:
    script: Script
    times: int


@dataclass
class _Place:
    method: str
    path: str
    params: dict[str, str]
    queue: list[_Entry]

    def matches(self, request: Received) -> bool:
        asked = request.params
        return (
            self.method in ("*", request.method)
            and self.path in ("*", request.path)
            and all(asked.get(name) == value for name, value in self.params.items())
        )

    def take(self) -> Script:
        entry = self.queue[0]
        entry.times -= 1
        if entry.times <= 0 and len(self.queue) > 1:
            self.queue.pop(0)
        return entry.script


class Api:
    """A server on a free port of 127.0.0.1; a context manager. See the package for how to script it."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self._places: list[_Place] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and end every connection, also those that are being answered."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            open_sockets = list(self._sockets)
        for connection in open_sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)

    def on(self, place: str, script: Script | None = None, *, times: int = 1, **answer: Any) -> Self:
        """Queue an answer for `METHOD /path?query`; `*` stands for any method or any path.

        *script* is an `Answer` or a function from the request to one; without it *answer* has its fields.
        """
        method, _, target = place.partition(" ")
        url = urlsplit(target)
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        entry = _Entry(script if script is not None else Answer(**answer), times)
        with self._lock:
            for known in self._places:
                if (known.method, known.path, known.params) == (method, url.path, params):
                    known.queue.append(entry)
                    return self
            self._places.append(_Place(method, url.path, params, [entry]))
            # The most particular place wins: more parameters, then a named path, then a named method.
            self._places.sort(key=lambda known: (-len(known.params), known.path == "*", known.method == "*"))
        return self

    def clear(self) -> None:
        """Forget every answer and every request."""
        with self._lock:
            self._places.clear()
            self.requests.clear()

    def asked(self, path: str) -> list[Received]:
        """Return the requests for *path*, oldest first."""
        return [request for request in list(self.requests) if request.path == path]

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._sockets.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as source, contextlib.suppress(OSError):
                while not self._closing.is_set():
                    request = _receive(source, connection)
                    if request is None or not self._reply(connection, request):
                        return
        finally:
            with self._lock:
                self._sockets.discard(connection)

    def _reply(self, connection: socket.socket, request: Received) -> bool:
        """Give the scripted answer; return whether the connection stays open."""
        with self._lock:
            self.requests.append(request)
            place = next((known for known in self._places if known.matches(request)), None)
            script = place.take() if place else _not_scripted(request)
        answer = script(request) if callable(script) else script
        if answer.delay and self._closing.wait(answer.delay):
            return False
        if answer.raw is not None:
            if answer.drip:
                self._drip(connection, answer.raw, answer.drip)
            else:
                connection.sendall(answer.raw)
            return False
        if answer.reset and answer.truncate is None:
            return _reset(connection)
        content = answer.content()
        head = _head(answer, len(content))
        bodiless = request.method == "HEAD" or answer.code in (204, 304)
        sent = b"" if bodiless else content[: answer.truncate]
        if answer.chunked and sent:
            sent = b"%x\r\n%s\r\n" % (len(sent), sent) + (
                b"" if answer.truncate is not None else b"0\r\n\r\n"
            )
        if not answer.drip:
            connection.sendall(head + sent)
        else:
            connection.sendall(head)
            if not self._drip(connection, sent, answer.drip):
                return False
        if answer.reset:
            return _reset(connection)
        return answer.truncate is None and not answer.close

    def _drip(self, connection: socket.socket, content: bytes, seconds: float) -> bool:
        """Send *content* byte by byte; return whether all of it was sent."""
        for byte in content:
            if self._closing.wait(seconds):
                return False
            connection.sendall(bytes([byte]))
        return True


def _receive(source: Any, connection: socket.socket) -> Received | None:
    if source.peek(1)[:1] == _TLS:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        return None
    line = source.readline(_MAX_HEAD)
    if not line.strip():
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := source.readline(_MAX_HEAD)).strip():
        name, _, value = line.decode("utf-8", "replace").partition(":")
        key = name.strip().lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Received(method, target, headers, source.read(int(headers.get("content-length", 0))))


def _head(answer: Answer, length: int) -> bytes:
    try:
        phrase = HTTPStatus(answer.code).phrase
    except ValueError:
        phrase = "Unnamed"
    lines = [f"HTTP/1.1 {answer.code} {phrase}"]
    headers = answer.all_headers()
    if answer.chunked:
        headers.setdefault("Transfer-Encoding", "chunked")
    elif answer.code not in (204, 304):
        headers.setdefault("Content-Length", str(length))
    if answer.close or answer.truncate is not None:
        headers.setdefault("Connection", "close")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _reset(connection: socket.socket) -> bool:
    """Make the close that follows a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _not_scripted(request: Received) -> Answer:
    return Answer(status=404, json={"error": f"no answer is scripted for {request.method} {request.target}"})
