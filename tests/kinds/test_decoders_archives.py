"""Packed files: gzip and zip, and what they may unpack to."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import Any

import pytest
from pydantic import TypeAdapter

from syncrun.decoders import AnyDecoder, decode
from syncrun.errors import ResponseError
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor

URL = "https://api.example.com/export"
PLACE = f"GET {URL}: the answer is a"
adapter: TypeAdapter[Any] = TypeAdapter(AnyDecoder)


def read(content: bytes, spec: Any = "json", **options: Any) -> Any:
    response = Response(200, URL, {}, content, Request("GET", URL), **options)
    return decode(adapter.validate_python(spec), response, Redactor())


def refusal(content: bytes, spec: Any = "json", **options: Any) -> str:
    with pytest.raises(ResponseError) as caught:
        read(content, spec, **options)
    return str(caught.value)


def archive(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name.replace("__", "."), content)
    return file.getvalue()


def test_a_gzip_file_is_unpacked_without_content_encoding() -> None:
    assert read(gzip.compress(b"[1, 2]")) == [1, 2]
    assert read(gzip.compress(b"id\n1\n") + gzip.compress(b"2\n"), "csv") == [{"id": "1"}, {"id": "2"}]
    assert read(gzip.compress(b"")) is None
    assert refusal(gzip.compress(b"<p>Log in")).endswith("; it starts with '<p>Log in'")


def test_an_archive_of_one_file_is_that_file() -> None:
    assert read(archive(a__json=b"[1]")) == [1]
    assert read(archive(a__csv__gz=gzip.compress(b"id\n1\n")), "csv") == [{"id": "1"}]
    assert read(archive()) is None


def test_a_member_is_chosen_by_a_glob_and_several_lists_are_one() -> None:
    packed = archive(part_2__csv=b"id\n2\n", part_1__csv=b"id\n1\n", readme__txt=b"hello")
    assert read(packed, {"type": "csv", "member": "*.csv"}) == [{"id": "1"}, {"id": "2"}]
    assert read(packed, {"type": "text", "member": "readme.txt"}) == "hello"


def test_an_archive_that_is_not_understood_says_why() -> None:
    packed = archive(a__json=b"{}", b__json=b"{}")
    assert refusal(packed) == (
        f"{PLACE} zip archive of 2 files: a.json, b.json\n"
        "  hint: say which to read, as in decode: {type: csv, member: '*.csv'}"
    )
    assert refusal(packed, {"type": "json", "member": "*.csv"}) == (
        f"{PLACE} zip archive without '*.csv'; it has a.json, b.json"
    )
    assert refusal(packed, {"type": "json", "member": "*"}) == (
        f"{PLACE}n archive of several files that are no lists"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"[1, 2, 3]" * 100)[:30], "compressed file that breaks off"),
        (b"\x1f\x8b\x08" + b"x" * 40, "compressed file that is damaged"),
        (archive(a__json=b"[1]")[:30], "damaged zip archive"),
    ],
    ids=["gzip that breaks off", "gzip that is damaged", "zip"],
)
def test_damaged_files_are_named(content: bytes, message: str) -> None:
    assert refusal(content) == f"{PLACE} {message}"


def test_a_file_whose_checksum_is_wrong_is_damaged() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("a.json", b"[1]")
    assert refusal(file.getvalue().replace(b"[1]", b"[2]")) == f"{PLACE} damaged zip archive"


def test_r25_a_bomb_is_refused_by_its_ratio() -> None:
    zeros = bytes(80 << 20)
    expected = f"{PLACE} compressed file that unpacks to more than 200 times its size"
    assert refusal(gzip.compress(zeros, 9)) == expected
    assert refusal(archive(a__json=zeros)) == expected


def test_r25_what_is_too_large_is_refused() -> None:
    expected = f"{PLACE} compressed file that unpacks to more than 1 MiB\n  hint: ask for a smaller one"
    assert refusal(gzip.compress(bytes(2 << 20)), max_bytes=1 << 20) == expected
    assert refusal(archive(a__json=bytes(2 << 20)), max_bytes=1 << 20) == expected
    several = archive(a__json=bytes(700_000), b__json=bytes(700_000))
    assert refusal(several, {"type": "json", "member": "*"}, max_bytes=1 << 20) == expected


def test_r25_what_is_packed_over_and_over_is_refused() -> None:
    content = b"[1]"
    for _ in range(3):
        content = gzip.compress(content)
    assert read(content) == [1]
    assert refusal(gzip.compress(content)) == f"{PLACE[:-2]} packed too many times over"


def test_an_encrypted_archive_is_refused() -> None:
    packed = bytearray(archive(a__json=b"[1]"))
    packed[6] |= 1  # the flag in the file's own header
    packed[packed.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    assert refusal(bytes(packed)) == f"{PLACE} zip archive that is encrypted"
