"""The way through one partition: page after page, window after window, exports and deletions included.

It runs in a worker thread and only fetches; what was fetched is counted in the run's own thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from syncrun.config.sync import Incremental
from syncrun.engine.cursors import Slice
from syncrun.errors import RequestError
from syncrun.extract.fetch import Fetched
from syncrun.extract.job import Created
from syncrun.paginators.base import End, PageState, Pagination
from syncrun.wording import counted

_FORGOTTEN = frozenset({400, 404, 410, 416, 422, 500})
# What APIs answer to a page token or number that was good when it was given.


class Fetch(Protocol):
    """Fetches the pages of a list."""

    def __call__(
        self,
        context: Mapping[str, Any],
        start: PageState | None,
        detected: Pagination | None = None,
        job: Mapping[str, Any] | None = None,
    ) -> Iterator[Fetched | Created]:
        """Yield the pages for a template *context* from *start* on (None: the first).

        *detected* is the pagination that *start* belongs to when none is declared, *job* the export. One
        that is created is yielded before its pages.
        """


@dataclass(frozen=True, slots=True)
class Taken:
    """One fetched page, its time window (None: the sync has none), and whether it lists deletions.

    *again* is the first part of the window when that has to be read again, in parts.
    """

    fetched: Fetched
    part: Slice | None = None
    last_part: bool = True
    feed: bool = False
    again: Slice | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The API prepares an export, of the time window *part* where the sync has some."""

    job: Mapping[str, Any]
    part: Slice | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk begins: at a page, of a detected pagination, in an export; None is the beginning."""

    page: PageState | None = None
    detected: Pagination | None = None
    job: Mapping[str, Any] | None = None


def walk(
    fetch: Fetch,
    context: Mapping[str, Any],
    place: Place,
    *,
    incremental: Incremental | None = None,
    parts: Sequence[Slice] = (),
    forgotten: Callable[[], None],
) -> Iterator[Taken | Begun]:
    """Yield what *fetch* finds from *place* on; of a sync with time windows, in each of *parts*.

    A window whose records reach `incremental.cap` is read again in halves. *forgotten* is called when the
    API no longer knows the place, and everything is read.
    """
    if incremental is None or incremental.window is None:
        yield from _through(fetch, context, place, forgotten=forgotten)
        return
    waiting = deque(parts)
    while waiting:
        part = waiting.popleft()
        shown, received = {**context, "window": part.shown}, 0
        with closing(_through(fetch, shown, place, forgotten=forgotten, part=part)) as steps:
            for step in steps:
                if isinstance(step, Begun):
                    yield step
                    continue
                received += len(step.fetched.page.records)
                if incremental.cap is None or received < incremental.cap:
                    yield replace(step, last_part=not waiting)
                    continue
                halves = part.halves(incremental.min_window)
                if not halves:
                    yield replace(step, fetched=replace(step.fetched, next=_capped(incremental.cap, part)))
                    return
                waiting.extendleft(reversed(halves))
                yield replace(step, last_part=False, again=halves[0])
                break
        place = Place()


def _capped(cap: int, part: Slice) -> End:
    shown = f"{part.shown['start']} to {part.shown['end']}"
    most = counted(cap, "record")
    reason = f"the window {shown} has {most} or more, the API gives no more, and it cannot be split"
    return End(complete=False, reason=reason)


def _through(
    fetch: Fetch,
    context: Mapping[str, Any],
    place: Place,
    *,
    forgotten: Callable[[], None],
    part: Slice | None = None,
) -> Generator[Taken | Begun, None, None]:
    for found in _from(fetch, context, place, forgotten=forgotten):
        yield Begun(found.job, part) if isinstance(found, Created) else Taken(found, part)


def _from(
    fetch: Fetch, context: Mapping[str, Any], place: Place, *, forgotten: Callable[[], None]
) -> Iterator[Fetched | Created]:
    """Yield the pages from *place* on, or all of them when the API no longer knows that page."""
    if place.page is None:
        yield from fetch(context, None, job=place.job)
        return
    pages = fetch(context, place.page, place.detected, place.job)
    try:
        yield next(pages)
    except RequestError as error:
        if error.status not in _FORGOTTEN and error.then != "reset":
            raise
        forgotten()
        pages = fetch(context, None, job=place.job)
    yield from pages
