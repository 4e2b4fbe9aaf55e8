"""A length of time in YAML, such as 15m, as a pydantic type."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from syncrun.expressions.durations import parse_duration


def _check_duration(text: str) -> str:
    parse_duration(text)
    return text


def _no_numbers(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 - pydantic reports ValueErrors
            f"{value} is no duration; write a number and ms, s, m, h, d or w, such as {value}s"
        )
    return value


Duration = Annotated[
    str,
    BeforeValidator(_no_numbers, json_schema_input_type=str),
    AfterValidator(_check_duration),
    Field(json_schema_extra={"pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*$"}, examples=["15m"]),
]
