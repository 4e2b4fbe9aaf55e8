"""Turns the values of a `Request` into what goes over the wire; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
from msgspec import Struct

from syncrun.errors import RequestError
from syncrun.http.messages import Request

HeaderList = list[tuple[str, str]]

# Characters that a query may hold as they are (RFC 3986); encoding them would only make URLs hard to read.
_QUERY_SAFE = ":,/@"
_WHOLE = 1e15
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Outgoing(Struct, frozen=True):
    """A request ready to be sent; *headers* are its own, without defaults and credentials.

    *named* tells that the connector names the server: it is no answer that led there.
    """

    method: str
    url: httpx.URL
    headers: HeaderList
    content: bytes | None
    named: bool = False


def encode(request: Request) -> Outgoing:
    """Return *request* as it is sent; raise httpx.InvalidURL, or RequestError for an unsendable header."""
    content, content_type = body_of(request)
    headers = header_list(request.headers)
    if content_type and not any(name.lower() == "content-type" for name, _ in headers):
        headers = [*headers, ("Content-Type", content_type)]
    url = httpx.URL(url_with_params(request.url, request.params))
    return Outgoing(request.method.upper(), url, headers, content, request.named)


def url_with_params(url: str, params: Mapping[str, Any]) -> str:
    """Return *url*, without its fragment, with *params* after the query that it has.

    None is left out, a list repeats the name, booleans are `true` and `false`, an object is sent as JSON.
    """
    url = url.partition("#")[0]
    query = "&".join(
        f"{quote(name, safe='')}={quote(text, safe=_QUERY_SAFE)}" for name, text in _pairs(params)
    )
    if not query:
        return url
    if "?" not in url:
        return f"{url}?{query}"
    return f"{url}{'' if url.endswith(('?', '&')) else '&'}{query}"


def header_list(headers: Mapping[str, Any]) -> HeaderList:
    """Return *headers* as pairs; None is left out, a list repeats. Raise RequestError for a line break."""
    pairs = [(name, text.strip()) for name, text in _pairs(headers)]
    for name, text in pairs:
        if _UNSENDABLE.search(text):
            raise RequestError(f"the header {name} holds a line break or control character")
    return pairs


def merged_headers(*layers: HeaderList) -> list[tuple[bytes, bytes]]:
    """Return the headers of all *layers*; a later layer replaces the headers of the same name."""
    by_name: dict[str, list[tuple[bytes, bytes]]] = {}
    for layer in layers:
        own: dict[str, list[tuple[bytes, bytes]]] = {}
        for name, value in layer:
            own.setdefault(name.lower(), []).append((name.encode(), value.encode()))
        by_name.update(own)
    return [pair for pairs in by_name.values() for pair in pairs]


def body_of(request: Request) -> tuple[bytes | None, str]:
    """Return the content of *request* and its content type; None when it has no body."""
    if request.json is not None:
        return _as_json(request.json), "application/json"
    if request.form is not None:
        pairs = (f"{quote_plus(name)}={quote_plus(text)}" for name, text in _pairs(request.form))
        return "&".join(pairs).encode(), "application/x-www-form-urlencoded"
    if request.text is not None:
        return request.text.encode("utf-8", "replace"), "text/plain; charset=utf-8"
    return None, ""


def _pairs(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        members: Iterable[Any] = value if isinstance(value, list | tuple) else (value,)
        for member in members:
            if member is not None:
                yield name, as_text(member)


def as_text(value: Any) -> str:
    """Return how a value is written in a query, header or form."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
        return str(int(value))
    if isinstance(value, dict | list):
        return _as_json(value).decode()
    return str(value)


def _as_json(value: Any) -> bytes:
    import orjson

    try:
        return orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits
        import json

        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
