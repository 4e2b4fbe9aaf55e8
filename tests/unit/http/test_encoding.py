"""How requests look on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from syncrun.errors import RequestError
from syncrun.http.encoding import encode, header_list, merged_headers, url_with_params
from syncrun.http.messages import Request


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({}, ""),
        ({"a": None}, ""),
        ({"page": 2, "all": True, "none": False}, "?page=2&all=true&none=false"),
        ({"id": [1, None, 2]}, "?id=1&id=2"),
        ({"id": []}, ""),
        ({"since": "2024-05-01T00:00:00+02:00"}, "?since=2024-05-01T00:00:00%2B02:00"),
        ({"q": "a b&c=d#e?é"}, "?q=a%20b%26c%3Dd%23e%3F%C3%A9"),
        ({"fields": "id,name"}, "?fields=id,name"),
        ({"filter[name]": "x"}, "?filter%5Bname%5D=x"),
        ({"where": {"a": [1, "x"]}}, "?where=%7B%22a%22:%5B1,%22x%22%5D%7D"),
        ({"n": 5.0, "f": 0.25, "big": 2**70}, "?n=5&f=0.25&big=1180591620717411303424"),
        ({"empty": ""}, "?empty="),
    ],
)
def test_params_become_a_query(params: dict[str, Any], query: str) -> None:
    assert url_with_params("https://a.example/x", params) == f"https://a.example/x{query}"


def test_params_follow_the_query_that_the_url_has() -> None:
    assert url_with_params("https://a.example/x?a=1#top", {"b": 2}) == "https://a.example/x?a=1&b=2"
    assert url_with_params("https://a.example/x?", {"b": 2}) == "https://a.example/x?b=2"


def test_r19_a_next_url_is_sent_as_it_is() -> None:
    url = "https://a.example/x?cursor=a%2Bb%3D%3D&q=a+b&empty=&page%5Bsize%5D=2"

    assert str(encode(Request("GET", url)).url) == url


def test_bodies_are_encoded_and_named() -> None:
    assert (
        encode(Request("POST", "https://a.example/", json={"a": 1, "b": None})).content == b'{"a":1,"b":null}'
    )
    assert (
        encode(Request("POST", "https://a.example/", json={"n": 2**70})).content
        == b'{"n":1180591620717411303424}'
    )
    form = encode(Request("POST", "https://a.example/", form={"a": "x y", "b": None, "c": [1, True]}))
    assert form.content == b"a=x+y&c=1&c=true"
    assert form.headers == [("Content-Type", "application/x-www-form-urlencoded")]
    text = encode(
        Request("POST", "https://a.example/", text="<é/>", headers={"content-type": "application/xml"})
    )
    assert (text.content, text.headers) == ("<é/>".encode(), [("content-type", "application/xml")])
    assert encode(Request("get", "https://a.example/")).content is None


def test_headers_of_a_request_replace_those_of_the_connector_whatever_their_case() -> None:
    merged = merged_headers(
        header_list({"Accept": "application/json", "User-Agent": "x"}),
        header_list({"accept": "text/csv", "X-Flag": True}),
        header_list({"ACCEPT": ["a/b", "c/d"], "X-Flag": None}),
    )

    assert merged == [(b"ACCEPT", b"a/b"), (b"ACCEPT", b"c/d"), (b"User-Agent", b"x"), (b"X-Flag", b"true")]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
def test_a_header_with_a_line_break_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(RequestError) as caught:
        header_list({"X-Name": value})

    assert str(caught.value) == "the header X-Name holds a line break or control character"
