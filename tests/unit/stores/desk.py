"""A store and a writer of staging files: what a run would hand over, in a few words."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncrun.shapes import Column, ColumnType, Model, RejectedFile, StagedFile
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.commit import Changes, Commit, SnapshotDeletes
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.run import Run

START = datetime(2024, 6, 1, tzinfo=UTC)
ITEMS = {"id": "integer", "name": "string"}

Line = dict[str, Any]


def columns(types: Mapping[str, str]) -> tuple[Column, ...]:
    """Return the columns with these names and types."""
    return tuple(Column(name, ColumnType.parse(kind)) for name, kind in types.items())


def put(key: object, partition: str = "", *, raw: Any = None, **fields: Any) -> Line:
    """Return a record; its key is a field `id` when no other field is given that name."""
    return {"a": "U", "p": partition, "k": str(key), "fields": {"id": key, **fields}, "r": raw}


def gone(key: object, partition: str = "") -> Line:
    """Return a record that the source says is deleted."""
    return {"a": "D", "p": partition, "k": str(key)}


def seen(key: object, partition: str = "") -> Line:
    """Return a record that is there, but whose content was rejected."""
    return {"a": "S", "p": partition, "k": str(key)}


def bad(key: object, reason: str = "a bad record", ordinal: int = 0, raw: str = "{}") -> Line:
    """Return a quarantined record."""
    return {"i": ordinal, "p": "", "k": key, "reason": reason, "path": "name", "raw": raw}


class Desk:
    """Commits to one store, an hour apart; every commit is a run of its own unless *run* is given."""

    def __init__(self, folder: Path, *, types: Mapping[str, str] = ITEMS, **options: Any) -> None:
        self.folder = folder
        self.path = folder / "desk.duckdb"
        self.store = DuckDBStore(self.path, **options)
        self.sync = SyncId("acme", "lab", "items")
        self.model = Model("lab", "items", columns(types), ("id",))
        self.hours = 0
        self._numbers = itertools.count(1)

    @property
    def now(self) -> datetime:
        return START + timedelta(hours=self.hours)

    def commit(self, *lines: Line, **options: Any) -> Changes:
        """Commit *lines* as one file; see `build`."""
        return self.store.commit(self.build([lines] if lines else [], **options))

    def build(
        self,
        files: Iterable[Sequence[Line]],
        *,
        run: str = "",
        sync: SyncId | None = None,
        model: Model | None = None,
        rejected: Sequence[Line] = (),
        types: Mapping[str, str] | None = None,
        deletes: SnapshotDeletes | None = None,
        started: float = 0,
        **options: Any,
    ) -> Commit:
        """Return a commit of *files* with columns *types*, by a run that *started* so many hours ago."""
        self.hours += 1
        who, what = sync or self.sync, model or self.model
        begun = self.now - timedelta(hours=started or 0.5)
        return Commit(
            run=Run(run or f"run-{self.hours:04}", who, what.name, "full", begun),
            model=what,
            at=self.now,
            staged=[self.stage(lines, columns(types) if types else what.columns) for lines in files],
            rejected=[self.reject(rejected)] if rejected else (),
            deletes=deletes,
            **options,
        )

    def stage(self, lines: Sequence[Line], staged: tuple[Column, ...]) -> StagedFile:
        """Write a staging file as a run writes it."""
        path = self.folder / f"rows-{next(self._numbers):06}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for ordinal, line in enumerate(lines):
                file.write(json.dumps(self._line(ordinal, line, staged)) + "\n")
        return StagedFile(path, staged, len(lines))

    def reject(self, lines: Sequence[Line]) -> RejectedFile:
        """Write a file of quarantined records as a run writes it."""
        path = self.folder / f"rejected-{next(self._numbers):06}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return RejectedFile(path, len(lines))

    def _line(self, ordinal: int, line: Line, staged: tuple[Column, ...]) -> dict[str, Any]:
        head = {"i": ordinal, "p": line["p"], "k": line["k"], "a": line["a"]}
        if line["a"] != "U":
            return head
        content = json.dumps(line["fields"], sort_keys=True).encode()
        values = {"f": {column.name: line["fields"].get(column.name) for column in staged}}
        raw = {} if line["r"] is None else {"r": line["r"]}
        return {**head, "h": hashlib.md5(content, usedforsecurity=False).hexdigest(), **values, **raw}

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return list(self.store.query(sql, parameters).rows)

    def live(self) -> dict[int, str]:
        """Return the name of each live item by its id."""
        return dict(self.rows("SELECT id, name FROM lab.items ORDER BY id"))

    def feed(self) -> list[tuple[int, str, str]]:
        """Return (position, id, action) of each record's last change, in the order of the feed."""
        return self.rows("SELECT _seq, _id, _action FROM lab.items__records ORDER BY _seq")

    def other(self, **names: str) -> SyncId:
        """Return the sync's id with other names in it."""
        return replace(self.sync, **names)
