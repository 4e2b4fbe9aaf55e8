"""Whether a saved place counts what comes before it: when records go, what is behind it moves up."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from syncrun.paginators.values import as_count

page_parameters = frozenset(
    {"page", "p", "page_number", "pagenumber", "page_no", "pageno", "page[number]", "_page"}
)
offset_parameters = frozenset(
    {
        "offset",
        "_offset",
        "$offset",
        "page[offset]",
        "skip",
        "_skip",
        "$skip",
        "start",
        "_start",
        "start_at",
        "startat",
        "start_index",
        "startindex",
        "first_result",
        "firstresult",
        "from",
    }
)
_NEXT = re.compile(r"^(x[-_])?next[-_]?")
_NUMBERED_PATH = re.compile(r"/pages?/\d+(/|$)", re.IGNORECASE)


def is_position(name: str, value: Any) -> bool:
    """Whether *value* is a page number or an offset, judged by its *name*: `page`, or `params.page`."""
    last = name.rpartition(".")[2].strip('"').lower()
    names = {last, _NEXT.sub("", last)}  # `next_page` and `X-Next-Page` are numbers of pages too
    return as_count(value) is not None and not names.isdisjoint(page_parameters | offset_parameters)


def has_position(url: str) -> bool:
    """Whether *url* asks for a page by its number or by an offset, in the query or the path."""
    parts = urlsplit(url)
    asked = parse_qsl(parts.query)
    return _NUMBERED_PATH.search(parts.path) is not None or any(is_position(*pair) for pair in asked)


def may_count(value: Any) -> bool:
    """Whether a number is anywhere in the JSON *value*, so that it may be a position."""
    if isinstance(value, dict):
        return any(map(may_count, value.values()))
    return any(map(may_count, value)) if isinstance(value, list) else as_count(value) is not None
