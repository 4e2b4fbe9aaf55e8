"""What `link_header` and `next_url` share: an answer has the whole URL of the next page (R19)."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field, model_validator

from syncrun.http.messages import Request
from syncrun.paginators.base import PageState, Pagination
from syncrun.paginators.positions import has_position


class FollowedPagination(Pagination):
    """Follows URLs as they are; a kind says where they stand."""

    method: Literal["GET", "POST"] | None = Field(
        None, description="Of the requests for next pages; GET sends no body. Absent: as for the first page."
    )

    @model_validator(mode="after")
    def _no_place(self) -> FollowedPagination:
        if self.into is not None:
            raise ValueError("into has no meaning here: the URL is followed as it is")
        return self

    def shifts(self, state: PageState) -> bool:
        """Whether the URL that *state* has only names a page by its number or offset."""
        return state.url is not None and has_position(state.url)

    def promise(self, state: PageState) -> str:
        """Return that the page before named this one."""
        return "" if state.url is None else f"page {state.number} named a next one"

    @property
    def placed(self) -> bool:
        """Return true: the URL always takes the place of the request's own."""
        return True

    def apply(self, request: Request, state: PageState) -> Request:
        """Return *request* at the next URL; the first page has none."""
        if state.url is None:
            return request
        request = request.at_url(state.url)
        if self.method == "GET":
            request = replace(request, json=None, form=None, text=None)
        return request if self.method is None else replace(request, method=self.method)
