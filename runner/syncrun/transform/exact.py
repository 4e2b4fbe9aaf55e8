"""Numbers as they are written, digit by digit, from JSON values and numeric text."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

NUMERIC = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LONGEST = 5000  # characters


def exact_number(value: Any) -> Decimal | None:
    """Return the number that *value* is, a double as its shortest text; None if it is none or not finite."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST or NUMERIC.fullmatch(text) is None:
            return None
        try:
            return Decimal(text)
        except InvalidOperation:  # an exponent of more than 18 digits
            return None
    number = Decimal(value)
    return number if number.is_finite() else None
