"""Comma-separated values and their relatives: the body is a list of objects, every value text or null.

decode: csv         # a header line; the delimiter is found out
decode: {type: csv, delimiter: ";", encoding: windows-1252, skip_lines: 2}
decode: {type: csv, header: [id, name], null_values: ["", "NULL"]}
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO, TextIOWrapper
from itertools import chain
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from syncrun.decoders.base import Decoder, Encoding, UndecodableError, charset, named
from syncrun.decoders.weight import CSV_WEIGHTS, Weights
from syncrun.expressions.text_forms import DELIMITER, QUOTE

_DELIMITERS = ",;\t|"  # of two that are as frequent, the first
_MAX_CELL = (1 << 31) - 1  # the csv module's own limit is 128 KiB; the answer's size is the bound here


def _shape(value: Any) -> str:
    return "list" if isinstance(value, (list, tuple)) else "boolean"


ColumnName = Annotated[str, Field(min_length=1)]
AnyHeader = Annotated[
    Annotated[bool, Tag("boolean")]
    | Annotated[Annotated[list[ColumnName], Field(min_length=1)], Tag("list")],
    Discriminator(_shape),
]


class CsvDecoder(Decoder):
    """Lines of cells."""

    weights: ClassVar[Weights] = CSV_WEIGHTS
    type: Literal["csv"]
    delimiter: str | None = Field(
        None,
        pattern=DELIMITER,
        description="One character, or tab; absent: the one of , ; tab | that the first line has most of.",
    )
    quote: str = Field('"', pattern=QUOTE, description="Around cells; empty: quotes mean nothing.")
    header: AnyHeader = Field(
        default=True,
        description="Whether the first line has the names; a list gives them. Without any: column_1, ….",
    )
    encoding: Encoding | None = Field(None, description="Absent: as the answer says, else UTF-8.")
    skip_lines: int = Field(0, ge=0, description="Lines before the header, or before the first record.")
    null_values: list[str] = Field([""], description="Cells that are null.")

    @model_validator(mode="after")
    def _check(self) -> CsvDecoder:
        if isinstance(self.header, list) and len(set(self.header)) < len(self.header):
            raise ValueError("two columns in header have the same name")
        if self.quote and self.quote == self.delimiter:
            raise ValueError("delimiter and quote are the same character")
        return self

    def read(self, content: bytes, content_type: str | None) -> list[dict[str, str | None]]:
        """Return the records in order; blank lines are skipped.

        Cells beyond the named columns are kept as column_7 and so on, missing ones are left out.
        """
        if content.lstrip()[:1] == b"<":
            raise UndecodableError(f"is no CSV ({named(content_type)})")
        encoding = charset(content, content_type, self.encoding)
        # decoded piece by piece: the whole as text would be a second copy
        lines: Iterator[str] = TextIOWrapper(BytesIO(content), encoding, "replace", newline="")
        for _ in range(self.skip_lines):
            next(lines, "")
        first = next((line for line in lines if line.strip()), "")
        reader = csv.reader(chain([first], lines), **self._dialect(first))
        if csv.field_size_limit() < _MAX_CELL:
            csv.field_size_limit(_MAX_CELL)
        try:
            return list(_records(reader, self._names(reader), frozenset(self.null_values)))
        except csv.Error as error:
            line = reader.line_num + self.skip_lines
            raise UndecodableError(f"is no CSV ({named(content_type)}): line {line}: {error}") from None

    def _dialect(self, first: str) -> dict[str, Any]:
        delimiter = "\t" if self.delimiter == "tab" else self.delimiter or _delimiter_of(first, self.quote)
        # strict, so that a quote which is never closed is an error and no cell that holds all the rest
        quoting = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        return {"delimiter": delimiter, "strict": True, **quoting}

    def _names(self, reader: Iterator[list[str]]) -> list[str]:
        if isinstance(self.header, list):
            return self.header
        return _unique([name.strip() for name in next(reader, [])]) if self.header else []


def _records(
    rows: Iterable[Sequence[str]], names: list[str], nulls: frozenset[str]
) -> Iterator[dict[str, str | None]]:
    for row in rows:
        if not row:
            continue
        if len(row) > len(names):
            names = _unique([*names, *[""] * (len(row) - len(names))])
        cells = [None if cell in nulls else cell for cell in row] if nulls else row
        yield dict(zip(names, cells, strict=False))


def _unique(names: list[str]) -> list[str]:
    """Return *names*, empty ones named by their number, and each after the first of a name numbered."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    result = []
    for number, given in enumerate(names, start=1):
        name = base = given or f"column_{number}"
        while name in taken:
            counts[base] = counts.get(base, 1) + 1  # goes on where the name before it ended
            name = f"{base}_{counts[base]}"
        taken.add(name)
        result.append(name)
    return result


def _delimiter_of(line: str, quote: str) -> str:
    """Return the delimiter that *line* has most of outside quotes."""
    outside = "".join(line.split(quote)[::2]) if quote else line
    return max(_DELIMITERS, key=outside.count)
