"""A number of bytes in YAML, such as 256MB, as a pydantic type."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

_SIZE = re.compile(r"\s*(?P<count>\d{1,9}(?:\.\d{1,9})?)\s*(?P<unit>KB|MB|GB)\s*", re.ASCII)
_UNITS = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_MOST = 8 << 30


def parse_size(text: str) -> int:
    """Return the bytes that *text* names: `500KB`, `256MB`, `1.5GB` (of 1,024 each); raise ValueError."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no size; write a number and KB, MB or GB, such as 256MB")
    count = int(float(match["count"]) * _UNITS[match["unit"]])
    if not 0 < count <= _MOST:
        raise ValueError(f"{text!r} is out of range: up to 8GB")
    return count


def _check_size(text: str) -> str:
    parse_size(text)
    return text


def _no_numbers(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 - pydantic reports ValueErrors
            f"{value} is no size; write a number and KB, MB or GB, such as {value}MB"
        )
    return value


Size = Annotated[
    str,
    BeforeValidator(_no_numbers, json_schema_input_type=str),
    AfterValidator(_check_size),
    Field(json_schema_extra={"pattern": r"^\s*\d{1,9}(\.\d{1,9})?\s*(KB|MB|GB)\s*$"}, examples=["256MB"]),
]
