"""Pages of which only the mapped members are decoded: when that is done, and that it changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from syncrun.decoders.narrow import NarrowReader, NarrowRecords
from syncrun.expressions.layout import Layout, layout_of
from syncrun.extract.narrow import Narrow
from syncrun.http.messages import Request, Response
from syncrun.paginators import AnyPagination

BODY = b'{"data": {"items": [{"id": 1, "a": {"b": [2]}, "more": "x"}]}, "meta": {"total": 1}}'
REQUEST = Request("GET", "https://api.example.com/items")


def layout(*expressions: str) -> Layout:
    found = layout_of(expressions)
    assert found is not None
    return found


def read(
    content: bytes, pagination: str = "none", records: str | None = "data.items", *, reads: tuple[str, ...] = (),
    content_type: str = "application/json",
) -> tuple[Any, list[Any]] | None:  # fmt: skip
    """Return the body and records of a page read by the layout of `id` and `a.b`; None when it was not."""
    narrow = Narrow(layout("id", "a.b"), reads)
    kind = TypeAdapter(AnyPagination).validate_python(yaml.safe_load(pagination))
    found = narrow.read(
        Response(200, REQUEST.url, {"content-type": content_type}, content, REQUEST), records, kind
    )
    if found is None:
        return None
    body, laid_out = found
    assert isinstance(laid_out, NarrowRecords)
    return body, list(laid_out)


def test_a_page_is_its_body_without_the_records_and_the_records_as_they_are_asked_for() -> None:
    assert read(BODY) == ({"data": {}, "meta": {"total": 1}}, [{"id": 1, "a": {"b": [2]}, "more": "x"}])
    assert read(b'[{"id": 1}, {"id": 2}]', records="@") == (None, [{"id": 1}, {"id": 2}])


@pytest.mark.parametrize(
    "pagination",
    [
        "none",
        "link_header",
        "{type: offset, total: meta.total}",
        "{type: page, total_pages: meta.pages}",
        "{type: cursor, token: meta.next, has_more: length(meta.more)}",
        "{type: next_url, url: links.next}",
        "{type: last_record, token: id, into: params.after}",
    ],
)
def test_pagination_that_looks_elsewhere_lets_it_be_done(pagination: str) -> None:
    assert read(BODY, pagination) is not None


@pytest.mark.parametrize(
    "pagination",
    [
        "{type: cursor, token: 'data.items[-1].id'}",
        "{type: offset, total: length(data.items)}",
        "{type: offset, total: 'length(keys(@))'}",
        "{type: page, stop_when: body.meta.done}",
        "{type: hook}",
    ],
)
def test_pagination_that_may_look_at_the_records_has_them_decoded(pagination: str) -> None:
    assert read(BODY, pagination) is None


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (BODY, {"records": None}),
        (BODY, {"records": "data.items[]"}),
        (BODY, {"reads": ("data.items[0].token",)}),
        (BODY, {"content_type": "application/json; charset=iso-8859-1"}),
        (b"\xef\xbb\xbf" + BODY, {}),
        (b'{"data": {"items": {"id": 1}}}', {}),
        (b'{"data": {"items": null}}', {}),
        (b'{"data": []}', {}),
        (b'{"errors": ["no"]}', {}),
        (BODY[:-1], {}),
        (b'{"data": {"items": [NaN]}}', {}),
        (b"<html></html>", {}),
    ],
)
def test_what_is_no_plain_list_in_plain_json_is_left_to_the_decoder(content: bytes, options: Any) -> None:
    assert read(content, **options) is None


def test_records_of_another_shape_are_decoded_one_by_one() -> None:
    reader = NarrowReader(layout("id", "a.b"), ())
    _, records = reader.read(b'[{"id": 1, "a": []}, 5, {"id": 18446744073709551616}]', None) or ((), [])
    assert isinstance(records, NarrowRecords)
    assert [one is None for one in records.laid_out] == [True, True, False]
    assert records[:] == [{"id": 1, "a": []}, 5, {"id": 18446744073709551616}]
    assert records[-1] == {"id": 18446744073709551616}


def test_pages_are_the_same_only_when_all_of_their_records_are() -> None:
    reader = NarrowReader(layout("id"), ())
    first, second, third = (
        (reader.read(content, None) or ((), []))[1]
        for content in (b'[{"id": 1, "n": 1}]', b'[{"id": 1, "n": 2}]', b'[ {"n": 1, "id": 1} ]')
    )
    assert (first == second, first == third, first == list(third)) == (False, True, True)


def test_an_api_whose_records_have_another_shape_is_soon_read_as_before() -> None:
    narrow = Narrow(layout("id", "a.b"))
    none = TypeAdapter(AnyPagination).validate_python("none")
    content = b"[" + b",".join([b'{"id": 1, "a": []}'] * 600) + b"]"
    answer = Response(200, REQUEST.url, {}, content, REQUEST)
    assert [narrow.read(answer, "@", none) is None for _ in range(4)] == [False, False, True, True]
