"""Rows as people and programs read them: table, csv, json, jsonl."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TextIO
from uuid import UUID

from syncrun.cli.terminal import visible
from syncrun.stores.values.feed import QueryResult
from syncrun.wording import counted, iso

_TABLE_ROWS = 10_000


def write(result: QueryResult, form: str, out: TextIO) -> None:
    """Write *result* to *out* in the format named *form*."""
    _WRITERS[form](result, out)


def _write_csv(result: QueryResult, out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    shown = visible if out.isatty() else str  # CSV has no way to write such characters out: programs get them
    writer.writerow(map(shown, result.columns))
    for row in result.rows:
        writer.writerow(["" if value is None else shown(_text(value)) for value in row])


def _write_jsonl(result: QueryResult, out: TextIO) -> None:
    lines = (json.dumps(document, ensure_ascii=False, default=_text) for document in _documents(result))
    out.writelines(f"{visible(line)}\n" for line in lines)


def _write_json(result: QueryResult, out: TextIO) -> None:
    out.write("[")
    for number, document in enumerate(_documents(result)):
        out.write(",\n " if number else "\n ")
        out.write(visible(json.dumps(document, ensure_ascii=False, default=_text)))
    out.write("\n]\n")


def _write_table(result: QueryResult, out: TextIO) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name, kind in zip(result.columns, result.types, strict=True):
        table.add_column(_plain(name), justify="right" if _is_number(kind) else "left")
    count = 0
    for row in result.rows:
        count += 1
        if count <= _TABLE_ROWS:
            table.add_row(*("" if value is None else _plain(_text(value)) for value in row))
    console = Console(file=out, highlight=False, width=None if out.isatty() else 4096)
    console.print(table)
    if count > _TABLE_ROWS:
        out.write(f"… {counted(count - _TABLE_ROWS, 'more row')}; --format csv shows all\n")


def _documents(result: QueryResult) -> Iterator[dict[str, Any]]:
    parsed = [kind == "JSON" for kind in result.types]
    for row in result.rows:
        yield {
            name: json.loads(value) if is_json and isinstance(value, str) else value
            for name, value, is_json in zip(result.columns, row, parsed, strict=True)
        }


def _plain(text: str) -> Any:
    """Return *text* as it is, without the markup that a table would read into it."""
    from rich.text import Text

    return Text(visible(text))


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, (date, time, Decimal, UUID)):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=_text)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_number(kind: str) -> bool:
    return kind.split("(", maxsplit=1)[0] in {
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UBIGINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL",
    }


_WRITERS: dict[str, Callable[[QueryResult, TextIO], None]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
    "jsonl": _write_jsonl,
}
FORMATS = tuple(_WRITERS)
