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

from pydantic import Field

from syncrun.expressions.fields import Expression
from syncrun.http.messages import Request
from syncrun.paginators.base import End, Page, PageState
from syncrun.paginators.counted import CountedPagination, Tally
from syncrun.paginators.values import count_at
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
        None, description="JMESPath on the body: how many pages there are."
    )

    @property
    def reads(self) -> Sequence[str | None]:
        """The expressions that it evaluates on bodies."""
        return (self.total, self.total_pages)

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
        pages = count_at(self.total_pages, page.body)
        if pages is not None:
            end = self._end_by_pages(state, tally, pages)
        elif tally.total is not None:
            end = self._end_by_total(state, tally, tally.total)
        else:
            end = self.end_by_length(state, page)
        return end or self.follow(state, tally, page=self._number(state) + 1)

    def is_promised(self, state: PageState, size: int, page: Page) -> bool:
        """Whether the answer *page* says that another page follows the full one of *state*."""
        pages = count_at(self.total_pages, page.body)
        if pages is None:
            return super().is_promised(state, size, page)
        return self._number(state) - self.start + 1 < pages

    def share(self, page: Page) -> float | None:
        """Return how much has been read with *page* of the pages or records that it tells."""
        pages = count_at(self.total_pages, page.body)
        return min(1.0, (self._number(page.state) - self.start + 1) / pages) if pages else super().share(page)

    def _number(self, state: PageState) -> int:
        return self.start if state.page is None else state.page

    def _end_by_pages(self, state: PageState, tally: Tally, pages: int) -> End | None:
        if self._number(state) - self.start + 1 < pages:
            return self.end_by_emptiness(tally, f"the answer says {counted(pages, 'page')}")
        if tally.empty > 1 and tally.received:
            # One empty page at the end: the server counts one too many; several: it gives up.
            return End(complete=False, reason=f"the last {tally.empty} of {counted(pages, 'page')} are empty")
        return End(complete=True, reason=f"the last of {counted(pages, 'page')}")

    def _end_by_total(self, state: PageState, tally: Tally, total: int) -> End | None:
        if tally.received >= total:
            return End(complete=True, reason=f"all {counted(total, 'record')} received")
        read = self._number(state) - self.start + 1
        size = tally.size or self.size
        if size is None or read * size >= total:
            if tally.empty:
                return End(
                    complete=False,
                    reason=f"{tally.received} of {counted(total, 'record')} received, then an empty page",
                )
            return End(complete=True, reason=f"the last page of {counted(total, 'record')}")
        return self.end_by_emptiness(tally, f"the answer says {counted(total, 'record')}")
