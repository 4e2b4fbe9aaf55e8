"""Every way of getting from one page to the next. A kind is a module, and one line in `_Kinds`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from syncrun.paginators.base import End, Page, PageState, Pagination
from syncrun.paginators.cursor import CursorPagination
from syncrun.paginators.hook import HookPagination
from syncrun.paginators.last_record import LastRecordPagination
from syncrun.paginators.link_header import LinkHeaderPagination
from syncrun.paginators.next_url import NextUrlPagination
from syncrun.paginators.none import NoPagination
from syncrun.paginators.offset import OffsetPagination
from syncrun.paginators.page import PagePagination

_Kinds = Annotated[
    NoPagination
    | PagePagination
    | OffsetPagination
    | CursorPagination
    | LinkHeaderPagination
    | NextUrlPagination
    | LastRecordPagination
    | HookPagination,
    Field(discriminator="type"),
]
_Shorthand = Literal["none", "page", "offset", "link_header", "hook"]


def _expand(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


AnyPagination = Annotated[_Kinds, BeforeValidator(_expand, json_schema_input_type=_Shorthand | _Kinds)]
"""The `pagination` key of YAML: a mapping with `type`, or the bare name of a kind that needs no other key."""

__all__ = ["AnyPagination", "End", "Page", "PageState", "Pagination"]
