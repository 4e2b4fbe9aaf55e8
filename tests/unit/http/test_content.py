"""Compressed answers are read whole, and within bounds."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from syncrun.http.content import CorruptContentError, OversizedContentError, read


def raw_deflate(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(content) + compressor.flush()


COMPRESSORS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", partial(brotli.compress, quality=3)),
    ("zstd", zstandard.compress),
]
every_encoding = pytest.mark.parametrize(("name", "compress"), COMPRESSORS)


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


@every_encoding
@given(content=st.binary(max_size=5000), size=st.integers(1, 6000))
def test_what_was_compressed_comes_out_however_it_arrives(
    name: str, compress: Callable[[bytes], bytes], content: bytes, size: int
) -> None:
    assert read(pieces(compress(content), size), name, 5000) == content


@every_encoding
def test_large_content_comes_out_whole(name: str, compress: Callable[[bytes], bytes]) -> None:
    content = b"".join(b'{"id": %d, "name": "some text"},' % number for number in range(150_000))

    assert read(pieces(compress(content), 65_536), name, 10**8) == content


@every_encoding
def test_much_that_comes_out_of_very_little_comes_out_whole(
    name: str, compress: Callable[[bytes], bytes]
) -> None:
    content = b" " * 3_000_000 + b"[]"

    assert read([compress(content)], name, 10**7) == content


@every_encoding
def test_r25_a_bomb_is_refused_before_it_unfolds(name: str, compress: Callable[[bytes], bytes]) -> None:
    bomb = compress(bytes(50_000_000))

    with pytest.raises(OversizedContentError):
        read([bomb], name, 1_000_000)


@every_encoding
def test_an_answer_that_ends_too_early_is_noticed(name: str, compress: Callable[[bytes], bytes]) -> None:
    content = compress(b"0123456789abcdef" * 1000)

    with pytest.raises(CorruptContentError, match="the compressed answer breaks off"):
        read([content[: len(content) // 2]], name, 10**6)


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
def test_damaged_content_is_noticed(name: str) -> None:
    with pytest.raises(CorruptContentError, match="the compressed answer is damaged"):
        read([b"<html>this is not compressed at all</html>"], name, 10**6)


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(CorruptContentError, match="the answer has an unknown content encoding 'rot13'"):
        read([b"x"], "rot13", 100)


def test_encodings_are_undone_last_first() -> None:
    assert read([brotli.compress(gzip.compress(b"twice"))], "gzip, br", 100) == b"twice"


def test_gzip_members_follow_one_another_and_padding_is_ignored() -> None:
    assert read([gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0"], "x-gzip", 100) == b"one two"


@pytest.mark.parametrize("name", ["", "identity", "gzip", "deflate", "br", "zstd"])
def test_nothing_is_nothing_in_every_encoding(name: str) -> None:
    assert read([], name, 100) == b""


def test_r25_plain_content_is_bounded_too() -> None:
    assert read([b"12", b"34"], "", 4) == b"1234"
    with pytest.raises(OversizedContentError):
        read([b"12", b"345"], "", 4)
