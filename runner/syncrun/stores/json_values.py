"""Values as DuckDB returns them, as JSON values."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from syncrun.wording import iso


def json_reader(base: str, *, is_list: bool) -> Callable[[Any], Any] | None:
    """Return the function that turns a value of DuckDB into a JSON value; None when it is one."""
    if base in {"string", "integer", "boolean", "number"}:
        return None
    one: Callable[[Any], Any] = json.loads if base == "json" else _plain
    if is_list:
        return lambda values: [None if value is None else one(value) for value in values]
    return one


def _plain(value: Any) -> Any:
    """Return a time as ISO text, a decimal as a number, or as text when a double is not as exact."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    return value
