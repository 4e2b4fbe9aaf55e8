"""The `httpx.Auth` flows that kinds share; imported only when requests are about to be sent."""

from __future__ import annotations

from collections.abc import Generator
from urllib.parse import quote

import httpx

Flow = Generator[httpx.Request, httpx.Response, None]


class HeaderAuth(httpx.Auth):
    """Sends one header."""

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = value

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Set the header, replacing one that is there."""
        request.headers[self._name] = self._value
        yield request


class QueryAuth(httpx.Auth):
    """Sends one query parameter."""

    def __init__(self, name: str, value: str) -> None:
        self._name = quote(name, safe="").encode()
        self._value = quote(value, safe="").encode()

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Append the parameter; the rest of the query stays byte for byte, as a next link gave it (R19)."""
        pairs = [pair for pair in request.url.query.split(b"&") if pair and pair.split(b"=")[0] != self._name]
        pairs.append(self._name + b"=" + self._value)
        request.url = request.url.copy_with(query=b"&".join(pairs))
        yield request


class CookieAuth(httpx.Auth):
    """Sends one cookie."""

    def __init__(self, name: str, value: str) -> None:
        self._pair = f"{name}={value}"

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Add the cookie to those that the request has."""
        others = request.headers.get("Cookie")
        request.headers["Cookie"] = f"{others}; {self._pair}" if others else self._pair
        yield request
