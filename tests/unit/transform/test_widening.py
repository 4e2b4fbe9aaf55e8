from __future__ import annotations

from itertools import product

import pytest

from syncrun.shapes import ColumnType
from syncrun.widening import widen

TYPES = [
    "string",
    "integer",
    "number",
    "decimal(38,0)",
    "decimal(10,2)",
    "boolean",
    "timestamp",
    "date",
    "time",
]
TYPES += ["json", "string[]"]


@pytest.mark.parametrize(
    ("first", "second", "wider"),
    [
        ("integer", "integer", "integer"),
        ("integer", "number", "number"),
        ("integer", "decimal(38,0)", "decimal(38,0)"),
        ("integer", "decimal(10,2)", "decimal(21,2)"),
        ("integer", "decimal(38,30)", "string"),
        ("decimal(10,2)", "decimal(8,4)", "decimal(12,4)"),
        ("decimal(38,0)", "number", "string"),
        ("integer", "boolean", "string"),
        ("boolean", "string", "string"),
        ("timestamp", "string", "string"),
        ("date", "timestamp", "string"),
        ("json", "integer", "json"),
        ("string[]", "string", "json"),
        ("string[]", "string[]", "string[]"),
    ],
)
def test_the_narrowest_type_that_holds_both(first: str, second: str, wider: str) -> None:
    assert str(widen(ColumnType.parse(first), ColumnType.parse(second))) == wider


def test_widening_is_a_lattice() -> None:
    types = [ColumnType.parse(text) for text in TYPES]
    for a, b in product(types, repeat=2):
        assert widen(a, b) == widen(b, a)
        assert widen(a, widen(a, b)) == widen(a, b)
