"""Pages start at a record number.

```yaml
pagination:
  type: offset
  param: offset          # or into: body.from
  start: 0
  size_param: limit
  size: 100
  total: meta.total      # JMESPath on the body
```
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from syncrun.http.messages import Request
from syncrun.paginators.base import End, Page, PageState
from syncrun.paginators.counted import CountedPagination, Tally, falls_short
from syncrun.wording import counted


class OffsetPagination(CountedPagination):
    """Sends how many records to skip: as many as were received, for a server may give fewer than asked."""

    type: Literal["offset"] = "offset"
    param: str | None = Field(
        None, min_length=1, description="The parameter: offset, unless the request has ${page.offset}."
    )
    start: int = Field(0, ge=0, description="The offset of the first record.")

    def first(self) -> PageState:
        """Return the state of the first page."""
        return PageState(offset=self.start)

    def apply(self, request: Request, state: PageState) -> Request:
        """Return *request* with the offset of the page."""
        return self.place_value(request, "offset", self._offset(state))

    def next(self, state: PageState, page: Page) -> PageState | End:
        """Return the next offset, until the total or, without one, an empty or short page says stop."""
        if not page.records and self.empty_page == "stop":
            return End(complete=True, reason="an empty page")
        tally = self.tally(state, page)
        # An empty page moves on by the size, so that a gap does not hold the enumeration up.
        step = len(page.records) or tally.size or self.size or 0
        offset = self._offset(state) + step
        if tally.total is not None:
            end = self._end_by_total(offset - self.start, tally, tally.total)
            end = end or self.end_by_emptiness(tally, f"the answer says {counted(tally.total, 'record')}")
        else:
            end = self.end_by_length(state, page)
        if end is None and step == 0:
            end = End(complete=False, reason="an empty page, and no size to skip it by")
        return end or self.follow(state, tally, offset=offset)

    def _offset(self, state: PageState) -> int:
        return self.start if state.offset is None else state.offset

    def _end_by_total(self, passed: int, tally: Tally, total: int) -> End | None:
        if tally.received >= total:
            return End(complete=True, reason=f"all {counted(total, 'record')} received")
        return None if passed < total else falls_short(tally, total)
