"""The staged lines of several small commits in one file: opening it costs more than reading it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import orjson

from syncrun.shapes import StagedFile
from syncrun.stores.staging import StagedFiles
from syncrun.stores.values.commit import Commit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BYTES = 1 << 18  # of a file that is small


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one commit that count, without their ordinal, in order.

    *last* is the greatest ordinal, None when there are no lines; *upserts* counts the records with content,
    and *duplicates* the lines that another one of their key replaced.
    """

    texts: tuple[bytes, ...] = ()
    last: int | None = None
    upserts: int = 0
    duplicates: int = 0


def read_lines(commit: Commit) -> Lines | None:
    """Return the lines of *commit*; None when they are long, or not as they were written."""
    if not commit.staged:
        return Lines()
    file = commit.staged[0]
    try:
        if file.path.stat().st_size > _BYTES:
            return None
        texts = file.path.read_bytes().split(b"\n")[:-1]
        facts = [orjson.loads(text) for text in texts]
    except (OSError, ValueError):
        return None
    if len(texts) != file.rows or not all(map(_is_whole, facts)):
        return None
    newest = {line["k"]: number for number, line in enumerate(facts) if line["a"] != "S"}
    kept = [n for n, line in enumerate(facts) if line["a"] == "S" or newest[line["k"]] == n]
    return Lines(
        tuple(texts[n].partition(b",")[2] for n in kept),
        max((line["i"] for line in facts), default=None),
        sum(facts[n]["a"] == "U" for n in kept),
        len(texts) - len(kept),
    )


def _is_whole(line: dict[str, object]) -> bool:
    """Whether a line has what every line has."""
    return (
        isinstance(line.get("i"), int)
        and isinstance(line.get("k"), str)
        and line.get("a") in ("U", "D", "S")
        and (line["a"] != "U" or isinstance(line.get("h"), str))
    )


class JointLines:
    """The lines of several commits of one model as a file of their own, until the block ends."""

    def __init__(self, commits: Mapping[int, Commit], lines: Mapping[int, Lines]) -> None:
        self._commits, self._lines = commits, lines
        self._path: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def load(self, db: DuckDBPyConnection) -> StagedFiles:
        """Fill `temp.staged` with the lines, each with its owner; return them as what is staged."""
        files = [commit.staged[0] for commit in self._commits.values() if commit.staged]
        if not files:
            db.execute(_NO_LINES)
            return StagedFiles(db, (), ())
        self._path = files[0].path.with_suffix(".joint")
        rows = self._write(self._path)
        staged = StagedFiles(db, [StagedFile(self._path, files[0].columns, rows)], ())
        staged.load_joint()
        return staged

    def _write(self, path: Path) -> int:
        """Write the lines, numbered anew; return how many there are."""
        rows = 0
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for number, lines in self._lines.items():
                owner = orjson.dumps(self._commits[number].run.sync.connection)
                for text in lines.texts:
                    file.write(b'{"i":%d,"n":%d,"c":%b,%b\n' % (rows, number, owner, text))
                    rows += 1
        return rows


_NO_LINES = (
    "CREATE OR REPLACE TEMP TABLE staged (ord BIGINT, p VARCHAR, k VARCHAR, h VARCHAR, a VARCHAR, n INTEGER,"
    " c VARCHAR)"
)
