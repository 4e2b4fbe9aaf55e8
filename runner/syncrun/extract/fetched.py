"""What one request of an enumeration came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from syncrun.http.messages import Request, Response
from syncrun.paginators.base import End, Page, PageState, Pagination


@dataclass(frozen=True, slots=True)
class Fetched:
    """One page and what follows it: a state to go on from, or the end. *response_bytes* is its length.

    *lost* says why a record of the page could not be had in full, when one could not. *detected* is the
    pagination that *next* belongs to, when none is declared. *share* is how much of all has been read, from 0
    to 1, where the API says how much there is. *drift* says how a total has changed since the first page.
    *elapsed* is how many seconds its answer took.
    """

    page: Page
    next: PageState | End
    response_bytes: int
    lost: str = ""
    detected: Pagination | None = None
    share: float | None = None
    drift: str = ""
    elapsed: float = 0.0


Repeat = Callable[[Response, str], Response | None]
"""Sends the request of an answer once more, for a reason; None when that was done often enough."""


def nothing(state: PageState, request: Request, end: End, status: int = 0) -> Fetched:
    """Return the page that *request* did not get."""
    return Fetched(Page(state, request.url, status, {}, None, [], listed=False), end, 0)
