"""How far a run has come: the cursor field's values in one comparable form (R13, R14).

Comparable forms: timestamps and dates as staged (their texts sort by time), integers, text, and for number
fields a double that is never above the true value. Null and missing values say nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from syncrun.shapes import ColumnType
from syncrun.transform.canonical import clean_text
from syncrun.transform.convert import converter
from syncrun.transform.invalid import Invalid, describe

Comparable = str | int | float

_AS_STAGED = ("timestamp", "date", "integer", "string", "time")
_EPOCHS = ("epoch", "epoch_ms")
_TIMESTAMP = len("2024-05-01T12:00:00.000000Z")
_WHOLE_SECOND = ".000000Z"
SECOND = 1_000_000
DAY = 86_400 * SECOND


@dataclass(frozen=True, slots=True)
class Progress:
    """The cursor values of one page: the greatest, the least, and whether they never fall.

    *grain* is the longest part of a day, in microseconds, that all its times are multiples of (`grain_of`).
    """

    greatest: Comparable | None = None
    least: Comparable | None = None
    ascending: bool = True
    grain: int = 0

    @classmethod
    def of(cls, values: Sequence[Any]) -> Progress:
        """Return the progress that *values*, comparable and in source order, make."""
        if not values:
            return cls()
        ascending = all(a <= b for a, b in pairwise(values))
        return cls(_storable(max(values)), _storable(min(values)), ascending, grain_of(values))


def grain_of(values: Sequence[Any]) -> int:
    """Return the longest part of a day, in microseconds, that all *values* are multiples of.

    APIs write whole seconds or minutes of times that they know better. Different days at the same time of
    day are days of some time zone. 0 when *values* are no timestamps.
    """
    grain, first = 0, values[0]
    if first.__class__ is str and len(first) == _TIMESTAMP:
        at = first[len("2024-05-01") :]
        if first != values[-1] and all(value.endswith(at) for value in values):
            return DAY
    for value in values:
        if value.__class__ is not str or len(value) != _TIMESTAMP:
            return 0
        if grain == 1:
            break
        if grain and SECOND % grain == 0 and value.endswith(_WHOLE_SECOND):
            continue
        grain = math.gcd(grain or DAY, _time_of_day(value))
    return grain


def _time_of_day(timestamp: str) -> int:
    """Return the microseconds since midnight of a canonical *timestamp*; 0 for other text of its length."""
    hour, minute, second, fraction = timestamp[11:13], timestamp[14:16], timestamp[17:19], timestamp[20:26]
    if not (hour + minute + second + fraction).isdecimal():
        return 0
    return ((int(hour) * 60 + int(minute)) * 60 + int(second)) * SECOND + int(fraction)


def _storable(value: Comparable) -> Comparable:
    return clean_text(value) if isinstance(value, str) else value


class CursorReader:
    """Turns a field's value into its comparable form.

    *declared* is the field's type, *kind* what `incremental.type` says, *form* what `incremental.format`
    says. Without declared type and kind the first value decides: an integer if it reads as one, else a
    timestamp, else text.
    """

    def __init__(self, declared: ColumnType | None, kind: str | None, form: str) -> None:
        base = declared.base if declared is not None and not declared.is_list else None
        self.kind = kind or (base if base in (*_AS_STAGED, "number", "decimal") else None)
        self.as_staged = base == self.kind and base in _AS_STAGED
        self._form = form
        self._read = self._reader(self.kind) if self.kind else None

    def read(self, value: Any) -> Comparable | None:
        """Return the comparable form of *value*, as received or staged; raise Invalid when it has none."""
        if value is None or (value.__class__ is str and not value.strip()):
            return None
        if self._read is None:
            self.kind = self._guess(value)
            self._read = self._reader(self.kind)
        try:
            result: Comparable | None = self._read(value)
        except Invalid as problem:
            raise Invalid(f"the cursor cannot be compared: {problem.reason}") from None
        return result

    def _reader(self, kind: str) -> Callable[[Any], Any]:
        if kind in ("number", "decimal"):
            return _read_number
        if kind == "timestamp":
            return self._read_timestamp
        return converter(ColumnType(kind))

    def _read_timestamp(self, value: Any) -> Any:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        form = self._form if number and self._form in _EPOCHS else None
        return converter(ColumnType("timestamp"), form)(value)

    def _guess(self, value: Any) -> str:
        for kind in ("integer", "timestamp"):  # in this order: 20240501 is more often a number than a date
            try:
                self._reader(kind)(value)
            except Invalid:
                continue
            return kind
        return "string"


def _read_number(value: Any) -> float | None:
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        raise Invalid(f"expected a number, got {describe(value)}")
    try:
        exact = Decimal(str(value))
        nearest = float(exact)
    except (ArithmeticError, ValueError):
        raise Invalid(f"expected a number, got {describe(value)}") from None
    if not math.isfinite(nearest):
        return None
    # A watermark above the true value would skip records.
    return math.nextafter(nearest, -math.inf) if Decimal(nearest) > exact else nearest
