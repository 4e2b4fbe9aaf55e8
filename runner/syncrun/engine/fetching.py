"""How a sync's pages are fetched for one template context: request, client, decoder and details."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from syncrun.config.request import RequestSpec
from syncrun.config.sync import Sync
from syncrun.decoders import decode
from syncrun.engine.reading import Fetch
from syncrun.expressions.functions import Functions
from syncrun.extract.detail import Details
from syncrun.extract.fetch import Fetched, Source, fetch
from syncrun.http.client import Client
from syncrun.http.redact import Redactor
from syncrun.paginators.base import PageState, Pagination

_EXCLUSIVE = (("path", "url"), ("json", "form", "text"))


def pages_of(
    sync: Sync,
    *,
    base_url: str,
    client: Client,
    redactor: Redactor,
    functions: Functions,
    changes_only: bool = False,
    on_detect: Callable[[Pagination, str], None] | None = None,
) -> Fetch:
    """Return the function that fetches the pages of *sync*; with *changes_only* its request for changes."""
    request = changes_request(sync) if changes_only else sync.request_spec
    source = Source(base_url, request, sync.records, sync.pagination)
    decoded = partial(decode, sync.decode, redactor=redactor)
    details = Details(sync.detail, base_url, client.send, decoded, functions) if sync.detail else None

    def pages(
        context: Mapping[str, Any], start: PageState | None, detected: Pagination | None = None
    ) -> Iterator[Fetched]:
        known = source if detected is None else replace(source, pagination=detected)
        found = fetch(
            known, context, client.send, decoded, start=start, on_detect=on_detect, functions=functions
        )
        return found if details is None else (details.complete(page, context) for page in found)

    return pages


def changes_request(sync: Sync) -> RequestSpec:
    """Return the request of *sync* with `incremental.request` merged in, member by member."""
    request = sync.request_spec
    overrides = sync.incremental.request if sync.incremental is not None else None
    if overrides is None:
        return request
    merged = request.model_dump(by_alias=True, exclude_unset=True)
    for name, value in overrides.items():
        for other in next((group for group in _EXCLUSIVE if name in group), ()):
            if other != name:
                merged.pop(other, None)
        before = merged.get(name)
        both = isinstance(before, dict) and isinstance(value, dict)
        merged[name] = {**before, **value} if both and before is not None else value
    return RequestSpec.model_validate(merged)
