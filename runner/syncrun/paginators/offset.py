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

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from syncrun.http.messages import Request
from syncrun.paginators.base import End, Page, PageState
from syncrun.paginators.counted import CountedPagination, Tally, falls_short
from syncrun.paginators.values import digest
from syncrun.wording import counted

_MOVED = "records moved while it was read, so that a page does not begin where the one before ended"


class OffsetPagination(CountedPagination):
    """Sends how many records to skip: as many as were received, for a server may give fewer than asked."""

    type: Literal["offset"] = "offset"
    param: str | None = Field(
        None, min_length=1, description="The parameter: offset, unless the request has ${page.offset}."
    )
    start: int = Field(0, ge=0, description="The offset of the first record.")
    overlap: int = Field(
        0,
        ge=0,
        le=1,
        description="1 asks for each page from one record earlier: that it is where it was proves that no"
        " record has moved, and what is missing is deleted at once.",
    )

    @property
    def width(self) -> int:
        """How many pages may be asked for side by side; one that has to be compared comes after the other."""
        return 1 if self.overlap else super().width

    def shifts(self, state: PageState) -> bool:
        """Return true, but where the page of *state* shows whether anything has moved."""
        return state.last is None and super().shifts(state)

    def trim(self, state: PageState, page: Page) -> Page:
        """Return *page* without the record that the page before ended with; its state tells if it moved."""
        if not self.overlap or state.last is None:
            return page
        if page.records and digest(page.records[0]) == state.last:
            return replace(page, records=page.records[1:])
        # it is the page one record earlier, and has nothing in common with the one before
        offset, received = self._offset(state) - self.overlap, (state.received or 0) - self.overlap
        drift = state.drift or _MOVED
        return replace(page, state=replace(state, offset=offset, received=received, last=None, drift=drift))

    def first(self) -> PageState:
        """Return the state of the first page."""
        return PageState(offset=self.start)

    def apply(self, request: Request, state: PageState) -> Request:
        """Return *request* with the offset of the page."""
        return self.place_value(request, "offset", self._asked(state))

    def context(self, state: PageState) -> dict[str, Any]:
        """Return the template root `page`, with the offset that is asked for."""
        return {**super().context(state), "offset": self._asked(state)}

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
        return end or self.follow(state, tally, offset=offset, last=self._last(state, page))

    def _last(self, state: PageState, page: Page) -> str | None:
        """Return what tells the last record of *page*, if the next one is to begin with it."""
        answered = len(page.records) + (state.last is not None)
        # a page of one record would be asked for again
        return digest(page.records[-1]) if page.records and answered > self.overlap > 0 else None

    def _asked(self, state: PageState) -> int:
        return self._offset(state) - (self.overlap if state.last is not None else 0)

    def _offset(self, state: PageState) -> int:
        return self.start if state.offset is None else state.offset

    def _end_by_total(self, passed: int, tally: Tally, total: int) -> End | None:
        if tally.received >= total:
            return End(complete=True, reason=f"all {counted(total, 'record')} received")
        return None if passed < total else falls_short(tally, total)
