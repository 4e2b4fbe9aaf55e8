"""Signs that an answer is only a part: that must delete nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from syncrun.expressions.compile import compile_expression, is_true
from syncrun.expressions.functions import Functions
from syncrun.extract import known_members as known
from syncrun.http.messages import Request
from syncrun.paginators.base import End, Page
from syncrun.paginators.values import as_count
from syncrun.wording import counted

_PARTIAL = 206
_RANGE = re.compile(r"\s*(?:[\w-]+\s+)?\d{1,18}-(\d{1,18})/(\d{1,18})\s*")
_ROUND = frozenset({50, 100, 200, 250, 500, 1000})
# What servers give at most when nobody says how many.
_NONE = "if this is everything: `pagination: none`; else declare how to get the rest"
_WHOLE = 'if such answers are whole all the same: `cut_off: "`false`"` in the sync'


def looks_cut_off(request: Request, page: Page) -> End | None:
    """Return the end of a read whose only answer shows no way to a next page, and yet seems to be a part."""
    count = len(page.records)
    sign = _by_size(request, count) or _by_total(page) or _by_flag(page.body)
    if not sign and count in _ROUND:
        sign = f"{counted(count, 'record')}, which is a round number"
    if not sign:
        return None
    reason = f"looks cut off: {sign}, and no way to the next page was found"
    return End(complete=False, reason=reason, hint=_NONE)


def says_part(page: Page, rule: str | None, functions: Functions) -> str:
    """Return which sign says that the answer of *page* is only a part; empty when none does.

    That is where the expression *rule* is true; without one, a member such as `partial` that is true.
    """
    place = f"the answer of page {page.state.number + 1}"
    if rule is not None:
        seen = {"body": page.body, "headers": dict(page.headers), "status": page.status}
        told = is_true(compile_expression(rule, functions=functions)(seen))
        return f"cut_off ({rule}) is true for {place}" if told else ""
    flag = None if _is_record(page) else _true_member(page.body, known.partial)
    return "" if flag is None else f"{place} says {flag}=true"


def says_rest_is_missing(page: Page, rule: str | None) -> str:
    """Return what of the last *page* says that more would follow; empty when nothing does.

    That is a member such as `truncated`, or `Content-Range: items 0-24/137` (RFC 9110 §14.4), or status 206.
    """
    if rule is not None:
        return ""
    place = f"the answer of page {page.state.number + 1}"
    flag = None if _is_record(page) else _true_member(page.body, known.truncated)
    if flag is not None:
        return f"{place} says {flag}=true"
    given = page.headers.get("content-range", "")
    found = _RANGE.fullmatch(given)
    if found is not None:
        return f"{place} says Content-Range: {given}" if int(found[1]) + 1 < int(found[2]) else ""
    return f"{place} has status 206, partial content" if page.status == _PARTIAL else ""


def part(sign: str) -> End:
    """Return the end of a read of which an answer was only a part, as *sign* says."""
    hint = "" if sign.startswith("cut_off") else _WHOLE
    return End(complete=False, reason=f"{sign}: it is only a part", hint=hint)


def _is_record(page: Page) -> bool:
    """Whether the body is itself a record, whose members say nothing about the list."""
    return isinstance(page.body, dict) and any(record is page.body for record in page.records[:1])


def _by_size(request: Request, count: int) -> str:
    for name, value in _sizes(known.sent_values(request)):
        if count and as_count(value) == count:
            return f"{counted(count, 'record')} for {name}={value}"
    return ""


def _sizes(members: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what a request asks for by the name of a page size, at any depth."""
    for name, value in members.items():
        if isinstance(value, dict):
            yield from _sizes(value)
        elif name.lower() in known.size_parameters:
            yield name, value


def _by_total(page: Page) -> str:
    count = len(page.records)
    for name, total in _totals(page):
        if total > count:
            return f"{counted(count, 'record')} where the answer says {name}={total}"
    return ""


def _totals(page: Page) -> Iterator[tuple[str, int]]:
    for container in known.containers:
        for name in known.totals:
            total = as_count(known.inside(page.body, container).get(name))
            if total is not None:
                yield known.member(container, name), total
    for name in known.total_headers:
        total = as_count(page.headers.get(name.lower()))
        if total is not None:
            yield name, total


def _by_flag(body: Any) -> str:
    flag = _true_member(body, known.has_more)
    return "" if flag is None else f"the answer says {flag}=true"


def _true_member(body: Any, names: tuple[str, ...]) -> str | None:
    """Return the path to the first member of *names* that is true; None when there is none."""
    for container in known.containers:
        inside = known.inside(body, container)
        for name in names:
            if inside.get(name) is True:
                return known.member(container, name)
    return None
