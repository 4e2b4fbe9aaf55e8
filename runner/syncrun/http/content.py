"""Undoes `Content-Encoding` piece by piece, never holding more than was asked for (R25)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

MAX_BYTES = 1 << 28  # of one answer, unless the connector says more
PIECE = 1 << 20
MAX_RATIO = 200
_FREE_BYTES = 1 << 26  # 64 MiB may come out of anything
_MAX_WINDOW = 1 << 27
_MAX_LAYERS = 5
# zstandard bounds no output; four bytes can mean a block of 128 KiB, so this much input stays below 128 MiB.
_ZSTD_INPUT = 1 << 12


class CorruptContentError(Exception):
    """The bytes are not what Content-Encoding says, or end too early."""


class OversizedContentError(Exception):
    """There are more bytes than allowed."""


class InflatedContentError(OversizedContentError):
    """So little unpacks to so much that it is no honest data."""


def accepted_encodings() -> str:
    """Return the Accept-Encoding that `read` can keep: brotli only where its output can be bounded."""
    return "gzip, deflate, br, zstd" if _brotli_is_bounded() else "gzip, deflate, zstd"


def read(chunks: Iterable[bytes], encoding: str, max_bytes: int) -> bytes:
    """Return the decoded content of *chunks*; *encoding* is the value of Content-Encoding.

    Raise OversizedContentError beyond *max_bytes*, before or after decoding, InflatedContentError for what
    unpacks to more than 64 MiB and 200 times its size, and CorruptContentError.
    """
    names = [
        name.strip().lower() for name in encoding.split(",") if name.strip().lower() not in ("", "identity")
    ]
    if len(names) > _MAX_LAYERS:
        raise CorruptContentError(f"the answer has {len(names):,} content encodings")
    meter = _Meter()
    pieces: Iterator[bytes] = meter.received(_limited(chunks, max_bytes))
    for name in reversed(names):
        pieces = meter.unpacked(_limited(_decoded(pieces, name), max_bytes))
    return b"".join(pieces)


def check_ratio(packed: int, unpacked: int) -> None:
    """Raise InflatedContentError for so many bytes out of so few (R25)."""
    if unpacked > _FREE_BYTES and unpacked > packed * MAX_RATIO:
        raise InflatedContentError


class _Meter:
    """Compares what came with what was unpacked from it so far."""

    def __init__(self) -> None:
        self._size = 0

    def received(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._size += len(chunk)
            yield chunk

    def unpacked(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        size = 0
        for piece in pieces:
            size += len(piece)
            check_ratio(self._size, size)
            yield piece


def _limited(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise OversizedContentError
        yield chunk


def _decoded(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    if name in ("gzip", "x-gzip"):
        return _inflated(chunks, zlib.MAX_WBITS | 16)
    if name == "deflate":
        return _deflated(chunks)
    if name == "zstd":
        return _from_zstd(chunks)
    if name == "br" and _brotli_is_bounded():
        return _from_brotli(chunks)
    raise CorruptContentError(f"the answer has an unknown content encoding {name!r}")


def _deflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """`deflate` is zlib by the standard, and the bare stream by the habit of some servers."""
    first = next((chunk for chunk in chunks if chunk), b"")
    if not first:
        return
    is_zlib = first[0] & 0x0F == zlib.DEFLATED and (len(first) < 2 or (first[0] << 8 | first[1]) % 31 == 0)  # noqa: PLR2004

    def rest() -> Iterator[bytes]:
        yield first
        yield from chunks

    yield from _inflated(rest(), zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


def _inflated(chunks: Iterator[bytes], window: int) -> Iterator[bytes]:
    decoder = zlib.decompressobj(window)
    started = False
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if decoder.eof:  # gzip files may follow one another; anything else is padding
                    if window <= zlib.MAX_WBITS or not b"\x1f\x8b".startswith(data[:2]):
                        break
                    decoder = zlib.decompressobj(window)
                started = True
                yield decoder.decompress(data, PIECE)
                data = decoder.unconsumed_tail or decoder.unused_data
    except zlib.error:
        raise CorruptContentError("the compressed answer is damaged") from None
    if started and not decoder.eof:
        yield from _drained(decoder)


def _drained(decoder: Any) -> Iterator[bytes]:
    """Output that `decompress` held back for its limit may remain once the input is used up."""
    while not decoder.eof:
        piece = decoder.decompress(b"", PIECE)
        if not piece:
            raise CorruptContentError("the compressed answer breaks off")
        yield piece


def _from_brotli(chunks: Iterator[bytes]) -> Iterator[bytes]:
    import brotli  # type: ignore[import-untyped]

    decoder = brotli.Decompressor()
    started = False
    try:
        for chunk in chunks:
            started = started or bool(chunk)
            yield decoder.process(chunk, output_buffer_limit=PIECE)
            while not decoder.is_finished() and not decoder.can_accept_more_data():
                yield decoder.process(b"", output_buffer_limit=PIECE)
        while started and not decoder.is_finished():  # the last of the input may mean much output yet
            piece = decoder.process(b"", output_buffer_limit=PIECE)
            if not piece:
                raise CorruptContentError("the compressed answer breaks off")
            yield piece
    except brotli.error:
        raise CorruptContentError("the compressed answer is damaged") from None


def _from_zstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard

    context = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
    decoder = context.decompressobj()
    started = False
    try:
        for chunk in chunks:
            for start in range(0, len(chunk), _ZSTD_INPUT):
                data = chunk[start : start + _ZSTD_INPUT]
                while data:
                    if decoder.eof:  # frames may follow one another
                        decoder = context.decompressobj()
                    started = True
                    yield decoder.decompress(data)
                    data = decoder.unused_data if decoder.eof else b""
    except zstandard.ZstdError:
        raise CorruptContentError("the compressed answer is damaged") from None
    if started and not decoder.eof:
        raise CorruptContentError("the compressed answer breaks off")


def _brotli_is_bounded() -> bool:
    try:
        import brotli
    except ImportError:
        return False
    return hasattr(brotli.Decompressor, "can_accept_more_data")
