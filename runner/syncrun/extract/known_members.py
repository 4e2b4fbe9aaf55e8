"""The members and headers that APIs commonly use for paging, in the order to look, and where to look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from syncrun.http.messages import Request

# JMESPath to the URL of the next page.
next_urls = (
    "next",
    "next_url",
    "nextUrl",
    "next_page_url",
    "nextPageUrl",
    "next_link",
    "nextLink",
    '"@odata.nextLink"',
    '"odata.nextLink"',
    "nextRecordsUrl",
    "links.next",
    "links.next.href",
    "_links.next",
    "_links.next.href",
    "links[?rel=='next'].href | [0]",
    "paging.next",
    "paging.next.link",
    "paging.next_url",
    "pagination.next",
    "pagination.next_url",
    "pagination.next_link",
    "pagination.next_page_url",
    "pagination.links.next",
    "meta.next",
    "meta.next_url",
    "meta.next_page_url",
    "meta.links.next",
    "meta.pagination.next_url",
    "meta.pagination.links.next",
    "info.next",
)

# Headers with the URL of the next page, and headers with a token and where it goes.
next_url_headers = ("Next-Page", "X-Next-Page-Url")
token_headers = {
    "X-Next-Page": "params.page",
    "X-Next-Cursor": "params.cursor",
    "X-Next-Token": "params.next_token",
    "X-MS-ContinuationToken": "params.continuationToken",
}

# JMESPath to the token of the next page, and where it usually goes.
tokens = {
    "response_metadata.next_cursor": "params.cursor",
    "next_cursor": "params.cursor",
    "nextCursor": "params.cursor",
    "meta.next_cursor": "params.cursor",
    "meta.nextCursor": "params.cursor",
    "meta.cursor.next": "params.cursor",
    "pagination.next_cursor": "params.cursor",
    "pagination.nextCursor": "params.cursor",
    "paging.next_cursor": "params.cursor",
    "cursor.next": "params.cursor",
    "cursors.next": "params.cursor",
    "nextPageToken": "params.pageToken",
    "next_page_token": "params.page_token",
    "meta.next_page_token": "params.page_token",
    "pagination.next_page_token": "params.page_token",
    "nextToken": "params.nextToken",
    "NextToken": "params.NextToken",
    "next_token": "params.next_token",
    "meta.next_token": "params.pagination_token",
    "next_marker": "params.marker",
    "nextMarker": "params.marker",
    "metadata.continue": "params.continue",
    "continuationToken": "params.continuationToken",
    "paging.next.after": "params.after",
    "paging.cursors.after": "params.after",
    "meta.after": "params.after",
    "cursor": "params.cursor",
    "next_page": "params.page",
    "nextPage": "params.page",
    "meta.next_page": "params.page",
    "pagination.next_page": "params.page",
    "meta.pagination.next_page": "params.page",
    "next_offset": "params.offset",
    "nextOffset": "params.offset",
    "pagination.next_offset": "params.offset",
    "additional_data.pagination.next_start": "params.start",
}

# The objects that paging members are found in; "" is the body itself.
containers = ("", "meta", "pagination", "meta.pagination", "paging", "page_info", "pageInfo", "info", "page")

has_more = ("has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage", "more")
# Flags of an answer that lacks something, and of one that does not go on where it could.
partial = (
    "partial",
    "is_partial",
    "isPartial",
    "partial_results",
    "partialResults",
    "incomplete",
    "incomplete_results",
    "incompleteResults",
    "timed_out",
    "timedOut",
)
truncated = (
    "truncated",
    "is_truncated",
    "isTruncated",
    "IsTruncated",
    "results_truncated",
    "resultsTruncated",
)
page_numbers = ("page", "current_page", "currentPage", "page_number", "pageNumber", "number")
page_counts = (
    "total_pages",
    "totalPages",
    "last_page",
    "lastPage",
    "page_count",
    "pageCount",
    "num_pages",
    "pages",
)
offsets = ("offset", "skip", "startAt", "start_at", "startIndex", "start")
limits = (
    "limit",
    "maxResults",
    "max_results",
    "itemsPerPage",
    "page_size",
    "pageSize",
    "per_page",
    "perPage",
    "size",
    "count",
)
totals = (
    "total",
    "total_count",
    "totalCount",
    "total_results",
    "totalResults",
    "total_records",
    "totalRecords",
    "total_items",
    "totalItems",
    "total_size",
    "totalSize",
    "totalElements",
    "count",
)
total_headers = ("X-Total-Count", "X-Total", "X-WP-Total", "Total-Records", "Total-Count")

# Request parameters that ask for a page size.
size_parameters = frozenset(
    {
        "limit",
        "_limit",
        "$limit",
        "per_page",
        "perpage",
        "page_size",
        "pagesize",
        "page[size]",
        "page[limit]",
        "size",
        "count",
        "max_results",
        "maxresults",
        "top",
        "$top",
        "first",
        "rows",
        "take",
        "results",
        "num",
    }
)


def inside(body: Any, container: str) -> Mapping[str, Any]:
    """Return the object at the dotted path *container* of *body*; an empty one when there is none."""
    value = body
    for name in filter(None, container.split(".")):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def member(container: str, name: str) -> str:
    """Return the dotted path of *name* in *container*."""
    return f"{container}.{name}" if container else name


def sent_values(request: Request) -> dict[str, Any]:
    """Return what the request asks with: its URL's query, parameters, and top-level body members."""
    sent: dict[str, Any] = dict(parse_qsl(urlsplit(request.url).query))
    for members in (request.params, request.form, request.json):
        if isinstance(members, Mapping):
            sent.update(members)
    variables = request.json.get("variables") if isinstance(request.json, dict) else None
    return {**sent, **variables} if isinstance(variables, dict) else sent
