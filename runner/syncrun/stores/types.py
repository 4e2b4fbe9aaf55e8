"""Column types as DuckDB names them, and identifiers as SQL writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from syncrun.shapes import ColumnType

_SQL_NAMES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "decimal": "DECIMAL",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "time": "TIME",
    "json": "JSON",
}
_BASES = {sql: base for base, sql in _SQL_NAMES.items()}
_SQL_TYPE = re.compile(r"(?P<name>[A-Z ]+?)(?:\((?P<precision>\d+),(?P<scale>\d+)\))?(?P<list>\[\])?")
_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)

UNNEST_TEXTS = "unnest(CAST(CAST(? AS JSON) AS VARCHAR[]))"
"""One row for each of the texts that `bind_texts` binds: DuckDB 1.5 takes seconds to bind a list of many."""


def bind_texts(texts: Iterable[str]) -> str:
    """Return *texts* as the one parameter of `UNNEST_TEXTS`."""
    return json.dumps(list(texts))


SQL_KINDS = {"timestamp": "TIMESTAMPTZ", "date": "DATE", "integer": "HUGEINT", "string": "VARCHAR"}
"""The types in which versions of records are compared, whatever their column has."""

UNNEST_ROWS = "SELECT unnest(from_json(?, ?), recursive := true)"
"""The rows that `bind_rows` binds, a column for each of their members."""


def bind_rows(rows: Iterable[Mapping[str, Any]], kinds: Mapping[str, str]) -> list[str]:
    """Return *rows*, whose members have the DuckDB types *kinds*, as the two parameters of `UNNEST_ROWS`."""
    return [json.dumps(list(rows), default=str), json.dumps([kinds])]


def quote(name: str) -> str:
    """Return *name* as an SQL identifier, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return *text* as an SQL string, for the few places where DuckDB takes no parameter."""
    return "'" + text.replace("'", "''") + "'"


def quote_path(path: Path) -> str:
    """Return *path* as an SQL string that DuckDB takes for one file, whatever characters it has."""
    # DuckDB takes it for a glob: a folder named `[x]` must not read the file of a folder named `x`.
    return quote_text(re.sub(r"([*?\[])", r"[\1]", str(path.absolute())))


def fold(name: str) -> str:
    """Return what two names have in common when DuckDB takes them for the same: only ASCII letters fold."""
    return name.translate(_ASCII_LOWER)


def sql_type(column_type: ColumnType) -> str:
    """Return the DuckDB type that holds values of *column_type*."""
    name = _SQL_NAMES[column_type.base]
    if column_type.base == "decimal":
        name = f"{name}({column_type.precision},{column_type.scale})"
    return f"{name}[]" if column_type.is_list else name


def column_type(sql: str) -> ColumnType:
    """Return the column type that DuckDB writes as *sql*; raise ValueError for one never made here."""
    match = _SQL_TYPE.fullmatch(sql)
    if match is None or match["name"] not in _BASES:
        raise ValueError(f"no column type is stored as {sql}")
    base, is_list = _BASES[match["name"]], bool(match["list"])
    if match["precision"] is None:
        return ColumnType(base, is_list=is_list)
    return ColumnType(base, int(match["precision"]), int(match["scale"]), is_list)
