"""The `httpx.Auth` flows that kinds share; imported only when requests are about to be sent."""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import islice
from typing import Literal
from urllib.parse import quote

import httpx

Flow = Generator[httpx.Request, httpx.Response, None]
Place = Literal["header", "query", "cookie"]
Sign = Callable[[httpx.Request, str], None]
"""Puts a secret into a request."""

_MOST_CHUNKS = 16
_MOST_BYTES = 1 << 16


def signer(place: Place, name: str, prefix: str = "") -> Sign:
    """Return what puts a secret, after *prefix*, at *place* under *name*; twice replaces the first."""
    if place == "header":
        return lambda request, secret: request.headers.__setitem__(name, prefix + secret)
    if place == "query":
        return lambda request, secret: _set_parameter(request, name, prefix + secret)
    return lambda request, secret: _set_cookie(request, name, prefix + secret)


def _set_parameter(request: httpx.Request, name: str, value: str) -> None:
    """Append a parameter; the rest of the query stays byte for byte, as a next link gave it (R19)."""
    key = quote(name, safe="").encode()
    pairs = [pair for pair in request.url.query.split(b"&") if pair and pair.split(b"=")[0] != key]
    pairs.append(key + b"=" + quote(value, safe="").encode())
    request.url = request.url.copy_with(query=b"&".join(pairs))


def _set_cookie(request: httpx.Request, name: str, value: str) -> None:
    """Add a cookie to those that the request has."""
    known = request.headers.get("Cookie", "").split(";")
    others = [pair.strip() for pair in known if pair.strip() and pair.strip().split("=")[0] != name]
    request.headers["Cookie"] = "; ".join([*others, f"{name}={value}"])


class SecretAuth(httpx.Auth):
    """Sends the same secret with every request."""

    def __init__(self, sign: Sign, secret: str) -> None:
        self._sign = sign
        self._secret = secret

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Put the secret where the API looks for it."""
        self._sign(request, self._secret)
        yield request


def put_aside(response: httpx.Response) -> None:
    """Drop the rest of an answer that a request is sent again for.

    httpx reads such answers whole; a little is read here, so that the connection can be used again, and the
    rest of a large one never is (R25).
    """
    if not response.is_stream_consumed:
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101 - flows run in a sync client
        size = 0
        for chunk in islice(response.stream, _MOST_CHUNKS):
            size += len(chunk)
            if size > _MOST_BYTES:
                break
        response.stream.close()
        response.stream = httpx.ByteStream(b"")
    response.headers.pop("Content-Encoding", None)
