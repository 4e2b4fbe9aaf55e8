"""The base of every YAML model, and the small types that several of them share."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from syncrun.expressions.durations import parse_duration

YamlPath = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

IDENTIFIER = r"^[a-z][a-z0-9_]*$"
CONNECTION_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
VARIABLE_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


class YamlModel(BaseModel):
    """A mapping in a YAML file: unknown keys are errors, values never change after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _check_duration(text: str) -> str:
    parse_duration(text)
    return text


def _no_numbers(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 - pydantic reports ValueErrors
            f"{value} is no duration; write a number and ms, s, m, h, d or w, such as {value}s"
        )
    return value


def shape_of(value: Any) -> str:
    """Return the shape of *value*: mapping, list, text, number, boolean or null; it tags unions."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list() | tuple():
            return "list"
        case _:
            return "mapping"


def suggest(word: str, names: Iterable[str]) -> str:
    """Return a hint for the unknown *word*: the nearest of *names*, else all of them; empty without names."""
    known = sorted(names)
    near = get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    if near:
        return f"did you mean '{next(name for name in known if name.lower() == near[0])}'?"
    return f"one of: {', '.join(known)}" if known else ""


Duration = Annotated[
    str,
    BeforeValidator(_no_numbers, json_schema_input_type=str),
    AfterValidator(_check_duration),
    Field(json_schema_extra={"pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*$"}, examples=["15m"]),
]
Identifier = Annotated[str, Field(pattern=IDENTIFIER, max_length=63)]
