"""The way through one partition: page after page, window after window, exports and deletions included.

It runs in a worker thread and only fetches; what was fetched is counted in the run's own thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from msgspec import Struct

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

    *again* is what has to be read before the window is done: its parts, or all of it once more. *closing*
    windows are those in which a complete read looks for what has moved, and *doubt* tells why it may not have
    found all. *capped* tells that the search gives no more records, although there may be some.
    """

    fetched: Fetched
    part: Slice | None = None
    last_part: bool = True
    feed: bool = False
    again: tuple[Slice, ...] = ()
    closing: bool = False
    capped: bool = False
    doubt: str = ""


class Begun(Struct, frozen=True):
    """The API prepares an export, of the time window *part* where the sync has some."""

    job: Mapping[str, Any]
    part: Slice | None = None


class Place(Struct, frozen=True):
    """Where a walk begins: at a page, of a detected pagination, in an export; None is the beginning.

    Of a time window so many records were *received* before that page. *moved* tells that the page may have
    moved, so that the window has to be read once more.
    """

    page: PageState | None = None
    detected: Pagination | None = None
    job: Mapping[str, Any] | None = None
    received: int = 0
    moved: bool = False


def walk(
    fetch: Fetch,
    context: Mapping[str, Any],
    place: Place,
    *,
    incremental: Incremental | None = None,
    parts: Sequence[Slice] = (),
    more: bool = False,
    cap: int | None = None,
    forgotten: Callable[[], None],
) -> Iterator[Taken | Begun]:
    """Yield what *fetch* finds from *place* on; of a sync with time windows, in each of *parts*.

    A window whose records reach `incremental.cap` is read again in halves, one that is not read to its proper
    end is the last; without windows no more than *cap* records are read. *more* tells that others come after
    them. *forgotten* is called when the API no longer knows the place, and everything is read.
    """
    if incremental is None or incremental.window is None:
        yield from _search(fetch, context, place, cap, forgotten=forgotten)
        return
    waiting = deque(parts)
    while waiting:
        part = waiting.popleft()
        shown = {**context, "window": part.shown}
        for step in _window(fetch, shown, place, part, incremental, forgotten=forgotten):
            if isinstance(step, Begun):
                yield step
                continue
            waiting.extendleft(reversed(step.again))
            yield replace(step, last_part=not waiting and not more)
            if not step.again and is_cut_short(step.fetched.next):
                return  # the next run begins with this window
        place = Place()


def _search(
    fetch: Fetch,
    context: Mapping[str, Any],
    place: Place,
    cap: int | None,
    *,
    forgotten: Callable[[], None],
) -> Generator[Taken | Begun, None, None]:
    """Yield what *fetch* finds, up to *cap* records."""
    received = place.received
    with closing(_through(fetch, context, place, forgotten=forgotten)) as steps:
        for step in steps:
            if isinstance(step, Taken) and cap is not None:
                page = step.fetched.page
                received = len(page.records) + (received if page.state.number else 0)
                if received >= cap:
                    end = End(complete=True, reason="the search gives no more")
                    yield replace(step, fetched=replace(step.fetched, next=end), capped=True)
                    return
            yield step


def _window(
    fetch: Fetch,
    context: Mapping[str, Any],
    place: Place,
    part: Slice,
    incremental: Incremental,
    *,
    forgotten: Callable[[], None],
) -> Generator[Taken | Begun, None, None]:
    """Yield what *fetch* finds in one window, and with the last page what of it has to be read again."""
    received, moved = place.received, place.moved
    with closing(_through(fetch, context, place, forgotten=forgotten, part=part)) as steps:
        for step in steps:
            if isinstance(step, Begun):
                yield step
                continue
            page, following = step.fetched.page, step.fetched.next
            if page.state.number == 0:  # it is read from its beginning after all
                received, moved = 0, False
            received += len(page.records)
            if incremental.cap is not None and received >= incremental.cap:
                halves = part.halves(incremental.min_window)
                end = following if halves else _capped(incremental.cap, part)
                yield replace(step, fetched=replace(step.fetched, next=end), again=halves)
                return
            whole = isinstance(following, End) and following.complete
            yield replace(step, again=(part,)) if moved and whole else step


def is_cut_short(following: PageState | End) -> bool:
    """Return whether a list ended too early."""
    return isinstance(following, End) and not following.complete


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
