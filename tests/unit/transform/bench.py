"""A bench for mappings: a sync in YAML and records in; lines, rejections and DuckDB rows out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb
import orjson
import yaml

from syncrun.config.sync import Sync
from syncrun.decoders.narrow import NarrowReader, NarrowRecords, can_read
from syncrun.shapes import Column, ColumnType, StagedFile
from syncrun.stores.types import quote, quote_text
from syncrun.transform.mapping import Mapped, Mapper
from syncrun.transform.stage import Staging

_DUCKDB = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
    "time": "TIME",
    "json": "JSON",
}


def sync_of(text: str) -> Sync:
    """The sync written in YAML, whose request is of no interest."""
    return Sync.model_validate({"request": "/things", **(yaml.safe_load(dedent(text)) or {})})


def mapper_of(text: str, **options: Any) -> Mapper:
    return Mapper(sync_of(text), **options)


class Result:
    """What one page became, with lines read back."""

    def __init__(self, mapper: Mapper, mapped: Mapped) -> None:
        self.mapper = mapper
        self.mapped = mapped
        self.lines = [json.loads(line) for line in mapped.text.splitlines()]
        self.rejected = [json.loads(line) for line in mapped.rejected]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The staged values of `U` lines by column name."""
        return [line["f"] for line in self.lines if line["a"] == "U"]

    @property
    def row(self) -> dict[str, Any]:
        assert not self.rejected
        (row,) = self.rows
        return row

    @property
    def reasons(self) -> list[str]:
        return [rejection["reason"] for rejection in self.rejected]

    @property
    def ids(self) -> list[tuple[str, str]]:
        return [(line["a"], line["k"]) for line in self.lines]

    @property
    def hashes(self) -> list[str]:
        return [line["h"] for line in self.lines if line["a"] == "U"]

    @property
    def types(self) -> dict[str, str]:
        return {column.name: str(column.type) for column in self.mapper.columns}


def map_records(
    text: str, *records: Any, partition: str = "", context: Mapping[str, Any] | None = None, **options: Any
) -> Result:
    """Map *records* as one page of the sync in *text*.

    Where they could have come as JSON of which only what is mapped is read, nothing may differ then.
    """
    mapper = mapper_of(text, **options)
    mapped = mapper.bind(partition, context or {}).map(records, 0)
    narrow = narrow_records(mapper, records)
    if narrow is not None:
        again = mapper_of(text, **options)
        assert again.bind(partition, context or {}).map(narrow, 0) == mapped
        assert again.columns == mapper.columns
    return Result(mapper, mapped)


def narrow_records(mapper: Mapper, records: Sequence[Any]) -> NarrowRecords | None:
    """Return *records* read by the layout of *mapper*; None where they, or it, need another way."""
    if mapper.layout is None or not can_read(mapper.layout):
        return None
    try:
        content = orjson.dumps(list(records))
    except TypeError:
        return None  # as only a hook makes them
    read = NarrowReader(mapper.layout, ()).read(content, "application/json")
    return read[1] if read is not None and list(read[1]) == list(records) else None


def columns_of(**types: str) -> tuple[Column, ...]:
    return tuple(Column(name, ColumnType.parse(text)) for name, text in types.items())


def load(folder: Path, text: str, *pages: Sequence[Any], **options: Any) -> list[tuple[Any, ...]]:
    """Map and stage *pages*, and return the rows that DuckDB reads from the sealed file."""
    mapper = mapper_of(text, **options)
    bound = mapper.bind("", {})
    staging = Staging(folder)
    ordinal = 0
    for page in pages:
        mapped = bound.map(page, ordinal)
        assert mapped.rejected == []
        staging.write(mapped, mapper.columns)
        ordinal = mapped.next_ordinal
    (file,), _ = staging.seal()
    return read_staged(file)


def read_staged(file: StagedFile) -> list[tuple[Any, ...]]:
    types = ", ".join(f"{quote(column.name)} {_duckdb_type(column.type)}" for column in file.columns)
    fields = ", ".join(f"f.{quote(column.name)}" for column in file.columns)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(
            f"SELECT {fields} FROM read_json(?, format='newline_delimited',"
            f" columns={{i: 'BIGINT', f: {quote_text(f'STRUCT({types})')}}}, maximum_object_size=100000000) ORDER BY i",
            [str(file.path)],
        ).fetchall()


def _duckdb_type(kind: ColumnType) -> str:
    base = f"DECIMAL({kind.precision},{kind.scale})" if kind.base == "decimal" else _DUCKDB[kind.base]
    return base + ("[]" if kind.is_list else "")
