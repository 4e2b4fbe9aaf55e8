"""What every decoder promises, and what each of them reads."""

from __future__ import annotations

import json
import math
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncrun.decoders import KINDS, DecoderName, decode
from syncrun.decoders.json_text import holds_big_integer
from syncrun.errors import ResponseError
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor

URL = "https://api.example.com/items?page=3&token=abc"
every_decoder = pytest.mark.parametrize("name", get_args(DecoderName))


def plain(text: str, name: str) -> str:
    """Return an answer that has *text* in it, as the decoder *name* reads it."""
    return {"csv": f"t\n{text}\n", "xml": f"<t>{text}</t>", "text": text}.get(name, f'"{text}"')


def seen(text: str, name: str) -> Any:
    """Return what the decoder *name* makes of `plain`."""
    return {"csv": [{"t": text}], "xml": {"t": text}, "jsonl": [text]}.get(name, text)


def read(content: bytes | str, content_type: str | None = "application/json", *, name: Any = "json") -> Any:
    body = content.encode() if isinstance(content, str) else content
    headers = {"content-type": content_type} if content_type else {}
    response = Response(200, URL, headers, body, Request("GET", URL))
    return decode(name, response, Redactor(["hunter22"]))


def refusal(
    content: bytes | str, content_type: str | None = "application/json", *, name: Any = "json"
) -> str:
    with pytest.raises(ResponseError) as caught:
        read(content, content_type, name=name)
    return str(caught.value)


def test_every_name_has_its_decoder() -> None:
    assert KINDS.names == get_args(DecoderName)
    types = [get_args(KINDS.model(name).model_fields["type"].annotation)[0] for name in KINDS.names]
    assert types == list(KINDS.names)


@every_decoder
@pytest.mark.parametrize("content", ["", " \r\n\t"])
def test_r21_an_empty_answer_has_no_body(name: str, content: str) -> None:
    assert read(content, name=name) is None


@every_decoder
@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-8-sig", "application/json"),
        ("latin-1", "application/json; charset=ISO-8859-1"),
        ("latin-1", 'application/json; Charset="latin1"'),
        ("utf-8", "application/json; charset=utf8"),
        ("utf-8", "application/json; charset=us-ascii"),
        ("utf-8", "application/json; charset=klingon"),
        ("utf-8", "application/json; charset=base64"),
        ("utf-8", "text/plain"),
        ("utf-8", None),
        ("utf-16", "application/json"),
        ("utf-16-le", "application/json; charset=utf-16le"),
        ("utf-32", "application/json; charset=utf-8"),
    ],
)
def test_text_is_read_in_its_charset(name: str, encoding: str, content_type: str | None) -> None:
    assert read(plain("é", name).encode(encoding), content_type, name=name) == seen("é", name)


@every_decoder
def test_bytes_that_are_no_text_are_replaced(name: str) -> None:
    content = plain("a!b", name).encode().replace(b"!", b"\xff")
    assert read(content, name=name) == seen("a\ufffdb", name)


@every_decoder
def test_the_same_decoder_reads_an_answer_once(name: Any) -> None:
    response = Response(200, URL, {}, plain("a", name).encode(), Request("GET", URL))
    body = decode(name, response, Redactor())
    assert decode(name, response, Redactor()) is body
    assert decode("text", response, Redactor()) == plain("a", name)


def test_r21_a_page_of_html_is_an_error_that_shows_its_start() -> None:
    assert refusal("<html>\n <body>Log in, hunter22</body>", "text/html; charset=utf-8") == (
        "GET https://api.example.com/items?page=3&token=***: the answer is no JSON (content type text/html); "
        "it starts with '<html> <body>Log in, ***</body>'"
    )


def test_r21_broken_json_says_where() -> None:
    message = refusal('{"items": [1, 2', None)

    assert message.startswith(
        "GET https://api.example.com/items?page=3&token=***: the answer is no JSON (no content type): "
    )
    assert "line 1 column 16 (char 15); it starts with '{\"items\": [1, 2'" in message


@pytest.mark.parametrize(
    "number",
    [
        2**63 - 1,
        2**63,
        2**64 - 1,
        2**64,
        -(2**63),
        -(2**63) - 1,
        -9_300_000_000_000_000_000,
        10**19,
        10**20,
        12345678901234567890123,
        -(10**30),
    ],
)
def test_integers_of_any_size_are_exact(number: int) -> None:
    for document in (number, [number], {"a": number, "b": 1.5}, [1, [number, "x" * 30]]):
        for padding in range(5):
            value = read(" " * padding + json.dumps(document))
            assert value == document
            assert repr(value) == repr(document)


@given(st.integers(), st.text(max_size=9))
def test_a_big_integer_is_never_overlooked(number: int, before: str) -> None:
    document = json.dumps([before, number]).encode()

    assert holds_big_integer(document) or -(2**63) <= number < 2**64
    assert read(document) == [before, number]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.from_regex(r"[0-9]{15,30}", fullmatch=True),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(json_values)
def test_json_reads_whatever_python_writes(value: Any) -> None:
    assert repr(read(json.dumps(value))) == repr(value)
    assert repr(read(json.dumps(value, ensure_ascii=False))) == repr(value)


def test_numbers_that_json_does_not_have_are_floats() -> None:
    value = read('{"a": NaN, "b": Infinity, "c": [-Infinity], "d": 1e400, "e": "NaN"}')

    assert math.isnan(value["a"])
    assert (value["b"], value["c"], value["d"], value["e"]) == (math.inf, [-math.inf], math.inf, "NaN")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\ud800b"', "a\ufffdb"),
        (r'"\udc00"', "\ufffd"),
        (r'"\ud83d\ude00"', "😀"),
        (r'"\ud83d\ud83d\ude00\uDE00"', "\ufffd😀\ufffd"),
        (r'"\\ud800"', "\\ud800"),
        (r'"\\\ud800\n"', "\\\ufffd\n"),
        (r'["\ud800", NaN, 123456789012345678901]', ["\ufffd", math.nan, 123456789012345678901]),
    ],
)
def test_half_a_surrogate_pair_is_replaced(text: str, value: Any) -> None:
    assert repr(read(text)) == repr(value)


def test_of_members_with_the_same_name_the_last_one_counts() -> None:
    assert read('{"a": 1, "a": 2}') == {"a": 2}
    assert read('{"a": NaN, "a": 123456789012345678901}') == {"a": 123456789012345678901}


@pytest.mark.parametrize("inner", ["1", "NaN", "123456789012345678901234"])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_r25_nesting_is_bounded(inner: str, opening: str, closing: str) -> None:
    message = refusal(opening * 10_000 + inner + closing * 10_000)

    assert (
        "the answer is no JSON (content type application/json): nested deeper than 1,000 levels;" in message
    )
    assert read(opening * 500 + inner + closing * 500) is not None


@pytest.mark.parametrize("depth", range(900, 1025, 31))
@pytest.mark.parametrize("inner", ["NaN", "123456789012345678901234"])
def test_r25_nesting_near_the_bound_is_read_or_refused(inner: str, depth: int) -> None:
    try:
        value = read("[" * depth + inner + "]" * depth)
    except ResponseError as error:
        value = str(error)

    assert isinstance(value, list) or "nested deeper than 1,000 levels" in value


def test_brackets_in_strings_are_no_nesting() -> None:
    assert read('["' + "[" * 5000 + '\\"", NaN]')[0] == "[" * 5000 + '"'


def test_an_integer_of_absurd_length_is_an_error() -> None:
    assert "the answer is no JSON (content type application/json): an integer has" in refusal(
        f"[{'9' * 5000}]"
    )


def test_json_lines_are_a_list_and_blank_lines_do_not_count() -> None:
    assert read('{"a": 1}\r\n\n  \n[2]\n123456789012345678901\nNaN', name="jsonl")[:3] == [
        {"a": 1},
        [2],
        123456789012345678901,
    ]


def test_a_bad_line_is_named() -> None:
    message = refusal('{"a": 1}\n\n{"a": }\n', "application/x-ndjson", name="jsonl")

    assert message.startswith(
        "GET https://api.example.com/items?page=3&token=***: the answer is no JSON lines "
        "(content type application/x-ndjson): line 3: "
    )
    assert message.endswith("""; it starts with '{"a": 1} {"a": }'""")


def test_text_is_the_body_itself() -> None:
    assert read("a,b\r\n1,2\r\n", "text/csv", name="text") == "a,b\r\n1,2\r\n"
