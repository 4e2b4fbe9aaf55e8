"""One enumeration: request after request, until pagination says that it ended, and whether properly."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, takewhile
from typing import Any

from syncrun.errors import RequestError, UnknownServerError
from syncrun.expressions.compile import compile_expression, is_true
from syncrun.expressions.functions import DEFAULT, Functions
from syncrun.extract.ahead import Ahead
from syncrun.extract.cut_off import looks_cut_off
from syncrun.extract.narrow import Narrow
from syncrun.extract.requests import RequestSeries, Source, build_request
from syncrun.extract.select import Selector
from syncrun.http.messages import Request, Response
from syncrun.paginators.base import End, Page, PageState, Pagination

__all__ = ["Fetched", "Source", "build_request", "fetch"]

_NO_CONTENT = frozenset({204, 205, 304})


@dataclass(frozen=True, slots=True)
class Fetched:
    """One page and what follows it: a state to go on from, or the end. *response_bytes* is its length.

    *lost* says why a record of the page could not be had in full, when one could not. *detected* is the
    pagination that *next* belongs to, when none is declared. *share* is how much of all has been read, from 0
    to 1, where the API says how much there is. *odd* says why a page without records may be a mistake.
    *elapsed* is how many seconds its answer took.
    """

    page: Page
    next: PageState | End
    response_bytes: int
    lost: str = ""
    detected: Pagination | None = None
    share: float | None = None
    odd: str = ""
    elapsed: float = 0.0


def fetch(
    source: Source,
    context: Mapping[str, Any],
    send: Callable[[Request], Response],
    decode: Callable[[Response], Any],
    *,
    start: PageState | None = None,
    on_detect: Callable[[Pagination, str], None] | None = None,
    functions: Functions = DEFAULT,
    side_by_side: bool = False,
    most: int | None = None,
    narrow: Narrow | None = None,
) -> Iterator[Fetched]:
    """Yield the pages of *source* in order; the last one carries the End with its verdict (R7).

    *context* holds the roots for templates; `page` is added for each page. *functions* knows the time.
    *start* resumes at a state that an earlier `Fetched.next` gave; it needs declared pagination, without it
    the enumeration starts over. When pagination is not declared, *on_detect* is told what the first answer
    shows, and why; declaring what `Fetched.detected` says makes a state of this call resumable by the next.

    With *side_by_side*, pages that are sure to follow are asked for before their turn, in threads; but none
    that begins when *most* records have been received, for the caller may have enough then. *narrow* reads
    pages where it can.

    What *send*, *decode* and record selection raise ends the iteration; the pages before it stay valid.
    """
    series = RequestSeries(source, context, functions)
    enumeration = _Enumeration(
        source,
        series=series,
        send=send,
        decode=decode,
        on_detect=on_detect,
        functions=functions,
        cursor=context.get("cursor"),
        side_by_side=side_by_side,
        most=math.inf if most is None else most,
        narrow=narrow or Narrow(None),
    )
    pagination = source.pagination
    return enumeration.pages(PageState() if pagination is None else start or pagination.first())


class _Enumeration:
    """The collaborators of one enumeration, and what it must remember from page to page."""

    def __init__(
        self,
        source: Source,
        *,
        series: RequestSeries,
        send: Callable[[Request], Response],
        decode: Callable[[Response], Any],
        on_detect: Callable[[Pagination, str], None] | None,
        functions: Functions,
        cursor: Any,
        side_by_side: bool,
        most: float,
        narrow: Narrow,
    ) -> None:
        self._pagination, self._cursor = source.pagination, cursor
        self._side_by_side, self._most = side_by_side, most
        self._detected: Pagination | None = None
        self._ahead = Ahead(send)
        self._decode, self._narrow = decode, narrow
        self._on_detect = on_detect
        self._series = series
        self._functions = functions
        self._selector = Selector(source.records)
        self._guard = _LoopGuard()

    def pages(self, state: PageState) -> Iterator[Fetched]:
        request = self._series.request(self._pagination, state)
        self._guard.admit(state, request)
        while True:
            try:
                response = self._ahead.take(request)
            except UnknownServerError as error:
                yield _nothing(state, request, End(complete=False, reason=error.message, hint=error.hint))
                return
            except RequestError as error:
                last = self._past_end(state, request, error)
                if last is None:
                    raise
                yield last
                return
            page = self._read(state, response)
            following: PageState | End
            if self._pagination is None:
                following, page = self._detect(request, page, response.content)
            else:
                following = self._follow(self._pagination, page, response.content)
            if isinstance(following, PageState):
                request = self._series.request(self._pagination, following)
                reason = self._guard.admit(following, request)
                if reason is not None:
                    following = End(complete=False, reason=reason)
                else:
                    self._look_ahead(request, following, page)
            share = self._pagination.share(page) if self._pagination is not None else None
            yield Fetched(
                page,
                following,
                len(response.content),
                detected=self._detected,
                share=share,
                odd=self._selector.missed,
                elapsed=response.elapsed,
            )
            if isinstance(following, End):
                return
            state = following

    def _look_ahead(self, request: Request, following: PageState, page: Page) -> None:
        """Begin to ask for *request*, which is the next, and for those that are sure to come after it."""
        pagination = self._pagination
        if not self._side_by_side or not self._ahead.idle or pagination is None or pagination.width == 1:
            return
        if pagination.stop_when is None and request.repeatable and self._is_wanted(following):
            later = takewhile(self._is_wanted, pagination.upcoming(following, page))
            requests = (self._series.request(pagination, state) for state in later)
            self._ahead.plan(chain([request], requests), pagination.width)

    def _is_wanted(self, state: PageState) -> bool:
        return (state.received or 0) < self._most

    def _read(self, state: PageState, response: Response) -> Page:
        body: Any = None
        records: Sequence[Any] | None = None
        if response.status not in _NO_CONTENT and response.content:
            narrow = self._narrow.read(response, self._selector.expression, self._pagination)
            body, records = (self._decode(response), None) if narrow is None else narrow
        if records is None:
            records = self._selector.select(body)
        return Page(state, response.url, response.status, response.headers, body, records)

    def _detect(self, request: Request, page: Page, content: bytes) -> tuple[PageState | End, Page]:
        from syncrun.extract.detect import detect

        self._pagination, reason = detect(request, page)
        self._detected = self._pagination
        if self._on_detect is not None:
            self._on_detect(self._pagination, reason)
        page = replace(page, state=self._pagination.first())
        if self._pagination.kind == "none":
            cut_off = looks_cut_off(request, page)
            if cut_off is not None:
                return End(complete=False, reason=cut_off), page
        return self._follow(self._pagination, page, content), page

    def _follow(self, pagination: Pagination, page: Page, content: bytes) -> PageState | End:
        reason = self._guard.repeated(page, content)
        if reason is not None:
            return End(complete=False, reason=reason)
        if pagination.stop_when is not None and _stops(pagination, page, self._cursor, self._functions):
            return End(complete=True, reason="stop_when is true")
        following = pagination.next(page.state, page)
        if isinstance(following, PageState) and following.number >= pagination.max_pages:
            return End(
                complete=False, reason=f"max_pages ({pagination.max_pages}) reached, and more pages follow"
            )
        return following

    def _past_end(self, state: PageState, request: Request, error: RequestError) -> Fetched | None:
        """Return an empty last page when *error* is declared to mean that the page before was the last."""
        if self._pagination is None or error.status is None:
            return None
        if not self._pagination.is_past_end(state, error.status):
            return None
        end = End(complete=True, reason=f"status {error.status} past the last page")
        return _nothing(state, request, end, error.status)


def _nothing(state: PageState, request: Request, end: End, status: int = 0) -> Fetched:
    """Return the page that *request* did not get."""
    return Fetched(Page(state, request.url, status, {}, None, []), end, 0)


class _LoopGuard:
    """Notices an enumeration that goes round in circles (R17)."""

    def __init__(self) -> None:
        self._states: dict[bytes, int] = {}
        self._requests: dict[bytes, int] = {}
        self._content = b""
        self._records: Sequence[Any] = []

    def admit(self, state: PageState, request: Request) -> str | None:
        """Remember what is about to be asked for; return why not to, when it was asked for before."""
        asked = _digest(repr((state.page, state.offset, state.token, state.url)).encode())
        before = self._states.setdefault(asked, state.number)
        if before != state.number:
            what = "next URL" if state.url is not None else "token"
            return f"page {state.number} names the same {what} that page {before} named"
        asked = _digest(repr(request.parts).encode())
        before = self._requests.setdefault(asked, state.number)
        if before != state.number:
            return f"the request for page {state.number + 1} is the same as that for page {before + 1}"
        return None

    def repeated(self, page: Page, content: bytes) -> str | None:
        """Remember *page*; return what is wrong when it has the same records as the page before it."""
        records = page.records
        counts_on = page.state.token is None and page.state.url is None
        # Kinds that count on by themselves would not notice a server that ignores the page number, even when
        # the rest of its answer, a request id or the time, differs.
        same = content == self._content or (counts_on and records == self._records)
        self._content, self._records = content, records
        return f"page {page.state.number + 1} is the same as the page before it" if same and records else None


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _stops(pagination: Pagination, page: Page, cursor: Any, functions: Functions) -> bool:
    seen = {
        "body": page.body,
        "headers": dict(page.headers),
        "status": page.status,
        "records": page.records,
        "page": pagination.context(page.state),
        "cursor": cursor,
    }
    return is_true(compile_expression(pagination.stop_when or "", functions=functions)(seen))
