"""Whether a file can be a database of DuckDB at all: those of other programs are named as what they are.

DuckDB would open some of them in its own way, with extensions that it looks for on the network.
"""

from __future__ import annotations

import stat
from pathlib import Path

from syncrun.errors import StoreError

_LENGTH = 512
_MAGIC = slice(8, 12)
_HINT = "name another file as `database`"
_KINDS = (
    (b"SQLite format 3\0", "a SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a file packed by gzip"),
    (b"\x28\xb5\x2f\xfd", "a file packed by zstd"),
    (b"Obj\x01", "an Avro file"),
    (b"ARROW1", "an Arrow file"),
    (b"%PDF-", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"#!", "a script"),
)


def check_own(path: Path) -> None:
    """Raise StoreError for a file at *path* that is plainly none of DuckDB; missing and empty ones pass."""
    try:
        mode = path.stat().st_mode
        start = _start_of(path) if stat.S_ISREG(mode) else b""
    except OSError:
        return  # DuckDB says why
    kind = ""
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        kind = "a device or a pipe"
    elif start and start[_MAGIC] != b"DUCK":
        kind = _kind_of(start)
    if kind:
        raise StoreError(f"{path}: this is {kind}, not a DuckDB database", hint=_HINT)


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LENGTH)


def _kind_of(start: bytes) -> str:
    kind = next((name for magic, name in _KINDS if start.startswith(magic)), None)
    if kind is not None:
        return kind
    if start.lstrip()[:1] in (b"{", b"["):
        return "a JSON file"
    printable = all(byte >= 32 or byte in b"\t\n\r\f" for byte in start)  # noqa: PLR2004 - control characters
    return "a text file" if printable else "the file of another program"
