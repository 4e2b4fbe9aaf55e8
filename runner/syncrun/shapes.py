"""The shapes that travel between the layers: columns, models, staged files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

type_names = ("string", "integer", "number", "decimal", "boolean", "timestamp", "date", "time", "json")

_TYPE = re.compile(
    r"(?P<base>[a-z]+)(?:\(\s*(?P<precision>\d+)\s*(?:,\s*(?P<scale>\d+)\s*)?\))?(?P<list>\[\])?"
)
_MAX_DECIMAL_DIGITS = 38

JsonValue = Any
"""Whatever a JSON document can hold: None, bool, int, float, str, list, dict."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column's type as written in YAML: `integer`, `decimal(10,2)`, `string[]`."""

    base: str
    precision: int | None = None
    scale: int | None = None
    is_list: bool = False

    @classmethod
    def parse(cls, text: str) -> ColumnType:
        """Return the type that *text* names; raise ValueError saying what is valid."""
        match = _TYPE.fullmatch(text.strip())
        if match is None or match["base"] not in type_names:
            raise ValueError(
                f"unknown type {text!r}; one of {', '.join(type_names)}, or a list such as string[]"
            )
        base = match["base"]
        if base != "decimal":
            if match["precision"]:
                raise ValueError(f"{base} takes no precision")
            return cls(base, is_list=bool(match["list"]))
        precision, scale = (
            int(match["precision"] or 18),
            int(match["scale"] or (0 if match["precision"] else 3)),
        )
        if not 1 <= precision <= _MAX_DECIMAL_DIGITS or scale > precision:
            raise ValueError(
                f"decimal({precision},{scale}): 1 to {_MAX_DECIMAL_DIGITS} digits, scale within them"
            )
        return cls(base, precision, scale, bool(match["list"]))

    def __str__(self) -> str:
        size = f"({self.precision},{self.scale})" if self.base == "decimal" else ""
        return f"{self.base}{size}{'[]' if self.is_list else ''}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a model; *hashed* columns take part in change detection (R5).

    *declared*: the type is written in YAML, so that it holds also in a model whose other columns are
    inferred. Of those, *blank* is one without a value in this run; *own* is the type of this run's values
    where it is narrower than `string`, which is all that the table tells, maybe of nothing but nulls.
    """

    name: str
    type: ColumnType
    hashed: bool = True
    description: str = ""
    declared: bool = False
    own: ColumnType | None = None
    blank: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Model:
    """The record type that a sync fills: `<connector>.<name>` in the database.

    *columns* are in YAML order. With *inferred* they are those known so far: each staged file brings its own,
    and the table grows and widens. *key* names columns, and is empty for a keyless sync. With *open*, every
    member of a record is a column: those that the table has stay in the view.
    """

    connector: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    inferred: bool = False
    raw: bool = False
    history: bool = False
    open: bool = False


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file of newline-delimited JSON, one object a record, written by `transform.stage`.

    Members: `i` ordinal in the run (source order), `p` partition id, `k` canonical id, `h` content hash (32
    hex digits), `a` what it means (`U` upsert, `D` deleted at the source, `S` only seen: quarantined with a
    key), `f` an object with the values of *columns* by name (nulls may be left out), `r` the record as
    received when the model is raw. A `D` or `S` line has only `i`, `p`, `k`, `a`.
    """

    path: Path
    columns: tuple[Column, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """A file of newline-delimited JSON, one object a quarantined record.

    Members: `i`, `p`, `k` (null when the key itself is bad), `reason` (a sentence), `path` (the field), `raw`
    (the record as JSON text).
    """

    path: Path
    rows: int
