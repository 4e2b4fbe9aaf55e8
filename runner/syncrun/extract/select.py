"""Which part of an answer is the list of records (R21)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from syncrun.errors import ResponseError
from syncrun.excerpts import excerpt
from syncrun.expressions.compile import compile_expression

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_USUAL_NAMES = ("data", "items", "results", "records", "value", "values", "entries", "rows", "objects")
_ERROR_NAMES = ("errors", "error")
_EXCERPT = 200
_SHORT_TEXT = 40
_MOST = 20  # lists that are named
_DEEPEST_CANDIDATE = 2


class Selector:
    """Selects the records of each page of one enumeration; *missed* says what seems odd about that.

    Without an *expression* the first page that has a list decides where the records are; later pages must
    have them in the same place.
    """

    def __init__(self, expression: str | None = None) -> None:
        self.expression = expression
        self._evaluate = None if expression is None else compile_expression(expression)
        self._member: str | None = None
        self.missed = ""

    def select(self, body: Any) -> list[Any]:
        """Return the records of *body*, none for an empty answer; an object counts as one record.

        Raise ResponseError when it is unclear where they are, or when the answer reports an error instead.
        Elements of the list are returned as they are, whatever their type.
        """
        if self._evaluate is not None:
            return self._select_declared(self._evaluate(body), body)
        if body is None or body == {}:
            return []
        if self.expression is None:
            return self._choose(body)
        return self._select_chosen(body)

    def _select_declared(self, value: Any, body: Any) -> list[Any]:
        if isinstance(value, list):
            return value
        if value is None:
            _raise_reported_error(body)
            self.missed = self._what_is_there(body)
            return []
        if isinstance(value, dict):
            return [value]
        raise ResponseError(
            f"records ({self.expression}) gives {_named(value)}, neither a list nor an object",
            hint="records is JMESPath from the body to a list of records, or to one record",
        )

    def _what_is_there(self, body: Any) -> str:
        """Return what the answer has in place of the records; empty when it has no list with entries."""
        found = _lists_in(body, []) if isinstance(body, dict) else ()
        lists = [path_of(path) for path, length in found if length and path[-1] not in _ERROR_NAMES]
        if not lists:
            return ""
        return f"records ({self.expression}) finds nothing, but the answer has {', '.join(lists[:_MOST])}"

    def _choose(self, body: Any) -> list[Any]:
        if isinstance(body, list):
            self.expression = "@"
            return body
        if not isinstance(body, dict):
            raise ResponseError(
                f"the answer is {_named(body)}, so it holds no records", hint="check request and decode"
            )
        lists = {name: value for name, value in body.items() if isinstance(value, list)}
        candidates = [name for name in lists if name not in _ERROR_NAMES]
        if len(candidates) == 1:
            self._member = candidates[0]
            self.expression = path_of([self._member])
            return lists[self._member]
        if candidates:
            raise ResponseError(
                _ambiguous(body), hint=f"set records: to one of them, such as {candidates[0]}"
            )
        _raise_reported_error(body)
        if any(name in body and body[name] is None for name in _USUAL_NAMES):
            return []  # `data: null`: an empty list
        raise ResponseError(
            _ambiguous(body), hint="set records: to JMESPath, or to '@' if this is one record"
        )

    def _select_chosen(self, body: Any) -> list[Any]:
        if self._member is None:
            value, found = body, f"this one is {_named(body)}"
        elif isinstance(body, dict):
            value = body.get(self._member)
            found = f"this one has {_named(value)} there"
        else:
            value, found = False, f"this one is {_named(body)}"
        if isinstance(value, list):
            return value
        _raise_reported_error(body)
        if value is None:
            return []  # many APIs leave the list out when there is nothing in it
        place = "a list" if self._member is None else f"an object with the records in {self.expression}"
        raise ResponseError(
            f"earlier pages were {place}, but {found}", hint="set records: to say where the records are"
        )


def path_of(names: list[str]) -> str:
    """Return the JMESPath that leads through the members *names*."""
    return ".".join(n if _PLAIN_NAME.fullmatch(n) else json.dumps(n, ensure_ascii=False) for n in names)


def _ambiguous(body: Mapping[str, Any]) -> str:
    candidates = [f"{path_of(path)} ({length})" for path, length in _lists_in(body, [])]
    if not candidates:
        return f"the answer has no list of records; its members are {', '.join(list(body)[:20])}"
    if len(candidates) == 1:
        return f"the answer has no list of records at its top; the only one further in is {candidates[0]}"
    return f"the answer has several lists that could be the records: {', '.join(candidates[:_MOST])}"


def _lists_in(body: Mapping[str, Any], above: list[str]) -> Iterator[tuple[list[str], int]]:
    """Yield path and length of the lists in *body* and in the objects in it."""
    for name, value in body.items():
        if isinstance(value, list):
            yield [*above, name], len(value)
        elif isinstance(value, dict) and len(above) < _DEEPEST_CANDIDATE:
            yield from _lists_in(value, [*above, name])


def _raise_reported_error(body: Any) -> None:
    """Raise ResponseError when *body* reports an error where records were expected: that is no empty list."""
    if not isinstance(body, dict):
        return
    for name in _ERROR_NAMES:
        if body.get(name):
            text = json.dumps(body[name], ensure_ascii=False, default=str)
            raise ResponseError(f"the answer has no records but reports {name}: {excerpt(text, _EXCERPT)}")


def _named(value: Any) -> str:
    """Return how messages name a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {excerpt(value, _SHORT_TEXT)!r}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return "a list" if isinstance(value, list) else "an object"
