"""Where the values of a generated function are: its variables, and the members that are read from them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

from syncrun.expressions.functions import Functions

if TYPE_CHECKING:
    from syncrun.expressions.layout import Layout

_IS_OBJECT = "{0}.__class__ is dict or isinstance({0}, dict)"  # the first costs nearly nothing


class Place:
    """A local variable, or a constant, that holds a JMESPath value.

    *flag* says that it holds True, False or None and nothing else; *literal* is a 1-tuple for a known value.
    With a `layout` it holds an object with attributes for its members, or None.
    """

    __slots__ = ("fields", "flag", "indices", "layout", "literal", "name")

    def __init__(self, name: str, *, flag: bool = False, literal: tuple[Any] | None = None) -> None:
        self.name = name
        self.flag = flag
        self.literal = literal
        self.layout: Layout | None = None
        self.fields: dict[str, Place] = {}
        self.indices: dict[int, Place] = {}

    @property
    def truth(self) -> str:
        """Python source that is true where JMESPath takes the value as true: 0 is."""
        if self.flag:
            return self.name
        return f"({self.name} or {self.name}.__class__ is int or {self.name}.__class__ is float)"

    def write_members(self) -> Iterator[str]:
        """Yield the lines that read the members of this value, and theirs."""
        pending = [self]
        while pending:
            place = pending.pop()
            if place.fields and place.layout is not None:
                yield from _write_attributes(place.name, place.fields, place.layout)
            elif place.fields:
                yield from _write_fields(place.name, place.fields)
            for index, member in place.indices.items():
                yield _write_index(place.name, index, member.name)
            pending.extend((*place.fields.values(), *place.indices.values()))


def _write_fields(name: str, fields: dict[str, Place]) -> Iterator[str]:
    if len(fields) == 1:
        ((key, member),) = fields.items()
        yield f"{member.name} = {name}.get({key!r}) if {_IS_OBJECT.format(name)} else None"
        return
    yield f"if {_IS_OBJECT.format(name)}:"
    for key, member in fields.items():
        yield f"    {member.name} = {name}.get({key!r})"
    yield "else:"
    yield f"    {' = '.join(member.name for member in fields.values())} = None"


def _write_attributes(name: str, fields: dict[str, Place], layout: Layout) -> Iterator[str]:
    attributes, layouts = layout.attributes(), dict(layout.members)
    yield f"if {name} is not None:"
    for key, member in fields.items():
        member.layout = layouts[key]
        yield f"    {member.name} = {name}.{attributes[key]}"
    yield "else:"
    yield f"    {' = '.join(member.name for member in fields.values())} = None"


def _write_index(name: str, index: int, member: str) -> str:
    present = f"len({name}) > {index}" if index >= 0 else f"len({name}) >= {-index}"
    return f"{member} = {name}[{index}] if isinstance({name}, list) and {present} else None"


class Program:
    """What all functions of one generated module share: constants, helpers, names."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.numbers = count()
        self.constants: dict[str, Any] = {}
        self.references: list[str] = []

    def name(self, prefix: str = "v") -> str:
        """Return a name that nothing else has."""
        return f"{prefix}{next(self.numbers)}"

    def constant(self, value: Any, prefix: str = "c") -> str:
        """Return the name under which *value* is in reach of all functions."""
        name = self.name(prefix)
        self.constants[name] = value
        return name
