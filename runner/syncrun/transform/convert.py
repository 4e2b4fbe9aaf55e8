"""Typed fields: from a JSON value as APIs send it to the value that is staged, or to the reason why not.

Nothing is lost: what a type cannot hold exactly is refused, never rounded or cut (digits of a second beyond
microseconds excepted). Sloppy forms that mean one thing are taken:

    string      text; numbers, booleans, lists and objects as their JSON text
    integer     7, 7.0, "7", " 7 ", "7.0"; within 64 bits
    number      numbers and numeric text; NaN and Infinity as text
    decimal     as number, finite, with no more digits than declared
    boolean     true, false, 0, 1, and each of them as text in any case
    timestamp, date, time   see `transform.times`
    json        anything
    T[]         a list, each element like T

Empty or blank text is null for every type but string and json (and for lists of these).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from syncrun.shapes import ColumnType
from syncrun.transform.canonical import MAX_INTEGER, MIN_INTEGER, canonical, clean_text, fragment, number_text
from syncrun.transform.exact import NUMERIC, exact_number
from syncrun.transform.invalid import Invalid, describe
from syncrun.transform.times import date_converter, time_converter, timestamp_converter

Convert = Callable[[Any], Any]
"""From a JSON value that is not null to the staged value, which may be null; raises Invalid."""

_SPECIAL = {"nan": "NaN", "inf": "Infinity", "infinity": "Infinity"}
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_LONGEST_WHOLE = 400  # digits: enough to say that a number is too large
_PLAIN_RANGE = (1e-4, 1e15)  # where every writer of JSON gives a double the same text


def converter(column_type: ColumnType, form: str | None = None, timezone: str = "UTC") -> Convert:
    """Return the function that stages values of *column_type*.

    *form* and *timezone* are a field's `format` and `timezone`. Raise ValueError for a timezone that is
    unknown.
    """
    base = column_type.base
    one = _scalar_converter(column_type, form, timezone)
    if base not in ("string", "json"):
        one = _blank_is_null(one)
    return _blank_is_null(_list_converter(one)) if column_type.is_list else one


def _scalar_converter(column_type: ColumnType, form: str | None, timezone: str) -> Convert:
    match column_type.base:
        case "timestamp":
            return timestamp_converter(form, _zone(timezone))
        case "date":
            return date_converter(form, _zone(timezone))
        case "time":
            return time_converter(form)
        case "decimal":
            return _decimal_converter(column_type.precision or 18, column_type.scale or 0)
        case base:
            return _SIMPLE[base]


def to_string(value: Any) -> str:
    """Return text as it is, and any other value as its canonical JSON text."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return number_text(value)
    return clean_text(canonical(value).decode())


def to_integer(value: Any) -> int:
    """Return the whole number that *value* is, within 64 bits."""
    number = _whole(value)
    if number is None:
        raise Invalid(f"expected an integer, got {describe(value)}")
    if not MIN_INTEGER <= number <= MAX_INTEGER:
        raise Invalid(f"{describe(value)} is beyond the 64 bits of integer; use decimal(38,0) or string")
    return number


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, (str, Decimal)):
        number = exact_number(value)
        if number is not None and number == 0:
            return 0
        # The exponent bounds the work: 1e999999999 is a short text.
        if number is not None and number.adjusted() < _LONGEST_WHOLE and number == number.to_integral_value():
            return int(number)
    return None


def to_number(value: Any) -> float | str:
    """Return *value* as a double; as text when JSON has no word for it, or several ways to write it.

    DuckDB casts the text to the same double. Whole numbers beyond 2**53 become the nearest double, as in JSON
    itself.
    """
    number = _double(value)
    if number is None:
        raise Invalid(f"expected a number, got {describe(value)}")
    low, high = _PLAIN_RANGE
    if number == 0 or low <= number < high or -high < number <= -low:
        return number + 0.0  # -0.0 is 0.0
    return number_text(number)


def _double(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        special = _SPECIAL.get(text.lstrip("+-").lower())
        if special is not None and len(text) - len(text.lstrip("+-")) <= 1:
            return float(("-" if text[0] == "-" else "") + special)
        if NUMERIC.fullmatch(text) is None:
            return None
        value = float(text)
    elif isinstance(value, (int, Decimal)):
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
    elif isinstance(value, float):
        return value
    else:
        return None
    if math.isinf(value):
        raise Invalid("the number is beyond the range of number; use string")
    return float(value)


def _decimal_converter(precision: int, scale: int) -> Convert:
    quantum = Decimal(1).scaleb(-scale)
    name = f"decimal({precision},{scale})"

    def convert(value: Any) -> str:
        number = exact_number(value)
        if number is None:
            raise Invalid(f"expected a decimal number, got {describe(value)}")
        if number == 0:
            return format(abs(Decimal(0).quantize(quantum)), "f")
        _, digits, exponent = number.as_tuple()
        if number.adjusted() >= precision - scale:
            raise Invalid(f"{describe(value)} has too many digits for {name}")
        trailing = len(digits) - len("".join(map(str, digits)).rstrip("0"))
        if int(exponent) + trailing < -scale:
            raise Invalid(f"{describe(value)} has more decimal places than {name}")
        sign = "-" if number < 0 else ""
        return sign + _fixed(digits, int(exponent), scale)

    return convert


def _fixed(digits: tuple[int, ...], exponent: int, scale: int) -> str:
    """Return *digits* * 10**exponent with exactly *scale* decimal places, without rounding or contexts."""
    text = "".join(map(str, digits))
    shift = exponent + scale
    text = text + "0" * shift if shift >= 0 else text[:shift]
    text = (text.lstrip("0") or "0").rjust(scale + 1, "0")
    return f"{text[:-scale]}.{text[-scale:]}" if scale else text


def to_boolean(value: Any) -> bool:
    """Return the truth that *value* names: true, false, 1, 0, or one of these as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        truth = _BOOLEANS.get(value.strip().lower())
        if truth is not None:
            return truth
    raise Invalid(f"expected true or false, got {describe(value)}")


def to_json(value: Any) -> Any:
    """Return any value; lists and objects as canonical JSON text, ready to be embedded."""
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return number_text(value)
    return fragment(value)


_SIMPLE: dict[str, Convert] = {
    "string": to_string,
    "integer": to_integer,
    "number": to_number,
    "boolean": to_boolean,
    "json": to_json,
}


def _blank_is_null(convert: Convert) -> Convert:
    def convert_or_null(value: Any) -> Any:
        if value.__class__ is str and not value.strip():
            return None
        return convert(value)

    return convert_or_null


def _list_converter(convert: Convert) -> Convert:
    def convert_list(value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise Invalid(f"expected a list, got {describe(value)}")
        staged = []
        for position, element in enumerate(value):
            try:
                staged.append(None if element is None else convert(element))
            except Invalid as problem:
                raise Invalid(f"element {position}: {problem.reason}") from None
        return staged

    return convert_list


def _zone(name: str) -> dt.tzinfo:
    if name == "UTC":
        return dt.UTC  # also where no time zone database is installed
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError(f"unknown timezone {name!r}; use a name such as Europe/Berlin") from None
