"""What the members of an answer say about paging: end markers, "has more" flags, counts."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from syncrun.expressions.compile import compile_expression
from syncrun.expressions.layout import plain_path
from syncrun.http.urls import resolve
from syncrun.paginators.base import Page

_HEADERS = "headers."
_MOST_DIGITS = 18  # a count of more is none
_MOST = 10**_MOST_DIGITS


def digest(record: Any) -> str:
    """Return what tells one *record* from another with other values."""
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, default=str)
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def evaluate(expression: str, document: Any) -> Any:
    """Return what JMESPath *expression* finds in *document*; raise EvaluationError where it fails."""
    return compile_expression(expression)(document)


def value_on(expression: str, page: Page) -> Any:
    """Return what JMESPath *expression* finds in the body of *page*, or in its headers: `headers.link`."""
    if not reads_headers(expression):
        return evaluate(expression, page.body)
    path = plain_path(expression)
    if path is not None and len(path) > 1:  # names of headers are the same in any case
        return page.headers.get(path[1].lower()) if len(path) == 2 else None  # noqa: PLR2004 - headers, name
    return evaluate(expression, {"headers": dict(page.headers)})


def reads_headers(expression: str) -> bool:
    """Whether *expression* is about the headers of an answer, by how it begins."""
    return expression.lstrip().startswith(_HEADERS)


def is_in_headers(expression: str | None, page: Page) -> bool:
    """Whether *expression* is about a header that *page* has."""
    return expression is not None and reads_headers(expression) and value_on(expression, page) is not None


def read_of_bodies(*expressions: str | None) -> tuple[str, ...]:
    """Return those of *expressions* that are evaluated on bodies."""
    return tuple(text for text in expressions if text is not None and not reads_headers(text))


def is_end_marker(value: Any) -> bool:
    """Whether *value* as a token or link means that no page follows (R17): null, false, blank, empty."""
    if value is None or value is False:
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, (list, dict)) and not value


def says_more(flag: str | None, page: Page) -> bool | None:
    """Return what the expression *flag* on *page* says, as boolean, text or number; None when nothing."""
    value = None if flag is None else value_on(flag, page)
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip().lower() not in {"", "false", "no", "n", "0"}
    return bool(value)


def as_count(value: Any) -> int | None:
    """Return a count given as a number or numeric text; None for all else, negative numbers included."""
    if isinstance(value, str):
        value = value.strip()
        return int(value) if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not 0 <= value < _MOST or value != int(value):  # neither NaN nor infinity is
        return None
    return int(value)


def count_at(expression: str | None, page: Page) -> int | None:
    """Return the count that *expression* finds on *page*; None without one."""
    return None if expression is None else as_count(value_on(expression, page))


def resolve_link(page_url: str, link: str) -> str | None:
    """Return *link* as an absolute URL, relative to the page it came with; None when it is not http(s)."""
    return resolve(page_url, link)
