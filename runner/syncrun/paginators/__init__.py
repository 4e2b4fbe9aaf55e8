"""Every way of getting from one page to the next. A kind is a module, and its line in `KINDS`."""

from __future__ import annotations

from typing import Annotated

from syncrun.paginators.base import End, Page, PageState, Pagination
from syncrun.yaml_models import Kinds

KINDS = Kinds(
    __name__,
    {
        "none": "none.NoPagination",
        "page": "page.PagePagination",
        "offset": "offset.OffsetPagination",
        "cursor": "cursor.CursorPagination",
        "link_header": "link_header.LinkHeaderPagination",
        "next_url": "next_url.NextUrlPagination",
        "last_record": "last_record.LastRecordPagination",
        "hook": "hook.HookPagination",
    },
    bare=("none", "page", "offset", "link_header", "hook"),
)

AnyPagination = Annotated[Pagination, KINDS]
"""The `pagination` key of YAML: a mapping with `type`, or the bare name of a kind that needs no other key."""

__all__ = ["KINDS", "AnyPagination", "End", "Page", "PageState", "Pagination"]
