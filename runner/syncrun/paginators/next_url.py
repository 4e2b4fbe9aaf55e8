"""Each answer has the URL of the next page in its body, or in a header of its own.

```yaml
pagination:
  type: next_url
  url: links.next          # JMESPath on the body, absolute or relative; or header: Next-Page
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from syncrun.excerpts import excerpt
from syncrun.expressions.fields import Expression
from syncrun.paginators.base import End, Page, PageState
from syncrun.paginators.followed import FollowedPagination
from syncrun.paginators.values import is_end_marker, read_of_bodies, resolve_link, says_more, value_on


class NextUrlPagination(FollowedPagination):
    """Follows the URL as it is: its query takes the place of `params` (R19)."""

    type: Literal["next_url"] = "next_url"
    url: Expression | None = Field(None, description="JMESPath on the body: the next page's URL.")
    header: str | None = Field(None, min_length=1, description="The response header with the URL.")
    has_more: Expression | None = Field(None, description="JMESPath on the body: whether a next page exists.")

    @model_validator(mode="after")
    def _one_source(self) -> NextUrlPagination:
        if (self.url is None) == (self.header is None):
            raise ValueError("next_url needs either url (JMESPath on the body) or header")
        return self

    @property
    def reads(self) -> Sequence[str | None]:
        """The expressions that it evaluates on bodies."""
        return read_of_bodies(self.url, self.has_more)

    def is_told_in_headers(self, page: Page) -> bool:
        """Whether the header of the URL is there."""
        return self.header is not None and self.header.lower() in page.headers

    def next(self, state: PageState, page: Page) -> PageState | End:
        """Return the state of the URL that *page* names, resolved against its own; none is the end."""
        if not page.records and self.empty_page == "stop":
            return End(complete=True, reason="an empty page")
        more = says_more(self.has_more, page)
        if more is False:
            return End(complete=True, reason="the answer says that there is no more")
        link = self._link(page)
        if is_end_marker(link):
            if more:
                return End(complete=False, reason="the answer says that there is more, but names no next URL")
            return End(complete=True, reason="no further URL")
        url = resolve_link(page.url, link) if isinstance(link, str) else None
        if url is None:
            return End(
                complete=False, reason=f"the next page's URL is no http URL: {excerpt(str(link), 100)!r}"
            )
        return PageState(number=state.number + 1, url=url)

    def _link(self, page: Page) -> Any:
        if self.header is not None:
            return page.headers.get(self.header.lower())
        return value_on(self.url or "", page)
