"""Files that come packed: gzip without Content-Encoding, and zip, told by their first bytes (R25)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from syncrun.decoders.base import UndecodableError
from syncrun.decoders.zip_members import damaged, unpacked
from syncrun.http.content import (
    MAX_RATIO,
    CorruptContentError,
    InflatedContentError,
    OversizedContentError,
    check_ratio,
    read,
)
from syncrun.wording import size

if TYPE_CHECKING:
    from zipfile import ZipInfo

_GZIP = b"\x1f\x8b\x08"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second: an archive without files
_MAX_LAYERS = 3
_SHOWN = 10


def unpack(content: bytes, member: str | None, max_bytes: int) -> list[bytes]:
    """Return the files in *content*: itself, or what is in it when it is packed, in the order of their names.

    *member* says by a glob which files of an archive count; without one there must be one only. Raise
    UndecodableError for damaged archives, and for those that unpack to more than *max_bytes* or too much.
    """
    try:
        return list(_unpack(content, member, max_bytes, _MAX_LAYERS))
    except CorruptContentError as error:
        words = str(error).removeprefix("the compressed answer ")
        raise UndecodableError(f"is a compressed file that {words}") from None
    except InflatedContentError:
        raise UndecodableError(
            f"is a compressed file that unpacks to more than {MAX_RATIO} times its size"
        ) from None
    except OversizedContentError:
        raise UndecodableError(
            f"is a compressed file that unpacks to more than {size(max_bytes)}",
            hint="ask for a smaller one",
        ) from None


def _unpack(content: bytes, member: str | None, max_bytes: int, layers: int) -> Iterator[bytes]:
    zipped = content.startswith(_ZIP)
    if not zipped and not content.startswith(_GZIP):
        yield content
        return
    if layers == 0:
        raise UndecodableError("is packed too many times over")
    if not zipped:
        yield from _unpack(read([content], "gzip", max_bytes), member, max_bytes, layers - 1)
        return
    for file in _files(content, member, max_bytes):
        yield from _unpack(file, member, max_bytes, layers - 1)


def _files(content: bytes, member: str | None, max_bytes: int) -> Iterator[bytes]:
    size = 0
    for entry in _chosen(_entries(content), member):
        pieces = []
        for piece in unpacked(content, entry):
            size += len(piece)
            if size > max_bytes:
                raise OversizedContentError
            check_ratio(len(content), size)
            pieces.append(piece)
        yield b"".join(pieces)


def _entries(content: bytes) -> list[ZipInfo]:
    """Return what the archive says that is in it, however wrong that may be."""
    from io import BytesIO
    from struct import error as struct_error
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(BytesIO(content)) as archive:
            return archive.infolist()
    except (BadZipFile, EOFError, OSError, ValueError, OverflowError, NotImplementedError, struct_error):
        raise damaged() from None


def _chosen(found: Sequence[ZipInfo], member: str | None) -> list[ZipInfo]:
    entries = [entry for entry in found if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")]
    if member is None and len(entries) <= 1:
        return entries
    names = ", ".join(entry.filename for entry in entries[:_SHOWN]) + (", …" if len(entries) > _SHOWN else "")
    if member is None:
        raise UndecodableError(
            f"is a zip archive of {len(entries)} files: {names}",
            hint="say which to read, as in decode: {type: csv, member: '*.csv'}",
        )
    chosen = [entry for entry in entries if fnmatchcase(entry.filename, member)]
    if not chosen:
        raise UndecodableError(f"is a zip archive without {member!r}; it has {names or 'no files'}")
    return sorted(chosen, key=lambda entry: entry.filename)
