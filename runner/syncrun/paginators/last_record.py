"""The next page starts after the last record of this one (keyset).

```yaml
pagination:
  type: last_record
  token: id                    # JMESPath on the last record
  into: params.starting_after
  has_more: has_more           # JMESPath on the body; without it the end is an empty page
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from syncrun.expressions.fields import Expression
from syncrun.http.messages import Request
from syncrun.paginators.base import End, Page, PageState, Pagination
from syncrun.paginators.values import evaluate, is_end_marker, read_of_bodies, says_more


class LastRecordPagination(Pagination):
    """Sends a value of the last record received."""

    type: Literal["last_record"] = "last_record"
    token: Expression = Field(description="JMESPath on the last record: what the next request sends.")
    has_more: Expression | None = Field(None, description="JMESPath on the body: whether a next page exists.")

    @property
    def reads(self) -> Sequence[str | None]:
        """The expressions that it evaluates on bodies."""
        return read_of_bodies(self.has_more)

    def promise(self, state: PageState) -> str:
        """Return that the page before says that there is more, where it does."""
        return f"page {state.number} said that there is more" if state.more else ""

    def apply(self, request: Request, state: PageState) -> Request:
        """Return *request* with the last record's value; the first page has none."""
        if state.token is None:
            return request
        return request.with_value(self.into or "params.after", state.token)

    def next(self, state: PageState, page: Page) -> PageState | End:
        """Return the state after the last record of *page*; an empty page, or no more, is the end."""
        more = says_more(self.has_more, page)
        if more is False:
            return End(complete=True, reason="the answer says that there is no more")
        if not page.records:
            if (more or state.more) and self.empty_page != "stop":
                said = "the answer says" if more else f"page {state.number} said"
                return End(complete=False, reason=f"{said} that there is more, but the page is empty")
            return End(complete=True, reason="an empty page")
        token = evaluate(self.token, page.records[-1])
        if is_end_marker(token):
            return End(
                complete=False,
                reason=f"the last record has no {self.token}, so no next page can be asked for",
            )
        return PageState(number=state.number + 1, token=token, more=more or None)
