"""What is left of a file without its invalid parts, so that the rest can be checked as well."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from syncrun.config.base import YamlPath
from syncrun.config.connector import Connector
from syncrun.config.outline import locate

_ROUNDS = 10
_PLACEHOLDERS = {"connector": "placeholder", "base_url": "https://host.invalid"}


def salvage(value: dict[str, Any], error: ValidationError) -> tuple[Connector | None, frozenset[YamlPath]]:
    """Return the connector without the parts that *error* names, and the keys that they belonged to.

    The connector is None when too little is left.
    """
    rest = _copy(value)
    unsure: set[YamlPath] = set()
    for _ in range(_ROUNDS):
        for detail in error.errors(include_url=False, include_context=False, include_input=False):
            path = locate(Connector, detail["loc"]).path
            path = path[:-1] if detail["type"] == "missing" and len(path) > 1 else path
            unsure.add(path[:3] if path[:1] == ("syncs",) else path[:1])
            _remove(rest, path)
        try:
            return Connector.model_validate(rest, strict=True), frozenset(unsure)
        except ValidationError as remaining:
            error = remaining
    return None, frozenset(unsure)


def _remove(value: Any, path: YamlPath) -> None:
    """Remove what is at *path*; of a list the whole list, whose other elements would move."""
    for index, part in enumerate(path):
        if isinstance(part, int):
            path = path[:index]
            break
    if len(path) == 1 and path[0] in _PLACEHOLDERS:
        value[path[0]] = _PLACEHOLDERS[str(path[0])]
        return
    for part in path[:-1]:
        value = value.get(part) if isinstance(value, dict) else None
    if path and isinstance(value, dict):
        value.pop(path[-1], None)


def _copy(value: Any) -> Any:
    """Return a copy of *value* in which nothing is shared."""
    if isinstance(value, dict):
        return {key: _copy(member) for key, member in value.items()}
    return [_copy(member) for member in value] if isinstance(value, list) else value
