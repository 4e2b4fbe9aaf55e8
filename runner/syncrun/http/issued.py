"""The credentials in an answer that gives some: of a token endpoint, a log-in or `setup` (R23)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from syncrun.secrets import is_credential_name, is_sensitive_name, is_telling, texts_of

_MOST = 100  # of one answer: nobody is issued more
_LONGEST = 1 << 20  # bytes: longer answers are data
_DEEPEST = 20
_COOKIE_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "version", "comment"})


def issued(headers: Mapping[str, str], content: bytes) -> list[str]:
    """Return what in *headers* and *content* is called a credential, and the values of all cookies."""
    found = [text for text in _in_headers(headers) if is_telling(text)]
    if len(content) <= _LONGEST:
        found += [text for text in _in_body(content, 0) if is_telling(text)]
    return found[:_MOST]


def _in_headers(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        lower = name.lower()
        if lower == "set-cookie":
            pairs = (pair.strip().partition("=") for part in value.split(",") for pair in part.split(";"))
            yield from (text for key, _, text in pairs if key.lower() not in _COOKIE_ATTRIBUTES)
        elif is_sensitive_name(lower) and lower != "www-authenticate":
            yield value
            yield value.rpartition(" ")[2]


def _in_body(content: bytes, depth: int) -> Iterator[str]:
    text = content.decode("utf-8", "replace").strip()
    if text.startswith(("{", "[")):
        try:
            yield from _members(json.loads(text), depth)
        except (ValueError, RecursionError):
            return
    elif "=" in text and not text.startswith("<"):
        yield from (value for name, value in parse_qsl(text) if is_sensitive_name(name))


def _members(value: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, member in value.items():
            if is_credential_name(name):
                yield from texts_of(member)
            elif isinstance(member, dict | list):
                yield from _members(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            yield from _members(member, depth + 1)
