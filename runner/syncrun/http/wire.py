"""The network below the client, with an end to each answer: httpx only bounds each wait for the next bytes.

A server that sends one byte a second, in a header, in answers of the kind 1xx or in trailers, would never be
silent for long. Here a request has *timeout* seconds until its headers are there, connection included, and
its content has to come at 1 KiB/s once that time has passed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

MIN_BYTES_PER_SECOND = 1024


class _Answer(threading.local):
    """Until when the thread that sends waits for the answer, in monotonic seconds; 0: as long as it likes."""

    end = 0.0


_answer = _Answer()


def begin(request: httpx.Request) -> None:
    """Give the answer to *request*, which this thread sends next, its time."""
    timeout = request.extensions.get("timeout", {}).get("read")
    _answer.end = time.monotonic() + timeout if timeout else 0.0


def extend(seconds: float) -> None:
    """Let the rest of the answer take so many seconds from now."""
    _answer.end = time.monotonic() + seconds


def left(timeout: float | None) -> float | None:
    """Return how long to wait for the next bytes, at most *timeout*; raise ReadTimeout when time is up."""
    if not _answer.end:
        return timeout
    remaining = _answer.end - time.monotonic()
    if remaining <= 0:
        raise httpcore.ReadTimeout
    return remaining if timeout is None else min(timeout, remaining)


def bound(client: httpx.Client) -> None:
    """Let all that *client* sends over the network keep to the time of its answer."""
    client.event_hooks = {"request": [begin]}
    # httpx has no name for the network below its pools, which httpcore takes as an argument
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        pool = getattr(transport, "_pool", None)
        if isinstance(pool, httpcore.ConnectionPool):
            pool._network_backend = _Network(pool._network_backend)  # noqa: SLF001


class _Network(httpcore.NetworkBackend):
    """Opens connections that look at the time."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(host, port, left(timeout), local_address, socket_options)
        return _Stream(stream)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.connect_unix_socket(path, left(timeout), socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait ends with the time of the answer."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
