"""CSV and XML: dialects, shapes, bounds."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from syncrun.decoders import AnyDecoder, decode
from syncrun.errors import ResponseError
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from tests.api import Api

URL = "https://api.example.com/export"
adapter: TypeAdapter[Any] = TypeAdapter(AnyDecoder)


def read(content: bytes | str, spec: Any, content_type: str = "") -> Any:
    body = content.encode() if isinstance(content, str) else content
    headers = {"content-type": content_type} if content_type else {}
    return decode(
        adapter.validate_python(spec), Response(200, URL, headers, body, Request("GET", URL)), Redactor()
    )


def refusal(content: bytes | str, spec: Any, content_type: str = "") -> str:
    with pytest.raises(ResponseError) as caught:
        read(content, spec, content_type)
    return str(caught.value)


def table(**options: Any) -> dict[str, Any]:
    return {"type": "csv", **options}


# --- CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_the_first_line_has_most_of(delimiter: str) -> None:
    text = f'id{delimiter}"a,;|b"{delimiter}note\r\n1{delimiter}x{delimiter}"y\nz"\r\n'
    assert read(text, "csv") == [{"id": "1", "a,;|b": "x", "note": "y\nz"}]


def test_one_column_has_no_delimiter() -> None:
    assert read("id\n1\n\n2", "csv") == [{"id": "1"}, {"id": "2"}]


def test_a_declared_dialect_is_taken_as_it_is() -> None:
    text = "made today\n\nid:name\n7:'a:b'\n8:NULL\n"
    spec = table(delimiter=":", quote="'", skip_lines=1, null_values=["NULL"])
    assert read(text, spec) == [{"id": "7", "name": "a:b"}, {"id": "8", "name": None}]
    assert read('a\tb\n"\t1\n', table(delimiter="tab", quote="")) == [{"a": '"', "b": "1"}]


def test_empty_cells_are_null_unless_declared_otherwise() -> None:
    assert read('a,b\n,""\n', "csv") == [{"a": None, "b": None}]
    assert read("a,b\n,x\n", table(null_values=[])) == [{"a": "", "b": "x"}]


def test_without_a_header_columns_are_numbered_or_named() -> None:
    assert read("1,2\n3,4,5\n", table(header=False)) == [
        {"column_1": "1", "column_2": "2"},
        {"column_1": "3", "column_2": "4", "column_3": "5"},
    ]
    assert read("1,2\n", table(header=["id", "name"])) == [{"id": "1", "name": "2"}]


def test_rows_of_another_length_lose_nothing() -> None:
    assert read("a,b\n1\n1,2,3,4\n", "csv") == [
        {"a": "1"},
        {"a": "1", "b": "2", "column_3": "3", "column_4": "4"},
    ]


def test_columns_of_the_same_name_are_numbered() -> None:
    assert read("a, a ,,a_2\n1,2,3,4\n", "csv") == [{"a": "1", "a_2": "2", "column_3": "3", "a_2_2": "4"}]


def test_the_encoding_may_be_declared_and_a_mark_wins() -> None:
    assert read("n\né\n".encode("cp1252"), table(encoding="windows-1252"), "text/csv; charset=utf-8") == [
        {"n": "é"}
    ]
    assert read("n\né\n".encode("utf-8-sig"), table(encoding="windows-1252")) == [{"n": "é"}]


def test_a_cell_may_be_long() -> None:
    assert read(f'a\n"{"x" * 300_000}"\n', "csv")[0]["a"] == "x" * 300_000


def test_a_header_alone_is_an_empty_page() -> None:
    assert read("id,name\r\n", "csv") == []


def test_a_quote_that_is_never_closed_is_an_error() -> None:
    assert refusal('a,b\n1,2\n3,"4\n5,6\n', "csv", "text/csv") == (
        f"GET {URL}: the answer is no CSV (content type text/csv): line 4: unexpected end of data; "
        "it starts with 'a,b 1,2 3,\"4 5,6'"
    )


def test_r21_a_page_of_html_is_no_csv() -> None:
    assert refusal("\n<!doctype html><p>Log in", "csv", "text/html") == (
        f"GET {URL}: the answer is no CSV (content type text/html); it starts with '<!doctype html><p>Log in'"
    )


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": ",,"},
        {"delimiter": "\n"},
        {"delimiter": "'", "quote": "'"},
        {"header": ["a", "a"]},
        {"header": []},
        {"encoding": "klingon"},
        {"encoding": "base64"},
        {"skip_lines": -1},
        {"skip": 1},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        adapter.validate_python(table(**options))


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
width = st.shared(st.integers(1, 4), key="width")


@given(
    width.flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1)),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_python_writes_is_what_is_read(rows: list[list[str]], delimiter: str, end: str) -> None:
    names = [f"c{number}" for number in range(len(rows[0]))]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    assert read(file.getvalue(), "csv") == [dict(zip(names, row, strict=True)) for row in rows]


# --- XML

FEED = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE feed>
<s:feed xmlns:s="urn:s" xmlns="urn:d" count="2">
  <!-- no news -->
  <item id="1" s:kind="a">first &amp; last</item>
  <item id="2"><![CDATA[<b>]]></item>
  <empty/><nested><deep> x </deep></nested>
</s:feed>"""


def test_elements_become_objects() -> None:
    assert read(FEED, "xml") == {
        "feed": {
            "@count": "2",
            "item": [
                {"@id": "1", "@kind": "a", "#text": "first & last"},
                {"@id": "2", "#text": "<b>"},
            ],
            "empty": None,
            "nested": {"deep": "x"},
        }
    }


def test_prefixes_are_kept_when_asked_for() -> None:
    feed = read(FEED, {"type": "xml", "namespaces": "keep"})["s:feed"]
    assert (feed["@xmlns:s"], feed["@xmlns"], feed["item"][0]["@s:kind"]) == ("urn:s", "urn:d", "a")


def test_elements_named_as_lists_are_lists_of_one_too() -> None:
    text = "<r><item>a</item><other>b</other></r>"
    assert read(text, {"type": "xml", "lists": ["item"]}) == {"r": {"item": ["a"], "other": "b"}}


def test_xml_is_read_in_the_encoding_that_it_declares() -> None:
    declared = "<?xml version='1.0' encoding='ISO-8859-1'?><t>é</t>".encode("latin-1")
    assert read(declared, "xml", "application/xml") == {"t": "é"}
    assert read("<?xml version='1.0' encoding='ISO-8859-1'?><t>é</t>", "xml", "text/xml; charset=utf-8") == {
        "t": "é"
    }


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>'
FILE = '<!DOCTYPE l [<!ENTITY f SYSTEM "file:///etc/hostname">]><l>&f;</l>'
PARAMETER = '<!DOCTYPE l [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]><l/>'


@pytest.mark.parametrize("text", [LAUGHS, FILE, PARAMETER])
def test_r25_entities_are_refused(text: str) -> None:
    assert refusal(text, "xml", "text/xml").startswith(
        f"GET {URL}: the answer is XML with entities, which are not read (content type text/xml); it starts"
    )


def test_r25_a_foreign_document_type_is_not_fetched() -> None:
    with Api() as api:
        assert read(f'<!DOCTYPE l SYSTEM "{api.url}/x.dtd"><l/>', "xml") == {"l": None}
        assert api.requests == []


def test_r25_the_depth_of_xml_is_bounded() -> None:
    assert "the answer is XML nested deeper than 1,000 levels" in refusal("<a>" * 10_000, "xml")
    assert read("<a>" * 1000 + "</a>" * 1000, "xml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<a><b></a>", "line 1: mismatched tag"),
        ("<a>", "line 1: no element found"),
        ("not XML", "line 1: syntax error"),
        ('{"a": 1}', "line 1: not well-formed (invalid token)"),
        ("<a>\n&nbsp;</a>", "line 2: undefined entity"),
    ],
)
def test_broken_xml_says_where(text: str, reason: str) -> None:
    assert f"the answer is no XML (no content type): {reason}; it starts" in refusal(text, "xml")


def test_r21_a_page_of_html_is_no_xml() -> None:
    assert "the answer is a page of HTML (content type text/html);" in refusal(
        "<html><body>Log in</body></html>", "xml", "text/html"
    )
