"""Which members of a record a set of expressions reads, so that nothing else of it need be decoded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct

from syncrun.expressions.functions import DEFAULT, Functions
from syncrun.expressions.places import Place, Program
from syncrun.expressions.syntax import Node, parse
from syncrun.expressions.writer import Writer

_NAME = re.compile(r"\bv\d+\b")


class Layout(Struct, frozen=True):
    """The members that are read of an object that is not used as a whole.

    A member has a layout of its own where the same is true of it, or None where it is used as it is.
    """

    members: tuple[tuple[str, Layout | None], ...]

    def attributes(self) -> dict[str, str]:
        """Return for each member the name of the attribute that it is read from."""
        return {name: f"m{position}" for position, (name, _) in enumerate(self.members)}

    def reaches(self, path: Sequence[str]) -> bool:
        """Whether anything at *path*, or in it, is read, or something that it is in is used as a whole."""
        layout: Layout | None = self
        for name in path:
            if layout is None:
                return True
            members = dict(layout.members)
            if name not in members:
                return False
            layout = members[name]
        return True


def layout_of(expressions: Sequence[str], functions: Functions = DEFAULT) -> Layout | None:
    """Return what *expressions* read of a record, None when one of them uses all of it."""
    return _layout_of(tuple(expressions), functions)


@lru_cache(maxsize=512)
def _layout_of(expressions: tuple[str, ...], functions: Functions) -> Layout | None:
    program = Program(functions)
    writer = Writer(program, 0)
    results = {writer.add(index, parse(text)).name for index, text in enumerate(expressions)}
    lines = [line for _, line, _ in writer.lines if isinstance(line, str)]
    used = results.union(*(_NAME.findall(line) for line in (*lines, *program.references)))
    return _layout(writer.root, used)


def plain_path(expression: str) -> tuple[str, ...] | None:
    """Return the members that *expression* follows, none for `@`; None when it does anything else."""
    return _path(parse(expression))


def _path(node: Node) -> tuple[str, ...] | None:
    if node["type"] == "current":
        return ()
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] != "subexpression":
        return None
    paths = [_path(child) for child in node["children"]]
    return None if None in paths else tuple(name for path in paths if path for name in path)


def _layout(place: Place, used: set[str]) -> Layout | None:
    if place.name in used or place.indices or not place.fields:
        return None
    return Layout(tuple((name, _layout(member, used)) for name, member in place.fields.items()))
