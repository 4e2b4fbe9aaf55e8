"""The full form of listed records, fetched one by one beside each other (`detail:`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from msgspec import Struct

from syncrun.config.partitions import Detail
from syncrun.errors import RequestError, ResponseError, RunError, UnknownServerError
from syncrun.expressions.compile import compile_expression
from syncrun.expressions.functions import DEFAULT, Functions
from syncrun.extract.fetch import Fetched
from syncrun.extract.requests import Prepare, Source, build_request
from syncrun.http.messages import Request, Response


class _Missing(Struct, frozen=True):
    """A record whose full form could not be had; *record* is what is kept of it, if anything."""

    reason: str
    record: Any = None


def _is_gone(record: Any) -> bool:
    return isinstance(record, _Missing) and record.record is None


class Details:
    """Fetches the full form of every record of a page, in the order of the page."""

    def __init__(
        self,
        detail: Detail,
        base_url: str,
        send: Callable[[Request], Response],
        decode: Callable[[Response], Any],
        functions: Functions = DEFAULT,
        *,
        prepare: Prepare | None = None,
    ) -> None:
        self._detail, self._source = detail, Source(base_url, detail.request, prepare=prepare)
        self._send, self._decode, self._functions = send, decode, functions
        self._select = compile_expression(detail.record, functions=functions) if detail.record else None

    def complete(self, fetched: Fetched, context: Mapping[str, Any]) -> Fetched:
        """Return the page with full records; raise RunError when one fails and `on_error` is `fail`.

        A record that is skipped makes the enumeration incomplete, so that it is not taken for deleted (R7).
        """
        records = fetched.page.records
        if not records:
            return fetched
        with ThreadPoolExecutor(self._detail.concurrency, thread_name_prefix="detail") as pool:
            full = list(pool.map(lambda record: self._full(record, context), records))
        kept = [r.record if isinstance(r, _Missing) else r for r in full if not _is_gone(r)]
        lost = next((record.reason for record in full if isinstance(record, _Missing)), "")
        return replace(fetched, page=replace(fetched.page, records=kept), lost=lost)

    def _full(self, record: Any, context: Mapping[str, Any]) -> Any:
        try:
            return self._fetch(record, context)
        except UnknownServerError as error:  # whatever on_error says: what is there was not asked for
            reason = f"{error.message}\n  hint: {error.hint}"
            return _Missing(reason, record if self._detail.on_error == "keep" else None)
        except RunError as error:
            skips = isinstance(error, RequestError) and error.then == "skip"
            if self._detail.on_error == "fail" and not skips:
                raise
            return record if self._detail.on_error == "keep" else _Missing(error.message)

    def _fetch(self, record: Any, context: Mapping[str, Any]) -> Any:
        context = {**context, "record": record}
        request = build_request(self._source, context, functions=self._functions)
        if self._source.prepare is not None:
            request = self._source.prepare(request, context)
        body = self._decode(self._send(request))
        full = body if self._select is None else self._select(body)
        if full is None:
            raise ResponseError(f"{request.method} {request.url}: the answer holds no record")
        return full if self._detail.into is None else {**record, self._detail.into: full}
