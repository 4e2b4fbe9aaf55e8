"""Changes of records as people read them, whether they happened or would."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from syncrun.excerpts import excerpt

_MARKS = {"ADDED": "+", "UPDATED": "~", "DELETED": "-", "MISSING": "?"}
_WIDEST = 60  # characters of a value before and after a change


def whole(action: str, key: str, values: Mapping[str, Any]) -> str:
    """Return the line of a record with all its values: `+ 3  {"id": 3, "name": "three"}`."""
    return f"{_MARKS[action]} {shown_id(key)}  {_text(values)}"


def changed(key: str, fields: Iterable[tuple[str, Any, Any]]) -> str:
    """Return the line of an updated record; *fields* are name, value before and value after."""
    told = ", ".join(f"{name}: {_short(before)} → {_short(after)}" for name, before, after in fields)
    return f"{_MARKS['UPDATED']} {shown_id(key)}  {told or 'changed, though none of its fields are'}"


def shown_id(key: str) -> str:
    """Return a record's id without the brackets of its canonical text: `7`, `a/7`."""
    try:
        parts = json.loads(key)
    except ValueError:
        return key
    parts = parts if isinstance(parts, list) else [parts]
    return "/".join(part if isinstance(part, str) else _text(part) for part in parts)


def _short(value: Any) -> str:
    text = _text(value)
    return excerpt(text, _WIDEST)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
