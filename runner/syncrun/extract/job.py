"""Records that the API exports on request (`job:`): another way to get to the first page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from msgspec import Struct

from syncrun.config.export_job import ExportJob
from syncrun.config.request import RequestSpec
from syncrun.errors import RequestError, ResponseError, RunError
from syncrun.expressions.compile import compile_expression, is_true
from syncrun.expressions.durations import parse_duration
from syncrun.expressions.functions import Functions
from syncrun.expressions.template import parse_template
from syncrun.extract.fetch import Fetched
from syncrun.extract.requests import Source, build_request
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from syncrun.http.retry import retry_after
from syncrun.http.urls import resolve
from syncrun.paginators.base import End, Page, PageState

FILE = RequestSpec(url="${file}")
"""The request for one of the URLs that an answer names."""

_GONE = frozenset({404, 410})

Download = Callable[[RequestSpec, Mapping[str, Any], PageState | None, str], Iterator[Fetched]]
"""Fetches the pages of one file for a template context, from a state on; the text is what was promised."""


class JobFailed(RunError):  # noqa: N818 - what the API says of its job, no error of ours
    """The API says that a job came to nothing: the next run has to create another."""


class Created(Struct, frozen=True):
    """The API has accepted a job; *job* is the template root of that name, plain JSON values."""

    job: Mapping[str, Any]


class Export:
    """The exports of one sync; *send* and *decode* are for answers about a job, *download* for its files.

    *source* has the request that creates one. *now* is in epoch seconds, *sleep* waits for so many.
    """

    def __init__(
        self,
        spec: ExportJob,
        source: Source,
        *,
        send: Callable[[Request], Response],
        decode: Callable[[Response], Any],
        download: Download,
        now: Callable[[], float],
        sleep: Callable[[float], None],
        redactor: Redactor,
        functions: Functions,
    ) -> None:
        self._spec, self._source = spec, source
        self._send, self._decode, self._download = send, decode, download
        self._now, self._sleep, self._redactor, self._functions = now, sleep, redactor, functions

    def pages(
        self, context: Mapping[str, Any], start: PageState | None, job: Mapping[str, Any] | None
    ) -> Iterator[Created | Fetched]:
        """Yield the pages of *job* from *start* on; without one create it, and yield that first.

        When the API no longer knows *job* (404, 410), a new one takes its place.
        """
        if job is not None:
            pages = self._pages({**context, "job": job}, start)
            try:
                first = next(pages)
            except RequestError as error:
                if error.status not in _GONE or error.then:
                    raise
            else:
                yield first
                yield from pages
                return
        created = self._created(context)
        yield Created(created)
        yield from self._pages({**context, "job": created}, None)

    # ── the job ────────────────────────────────────────────────────────────────────────────────────

    def _created(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        response = self._send(self._request(self._source.request, context))
        seen, place = self._seen(response), self._place(response)
        if self._spec.keep is None:
            if not isinstance(seen["body"], dict):
                start = self._redactor.excerpt(response.content)
                raise ResponseError(
                    f"job.create: {place}: the answer is no JSON object: {start}",
                    hint="say with keep: what of it polls need, such as {url: headers.location}",
                )
            return dict(seen["body"])
        kept = {name: self._evaluate(text, seen) for name, text in self._spec.keep.items()}
        for name, value in kept.items():
            if value is None:
                start = self._redactor.excerpt(response.content)
                raise ResponseError(
                    f"job.create: {place}: keep.{name} ({self._spec.keep[name]}) selects nothing: {start}"
                )
        return kept

    def _poll(self, context: Mapping[str, Any]) -> Response:
        """Return the answer that says that the job is done; raise JobFailed, or RunError when time is up."""
        poll = self._spec.poll
        request = self._request(poll.request_spec, context)
        deadline = self._now() + parse_duration(poll.timeout).total_seconds()
        every = parse_duration(poll.every).total_seconds()
        while True:
            response = self._send(request)
            seen = self._seen(response)
            if poll.failed_when is not None and is_true(self._evaluate(poll.failed_when, seen)):
                told = self._told(seen) or self._redactor.excerpt(response.content)
                raise JobFailed(
                    f"{self._place(response)}: the export failed: {told}",
                    hint="the next run asks for a new export",
                )
            if is_true(self._evaluate(poll.done_when, seen)):
                return response
            asked = retry_after(response.headers.get("retry-after", ""), self._now())
            wait = asked if asked is not None and asked > 0 else every
            if self._now() + wait > deadline:
                last = self._redactor.excerpt(response.content)
                raise RunError(
                    f"{self._place(response)}: the export was not done within {poll.timeout}: {last}",
                    hint="the next run goes on waiting for it; poll.timeout gives it longer",
                )
            self._sleep(wait)

    def _told(self, seen: Mapping[str, Any]) -> str:
        message = self._spec.poll.message
        if message is None:
            return ""
        value = parse_template(message).render(seen, functions=self._functions)
        return "" if value is None else " ".join(str(value).split())

    # ── its files ──────────────────────────────────────────────────────────────────────────────────

    def _pages(self, context: Mapping[str, Any], start: PageState | None) -> Iterator[Fetched]:
        answer = self._poll(context)
        context = {**context, "poll": self._seen(answer)["body"]}
        spec = self._spec.download_spec
        if spec.urls is None:
            yield from self._download(spec, context, start, "")
            return
        if spec.asks:
            answer = self._send(self._request(spec, context))
        urls = self._urls(spec.urls, answer)
        if not urls:
            page = Page(PageState(), answer.url, answer.status, answer.headers, None, [])
            yield Fetched(page, End(complete=True, reason="the export has no files"), 0)
        begin = start or PageState()
        first = begin.file or 0
        for index in range(first, len(urls)):
            inside = replace(begin, file=None) if index == first else PageState()
            named = f"the export names {len(urls)} files" if len(urls) > 1 else ""
            state = None if inside == PageState() else inside
            pages = self._download(FILE, {**context, "file": urls[index]}, state, named)
            for fetched in pages:
                following = _following(fetched.next, index, last=index + 1 == len(urls))
                yield replace(fetched, next=following)
                if isinstance(following, End):
                    return

    def _urls(self, expression: str, answer: Response) -> list[str]:
        """Return the URLs that *answer* names, absolute."""
        value = self._evaluate(expression, self._seen(answer))
        urls = [value] if isinstance(value, str) else value
        if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
            start = self._redactor.excerpt(answer.content)
            raise ResponseError(
                f"job.download: {self._place(answer)}: urls ({expression}) selects no URLs: {start}",
                hint="an export without files gives an empty list, as in urls: body.url || `[]`",
            )
        found = [resolve(answer.url, url) for url in urls]
        if None in found:
            bad = self._redactor.excerpt(urls[found.index(None)].encode("utf-8", "replace"))
            raise ResponseError(f"job.download: {self._place(answer)}: {bad!r} is no http URL")
        return [url for url in found if url is not None]

    # ── asking ─────────────────────────────────────────────────────────────────────────────────────

    def _request(self, spec: RequestSpec, context: Mapping[str, Any]) -> Request:
        request = build_request(replace(self._source, request=spec), context, functions=self._functions)
        return request if self._source.prepare is None else self._source.prepare(request, context)

    def _seen(self, response: Response) -> dict[str, Any]:
        try:
            body = self._decode(response)
        except ResponseError:
            body = None  # an answer may be empty, a page for people, or already the file
        return {"body": body, "headers": dict(response.headers), "status": response.status}

    def _evaluate(self, expression: str, seen: Mapping[str, Any]) -> Any:
        return compile_expression(expression, functions=self._functions)(seen)

    def _place(self, response: Response) -> str:
        return self._redactor.exchange(response.request.method, response.url)


def _following(state: PageState | End, index: int, *, last: bool) -> PageState | End:
    """Return what comes after a page of the file *index*: within it, the next file, or the end."""
    if isinstance(state, PageState):
        return replace(state, file=index)
    return state if last or not state.complete else PageState(file=index + 1)
