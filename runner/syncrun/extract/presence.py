"""Whether the place that an expression selects is there at all: an empty list is, a missing member is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncrun.expressions.functions import DEFAULT
from syncrun.expressions.interpret import FAILURES, search
from syncrun.expressions.syntax import Node, parse


def is_there(expression: str, document: Any, *, sparse: bool = False, deep: bool = True) -> bool:
    """Whether *document* has what *expression* selects, be it null or empty.

    A projection is there when its list is, and the rest of it in one of the elements, if there are any. A
    literal is not: a list that stands in for a missing one is none of the document. In a *sparse* document,
    as XML is, all that is in a member counts as there with it. What is not *deep* looks into no elements.
    """
    return _Search(sparse, deep).holds(parse(expression), document)


class _Search:
    def __init__(self, sparse: bool, deep: bool) -> None:  # noqa: FBT001 - keywords where others call it
        self._sparse, self._deep = sparse, deep

    def holds(self, node: Node, value: Any) -> bool:
        """Whether *node* is there in *value*."""
        decide = _KINDS.get(node["type"])
        return True if decide is None else decide(self, node, value)

    def field(self, node: Node, value: Any) -> bool:
        return isinstance(value, dict) and node["value"] in value

    def path(self, node: Node, value: Any) -> bool:
        """Whether each of the children is there in the value of the one before it."""
        first, *further = node["children"]
        if not self.holds(first, value):
            return False
        for before, child in zip((first, *further), further, strict=False):
            value = _value(before, value)
            if self._sparse and not isinstance(value, list):
                return True
            if not self.holds(child, value):
                return False
        return True

    def index(self, node: Node, value: Any) -> bool:
        return isinstance(value, list) and -len(value) <= node["value"] < len(value)

    def projection(self, node: Node, value: Any) -> bool:
        """Whether the list is there, and the rest in one of its elements, if it has any."""
        left, *rest = node["children"]
        if not self.holds(left, value):
            return False
        found = _value(left, value)
        if node["type"] == "filter_projection":
            found = _value({**node, "children": [left, {"type": "identity", "children": []}, rest[1]]}, value)
        elements = list(found.values()) if isinstance(found, dict) else found
        if found is None or not elements or not rest or not self._deep:
            return found is None or self._sparse or isinstance(found, list | dict)
        return isinstance(elements, list) and any(self.holds(rest[0], element) for element in elements)

    def either(self, node: Node, value: Any) -> bool:
        return any(self.holds(child, value) for child in node["children"] if child["type"] != "expref")

    def call(self, node: Node, value: Any) -> bool:
        return not node["children"] or self.either(node, value)

    def literal(self, _node: Node, _value: Any) -> bool:
        return False


_KINDS: Mapping[str, Callable[[_Search, Node, Any], bool]] = {
    "field": _Search.field,
    "subexpression": _Search.path,
    "pipe": _Search.path,
    "index_expression": _Search.path,
    "index": _Search.index,
    "projection": _Search.projection,
    "filter_projection": _Search.projection,
    "value_projection": _Search.projection,
    "flatten": _Search.projection,
    "or_expression": _Search.either,
    "multi_select_list": _Search.either,
    "function_expression": _Search.call,
    "literal": _Search.literal,
}


def _value(node: Node, value: Any) -> Any:
    try:
        return search(node, DEFAULT)(value)
    except FAILURES:
        return None
