"""The base of every YAML model, and the small types that several of them share."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_DURATION = re.compile(r"(?P<count>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|h|d|w)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
IDENTIFIER = r"^[a-z][a-z0-9_]*$"


class YamlModel(BaseModel):
    """A mapping in a YAML file: unknown keys are errors, values never change after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def parse_duration(text: str) -> timedelta:
    """Return the length of time that *text* names: `500ms`, `15s`, `10m`, `1.5h`, `30d`, `2w`."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration; write a number and ms, s, m, h, d or w, such as 15m")
    return timedelta(seconds=float(match["count"]) * _UNITS[match["unit"]])


def _check_duration(text: str) -> str:
    parse_duration(text)
    return text


def _no_booleans(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("true and false are no text here; put them in quotes")
    return value


Duration = Annotated[
    str,
    AfterValidator(_check_duration),
    Field(json_schema_extra={"pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*$"}, examples=["15m"]),
]
Identifier = Annotated[str, BeforeValidator(_no_booleans), Field(pattern=IDENTIFIER, max_length=63)]
