"""Each answer names the token of the next page.

```yaml
pagination:
  type: cursor
  token: meta.next_cursor    # JMESPath on the body; or token_header: X-Next-Cursor
  into: params.cursor        # or body.variables.after, headers.X-Cursor, or ${page.token} in the request
  has_more: meta.has_more    # where the API says it apart from the token
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from syncrun.expressions.fields import Expression
from syncrun.http.messages import Request
from syncrun.paginators.base import End, Page, PageState, Pagination
from syncrun.paginators.positions import is_position
from syncrun.paginators.values import as_count, is_end_marker, read_of_bodies, says_more, value_on


class CursorPagination(Pagination):
    """Sends back the token that the last answer gave."""

    type: Literal["cursor"] = "cursor"
    token: Expression | None = Field(None, description="JMESPath on the body: the token of the next page.")
    token_header: str | None = Field(None, min_length=1, description="The response header with the token.")
    has_more: Expression | None = Field(None, description="JMESPath on the body: whether a next page exists.")

    @model_validator(mode="after")
    def _one_token(self) -> CursorPagination:
        if (self.token is None) == (self.token_header is None):
            raise ValueError("cursor needs either token (JMESPath on the body) or token_header")
        return self

    @property
    def reads(self) -> Sequence[str | None]:
        """The expressions that it evaluates on bodies."""
        return read_of_bodies(self.token, self.has_more)

    def shifts(self, state: PageState) -> bool:
        """Whether the token of *state* is a page number or an offset, by the names that it has."""
        if self.into is None:  # then a template of the request may send it as anything
            return as_count(state.token) is not None
        names = (self.into, self.token_header or self.token or "")
        return any(is_position(name, state.token) for name in names)

    def promise(self, state: PageState) -> str:
        """Return that the page before named this one."""
        return "" if state.token is None else f"page {state.number} named a next one"

    def is_told_in_headers(self, page: Page) -> bool:
        """Whether the header of the token is there."""
        return self.token_header is not None and self.token_header.lower() in page.headers

    def apply(self, request: Request, state: PageState) -> Request:
        """Return *request* with the token; the first page has none."""
        if state.token is None:
            return request
        return request.with_value(self.into or "params.cursor", state.token)

    def next(self, state: PageState, page: Page) -> PageState | End:
        """Return the state with the token that *page* names, until there is none or nothing more."""
        if not page.records and self.empty_page == "stop":
            return End(complete=True, reason="an empty page")
        more = says_more(self.has_more, page)
        if more is False:
            return End(complete=True, reason="the answer says that there is no more")
        token = self._token(page)
        if not is_end_marker(token):
            return PageState(number=state.number + 1, token=token)
        if more:
            return End(
                complete=False, reason=f"the answer says that there is more, but {self._place} has no token"
            )
        return End(complete=True, reason="no further token")

    def _token(self, page: Page) -> Any:
        if self.token_header is not None:
            return page.headers.get(self.token_header.lower())
        return value_on(self.token or "", page)

    @property
    def _place(self) -> str:
        return f"the header {self.token_header}" if self.token_header is not None else str(self.token)
