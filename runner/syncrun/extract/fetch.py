"""One enumeration: request after request, until pagination says that it ended, and whether properly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, takewhile
from typing import Any

from syncrun.errors import RequestError, UnknownServerError
from syncrun.expressions.compile import compile_expression, is_true
from syncrun.expressions.functions import DEFAULT, Functions
from syncrun.extract.ahead import Ahead
from syncrun.extract.cut_off import looks_cut_off, part, says_part, says_rest_is_missing
from syncrun.extract.fetched import Fetched, Repeat, nothing
from syncrun.extract.loops import LoopGuard
from syncrun.extract.narrow import Narrow
from syncrun.extract.promises import broken, lack_of, promise_of
from syncrun.extract.requests import RequestSeries, Source, build_request
from syncrun.extract.select import Selection, Selector
from syncrun.http.messages import Request, Response
from syncrun.paginators.base import End, Page, PageState, Pagination

__all__ = ["Fetched", "Repeat", "Source", "build_request", "fetch"]

_NO_CONTENT = frozenset({204, 205, 304})


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
    repeat: Repeat = lambda _response, _reason: None,
    promised: str = "",
) -> Iterator[Fetched]:
    """Yield the pages of *source* in order; the last one carries the End with its verdict (R7).

    *context* holds the roots for templates; `page` is added for each page. *functions* knows the time.
    *start* resumes at a state that an earlier `Fetched.next` gave; it needs declared pagination, without it
    the enumeration starts over. When pagination is not declared, *on_detect* is told what the first answer
    shows, and why; declaring what `Fetched.detected` says makes a state of this call resumable by the next.

    With *side_by_side*, pages that are sure to follow are asked for before their turn, in threads; but none
    that begins when *most* records have been received, for the caller may have enough then. *narrow* reads
    pages where it can. An answer that breaks a promise is asked for again by *repeat*; *promised* is what was
    promised before the first page.

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
        repeat=repeat,
        promised=promised,
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
        repeat: Repeat,
        promised: str,
    ) -> None:
        self._pagination, self._cursor = source.pagination, cursor
        self._side_by_side, self._most = side_by_side, most
        self._detected: Pagination | None = None
        self._ahead = Ahead(send)
        self._decode, self._narrow = decode, narrow
        self._repeat, self._promised = repeat, promised
        self._on_detect = on_detect
        self._series = series
        self._functions = functions
        self._selector = Selector(source.records, absent=source.absent, sparse=source.sparse)
        self._undeclared, self._cut_off = source.records is None, source.cut_off
        self._guard = LoopGuard()

    def pages(self, state: PageState) -> Iterator[Fetched]:
        request = self._series.request(self._pagination, state)
        self._guard.admit(state, request)
        if state.found is not None:
            self._selector.find_again(state.found)
        while True:
            try:
                response = self._ahead.take(request)
            except UnknownServerError as error:
                yield nothing(state, request, End(complete=False, reason=error.message, hint=error.hint))
                return
            except RequestError as error:
                last = self._past_end(state, request, error)
                if last is None:
                    raise
                yield last
                return
            page, response, lack = self._answered(state, response)
            following: PageState | End
            if lack:
                promise = self._promise(state)
                following = broken(lack, promise, state, repeatable=request.repeatable)
            elif self._pagination is None:
                following, page = self._detect(request, page, response.content)
            else:
                following = self._follow(self._pagination, page, response.content)
            following = self._judged(page, following)
            if isinstance(following, PageState):
                request = self._series.request(self._pagination, following)
                reason = self._guard.admit(following, request)
                if reason is not None:
                    following = End(complete=False, reason=reason)
                else:
                    self._look_ahead(request, following)
            yield self._fetched(page, following, response)
            if isinstance(following, End):
                return
            state = following

    def _fetched(self, page: Page, following: PageState | End, response: Response) -> Fetched:
        kind, detected = self._pagination, self._detected
        share = drift = None
        if kind is not None and page.listed:
            share, drift = kind.share(page), kind.drift(page.state, page)
        return Fetched(
            page,
            following,
            len(response.content),
            detected=detected,
            share=share,
            drift=page.state.drift or drift or "",
            elapsed=response.elapsed,
        )

    def _look_ahead(self, request: Request, following: PageState) -> None:
        """Begin to ask for *request*, which is the next, and for those that are sure to come after it."""
        pagination = self._pagination
        if not self._side_by_side or not self._ahead.idle or pagination is None or pagination.width == 1:
            return
        if pagination.stop_when is None and request.repeatable and self._is_wanted(following):
            later = takewhile(self._is_wanted, pagination.upcoming(following))
            requests = (self._series.request(pagination, state) for state in later)
            self._ahead.plan(chain([request], requests), pagination.width)

    def _is_wanted(self, state: PageState) -> bool:
        return (state.received or 0) < self._most

    def _promise(self, state: PageState) -> str:
        return promise_of(self._pagination, state, self._promised)

    def _answered(self, state: PageState, response: Response) -> tuple[Page, Response, str]:
        """Return the page that *response* is, asked for again while it breaks a promise, and what it lacks.

        Raise ResponseError for a first answer in which no records are found, or one that reports an error.
        """
        promise = self._promise(state)
        first = state.number == 0 and not promise
        while True:
            page, selection = self._read(state, response, first=first)
            lack = lack_of(selection, page, self._pagination, promise=promise)
            if selection.blank and page.body and self._names_next(page):
                lack = ""  # the list is left out, and the promise goes on
            again = self._repeat(response, lack) if lack else None
            if again is None:
                break
            response = again
        fault = selection.fault
        if fault is not None and (selection.reported or (first and not selection.blank)):
            raise fault
        if lack:
            page = replace(page, records=[], listed=False)
        elif self._pagination is not None:
            page = self._pagination.trim(state, page)
        return page, response, lack

    def _names_next(self, page: Page) -> bool:
        following = None if self._pagination is None else self._pagination.next(page.state, page)
        return isinstance(following, PageState) and (following.token or following.url) is not None

    def _read(self, state: PageState, response: Response, *, first: bool) -> tuple[Page, Selection]:
        body: Any = None
        selection: Selection | None = None
        if response.status not in _NO_CONTENT and response.content:
            narrow = self._narrow.read(response, self._selector.expression, self._pagination)
            if narrow is None:
                body = self._decode(response)
            else:
                body, selection = narrow[0], Selection(narrow[1])
                self._selector.found_list()
        if response.is_settled:
            selection = Selection([])
        if selection is None:
            selection = self._selector.select(body, first=first)
        page = Page(
            state,
            response.url,
            response.status,
            response.headers,
            body,
            selection.records,
            listed=selection.listed,
        )
        return page, selection

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
                return cut_off, page
        return self._follow(self._pagination, page, content), page

    def _judged(self, page: Page, following: PageState | End) -> PageState | End:
        """Return *following*, or that the read lacks what an answer of it said that it leaves out."""
        sign = page.state.cut or says_part(page, self._cut_off, self._functions)
        if isinstance(following, PageState):
            return replace(following, cut=sign) if sign else following
        if following.complete:
            sign = sign or says_rest_is_missing(page, self._cut_off)
        return part(sign) if following.complete and sign else following

    def _follow(self, pagination: Pagination, page: Page, content: bytes) -> PageState | End:
        reason = self._guard.repeated(page, content)
        if reason is not None:
            return End(complete=False, reason=reason)
        if self._stops(pagination, page):
            if page.state.gap is None:
                return End(complete=True, reason="stop_when is true")
            return End(complete=False, reason=f"stop_when is true, but page {page.state.gap} was empty")
        following = pagination.next(page.state, page)
        if isinstance(following, PageState) and self._undeclared:
            following = replace(following, found=self._selector.expression)
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
        promise = self._promise(state)
        end = End(complete=True, reason=f"status {error.status} past the last page")
        if promise:
            end = End(complete=False, reason=f"{promise}, but page {state.number + 1} is {error.status}")
        return nothing(state, request, end, error.status)

    def _stops(self, pagination: Pagination, page: Page) -> bool:
        """Whether `stop_when` ends at *page*: never at one without the list, nor while a total says more."""
        if pagination.stop_when is None or not page.listed:
            return False
        if not page.records and pagination.owes(page.state, page):
            return False
        return _is_true_of(pagination.stop_when, pagination, page, self._cursor, self._functions)


def _is_true_of(
    expression: str, pagination: Pagination, page: Page, cursor: Any, functions: Functions
) -> bool:
    seen = {
        "body": page.body,
        "headers": dict(page.headers),
        "status": page.status,
        "records": page.records,
        "page": pagination.context(page.state),
        "cursor": cursor,
    }
    return is_true(compile_expression(expression, functions=functions)(seen))
