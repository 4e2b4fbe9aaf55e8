"""What hooks see of requests and answers; the documentation is `docs/reference/hooks.md`."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

import httpx

from syncrun.decoders.base import charset
from syncrun.http.messages import Request, Response
from syncrun.paginators.base import Page

_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "method": (str, "text"),
    "url": (str, "text"),
    "params": (dict, "a dict"),
    "headers": (dict, "a dict"),
    "form": ((dict, type(None)), "a dict or None"),
    "text": ((str, type(None)), "text or None"),
}


@dataclass(slots=True)
class HookRequest:
    """A request before it is sent, to be changed in place; credentials come later (R19)."""

    method: str
    url: str
    params: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    json: Any = None
    form: dict[str, Any] | None = None
    text: str | None = None

    @classmethod
    def of(cls, request: Request) -> HookRequest:
        """Return a view of *request* that shares nothing with it."""
        return cls(**{part.name: deepcopy(getattr(request, part.name)) for part in fields(cls)})

    def to_request(self, before: Request) -> Request:
        """Return the request as it is now; raise TypeError for what none can be made of."""
        for name, (kind, told) in _TYPES.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"request.{name} must be {told}, not {type(getattr(self, name)).__name__}")
        if sum(part is not None for part in (self.json, self.form, self.text)) > 1:
            raise TypeError("only one of request.json, request.form and request.text may be set")
        members = {part.name: deepcopy(getattr(self, part.name)) for part in fields(self)}
        named = before.named or urlsplit(self.url)[:2] != urlsplit(before.url)[:2]  # the hook's own choice
        return Request(**members, retry_safe=before.retry_safe, named=named)


class WireRequest:
    """One attempt to send a request, to be signed: headers and params may be set, the rest is fixed."""

    __slots__ = ("_request", "headers", "params")

    def __init__(self, request: httpx.Request) -> None:
        self._request = request
        self.headers = request.headers.copy()
        self.params: dict[str, Any] = {}

    @property
    def method(self) -> str:
        """The method, in upper case."""
        return self._request.method

    @property
    def url(self) -> str:
        """The whole URL, query included."""
        return str(self._request.url)

    @property
    def content(self) -> bytes:
        """The body as it is sent; empty when there is none."""
        return self._request.content


@dataclass(frozen=True, slots=True)
class HookResponse:
    """An answer as it came, read whole and decompressed; header names are in lower case."""

    status: int
    url: str
    headers: Mapping[str, str]
    content: bytes

    @classmethod
    def of(cls, response: Response) -> HookResponse:
        """Return a view of *response*."""
        return cls(response.status, response.url, dict(response.headers), response.content)

    @property
    def text(self) -> str:
        """The content as text, in the encoding that it says."""
        return self.content.decode(charset(self.content, self.headers.get("content-type")), "replace")

    def json(self) -> Any:
        """Return the content as JSON values; raise ValueError when it is no JSON."""
        import json

        return json.loads(self.content)


@dataclass(frozen=True, slots=True)
class HookPage:
    """An answered page: its body as it was decoded or parsed, and the records selected from it."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: Any
    records: list[Any]

    @classmethod
    def of(cls, page: Page) -> HookPage:
        """Return a view of *page*."""
        return cls(
            page.status, page.url, dict(page.headers), deepcopy(page.body), deepcopy(list(page.records))
        )

    def json(self) -> Any:
        """Return the body."""
        return self.body
