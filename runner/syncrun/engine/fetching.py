"""How a sync's pages are fetched for one template context: request, client, decoder and details."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from syncrun.config.request import RequestSpec
from syncrun.config.sync import Sync
from syncrun.decoders import decode
from syncrun.decoders.json_document import JsonDecoder
from syncrun.engine.exports import Exports
from syncrun.engine.walk import Fetch
from syncrun.expressions.functions import Functions
from syncrun.expressions.layout import Layout
from syncrun.extract.detail import Details
from syncrun.extract.fetch import Fetched, Source, fetch
from syncrun.extract.job import Created
from syncrun.extract.narrow import Narrow
from syncrun.hooks import NO_HOOKS, Hooks
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from syncrun.paginators.base import Page, PageState, Pagination


class Sender(Protocol):
    """What requests go to: the API's client, as a rule."""

    def send(self, request: Request, *, also: Collection[int] = ()) -> Response:
        """Return the answer to *request*; raise RequestError."""

    def repeat(self, answer: Response, reason: str) -> Response | None:
        """Ask again, because *answer* is none for *reason*; None when that was done often enough."""


_EXCLUSIVE = (("path", "url"), ("json", "form", "text"))


def pages_of(
    sync: Sync,
    *,
    base_url: str,
    client: Sender,
    redactor: Redactor,
    functions: Functions,
    changes_only: bool = False,
    side_by_side: bool = False,
    on_detect: Callable[[Pagination, str], None] | None = None,
    hooks: Hooks = NO_HOOKS,
    exports: Exports | None = None,
    layout: Layout | None = None,
    promised: str = "",
) -> Fetch:
    """Return the function that fetches the pages of *sync*; with *changes_only* its request for changes.

    With *side_by_side* it may ask for several pages at a time. Records that the API exports on request come
    by way of *exports*. *promised* is what an answer without the list breaks, also a first one. Pages of
    records are read by *layout*, which is what the mapping reads of them, where nothing else looks at them.
    """
    request = changes_request(sync) if changes_only else first_request(sync)
    prepare = hooks.before_request if hooks.has("before_request") else None
    source = Source(
        base_url,
        request,
        sync.records,
        sync.pagination,
        prepare,
        absent=sync.empty == "absent",
        sparse=sync.decode.sparse,
        cut_off=sync.cut_off,
    )
    decoded: Callable[[Response], Any] = partial(decode, sync.decode, redactor=redactor)

    def pages(
        context: Mapping[str, Any],
        start: PageState | None,
        detected: Pagination | None = None,
        job: Mapping[str, Any] | None = None,
    ) -> Iterator[Fetched | Created]:
        known = _asking(source if detected is None else replace(source, pagination=detected), hooks, context)
        read = partial(hooks.parse_response, context=context) if hooks.has("parse_response") else decoded
        fetched = partial(
            fetch,
            send=client.send,
            repeat=client.repeat,
            decode=read,
            functions=functions,
            side_by_side=side_by_side,
            most=sync.incremental.cap if sync.incremental is not None else None,
            narrow=_narrow(sync, hooks, layout),
        )
        found: Iterator[Fetched | Created]
        if exports is not None and sync.job is not None:
            found = exports.of(sync.job, known, fetched).pages(context, start, job)
        else:
            found = fetched(known, context, start=start, on_detect=on_detect, promised=promised)
        if sync.detail is None:
            return found
        details = Details(sync.detail, base_url, client.send, read, functions, prepare=prepare)
        return (details.complete(page, context) if isinstance(page, Fetched) else page for page in found)

    return pages


def _narrow(sync: Sync, hooks: Hooks, layout: Layout | None) -> Narrow:
    """Return what reads the pages of *sync* by *layout*, if no hook, detail or decoder needs them whole."""
    plain = isinstance(sync.decode, JsonDecoder) and sync.decode.member is None and sync.detail is None
    plain = plain and sync.cut_off is None  # which may look at records
    if not plain or hooks.has("parse_response") or hooks.has("map_record"):
        return Narrow(None)
    token = sync.incremental.token if sync.incremental is not None else None
    return Narrow(layout, () if token is None else (token,))


def _asking(source: Source, hooks: Hooks, context: Mapping[str, Any]) -> Source:
    """Return *source* with its pagination bound to the hook that it asks, where it asks one."""
    if not hooks.has("next_page"):
        return source
    from syncrun.paginators.hook import HookPagination

    pagination = source.pagination
    if not isinstance(pagination, HookPagination):
        return source

    def ask(page: Page) -> Any:
        return hooks.next_page(page, {**context, "page": pagination.context(page.state)})

    return replace(source, pagination=pagination.asking(ask))


def first_request(sync: Sync) -> RequestSpec:
    """Return the request that a read of *sync* begins with: for its records, or for an export."""
    return sync.request_spec if sync.job is None else sync.job.create_spec


def changes_request(sync: Sync) -> RequestSpec:
    """Return the first request of *sync* with `incremental.request` merged in, member by member."""
    request = first_request(sync)
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
