"""JSON text that every value has, and that is the same for equal values: sorted members, clean text.

`orjson` does the work, and `msgspec` for rows. What they refuse (lone surrogates, integers beyond 64 bits,
nesting beyond their limits) goes through an encoder without recursion, whose output is the same wherever both
can answer.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import orjson

from syncrun.transform.invalid import Invalid

MAX_INTEGER = 2**63 - 1
MIN_INTEGER = -(2**63)
EXACT_FLOAT = 2**53  # integers beyond it have neighbours that a double cannot tell apart

_SORTED = orjson.OPT_SORT_KEYS
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNFIT_NAME = re.compile(r'["\\\x00-\x1f]')
_USUAL_ROW = 2048  # bytes; longer ones make it grow
_encoder = msgspec.json.Encoder()


def dump(value: Any) -> bytes:
    """Return *value* as JSON text, members in their order; raise Invalid for what is no JSON value."""
    try:
        return orjson.dumps(value, default=_embed)
    except TypeError:
        return _encode(value, sort=False)


def canonical(value: Any) -> bytes:
    """Return *value* as JSON text, members sorted; NaN and infinity inside are null. Raise Invalid."""
    try:
        return orjson.dumps(value, option=_SORTED)
    except TypeError:
        return _encode(value, sort=True)


def fragment(value: Any) -> msgspec.Raw:
    """Return *value* as canonical JSON that `dump` and `RowText` embed as it is."""
    return msgspec.Raw(canonical(value))


def _embed(value: Any) -> orjson.Fragment:
    if isinstance(value, msgspec.Raw):
        return orjson.Fragment(bytes(value))
    raise TypeError


def row_maker(names: Sequence[str]) -> Callable[..., Any]:
    """Return the function that makes a row for `RowText` of one value for each of *names*.

    Values are null, text, booleans, integers, fragments, and numbers that every writer writes alike; those
    that are null are left out of the text.
    """
    if any(map(_UNFIT_NAME.search, names)):  # msgspec doesn't escape names
        return lambda *values: members(names, values)
    slots = [f"c{position}" for position in range(len(names))]
    fields = [(slot, Any, None) for slot in slots]
    return msgspec.defstruct(
        "Row", fields, rename=dict(zip(slots, names, strict=True)), omit_defaults=True, gc=False
    )


def members(names: Iterable[str], values: Iterable[Any]) -> dict[str, Any]:
    """Return the *values* that are not null by name."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


class RowText:
    """Writes rows as JSON text, one after another in the same memory."""

    def __init__(self) -> None:
        self._text = bytearray(_USUAL_ROW)

    def of(self, row: Any) -> bytearray:
        """Return the text of what a function of `row_maker` made, or of such values by name; raise Invalid.

        It is good until the next one is asked for.
        """
        try:
            _encoder.encode_into(row, self._text)
        except (TypeError, ValueError, RecursionError):
            self._text[:] = _encode(_members_of(row), sort=False)
        return self._text


def _members_of(row: Any) -> Any:
    if isinstance(row, dict):
        return row
    fields = msgspec.structs.fields(row)
    return members([field.encode_name for field in fields], [getattr(row, field.name) for field in fields])


def clean_text(text: str) -> str:
    """Return *text* as valid Unicode: surrogate pairs joined, lone surrogates replaced by U+FFFD."""
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def number_text(value: float) -> str:
    """Return how a number that JSON or `orjson` writes in several ways is written here: `1e+22`, `NaN`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value + 0.0)  # -0.0 is 0.0


class _Token(bytes):
    """Finished JSON text among values still to be encoded."""


def _encode(root: Any, *, sort: bool) -> bytes:
    parts: list[bytes] = []
    pending: list[Any] = [root]
    while pending:
        value = pending.pop()
        if isinstance(value, _Token):
            parts.append(value)
        elif isinstance(value, dict):
            pending.extend(reversed(list(_members(value, sort=sort))))
        elif isinstance(value, (list, tuple)):
            pending.extend(reversed(list(_elements(value))))
        else:
            parts.append(_scalar(value))
    return b"".join(parts)


def _members(value: dict[Any, Any], *, sort: bool) -> Iterable[Any]:
    pairs = [(clean_text(str(name)), member) for name, member in value.items()]
    if sort:
        pairs.sort(key=lambda pair: pair[0])
    yield _Token(b"{")
    for position, (name, member) in enumerate(pairs):
        yield _Token((b"," if position else b"") + orjson.dumps(name) + b":")
        yield member
    yield _Token(b"}")


def _elements(value: Iterable[Any]) -> Iterable[Any]:
    yield _Token(b"[")
    for position, element in enumerate(value):
        if position:
            yield _Token(b",")
        yield element
    yield _Token(b"]")


def _scalar(value: Any) -> bytes:
    if isinstance(value, str):
        return orjson.dumps(clean_text(value))
    if isinstance(value, msgspec.Raw):
        return bytes(value)
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return str(value).encode()
        except ValueError:  # Python's own limit on the digits of an integer
            raise Invalid("an integer of more than 4,300 digits is too large") from None
    if isinstance(value, Decimal):  # a hook may return one; in quotes no reader rounds it
        return orjson.dumps(str(value))
    if value is None or isinstance(value, (bool, float, dt.datetime, dt.date, dt.time)):
        return orjson.dumps(value)
    raise Invalid(f"a Python {type(value).__name__} is no JSON value")
