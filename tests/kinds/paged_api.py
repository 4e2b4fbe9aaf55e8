"""APIs that live in a function: each answers requests for pages of a list in one of the common ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import yaml
from pydantic import TypeAdapter

from syncrun.config.request import RequestSpec
from syncrun.errors import RequestError
from syncrun.expressions.layout import layout_of
from syncrun.extract.fetch import Fetched, Repeat, Source, fetch
from syncrun.extract.narrow import Narrow
from syncrun.http.messages import Request, Response
from syncrun.paginators import AnyPagination, End, Page, PageState, Pagination
from syncrun.paginators.hook import HookPagination

BASE = "https://api.example.com"
Answer = Callable[[dict[str, Any]], Any]
_pagination: TypeAdapter[Pagination] = TypeAdapter(AnyPagination)


@dataclass
class Reply:
    """What an API answers: a body, and where it matters headers and a status; or *raw* content."""

    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    raw: bytes | None = None


@dataclass
class Api:
    """Sends requests to *answer*, which sees the query and body members asked with, and `url`."""

    answer: Answer
    requests: list[Request] = field(default_factory=list)
    answers: list[Response | RequestError] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        """Return the answer, and keep it."""
        try:
            self.answers.append(self._answer(request))
        except RequestError as error:
            self.answers.append(error)
        return _again(self.answers[-1])

    def repeat(self, times: int, send: Callable[[Request], Response] | None = None) -> Repeat:
        """Return what sends a request again, at most so many *times*."""

        def repeat(answer: Response, reason: str) -> Response | None:
            assert (
                reason.startswith("the answer has no list of records: ")
                or " in place of the list: " in reason
            )
            if answer.attempts > times:
                return None
            return replace((send or self.send)(answer.request), attempts=answer.attempts + 1)

        return repeat

    def _answer(self, request: Request) -> Response:
        assert len(self.requests) < 2_000, "endless loop"
        self.requests.append(request)
        params = {name: str(value) for name, value in request.params.items()}
        asked = dict(parse_qsl(urlsplit(request.url).query)) | params | (request.json or {})
        reply = self.answer(asked | {"url": request.url})
        reply = reply if isinstance(reply, Reply) else Reply(reply)
        if reply.status >= 400:
            raise RequestError(f"{request.method} {request.url}: {reply.status}", status=reply.status)
        url = (
            f"{request.url}{'&' if '?' in request.url else '?'}{urlencode(params)}" if params else request.url
        )
        headers = {name.lower(): value for name, value in reply.headers.items()}
        content = b"" if reply.body is None else json.dumps(reply.body).encode()
        content = content if reply.raw is None else reply.raw
        return Response(reply.status, url, headers, content, request)


@dataclass
class Enumeration:
    """What fetching from an API gave."""

    api: Api
    pages: list[Fetched]

    @property
    def records(self) -> list[Any]:
        return [record for fetched in self.pages for record in fetched.page.records]

    @property
    def end(self) -> End:
        last = self.pages[-1].next
        assert isinstance(last, End)
        return last

    @property
    def asked(self) -> list[dict[str, Any]]:
        return [dict(request.params) for request in self.api.requests]


def paginate(text: str | Pagination | None) -> Pagination | None:
    pagination = _pagination.validate_python(yaml.safe_load(text)) if isinstance(text, str) else text
    return pagination.asking(next_page) if isinstance(pagination, HookPagination) else pagination


def next_page(page: Page) -> Any:
    """Return what the hook of a project would, in each of the ways that there are."""
    if "meta" in page.body:
        return page.body["meta"].get("next")
    return {"url": page.body["links"].get("next")} if "links" in page.body else page.body.get("next")


def enumerate_pages(
    answer: Answer,
    pagination: str | Pagination | None,
    *,
    request: Mapping[str, Any] | None = None,
    records: str | None = "items",
    start: PageState | None = None,
    on_detect: Callable[[Pagination, str], None] | None = None,
    side_by_side: bool = False,
    cut_off: str | None = None,
    absent: bool = False,
    promised: str = "",
    again: int = 0,
) -> Enumeration:
    """Fetch everything that *answer* has, with *pagination* as YAML.

    An answer that is no page is asked for *again* so many times. The same answers are read once more with
    pages of which only the ids are decoded: nothing may differ.
    """
    api = Api(answer)
    spec = RequestSpec.model_validate({"path": "/items"} | dict(request or {}))
    source = Source(BASE, spec, records, paginate(pagination), absent=absent, cut_off=cut_off)
    read = partial(fetch, source, {}, start=start, side_by_side=side_by_side, promised=promised)
    pages = list(read(api.send, _decode, on_detect=on_detect, repeat=api.repeat(again)))
    if not side_by_side:
        replay = iter(api.answers)
        narrow = Narrow(layout_of(["id"])) if cut_off is None else None
        send = lambda _: _again(next(replay))  # noqa: E731
        narrowly = list(read(send, _decode, narrow=narrow, repeat=api.repeat(again, send)))
        assert [(p.next, p.share, p.drift) for p in narrowly] == [(p.next, p.share, p.drift) for p in pages]
        assert [list(p.page.records) for p in narrowly] == [p.page.records for p in pages]
    return Enumeration(api, pages)


def _decode(response: Response) -> Any:
    return json.loads(response.content)


def _again(answer: Response | RequestError) -> Response:
    if isinstance(answer, RequestError):
        raise answer
    return answer


def ids(count: int) -> list[dict[str, int]]:
    return [{"id": number} for number in range(1, count + 1)]
