"""What `page` and `offset` share: they count on by themselves; lengths and totals tell the end (R18)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from msgspec import Struct
from pydantic import Field, model_validator

from syncrun.expressions.fields import Expression
from syncrun.http.messages import Request
from syncrun.paginators.base import End, Page, PageState, Pagination
from syncrun.paginators.values import count_at, is_in_headers, read_of_bodies
from syncrun.wording import counted
from syncrun.yaml_models import no_entries

_MOST_EMPTY_PAGES = 3
_PLACES = ("params.", "headers.", "body.")


class Tally(Struct, frozen=True):
    """What is known after a page: *received* so far, trailing *empty* pages, page *size*.

    *total* records and so many *pages* are promised, None where no answer said how many. *gap* is the first
    page that was empty before all of them had come.
    """

    total: int | None
    received: int
    empty: int
    size: int
    pages: int | None = None
    gap: int | None = None
    drift: str = ""


class CountedPagination(Pagination):
    """The keys of both kinds, and the decisions that do not depend on what is counted."""

    param: str | None = None
    size_param: str | None = Field(None, min_length=1, description="The parameter that asks for a page size.")
    size: int | None = Field(None, ge=1, description="Records a page, as asked for.")
    total: Expression | None = Field(
        None,
        description='JMESPath on the body: the number of records in all pages; or headers."x-total".',
    )
    end_status: list[int] = Field(
        default_factory=no_entries,
        description="Error statuses that mean: past the last page. Never for the first page.",
    )

    concurrency: int = Field(
        4,
        ge=1,
        le=32,
        description="Pages asked for side by side once a total is known; partitions side by side read theirs"
        " one after the other.",
    )

    @model_validator(mode="after")
    def _size_is_known(self) -> CountedPagination:
        if self.size_param is not None and self.size is None:
            raise ValueError("size_param needs size: how many records to ask for")
        if self.into is not None and self.param is not None:
            raise ValueError("give param or into, not both")
        return self

    @property
    def reads(self) -> Sequence[str | None]:
        """The expressions that it evaluates on bodies."""
        return read_of_bodies(self.total)

    def shifts(self, state: PageState) -> bool:  # noqa: ARG002
        """Return true: a position says how many records come before it, not which."""
        return True

    def slips(self, state: PageState) -> bool:
        """Whether records may slip past: not behind a first page that was not full, so that it had them all.

        A server that gives fewer records than it is asked for does so by the five, or ten.
        """
        received = state.received or 0
        whole = state.number == 1 and self.size is not None and received < self.size and received % 5 != 0
        return self.shifts(state) and not whole

    @property
    def placed(self) -> bool:
        """Whether YAML says where the number goes."""
        return self.into is not None or self.param is not None

    def context(self, state: PageState) -> dict[str, Any]:
        """Return the template root `page`; its size is the one to ask for, where declared."""
        return {**state.as_context(), "size": self.size or state.size}

    @property
    def width(self) -> int:
        """How many pages may be asked for side by side."""
        return self.concurrency

    def upcoming(self, following: PageState) -> Iterator[PageState]:
        """Yield the states after *following* that the total promises, should all pages be full."""
        size, state = following.size, following
        while size and self.is_promised(state, size) and state.number + 1 < self.max_pages:
            state = replace(
                state,
                number=state.number + 1,
                page=None if state.page is None else state.page + 1,
                offset=None if state.offset is None else state.offset + size,
                received=(state.received or 0) + size,
            )
            yield state

    def is_promised(self, state: PageState, size: int) -> bool:
        """Whether the total that was told says that another page follows the full one of *state*."""
        return state.total is not None and (state.received or 0) + size < state.total

    def share(self, page: Page) -> float | None:
        """Return how much has been read with *page* of the total that was told."""
        total = told(self.total, page.state.total, page)
        return min(1.0, ((page.state.received or 0) + len(page.records)) / total) if total else None

    def promise(self, state: PageState) -> str:
        """Return how many records were told, where they have not all come."""
        if state.total is None or (state.received or 0) >= state.total:
            return ""
        return f"{state.received or 0:,} of {counted(state.total, 'record')} have come"

    def is_told_in_headers(self, page: Page) -> bool:
        """Whether a header has the total."""
        return is_in_headers(self.total, page)

    def owes(self, state: PageState, page: Page) -> bool:
        """Whether records follow *page* by the total that was told."""
        tally = self.tally(state, page)
        return tally.total is not None and tally.received < tally.total

    def drift(self, state: PageState, page: Page) -> str:
        """Return how the total that *page* tells differs from the one told before it."""
        now = count_at(self.total, page)
        return difference("total", state.total, now, page)

    def is_past_end(self, state: PageState, status: int) -> bool:
        """Whether *status* is declared to mean that the page of *state* is past the last one."""
        return state.number > 0 and status in self.end_status

    def place_value(self, request: Request, name: str, value: int) -> Request:
        """Return *request* asking for *value* (and the page size) at parameter *name*, or at `into`."""
        return self.with_size(request).with_value(self.into or _place(self.param or name), value)

    def with_size(self, request: Request) -> Request:
        """Return *request* asking for the declared page size."""
        return request if self.size_param is None else request.with_value(_place(self.size_param), self.size)

    def tally(self, state: PageState, page: Page) -> Tally:
        """Return what is known after *page*. A size is never smaller than the longest page so far."""
        count = len(page.records)
        return Tally(
            total=told(self.total, state.total, page),
            received=(state.received or 0) + count,
            empty=0 if count else (state.empty or 0) + 1,
            size=max(state.size or 0, count + (state.last is not None)),
            gap=state.gap or (None if count else state.number + 1),
            drift=state.drift or self.drift(state, page),
        )

    def follow(
        self,
        state: PageState,
        tally: Tally,
        *,
        page: int | None = None,
        offset: int | None = None,
        last: str | None = None,
    ) -> PageState:
        """Return the next state, at *page* or *offset*; *last* tells the record before it."""
        return PageState(
            number=state.number + 1,
            page=page,
            offset=offset,
            size=tally.size or None,
            received=tally.received,
            empty=tally.empty or None,
            total=tally.total,
            pages=tally.pages,
            gap=tally.gap if tally.total is not None or tally.pages is not None else None,
            drift=tally.drift or None,
            last=last,
        )

    def end_by_length(self, state: PageState, page: Page) -> End | None:
        """Return the end that an empty or short page is when no total says otherwise."""
        if not page.records:
            if self.empty_page == "continue":
                return None
            return End(complete=True, reason="an empty page")
        if state.size is not None and len(page.records) + (state.last is not None) < state.size:
            # The first page never ends here: its length is the size that the server turned out to use.
            return End(complete=True, reason=f"a page of {len(page.records)}, shorter than {state.size}")
        return None

    def end_by_emptiness(self, tally: Tally, promise: str) -> End | None:
        """Return the incomplete end of an enumeration that stays empty although *promise* says otherwise."""
        if tally.empty < _MOST_EMPTY_PAGES or self.empty_page == "continue":
            return None
        return End(complete=False, reason=f"{promise}, but the last {tally.empty} pages are empty")


def told(expression: str | None, before: int | None, page: Page) -> int | None:
    """Return the count that holds after *page*, which *expression* finds there, or the one told *before*.

    An empty page takes back nothing that was told.
    """
    now = count_at(expression, page)
    if now is None:
        return before
    return now if page.records or before is None else max(now, before)


def falls_short(tally: Tally, total: int) -> End:
    """Return the end of an enumeration that came to its last page before it had *total* records (R31)."""
    came = f"{tally.received:,} of {counted(total, 'record')} received"
    if tally.empty:
        came += ", then an empty page"
    elif tally.gap:
        came += f"; page {tally.gap} was empty"
    hint = "where an empty page is the end whatever the total says: `empty_page: stop`" if tally.empty else ""
    hint = hint or "where the total counts records that the API does not give, leave it out of pagination"
    return End(complete=False, reason=came, hint=hint)


def difference(what: str, before: int | None, now: int | None, page: Page) -> str:
    """Return how *what* changed with *page*; empty when it did not."""
    if now is None or before is None or now == before:
        return ""
    return f"the {what} went from {before:,} to {now:,} by page {page.state.number + 1}"


def _place(name: str) -> str:
    return name if name.startswith(_PLACES) else f"params.{name}"
