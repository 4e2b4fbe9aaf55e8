"""The changed lines of a staging file by themselves: mostly they are few, and DuckDB would convert all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.shapes import StagedFile
from syncrun.stores.staging import ORDINALS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FEW = 4  # a share of one in so many is worth a file of its own
_ORDINAL = slice(len(b'{"i":'), 40)  # every line begins with its ordinal


@contextmanager
def excerpt(db: DuckDBPyConnection, file: StagedFile, number: int, changed: int) -> Iterator[Path]:
    """Yield a file that has the added and updated lines of *file*: one with only these, or *file* itself.

    *changed* is how many they are.
    """
    if changed > file.rows // _FEW:
        yield file.path
        return
    first = number * ORDINALS
    found = db.execute(
        "SELECT c.ord - ? FROM temp.change AS c"
        " WHERE c.action IN ('ADDED', 'UPDATED') AND c.ord >= ? AND c.ord < ?",
        [first, first, first + ORDINALS],
    ).fetchall()
    path = file.path.with_suffix(".changed")
    _copy(file.path, path, {ordinal for (ordinal,) in found})
    try:
        yield path
    finally:
        path.unlink()


def _copy(source: Path, target: Path, ordinals: set[int]) -> None:
    path = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with source.open("rb") as lines, os.fdopen(path, "wb") as changed:
        for line in lines:
            if int(line[_ORDINAL].partition(b",")[0]) in ordinals:
                changed.write(line)
