"""Pages are numbered.

```yaml
pagination:
  type: page
  param: page            # or into: body.page
  start: 1
  size_param: per_page
  size: 100
  total_pages: meta.pages    # JMESPath on the body; or total: meta.count
  end_status: [404]          # this API answers 404 past the last page
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace
from pydantic import Field

from syncrun.expressions.fields import Expression
from syncrun.http.messages import Request
from syncrun.paginators.base import End, Page, PageState
from syncrun.paginators.counted import CountedPagination, Tally, difference, falls_short, told
from syncrun.paginators.values import count_at, is_in_headers, read_of_bodies
from syncrun.wording import counted


class PagePagination(CountedPagination):
    """Sends a page number that grows by one."""

    type: Literal["page"] = "page"
    param: str | None = Field(
        None,
        min_length=1,
        description="The parameter for the number: page, unless the request has ${page.number}.",
    )
    start: int = Field(1, ge=0, description="The number of the first page.")
    total_pages: Expression | None = Field(
        None,
        description='JMESPath on the body: how many pages there are; or headers."x-total-pages".',
    )

    @property
    def reads(self) -> Sequence[str | None]:
        """The expressions that it evaluates on bodies."""
        return read_of_bodies(self.total, self.total_pages)

    def first(self) -> PageState:
        """Return the state of the first page."""
        return PageState(page=self.start)

    def apply(self, request: Request, state: PageState) -> Request:
        """Return *request* with the number of the page."""
        return self.place_value(request, "page", self._number(state))

    def next(self, state: PageState, page: Page) -> PageState | End:
        """Return the next number, until the total or, without one, an empty or short page says stop."""
        if not page.records and self.empty_page == "stop":
            return End(complete=True, reason="an empty page")
        tally = self.tally(state, page)
        if tally.pages is not None:
            end = self._end_by_pages(state, tally, tally.pages)
        elif tally.total is not None:
            end = self._end_by_total(state, tally, tally.total)
        else:
            end = self.end_by_length(state, page)
        return end or self.follow(state, tally, page=self._number(state) + 1)

    def tally(self, state: PageState, page: Page) -> Tally:
        """Return what is known after *page*, the number of pages included."""
        return replace(super().tally(state, page), pages=told(self.total_pages, state.pages, page))

    def is_promised(self, state: PageState, size: int) -> bool:
        """Whether what was told says that another page follows the full one of *state*."""
        if state.pages is None:
            return super().is_promised(state, size)
        return self._read(state) < state.pages

    def share(self, page: Page) -> float | None:
        """Return how much has been read with *page* of the pages or records that were told."""
        pages = told(self.total_pages, page.state.pages, page)
        return min(1.0, self._read(page.state) / pages) if pages else super().share(page)

    def promise(self, state: PageState) -> str:
        """Return how many pages or records were told, where they have not all come."""
        if state.pages is None or self._read(state) > state.pages:
            return super().promise(state)
        return f"this is page {self._read(state)} of {state.pages:,}"

    def is_told_in_headers(self, page: Page) -> bool:
        """Whether a header has the total, or how many pages there are."""
        return super().is_told_in_headers(page) or is_in_headers(self.total_pages, page)

    def owes(self, state: PageState, page: Page) -> bool:
        """Whether pages follow *page* by what was told."""
        pages = told(self.total_pages, state.pages, page)
        return super().owes(state, page) if pages is None else self._read(state) < pages

    def drift(self, state: PageState, page: Page) -> str:
        """Return how what *page* tells differs from what was told before it."""
        now = count_at(self.total_pages, page)
        return super().drift(state, page) or difference("number of pages", state.pages, now, page)

    def _read(self, state: PageState) -> int:
        """Return how many pages have come with the one of *state*."""
        return self._number(state) - self.start + 1

    def _number(self, state: PageState) -> int:
        return self.start if state.page is None else state.page

    def _end_by_pages(self, state: PageState, tally: Tally, pages: int) -> End | None:
        if self._read(state) < pages:
            return self.end_by_emptiness(tally, f"the answer says {counted(pages, 'page')}")
        if tally.total is not None and tally.received < tally.total:
            return falls_short(tally, tally.total)
        if tally.gap is not None and (tally.received or pages > 1):
            hint = "where an empty page is the end whatever the number of pages: `empty_page: stop`"
            return End(complete=False, reason=f"page {tally.gap} of {pages:,} is empty", hint=hint)
        return End(complete=True, reason=f"the last of {counted(pages, 'page')}")

    def _end_by_total(self, state: PageState, tally: Tally, total: int) -> End | None:
        if tally.received >= total:
            return End(complete=True, reason=f"all {counted(total, 'record')} received")
        size = tally.size or self.size
        if size is None or self._read(state) * size >= total:
            return falls_short(tally, total)
        return self.end_by_emptiness(tally, f"the answer says {counted(total, 'record')}")
