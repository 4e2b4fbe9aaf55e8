"""Why a value or a record cannot be taken, in words for the quarantine."""

from __future__ import annotations

from typing import Any

from syncrun.excerpts import excerpt

_SHOWN = 60


class Invalid(Exception):  # noqa: N818 - it is caught where records are judged, and never reaches a caller
    """A record is refused: *reason* is a sentence without its field, *path* names the field or the place."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    @property
    def sentence(self) -> str:
        """The reason with its place in front."""
        return f"{self.path}: {self.reason}" if self.path else self.reason


class NullKey(Invalid):
    """The key field *path* has no value, so the record has no identity (R4)."""

    def __init__(self, path: str) -> None:
        super().__init__(f"key {path} is null", path)

    @property
    def sentence(self) -> str:
        """The reason, which names the field itself."""
        return self.reason


def describe(value: Any) -> str:  # noqa: PLR0911 - one line a class
    """Return how messages show *value*: `text 'abc'`, `number 7.5`, `an object`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"number {_shorten(_number(value))}"
    if isinstance(value, str):
        return f"text {_shorten(value)!r}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"a Python {type(value).__name__}"


def _number(value: float) -> str:
    try:
        return str(value)
    except ValueError:  # Python's own limit on the digits of an integer
        return "of more than 4,300 digits"


def _shorten(text: str) -> str:
    return excerpt(text, _SHOWN)
