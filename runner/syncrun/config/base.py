"""The base of every YAML model, and the small types that several of them share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from syncrun.expressions.duration_field import Duration as Duration  # noqa: PLC0414 - models take it from here
from syncrun.yaml_models import YamlModel as YamlModel  # noqa: PLC0414 - the same

YamlPath = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

IDENTIFIER = r"^[a-z][a-z0-9_]*$"
CONNECTION_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
VARIABLE_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_MOST_COMPARED, _LONGEST_COMPARED, _MOST_SHOWN = 300, 100, 50
HOOK_FILE = r"^[^\x00]+\.py$"


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
    from difflib import get_close_matches

    known = sorted(names)
    if len(known) <= _MOST_COMPARED and len(word) <= _LONGEST_COMPARED:  # it takes time for each of them
        near = get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.6)
        if near:
            return f"did you mean '{next(name for name in known if name.lower() == near[0])}'?"
    shown = ", ".join(known[:_MOST_SHOWN]) + (", …" if len(known) > _MOST_SHOWN else "")
    return f"one of: {shown}" if known else ""


Identifier = Annotated[str, Field(pattern=IDENTIFIER, max_length=63)]
HookFileName = Annotated[str, Field(pattern=HOOK_FILE)]
"""A Python file of hooks, relative to the project folder."""
