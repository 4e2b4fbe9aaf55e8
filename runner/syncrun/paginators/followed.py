"""What `link_header` and `next_url` share: an answer has the whole URL of the next page (R19)."""

from __future__ import annotations

from pydantic import model_validator

from syncrun.http.messages import Request
from syncrun.paginators.base import PageState, Pagination
from syncrun.paginators.positions import has_position


class FollowedPagination(Pagination):
    """Follows URLs as they are; a kind says where they stand."""

    @model_validator(mode="after")
    def _no_place(self) -> FollowedPagination:
        if self.into is not None:
            raise ValueError("into has no meaning here: the URL is followed as it is")
        return self

    def shifts(self, state: PageState) -> bool:
        """Whether the URL that *state* has only names a page by its number or offset."""
        return state.url is not None and has_position(state.url)

    @property
    def placed(self) -> bool:
        """Return true: the URL always takes the place of the request's own."""
        return True

    def apply(self, request: Request, state: PageState) -> Request:
        """Return *request* at the next URL; the first page has none."""
        return request if state.url is None else request.at_url(state.url)
