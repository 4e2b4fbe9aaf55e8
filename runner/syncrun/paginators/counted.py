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
from syncrun.paginators.values import count_at
from syncrun.yaml_models import no_entries

_MOST_EMPTY_PAGES = 3
_PLACES = ("params.", "headers.", "body.")


class Tally(Struct, frozen=True):
    """What is known after a page: *total* or None, *received* so far, trailing *empty* pages, page *size*."""

    total: int | None
    received: int
    empty: int
    size: int


class CountedPagination(Pagination):
    """The keys of both kinds, and the decisions that do not depend on what is counted."""

    param: str | None = None
    size_param: str | None = Field(None, min_length=1, description="The parameter that asks for a page size.")
    size: int | None = Field(None, ge=1, description="Records a page, as asked for.")
    total: Expression | None = Field(
        None, description="JMESPath on the body: the number of records in all pages."
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
        return (self.total,)

    def shifts(self, state: PageState) -> bool:  # noqa: ARG002
        """Return true: a position says how many records come before it, not which."""
        return True

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

    def upcoming(self, following: PageState, page: Page) -> Iterator[PageState]:
        """Yield the states after *following* that the total of *page* promises, should all pages be full."""
        size, state = following.size, following
        while size and self.is_promised(state, size, page) and state.number + 1 < self.max_pages:
            state = replace(
                state,
                number=state.number + 1,
                page=None if state.page is None else state.page + 1,
                offset=None if state.offset is None else state.offset + size,
                received=(state.received or 0) + size,
            )
            yield state

    def is_promised(self, state: PageState, size: int, page: Page) -> bool:
        """Whether the total of *page* says that another page follows the full one of *state*."""
        total = count_at(self.total, page.body)
        return total is not None and (state.received or 0) + size < total

    def share(self, page: Page) -> float | None:
        """Return how much has been read with *page* of the total that it tells."""
        total = count_at(self.total, page.body)
        return min(1.0, ((page.state.received or 0) + len(page.records)) / total) if total else None

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
            total=count_at(self.total, page.body),
            received=(state.received or 0) + count,
            empty=0 if count else (state.empty or 0) + 1,
            size=max(state.size or 0, count),
        )

    def follow(
        self, state: PageState, tally: Tally, *, page: int | None = None, offset: int | None = None
    ) -> PageState:
        """Return the next state, at *page* or *offset*."""
        return PageState(
            number=state.number + 1,
            page=page,
            offset=offset,
            size=tally.size or None,
            received=tally.received,
            empty=tally.empty or None,
        )

    def end_by_length(self, state: PageState, page: Page) -> End | None:
        """Return the end that an empty or short page is when no total says otherwise."""
        if not page.records:
            if self.empty_page == "continue":
                return None
            return End(complete=True, reason="an empty page")
        if state.size is not None and len(page.records) < state.size:
            # The first page never ends here: its length is the size that the server turned out to use.
            return End(complete=True, reason=f"a page of {len(page.records)}, shorter than {state.size}")
        return None

    def end_by_emptiness(self, tally: Tally, promise: str) -> End | None:
        """Return the incomplete end of an enumeration that stays empty although *promise* says otherwise."""
        if tally.empty < _MOST_EMPTY_PAGES or self.empty_page == "continue":
            return None
        return End(complete=False, reason=f"{promise}, but the last {tally.empty} pages are empty")


def _place(name: str) -> str:
    return name if name.startswith(_PLACES) else f"params.{name}"
