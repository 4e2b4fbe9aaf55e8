"""What the loopback server receives and gives."""

from __future__ import annotations

import gzip
import json as json_library
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Received:
    """One request as it arrived; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """Every query parameter in order, repeated ones too."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @cached_property
    def params(self) -> dict[str, str]:
        """The query as a mapping; of a repeated parameter the last value."""
        return dict(self.query)

    @cached_property
    def form(self) -> dict[str, str]:
        """The form-encoded body as a mapping."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @cached_property
    def json(self) -> Any:
        """The body as JSON; None when there is none."""
        return json_library.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Answer:
    """One scripted answer; at most one of *json*, *text* and *body* is given.

    *delay* is in seconds before the first byte, *drip* in seconds before each byte of body, or of *raw*. *truncate* sends
    so many bytes of the body that Content-Length announces. *reset* ends the connection by a reset: in place
    of an answer or, with *truncate*, in the middle of one. *raw* is sent as it is, in place of all else.
    """

    json: Any = None
    text: str | None = None
    body: bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None
    compress: Literal["gzip", "deflate", "br", "zstd"] | None = None
    redirect: str | None = None
    delay: float = 0.0
    drip: float = 0.0
    truncate: int | None = None
    reset: bool = False
    chunked: bool = False
    close: bool = False
    raw: bytes | None = None

    def content(self) -> bytes:
        """Return the bytes of the body, compressed if so declared."""
        if self.body is not None:
            plain = self.body
        elif self.text is not None:
            plain = self.text.encode()
        elif self.json is not None:
            plain = json_library.dumps(self.json).encode()
        else:
            plain = b""
        return _compressed(plain, self.compress) if self.compress else plain

    def all_headers(self) -> dict[str, str]:
        """Return the headers that describe the body and those that were given, which win."""
        headers = {}
        if self.content_type or self.json is not None or self.text is not None:
            guess = "text/plain; charset=utf-8" if self.text is not None else "application/json"
            headers["Content-Type"] = self.content_type or guess
        if self.compress:
            headers["Content-Encoding"] = self.compress
        if self.redirect is not None:
            headers["Location"] = self.redirect
        return {**headers, **self.headers}

    @property
    def code(self) -> int:
        """The status; 302 for a redirect that gives none."""
        return 302 if self.redirect is not None and self.status == 200 else self.status


def _compressed(content: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(content)
    if how == "deflate":
        return zlib.compress(content)
    if how == "br":
        import brotli

        return bytes(brotli.compress(content))
    import zstandard

    return zstandard.compress(content)
