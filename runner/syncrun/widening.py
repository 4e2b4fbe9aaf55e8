"""How the type of an inferred column grows: every value seen fits the result, and none is changed by it.

    integer > decimal > string       beyond 64 bits, then beyond 38 digits
    integer > number > string        a fraction appears; then a decimal, whose digits a double cannot hold
    boolean > string                 any other scalar appears
    anything > json                  an object or a list appears

A column without a value yet has no type, and null changes none.
"""

from __future__ import annotations

from syncrun.shapes import ColumnType

INTEGER = ColumnType("integer")
NUMBER = ColumnType("number")
BOOLEAN = ColumnType("boolean")
STRING = ColumnType("string")
JSON = ColumnType("json")

_MAX_DIGITS = 38
_INTEGER_DIGITS = 19


def widen(first: ColumnType, second: ColumnType) -> ColumnType:
    """Return the narrowest type that holds the values of both; the order of the two does not matter."""
    if first == second:
        return first
    if first.is_list or second.is_list or "json" in (first.base, second.base):
        return JSON
    bases = {first.base, second.base}
    if bases == {"integer", "number"}:
        return NUMBER
    if bases <= {"integer", "decimal"}:
        return _widen_decimals(first, second)
    return STRING


def _widen_decimals(first: ColumnType, second: ColumnType) -> ColumnType:
    scale = max(first.scale or 0, second.scale or 0)
    digits = max(_whole_digits(first), _whole_digits(second))
    return ColumnType("decimal", digits + scale, scale) if digits + scale <= _MAX_DIGITS else STRING


def _whole_digits(column_type: ColumnType) -> int:
    if column_type.base == "integer":
        return _INTEGER_DIGITS
    return (column_type.precision or 0) - (column_type.scale or 0)
