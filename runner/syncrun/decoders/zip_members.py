"""The files of a zip archive, unpacked piece by piece whatever they are packed with (R25).

Python's own reader hands out what a piece of bzip2 or LZMA unpacks to as a whole, which may be gigabytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from syncrun.decoders.base import UndecodableError
from syncrun.http.content import PIECE

if TYPE_CHECKING:
    from zipfile import ZipInfo

_HEADER = struct.Struct("<26xHH")  # of a file: the lengths of its name and of further fields come last
_LZMA_HEADER = struct.Struct("<2xHBI")  # version, length of what follows, three numbers in one, dictionary
_MAX_DICTIONARY = 1 << 26
_ENCRYPTED = 0x1
_STORED, _DEFLATED, _BZIP2, _LZMA = 0, 8, 12, 14

Unpack = Callable[[bytes, int], bytes]


def unpacked(content: bytes, entry: ZipInfo) -> Iterator[bytes]:
    """Yield the file *entry* of the archive *content* in pieces; raise UndecodableError."""
    if entry.flag_bits & _ENCRYPTED:
        raise UndecodableError("is a zip archive that is encrypted")
    data = _packed(content, entry)
    checksum = 0
    for piece in _pieces(data, entry.compress_type):
        checksum = zlib.crc32(piece, checksum)
        yield piece
    if checksum != entry.CRC:
        raise damaged()


def damaged() -> UndecodableError:
    """Return the error of an archive that is not as it was made."""
    return UndecodableError("is a damaged zip archive")


def _packed(content: bytes, entry: ZipInfo) -> memoryview:
    header = content[entry.header_offset : entry.header_offset + _HEADER.size]
    if len(header) < _HEADER.size or not header.startswith(b"PK\x03\x04"):
        raise damaged()
    start = entry.header_offset + _HEADER.size + sum(_HEADER.unpack(header))
    data = memoryview(content)[start : start + entry.compress_size]
    if len(data) != entry.compress_size:
        raise damaged()
    return data


def _pieces(data: memoryview, method: int) -> Iterator[bytes]:
    if method == _STORED:
        for start in range(0, len(data), PIECE):
            yield bytes(data[start : start + PIECE])
        return
    if method == _DEFLATED:
        yield from _inflated(data)
        return
    if method not in (_BZIP2, _LZMA):
        raise UndecodableError("is a zip archive that is packed in an unknown way")
    import bz2
    import lzma

    try:
        decoder: Any = bz2.BZ2Decompressor() if method == _BZIP2 else None
        if decoder is None:
            decoder, data = _lzma_decoder(data)
        yield from _decompressed(decoder, data)
    except (lzma.LZMAError, OSError, EOFError, ValueError):
        raise damaged() from None


def _inflated(data: memoryview) -> Iterator[bytes]:
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        rest: Any = data
        while not decoder.eof:
            piece = decoder.decompress(rest, PIECE)
            rest = decoder.unconsumed_tail
            if not piece and not rest and not decoder.eof:
                break
            yield piece
    except zlib.error:
        raise damaged() from None
    if not decoder.eof:
        raise damaged()


def _decompressed(decoder: Any, data: memoryview) -> Iterator[bytes]:
    given: Any = data
    while not decoder.eof:
        piece = decoder.decompress(given, PIECE)
        given = b""
        if not piece and decoder.needs_input:
            return  # LZMA need not say where it ends: the checksum tells
        yield piece


def _lzma_decoder(data: memoryview) -> tuple[Any, memoryview]:
    import lzma

    if len(data) < _LZMA_HEADER.size:
        raise damaged()
    length, numbers, dictionary = _LZMA_HEADER.unpack(data[: _LZMA_HEADER.size])
    if dictionary > _MAX_DICTIONARY:
        raise UndecodableError("is a zip archive that takes too much memory to unpack")
    rest, lc = divmod(numbers, 9)
    pb, lp = divmod(rest, 5)
    options = {"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[options])
    return decoder, data[4 + length :]
