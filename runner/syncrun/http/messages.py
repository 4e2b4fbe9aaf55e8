"""Requests and responses as values: what a sync asks for and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from syncrun.http.content import MAX_BYTES

safe_methods = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, without credentials.

    *params* and *headers* map a name to a value or a list of values; None drops the entry. At most one of
    *json*, *form* and *text* is set. *retry_safe* marks a POST that only reads. *named* tells that the
    connector names the server of *url*: no answer did.
    """

    method: str
    url: str
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, Any] | None = None
    text: str | None = None
    retry_safe: bool = False
    named: bool = False

    @property
    def parts(self) -> tuple[Any, ...]:
        """All that is sent: two requests with equal parts ask for the same."""
        return self.method, self.url, self.params, self.headers, self.json, self.form, self.text

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no harm."""
        return self.retry_safe or self.method.upper() in safe_methods

    def with_value(self, into: str, value: Any) -> Request:
        """Return a copy with *value* at *into*: `params.after`, `headers.X-Next`, `body.variables.after`."""
        place, _, name = into.partition(".")
        if place == "params":
            return replace(self, params={**self.params, name: value})
        if place == "headers":
            return replace(self, headers={**self.headers, name: value})
        if place == "body":
            if self.form is not None:
                return replace(self, form={**self.form, name: value})
            return replace(self, json=_with_member(self.json, name.split("."), value))
        raise ValueError(f"{into!r} names no part of a request; it starts with params., headers. or body.")

    def at_url(self, url: str) -> Request:
        """Return a copy for *url*, which already carries its own query (R19)."""
        return replace(self, url=url, params={}, named=False)


def _with_member(document: Any, path: list[str], value: Any) -> Any:
    members = dict(document) if isinstance(document, dict) else {}
    head, *rest = path
    members[head] = _with_member(members.get(head), rest, value) if rest else value
    return members


@dataclass(frozen=True, slots=True)
class Response:
    """One answer with its content fully read and decompressed; header names are lower case.

    *is_settled* tells that an error rule takes it for an answer without records. *memo* keeps what a
    decoder made of the content, so that rules and records share one reading of it. What is
    packed in the content may have *max_bytes*.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    content: bytes
    request: Request
    elapsed: float = 0.0
    attempts: int = 1
    is_settled: bool = False
    max_bytes: int = MAX_BYTES
    memo: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
