"""Which names of its surroundings an expression reads: for errors about unknown ones before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from syncrun.expressions.syntax import parse


class Reference(Struct, frozen=True):
    """A root identifier read at *offset*, and its member read at *member_offset*, where that is known."""

    root: str
    member: str | None
    offset: int
    member_offset: int | None = None


@dataclass(slots=True)
class _Root:
    """A root that was read, and what was taken from it."""

    name: str
    offset: int
    members: list[tuple[str, int]] = field(default_factory=list)
    whole: bool = False


_CONTEXT = object()
"""The value of `@` where the expression starts: the whole surroundings."""

_IN_ORDER = {"subexpression", "index_expression", "pipe"}
_PROJECTIONS = {"projection", "value_projection", "filter_projection"}


def references(text: str, offset: int = 0) -> list[Reference]:
    """Return every root that the JMESPath expression *text* reads from its context, in the order of the text.

    *offset* is added to all positions. What is read from elements of a projection is no root. A root read
    both as a whole and by its members yields one reference each. Raise ExpressionError for text that cannot
    be parsed.
    """
    tracer = _Tracer()
    tracer.consume(tracer.follow(parse(text), _CONTEXT))
    found: list[Reference] = []
    for root in tracer.roots:
        if root.whole or not root.members:
            found.append(Reference(root.name, None, offset + root.offset))
        found.extend(
            Reference(root.name, member, offset + root.offset, offset + at) for member, at in root.members
        )
    return sorted(found, key=lambda reference: (reference.offset, reference.member_offset or 0))


def calls(text: str) -> set[str]:
    """Return the names of the functions that the JMESPath expression *text* calls."""
    found: set[str] = set()
    pending = [parse(text)]
    while pending:
        node = pending.pop()
        if node["type"] == "function_expression":
            found.add(node["value"])
        pending.extend(node["children"])
    return found


class _Tracer:
    """Follows an expression with stand-ins for values: the context, one of its roots, None for all else."""

    def __init__(self) -> None:
        self.roots: list[_Root] = []

    def follow(self, node: dict[str, Any], value: Any) -> Any:
        kind, children = node["type"], node["children"]
        if kind == "field":
            return self._read_field(node, value)
        if kind in {"current", "identity"}:
            return value
        if kind in _IN_ORDER:
            for child in children:
                value = self.follow(child, value)
            return value
        if kind in _PROJECTIONS:
            self.consume(self.follow(children[0], value))
            for child in children[1:]:
                self.consume(self.follow(child, None))
        elif kind == "expref":
            self.consume(self.follow(children[0], None))
        elif kind != "slice":
            for child in children:
                self.consume(self.follow(child, value))
        return None

    def consume(self, value: Any) -> None:
        """Note that *value* is used as it is."""
        if isinstance(value, _Root):
            value.whole = True

    def _read_field(self, node: dict[str, Any], value: Any) -> _Root | None:
        if value is _CONTEXT:
            root = _Root(node["value"], node["start"])
            self.roots.append(root)
            return root
        if isinstance(value, _Root):
            value.members.append((node["value"], node["start"]))
        return None
