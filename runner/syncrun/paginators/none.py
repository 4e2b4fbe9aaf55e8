"""One request gives everything.

```yaml
pagination: none
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from syncrun.http.messages import Request
from syncrun.paginators.base import End, Page, PageState, Pagination


class NoPagination(Pagination):
    """The first page is the only one."""

    type: Literal["none"] = "none"

    @property
    def reads(self) -> Sequence[str | None]:
        """The expressions that it evaluates on bodies."""
        return ()

    def apply(self, request: Request, state: PageState) -> Request:  # noqa: ARG002
        """Return *request* as it is."""
        return request

    def next(self, state: PageState, page: Page) -> PageState | End:  # noqa: ARG002
        """Return the end: there is only one page."""
        return End(complete=True, reason="there is only one page")
