"""Which part of an answer is the list of records (R21)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from syncrun.errors import ResponseError
from syncrun.excerpts import excerpt
from syncrun.expressions.compile import compile_expression
from syncrun.extract.presence import is_there

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_USUAL_NAMES = ("data", "items", "results", "records", "value", "values", "entries", "rows", "objects")
_ERROR_NAMES = ("errors", "error")
_EXCERPT = 200
_SHORT_TEXT = 40
_MOST = 20  # lists that are named
_DEEPEST_CANDIDATE = 2


class Selection(Struct, frozen=True):
    """What an answer has of records.

    *listed* tells that it holds the list, which may be empty. Where it does not, *fault* is the error that
    this is on a first page, unless the answer is *blank*: empty, or one that the sync takes for no records.
    *reported* tells that the answer speaks of an error of its own, *instead* what stands in the list's place:
    null for an empty one, an object for one record.
    """

    records: Sequence[Any]
    listed: bool = True
    blank: bool = False
    fault: ResponseError | None = None
    reported: bool = False
    instead: str = ""


_BLANK = Selection([], listed=False, blank=True)


class Selector:
    """Selects the records of each page of one enumeration.

    Without an *expression* the first page that has a list decides where the records are; later pages must
    have them in the same place. With *absent* a first page that leaves the list out is an empty one. *sparse*
    answers, those in XML, have no empty lists: what is in an element that is there is there with it.
    """

    def __init__(self, expression: str | None = None, *, absent: bool = False, sparse: bool = False) -> None:
        self.expression = expression
        self._evaluate = None if expression is None else compile_expression(expression)
        self._absent, self._sparse = absent, sparse
        self._member: str | None = None
        self._is_list = False

    def find_again(self, expression: str) -> None:
        """Look for the records where an earlier read of the same list found them."""
        if self._evaluate is None and self.expression is None:
            self.expression = expression
            self._member = None if expression == "@" else _member_of(expression)

    def found_list(self) -> None:
        """Note that a page had the list, which was read without `select`."""
        self._is_list = True

    def select(self, body: Any, *, first: bool = True) -> Selection:
        """Return the records of *body*; an object counts as one record.

        It is unclear where they are, or the answer reports an error instead, where the selection has a fault.
        Elements of the list are returned as they are, whatever their type.
        """
        if body is None:
            return _BLANK
        if self._evaluate is not None:
            return self._declared(self._evaluate(body), body, first=first)
        if self.expression is None:
            return self._chosen(body)
        return self._chosen_before(body)

    def _declared(self, value: Any, body: Any, *, first: bool) -> Selection:
        expression = self.expression or ""
        if isinstance(value, list) and (value or self._holds(body, deep=first or not self._absent)):
            self._is_list = True
            return Selection(value)
        if isinstance(value, dict) and not (self._is_list and value is body):  # a message in the list's place
            odd = not self._sparse and (self._is_list or not (first or value))
            return Selection([value], instead="an object" if odd else "")
        if value is None or isinstance(value, list | dict):
            reported = _reported_error(body)
            if reported is not None:
                return reported
            if value is None and self._holds(body, deep=True):
                return Selection([], instead="null")  # `data: null`: an empty list
            blank = body == [] or (self._absent and isinstance(body, dict))
            return Selection([], listed=False, blank=blank, fault=_finds_nothing(expression, body))
        return _unclear(
            f"records ({expression}) gives {named(value)}, neither a list nor an object",
            "records is JMESPath from the body to a list of records, or to one record",
        )

    def _holds(self, body: Any, *, deep: bool) -> bool:
        return is_there(self.expression or "", body, sparse=self._sparse, deep=deep)

    def _chosen(self, body: Any) -> Selection:
        if isinstance(body, list):
            self.expression = "@"
            return Selection(body)
        if isinstance(body, dict) and body:
            return self._chosen_member(body)
        if body == {}:
            hint = "where the API leaves an empty list out, name it: `records: items` and `empty: absent`"
            return _unclear("the answer is {}, an object without a list of records", hint)
        return _unclear(f"the answer is {named(body)}, so it holds no records", "check request and decode")

    def _chosen_member(self, body: Mapping[str, Any]) -> Selection:
        lists = {name: value for name, value in body.items() if isinstance(value, list)}
        candidates = [name for name in lists if name not in _ERROR_NAMES]
        if len(candidates) == 1:
            self._member = candidates[0]
            self.expression = path_of([self._member])
            return Selection(lists[self._member])
        if candidates:
            return _unclear(_ambiguous(body), f"set records: to one of them, such as {candidates[0]}")
        reported = _reported_error(body)
        if reported is not None:
            return reported
        if any(name in body and body[name] is None for name in _USUAL_NAMES):
            return Selection([], instead="null")  # `data: null`: an empty list
        return _unclear(_ambiguous(body), "set records: to JMESPath, or to '@' if this is one record")

    def _chosen_before(self, body: Any) -> Selection:
        if self._member is None:
            value, found = body, f"this one is {named(body)}"
        elif isinstance(body, dict):
            value = body.get(self._member)
            there = self._member in body
            found = f"this one has {named(value)} there" if there else "this one has no such list"
        else:
            value, found = False, f"this one is {named(body)}"
        if isinstance(value, list):
            return Selection(value)
        reported = _reported_error(body)
        if reported is not None:
            return reported
        if value is None and isinstance(body, dict) and self._member in body:
            return Selection([], instead="null")
        place = "a list" if self._member is None else f"an object with the records in {self.expression}"
        hint = "set records: to say where the records are"
        return _unclear(f"earlier pages were {place}, but {found}", hint)


def path_of(names: list[str]) -> str:
    """Return the JMESPath that leads through the members *names*."""
    return ".".join(n if _PLAIN_NAME.fullmatch(n) else json.dumps(n, ensure_ascii=False) for n in names)


def named(value: Any) -> str:
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


def _member_of(expression: str) -> str:
    return str(json.loads(expression)) if expression.startswith('"') else expression


def _unclear(message: str, hint: str) -> Selection:
    return Selection([], listed=False, fault=ResponseError(message, hint=hint))


def _finds_nothing(expression: str, body: Any) -> ResponseError:
    """Return the error of an expression that selects nothing, with what there is in its place."""
    finds = f"records ({expression}) finds nothing in the answer"
    if isinstance(body, list):
        hint = "leave records out, or set records: '@'"
        return ResponseError(f"{finds}, which is itself a list of {len(body)}", hint=hint)
    if not isinstance(body, dict):
        return ResponseError(f"{finds}, which is {named(body)}", hint="check request and decode")
    found = [(path_of(path), length) for path, length in _lists_in(body, []) if path[-1] not in _ERROR_NAMES]
    if found:
        shown = ", ".join(f"{path} ({length})" for path, length in found[:_MOST])
        hint = f"set records: to one of them, such as {found[0][0]}"
        return ResponseError(f"{finds}, which has the lists {shown}", hint=hint)
    members = f"its members are {', '.join(list(body)[:_MOST])}" if body else "it is {}"
    hint = "where the API leaves an empty list out, say so: `empty: absent`"
    return ResponseError(f"{finds}: {members}", hint=hint)


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


def _reported_error(body: Any) -> Selection | None:
    """Return what to make of a *body* that reports an error where records were expected, if it does."""
    if not isinstance(body, dict):
        return None
    for name in _ERROR_NAMES:
        if body.get(name):
            text = json.dumps(body[name], ensure_ascii=False, default=str)
            fault = ResponseError(f"the answer has no records but reports {name}: {excerpt(text, _EXCERPT)}")
            return Selection([], listed=False, fault=fault, reported=True)
    return None
