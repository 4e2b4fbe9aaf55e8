"""Signs that an answer is only a part although it shows no way to the rest: that must delete nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from syncrun.extract import known_members as known
from syncrun.http.messages import Request
from syncrun.paginators.base import Page
from syncrun.paginators.values import as_count
from syncrun.wording import counted


def looks_cut_off(request: Request, page: Page) -> str | None:
    """Return why an answer without any known way to a next page seems to be only a part, or None."""
    count = len(page.records)
    advice = "and no way to the next page was found; declare pagination (none, if this is everything)"
    for name, value in known.sent_values(request).items():
        if name.lower() in known.size_parameters and count and as_count(value) == count:
            return f"looks cut off: {counted(count, 'record')} for {name}={value}, {advice}"
    for name, total in _totals(page):
        if total > count:
            return f"looks cut off: {counted(count, 'record')} where the answer says {name}={total}, {advice}"
    flag = _flag(page.body)
    if flag is not None:
        return f"looks cut off: the answer says {flag}, {advice}"
    return None


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


def _flag(body: Any) -> str | None:
    for container in known.containers:
        inside = known.inside(body, container)
        for name in known.has_more:
            if inside.get(name) is True:
                return f"{known.member(container, name)}=true"
    return None
