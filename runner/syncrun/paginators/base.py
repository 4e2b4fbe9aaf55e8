"""What every pagination kind is: pure functions from a page to the next page's state (no I/O).

A kind subclasses `Pagination` in a module of its own and is registered in `paginators/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from syncrun.expressions.fields import Expression
from syncrun.http.messages import Request


@dataclass(frozen=True, slots=True)
class PageState:
    """Where pagination stands before a page is requested; plain JSON values, so a checkpoint can hold it.

    *number* counts pages from 0 in this enumeration. *page*, *offset*, *token* and *url* are what the kind sends;
    *size* is the page size that the server turned out to use (R18).
    """

    number: int = 0
    page: int | None = None
    offset: int | None = None
    size: int | None = None
    token: Any = None
    url: str | None = None

    def as_context(self) -> dict[str, Any]:
        """Return the template root `page`: number (as sent, else counted from 1), offset, size, token."""
        number = self.page if self.page is not None else self.number + 1
        return {"number": number, "offset": self.offset, "size": self.size, "token": self.token}

    def to_json(self) -> dict[str, Any]:
        """Return the members that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Page:
    """One answered page: the decoded *body*, its *records* as selected, lower-case *headers*, the final *url*."""

    state: PageState
    url: str
    status: int
    headers: Mapping[str, str]
    body: Any
    records: list[Any]


@dataclass(frozen=True, slots=True)
class End:
    """Why an enumeration ended. Only a *complete* one may delete (R7)."""

    complete: bool
    reason: str


class Pagination(BaseModel):
    """The keys common to all kinds, and what a kind implements."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    into: str | None = Field(None, description="Where the next value goes: params.X, headers.X or body.a.b.")
    stop_when: Expression | None = Field(
        None, description="Ends the enumeration when true; sees body, headers, status, records and page."
    )
    empty_page: Literal["stop", "continue"] | None = Field(None, description="What a page without records means.")
    max_pages: int = Field(100_000, ge=1, description="A page past this ends the run as incomplete.")

    # What a kind can do; the engine asks before it resumes or prefetches.
    @property
    def resumable(self) -> bool:
        """Whether an interrupted enumeration may go on at a saved state."""
        return True

    def first(self) -> PageState:
        """Return the state of the first page."""
        return PageState()

    def apply(self, request: Request, state: PageState) -> Request:
        """Return *request* for the page that *state* names."""
        raise NotImplementedError

    def next(self, state: PageState, page: Page) -> PageState | End:
        """Return the state of the page after *page*, or why there is none. Loop guards are the caller's (R17)."""
        raise NotImplementedError
