"""Answers that make no sense, each through a whole run: one clear message or rows, never a defect."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncrun.decoders import DecoderName, decode
from syncrun.errors import ResponseError
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from tests.lab import Lab

GOOD = b'[{"id": 1}]'
LONG = b'[{"id": 1}]' + b" " * 5000
NEXT, LINK, PAGE = "{type: next_url, url: next}", "link_header", "{type: page, total: total}"
DECODERS = ["json", "csv", "xml", "text", "jsonl"]
Api = Callable[[httpx.Request], Any]


def body(content: bytes, **headers: str | bytes) -> Api:
    named = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return lambda _: httpx.Response(
        200,
        stream=httpx.ByteStream(content),
        headers=[(name, value.encode() if isinstance(value, str) else value) for name, value in named],
    )


def page(**members: Any) -> Api:
    return body(json.dumps({"items": [{"id": 1}], **members}).encode())


def answer(content: bytes, content_type: str = "text/plain") -> Response:
    asked = Request("GET", "https://api.test")
    return Response(200, asked.url, {"content-type": content_type}, content, asked)


def zipped(method: int, *, harm: int = 0, cut: int = 0) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("a.json", LONG)
    content = bytearray(file.getvalue())
    if harm:
        content[harm] ^= 255
    return bytes(content[: len(content) - cut])


def run(folder: Path, api: Api, *, pagination: str | None = "none", decoder: str = "json") -> tuple[str, str]:
    declared = "" if pagination is None else f"pagination: {pagination}, "
    lab = Lab(
        folder,
        "retry: {attempts: 2, base: 1ms, max_wait: 1ms}\n"
        f"syncs: {{items: {{request: /items, decode: {decoder}, {declared}key: id, raw: true}}}}",
        api,
    )
    report = lab.run()
    assert lab.rows("SELECT status FROM syncrun.runs") == [(report.status,)]
    return report.status, report.message.removeprefix("GET https://api.test/items: ")


@pytest.mark.parametrize(
    "url",
    [
        "http://[",
        "http://℀.com/",
        "https://" + "a" * 300 + ".com/",
        "https://api..test/",
        "https://api.test:99999/",
        "https://api.test:abc/",
        "https://api.test/\0",
        "https://xn--zz\u00ff.com/",
        "https://xn--/",
        "https://xn--\u00ff.xn--/",
        "/" + "a" * 70_000,
        "/\ud800",
        "file:///etc/passwd",
    ],
)
def test_a_next_link_that_is_no_url_makes_the_run_incomplete(tmp_path: Path, url: str) -> None:
    status, message = run(tmp_path, page(next=url), pagination=NEXT)
    assert status == "incomplete" or "no valid URL" in message
    assert "internal error" not in message


@pytest.mark.parametrize(
    "link",
    [
        "<" * 40_000,
        "<a>" + ";" * 40_000,
        "<a>" + " ; a = " * 6_000,
        "<a>" + " " * 40_000 + "x",
        '<a>;a="' + "\\" * 39_999,
        '<a>;a="b\\"' * 4_000,
    ],
    ids=range(6),
)
def test_a_link_header_of_any_form_is_read_once_through(tmp_path: Path, link: str) -> None:
    assert run(tmp_path, body(GOOD, link=link), pagination=LINK) == ("ok", "")


@pytest.mark.parametrize("pagination", [PAGE, None], ids=["declared", "detected"])
@pytest.mark.parametrize(
    "total", ["1e400", "Infinity", "-Infinity", "NaN", '"' + "9" * 5000 + '"', "9" * 4000]
)
def test_a_total_beyond_all_numbers_is_none(tmp_path: Path, total: str, pagination: str | None) -> None:
    content = f'{{"items": [{{"id": 1}}], "page": 1, "total_pages": {total}, "total": {total}}}'
    status, message = run(tmp_path, body(content.encode()), pagination=pagination)
    assert status in ("ok", "incomplete"), message


@pytest.mark.parametrize(
    "charset",
    [
        "undefined",
        "idna",
        "hz",
        "punycode",
        "rot13",
        "unicode_escape",
        "zip",
        "utf-7",
        "mbcs",
        "x" * 5000,
        "\xff",
    ],
)
@pytest.mark.parametrize("decoder", DECODERS)
def test_a_charset_that_nobody_writes_in_is_utf_8(charset: str, decoder: DecoderName) -> None:
    content = {"csv": b"id\n1\n", "xml": b"<id>1</id>"}.get(decoder, b'{"id": 1}')
    read = decode(decoder, answer(content, f"text/plain; charset={charset}"), Redactor(()))
    one = {"id": 1}
    expected = {
        "csv": [{"id": "1"}],
        "xml": {"id": "1"},
        "text": content.decode(),
        "jsonl": [one],
        "json": one,
    }
    assert read == expected[decoder]


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize(
    "mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\0\0\xfe\xff"]
)
def test_a_byte_order_mark_alone_is_no_defect(mark: bytes, decoder: DecoderName) -> None:
    with suppress(ResponseError):
        assert not decode(decoder, answer(mark), Redactor(()))


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
@pytest.mark.parametrize(("harm", "cut"), [(45, 0), (0, 40), (0, 4)])
def test_a_damaged_archive_says_so(tmp_path: Path, method: int, harm: int, cut: int) -> None:
    assert run(tmp_path, body(zipped(method))) == ("ok", "")
    (tmp_path / "again").mkdir()
    told = run(tmp_path / "again", body(zipped(method, harm=harm, cut=cut)))
    assert told == ("failed", "the answer is a damaged zip archive")


def test_an_archive_that_lies_about_its_parts_is_damaged(tmp_path: Path) -> None:
    content = bytearray(zipped(zipfile.ZIP_DEFLATED))
    content[content.index(b"PK\x01\x02") + 42 : content.index(b"PK\x01\x02") + 46] = b"\xff\xff\xff\x7f"
    assert run(tmp_path, body(bytes(content)))[1] == "the answer is a damaged zip archive"


@pytest.mark.parametrize("pack", [bz2.compress, gzip.compress])
def test_layers_upon_layers_are_no_way_to_send_anything(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    content = GOOD
    for _ in range(30):
        content = gzip.compress(content)
    assert run(tmp_path, body(content))[1] == "the answer is packed too many times over"
    (tmp_path / "again").mkdir()
    layers = body(pack(GOOD), content_encoding=", ".join(["gzip"] * 5000))
    assert run(tmp_path / "again", layers)[1] == "the answer has 5,000 content encodings after 2 attempts"


@pytest.mark.parametrize("start", [b'[{"id": "', b'{"a": ["', b'"'])
@pytest.mark.parametrize("text", [b'\\"' * 200_000, b"\\" * 400_001, b'\\a"' * 130_000, b"x" * 400_000])
def test_json_that_is_cut_off_inside_a_text_is_looked_at_once(
    tmp_path: Path, start: bytes, text: bytes
) -> None:
    status, message = run(tmp_path, body(start + text))
    assert (status, message[:17]) == ("failed", "the answer is no ")


@pytest.mark.parametrize(
    "value", ["9" * 4_000, "9" * 1_000_000, "1e999", "-0", '"\\ud800"', '"\\u0000"', "[" * 900 + "]" * 900]
)
def test_a_value_of_any_kind_becomes_a_row_or_is_set_aside(tmp_path: Path, value: str) -> None:
    told = run(tmp_path, body(f'[{{"id": 1, "v": {value}, "\\u0000": 1}}]'.encode()))
    assert "internal error" not in told[1]


@pytest.mark.parametrize("names", [["id"] * 20_000, ["id", *[""] * 20_000]])
def test_columns_with_the_same_name_are_numbered_in_one_pass(tmp_path: Path, names: list[str]) -> None:
    assert run(tmp_path, body(",".join(names).encode() + b"\n1\n"), decoder="csv") == ("ok", "")


@pytest.mark.parametrize(
    "challenge", ["Digest qop=", "Digest", 'Digest realm="a", nonce="b", qop=', 'Digest "', "Digest realm=é"]
)
def test_a_digest_that_cannot_be_given_is_a_matter_of_credentials(tmp_path: Path, challenge: str) -> None:
    lab = Lab(
        tmp_path,
        "auth: {type: digest, username: u, password: hunter22}\n"
        "syncs: {items: {request: /items, pagination: none, key: id}}",
        lambda _: httpx.Response(401, headers={"WWW-Authenticate": challenge.encode("latin-1")}),
    )
    report = lab.run()
    assert report.status == "failed"
    assert "digest" in report.message or ": 401" in report.message


def test_a_template_that_makes_no_url_says_so(tmp_path: Path) -> None:
    lab = Lab(
        tmp_path,
        "connector: lab\nbase_url: https://api.test\nconfig: {host: {}}\n"
        'syncs: {items: {request: {url: "http://[${config.host}/x"}, pagination: none, key: id}}',
    )
    report = lab.run(config={"host": "x"})
    assert (report.status, report.message) == (
        "failed",
        "GET http://[${config.host}/x: this makes no valid URL",
    )
    assert report.hint == "check what stands in base_url, path and url, and in their ${…}"
