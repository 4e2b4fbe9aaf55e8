"""Requests from YAML, and what an enumeration does when something goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from syncrun.config.request import RequestSpec
from syncrun.errors import EvaluationError, RequestError, ResponseError
from syncrun.extract.fetch import Source, build_request, fetch
from syncrun.extract.requests import join_url, mentions_page
from syncrun.http.messages import Request, Response
from syncrun.paginators import PageState
from tests.kinds.paged_api import BASE, Api, Reply, enumerate_pages, ids, paginate


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://a.com", "", "https://a.com"),
        ("https://a.com", "/", "https://a.com/"),
        ("https://a.com", "x", "https://a.com/x"),
        ("https://a.com/", "/x", "https://a.com/x"),
        ("https://a.com/v1", "/x", "https://a.com/v1/x"),
        ("https://a.com/v1/", "x/", "https://a.com/v1/x/"),
        ("https://a.com/v1", "", "https://a.com/v1"),
        ("https://a.com/v1?k=1", "/x?q=2", "https://a.com/v1/x?k=1&q=2"),
        ("https://a.com/v1?k=1", "/x", "https://a.com/v1/x?k=1"),
        ("https://a.com/v1", "/urn:x:1", "https://a.com/v1/urn:x:1"),
        ("https://a.com/v1", "x:y", "https://a.com/v1/x:y"),
    ],
)
def test_base_url_keeps_its_path_and_query(base: str, path: str, url: str) -> None:
    assert join_url(base, path) == url


def request_of(spec: dict[str, Any], **context: Any) -> Request:
    return build_request(Source(BASE, RequestSpec.model_validate(spec)), context)


def test_a_request_is_rendered_and_loses_what_is_null() -> None:
    spec = {
        "method": "POST",
        "path": "/orgs/${config.org}/items",
        "params": {"since": "${cursor}", "n": "${config.size}", "fixed": "x", "none": None},
        "headers": {"X-Org": "${config.org}", "X-None": "${cursor}"},
        "json": {"filter": {"org": "${config.org}", "since": "${cursor}"}},
        "retry_safe": True,
    }
    request = request_of(spec, config={"org": "a/b", "size": 5}, cursor=None)
    assert request == Request(
        method="POST",
        url=f"{BASE}/orgs/a%2Fb/items",
        params={"n": 5, "fixed": "x"},
        headers={"X-Org": "a/b"},
        json={"filter": {"org": "a/b"}},
        retry_safe=True,
    )


def test_a_url_stands_for_itself() -> None:
    assert request_of({"url": "https://${config.site}.other.com/x?y=1"}, config={"site": "s"}).url == (
        "https://s.other.com/x?y=1"
    )
    assert (
        request_of({"path": "${record.url}"}, record={"url": "https://other.com/x"}).url
        == "https://other.com/x"
    )


def test_a_null_in_a_path_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="is null"):
        request_of({"path": "/orgs/${config.org}/items"}, config={"org": None})


@pytest.mark.parametrize(
    ("spec", "mentions"),
    [
        ({"path": "/page/${config.page}"}, False),
        ({"path": "/page", "params": {"page": "$${page.token}"}}, False),
        ({"path": "/x", "params": {"p": "${page.number}"}}, True),
        ({"path": "/x", "json": {"a": [{"b": "${default(page.token, '')}"}]}}, True),
    ],
)
def test_only_templates_that_read_the_page_count(spec: dict[str, Any], *, mentions: bool) -> None:
    assert mentions_page(RequestSpec.model_validate(spec)) is mentions


def test_pages_before_an_error_stay_valid() -> None:
    answers = iter([{"items": ids(2), "next": "a"}, Reply(None, status=500)])
    api = Api(lambda _: next(answers))
    source = Source(BASE, RequestSpec(path="/items"), "items", paginate("{type: cursor, token: next}"))
    pages = fetch(source, {}, api.send, lambda r: json.loads(r.content))
    first = next(pages)
    assert first.page.records == ids(2)
    assert first.next == PageState(number=1, token="a")
    assert first.response_bytes == len(json.dumps({"items": ids(2), "next": "a"}))
    with pytest.raises(RequestError, match="500"):
        next(pages)


def test_nothing_is_fetched_before_it_is_asked_for() -> None:
    api = Api(lambda asked: {"items": [{"id": int(asked["page"])}]})
    source = Source(BASE, RequestSpec(path="/items"), "items", paginate("page"))
    pages: Iterator[Any] = fetch(source, {}, api.send, lambda r: json.loads(r.content))
    assert api.requests == []
    next(pages)
    assert len(api.requests) == 1


@pytest.mark.parametrize(("status", "content"), [(204, b""), (200, b""), (304, b"")])
def test_r21_an_empty_answer_is_an_empty_page(status: int, content: bytes) -> None:
    def send(request: Request) -> Response:
        return Response(status, request.url, {}, content, request)

    def decode(_: Response) -> Any:
        raise AssertionError("there is nothing to decode")

    pages = list(fetch(Source(BASE, RequestSpec(path="/x")), {}, send, decode))
    assert [fetched.page.records for fetched in pages] == [[]]


def test_an_unclear_answer_ends_the_enumeration_with_an_error() -> None:
    with pytest.raises(ResponseError, match="several lists"):
        enumerate_pages(lambda _: {"a": [], "b": []}, None, records=None)


def test_a_detected_enumeration_resumes_with_what_was_detected() -> None:
    def answer(asked: dict[str, Any]) -> Any:
        start = int(asked.get("cursor", 0))
        return {"items": ids(9)[start : start + 3], "next_cursor": str(start + 3) if start + 3 < 9 else None}

    found: list[Any] = []
    whole = enumerate_pages(answer, None, on_detect=lambda kind, _: found.append(kind))
    state = whole.pages[0].next
    assert isinstance(state, PageState)
    api = Api(answer)
    source = Source(BASE, RequestSpec(path="/items"), "items", found[0])
    rest = list(fetch(source, {}, api.send, lambda r: json.loads(r.content), start=state))
    assert [record for fetched in rest for record in fetched.page.records] == ids(9)[3:]
