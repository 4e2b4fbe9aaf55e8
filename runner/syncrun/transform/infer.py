"""Columns without a declared type: the type that all values so far fit, and the values as they are staged.

Values are staged as the JSON values they are, whatever the type: the store reads a file with the types the
columns have in the end, and DuckDB turns a JSON number that is read as text into that text. So a type may
widen in the middle of a file. A column that has seen no value is `string`, the one type that takes what most
members hold, until the first value tells its type.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from syncrun.shapes import Column, ColumnType
from syncrun.transform.canonical import EXACT_FLOAT, MAX_INTEGER, MIN_INTEGER, fragment, number_text
from syncrun.transform.invalid import Invalid, describe
from syncrun.widening import BOOLEAN, INTEGER, JSON, NUMBER, STRING, widen

_PLAIN = {str: STRING, int: INTEGER, float: NUMBER, bool: BOOLEAN, dict: JSON, list: JSON}
_MAX_DIGITS = 38


class InferredColumn:
    """What is known of one column.

    *seen* has the Python classes whose plain values need no further look: a value of such a class changes
    nothing.
    """

    __slots__ = ("_exact", "_known", "_own", "_type", "name", "seen")

    def __init__(self, name: str, known: ColumnType | None = None) -> None:
        self.name = name
        self.seen: set[type] = set()
        self._known = self._type = known
        self._own: ColumnType | None = None
        self._exact = False  # whether it holds integers that a double would change

    @property
    def told(self) -> bool:
        """Whether a value, or what is stored, has told the type."""
        return self._type is not None

    @property
    def type(self) -> ColumnType:
        """The type that fits all values so far."""
        return self._type or STRING

    def column(self, *, hashed: bool = True, description: str = "") -> Column:
        """Return the column as the store sees it: text may be all that is known of nothing but nulls."""
        known = self._known in (None, STRING)
        own = self._own if self._known == STRING and self._own != STRING else None
        blank = known and self._own is None
        return Column(self.name, self.type, hashed, description, own=own, blank=blank)

    def stage(self, value: Any) -> Any:
        """Return *value*, which is not null, as it is staged, after widening the type to fit it.

        Raise Invalid for what is no JSON value.
        """
        kind = value.__class__
        if kind is float and not math.isfinite(value):
            value = number_text(value)
        elif kind is int and not -EXACT_FLOAT <= value <= EXACT_FLOAT:
            return self._stage_large(value)
        elif kind is dict or kind is list:
            value = fragment(value)
        elif kind not in _PLAIN:
            return self._stage_other(value)
        if kind not in self.seen:
            self._grow(_PLAIN[kind])
            self.seen.add(kind)
        return value

    def _stage_large(self, value: int) -> Any:
        self._exact = True
        try:
            digits = len(str(abs(value)))
        except ValueError:  # Python's own limit on the digits of an integer
            raise Invalid(f"expected a value, got {describe(value)}") from None
        if MIN_INTEGER <= value <= MAX_INTEGER:
            self._grow(INTEGER)
            return value
        self._grow(ColumnType("decimal", _MAX_DIGITS, 0) if digits <= _MAX_DIGITS else STRING)
        return fragment(value)

    def _stage_other(self, value: Any) -> Any:
        """Stage what a hook may return: subclasses of the JSON classes, tuples, decimals."""
        if isinstance(value, str | Decimal):
            return self.stage(str(value))
        if isinstance(value, int):
            return self.stage(int(value))
        if isinstance(value, float):
            return self.stage(float(value))
        if isinstance(value, dict):
            return self.stage(dict(value))
        if isinstance(value, list | tuple):
            return self.stage(list(value))
        raise Invalid(f"expected a value, got {describe(value)}")

    def _grow(self, seen: ColumnType) -> None:
        self._type, self._own = self._wider(self._type, seen), self._wider(self._own, seen)

    def _wider(self, before: ColumnType | None, seen: ColumnType) -> ColumnType:
        wider = seen if before is None else widen(before, seen)
        # A double would change the integers that are there: text keeps them.
        return STRING if self._exact and wider == NUMBER else wider
