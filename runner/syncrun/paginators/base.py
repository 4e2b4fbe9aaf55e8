"""What every pagination kind is: pure functions from a page to the next page's state (no I/O).

A kind subclasses `Pagination` in a module of its own and is registered in `paginators/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import Field

from syncrun.expressions.fields import Expression
from syncrun.expressions.text_forms import REQUEST_PLACE
from syncrun.http.messages import Request
from syncrun.yaml_models import YamlModel


@dataclass(frozen=True, slots=True)
class PageState:
    """Where pagination stands before a page is requested; plain JSON values, so a checkpoint can hold it.

    *number* counts pages from 0 in this enumeration. *page*, *offset*, *token* and *url* are what the kind
    sends; *size* is the page size that the server turned out to use (R18). Kinds that count keep the records
    so far in *received*, and in *empty* how many pages just before this one were empty. *file* is which of
    an export's files the page is in, counted from 0.

    What answers promised stands here until a page keeps it: *total* records, so many *pages*, *more* of
    them. *gap* is the first page, counted from 1, that was empty before all that was promised had come,
    *drift* says how a total changed, *cut* which answer said that it is only a part. *found* is where
    records were found when the sync does not say where they are, *last* tells the record before, with which
    the page overlaps.
    """

    number: int = 0
    page: int | None = None
    offset: int | None = None
    size: int | None = None
    token: Any = None
    url: str | None = None
    received: int | None = None
    empty: int | None = None
    file: int | None = None
    total: int | None = None
    pages: int | None = None
    more: bool | None = None
    gap: int | None = None
    drift: str | None = None
    cut: str | None = None
    found: str | None = None
    last: str | None = None

    def as_context(self) -> dict[str, Any]:
        """Return the template root `page`: number (as sent, else counted from 1), offset, size, token."""
        number = self.page if self.page is not None else self.number + 1
        return {"number": number, "offset": self.offset, "size": self.size, "token": self.token}

    def to_json(self) -> dict[str, Any]:
        """Return the members that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> PageState:
        """Return the state that `to_json` gave *members* for; raise TypeError for members it never has."""
        return cls(**members)


@dataclass(frozen=True, slots=True)
class Page:
    """One answered page: decoded *body*, *records* as selected, lower-case *headers*, the final *url*.

    *listed* tells that the answer held the list of records, which may be empty.
    """

    state: PageState
    url: str
    status: int
    headers: Mapping[str, str]
    body: Any
    records: Sequence[Any]
    listed: bool = True


@dataclass(frozen=True, slots=True)
class End:
    """Why an enumeration ended, and what helps. Only a *complete* one may delete (R7)."""

    complete: bool
    reason: str
    hint: str = ""


class Pagination(YamlModel):
    """The keys common to all kinds, and what a kind implements."""

    into: str | None = Field(
        None,
        pattern=REQUEST_PLACE,
        description="Where the next value goes: params.X, headers.X or body.a.b.",
    )
    stop_when: Expression | None = Field(
        None,
        description="Ends the enumeration when true; sees body, headers, status, records, page and cursor.",
    )
    empty_page: Literal["stop", "continue"] | None = Field(
        None, description="What a page without records means."
    )
    max_pages: int = Field(100_000, ge=1, description="A page past this ends the run as incomplete.")

    @property
    def kind(self) -> str:
        """The name that YAML gives it under `type`."""
        return str(type(self).model_fields["type"].default)

    @property
    def resumable(self) -> bool:
        """Whether an interrupted enumeration may go on at a saved state.

        True for every kind here. Tokens and next links may expire, though: an answer that refuses a saved one
        means starting over at `first()`, which is safe because records are merged by key.
        """
        return True

    def shifts(self, state: PageState) -> bool:  # noqa: ARG002
        """Whether what is behind *state* moves up when records before it go, as where pages are numbered.

        An enumeration that goes on there later may pass over live records. A token keeps its place.
        """
        return False

    def slips(self, state: PageState) -> bool:
        """Whether records may slip past, unseen, when others go before the page of *state* is asked for."""
        return self.shifts(state)

    def trim(self, state: PageState, page: Page) -> Page:  # noqa: ARG002
        """Return *page* without what the one before had too; its state tells when the two do not fit."""
        return page

    @property
    def placed(self) -> bool:
        """Whether YAML says where the next value goes; if not, `${page.…}` in the request may do it."""
        return self.into is not None

    @property
    def reads(self) -> Sequence[str | None] | None:
        """The expressions that it evaluates on bodies; None when it may use anything of a page.

        A page of which these, and `stop_when`, do not read the records need not be decoded as a whole.
        """
        return None

    def first(self) -> PageState:
        """Return the state of the first page."""
        return PageState()

    def context(self, state: PageState) -> dict[str, Any]:
        """Return the template root `page` for *state*."""
        return state.as_context()

    def apply(self, request: Request, state: PageState) -> Request:
        """Return *request* for the page that *state* names."""
        raise NotImplementedError

    def with_size(self, request: Request) -> Request:
        """Return *request* asking for the declared page size, where a template places the rest."""
        return request

    def next(self, state: PageState, page: Page) -> PageState | End:
        """Return the state of the page after *page*, or why there is none; the caller stops loops (R17)."""
        raise NotImplementedError

    def promise(self, state: PageState) -> str:  # noqa: ARG002
        """Return what answers before the page of *state* said that it has, as a clause; empty for nothing."""
        return ""

    def is_told_in_headers(self, page: Page) -> bool:  # noqa: ARG002
        """Whether a header of *page* says how paging goes on, be it that it does not."""
        return False

    def owes(self, state: PageState, page: Page) -> bool:  # noqa: ARG002
        """Whether a total says that records follow *page*, also when it has none."""
        return False

    def drift(self, state: PageState, page: Page) -> str:  # noqa: ARG002
        """Return how the total that *page* tells differs from the one told before; empty if it does not."""
        return ""

    @property
    def width(self) -> int:
        """How many pages may be asked for side by side."""
        return 1

    def upcoming(self, following: PageState) -> Iterator[PageState]:  # noqa: ARG002
        """Yield the states after *following* that are sure to come if all pages are full."""
        return iter(())

    def share(self, page: Page) -> float | None:  # noqa: ARG002
        """Return how much of all has been read with *page*, from 0 to 1; None when no answer says."""
        return None

    def is_past_end(self, state: PageState, status: int) -> bool:  # noqa: ARG002
        """Whether an error *status* for the page of *state* only says that there is no such page."""
        return False
