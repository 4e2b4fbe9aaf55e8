"""Which members of a record a set of expressions reads, so that nothing else of it need be decoded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncrun.expressions.functions import Functions
from syncrun.expressions.places import Place, Program
from syncrun.expressions.syntax import parse
from syncrun.expressions.writer import Writer

_NAME = re.compile(r"\bv\d+\b")


@dataclass(frozen=True)
class Layout:
    """The members that are read of an object that is not used as a whole.

    A member has a layout of its own where the same is true of it, or None where it is used as it is.
    """

    members: Mapping[str, Layout | None]

    def attributes(self) -> dict[str, str]:
        """Return for each member the name of the attribute that it is read from."""
        return {name: f"m{position}" for position, name in enumerate(self.members)}


def layout_of(expressions: Sequence[str], functions: Functions) -> Layout | None:
    """Return what *expressions* read of a record, None when one of them uses all of it."""
    program = Program(functions)
    writer = Writer(program, 0)
    results = {writer.add(index, parse(text)).name for index, text in enumerate(expressions)}
    lines = [line for _, line, _ in writer.lines if isinstance(line, str)]
    used = results.union(*(_NAME.findall(line) for line in (*lines, *program.references)))
    return _layout(writer.root, used)


def _layout(place: Place, used: set[str]) -> Layout | None:
    if place.name in used or place.indices or not place.fields:
        return None
    return Layout({name: _layout(member, used) for name, member in place.fields.items()})
