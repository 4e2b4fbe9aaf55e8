"""Write the statements that compute a syntax tree, for one function.

Reading a member cannot fail, so all members of a variable are read right after it is set, however deep the
expressions that want them are; what may fail (functions, comparisons) stays where JMESPath evaluates it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from syncrun.expressions.interpret import search
from syncrun.expressions.places import Place, Program
from syncrun.expressions.syntax import Node

_MAX_LOOPS = 12  # CPython refuses more than 20 nested blocks
_MAX_INDENT = 60  # and more than 100 levels of indentation
_ORDER = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
COMPARABLE = frozenset({int, float, str})
"""The types that `<` and its like compare; for all others they give null."""


class _DepthError(Exception):
    """More nesting than Python's compiler takes."""


class Writer:
    """Writes the body of one function, statement by statement, for a tree at a time."""

    def __init__(self, program: Program, indent: int) -> None:
        self.program = program
        self.root = Place(program.name())
        self.lines: list[tuple[int, str | Place, int]] = []
        self.indent = indent
        self.loops = 0
        self.index = 0
        self._mark(self.root)

    def add(self, index: int, node: Node) -> Place:
        """Write what computes *node*, the expression number *index*; return where its value is."""
        self.index = index
        length, indent = len(self.lines), self.indent
        try:
            return self.write(node, self.root)
        except (_DepthError, RecursionError):
            del self.lines[length:]
            self.indent, self.loops = indent, 0
            run = self.program.constant(search(node, self.program.functions), "i")
            return self._set(f"{run}({self.root.name})")

    def finish(self) -> Iterator[tuple[str, int]]:
        """Yield the lines, each with the number of the expression it belongs to."""
        for indent, line, index in self.lines:
            for text in line.write_members() if isinstance(line, Place) else (line,):
                yield "    " * indent + text, index

    def write(self, node: Node, value: Place) -> Place:
        """Write what computes *node* for the current *value*; return where the result is."""
        place: Place = getattr(self, f"_{node['type']}")(node, value)
        return place

    def _line(self, text: str) -> None:
        self.lines.append((self.indent, text, self.index))

    def _mark(self, place: Place) -> None:
        """Have the members of *place* read here."""
        self.lines.append((self.indent, place, self.index))

    def _set(self, source: str, *, flag: bool = False) -> Place:
        place = Place(self.program.name(), flag=flag)
        self._line(f"{place.name} = {source}")
        self._mark(place)
        return place

    @contextmanager
    def _block(self, opening: str) -> Iterator[None]:
        if self.indent >= _MAX_INDENT:
            raise _DepthError
        self._line(opening)
        self.indent += 1
        yield
        self.indent -= 1

    @contextmanager
    def _loop(self, source: str) -> Iterator[Place]:
        if self.loops >= _MAX_LOOPS:
            raise _DepthError
        element = Place(self.program.name())
        self.loops += 1
        with self._block(f"for {element.name} in {source}:"):
            self._mark(element)
            yield element
        self.loops -= 1

    def _field(self, node: Node, value: Place) -> Place:
        return value.fields.setdefault(node["value"], Place(self.program.name()))

    def _index(self, node: Node, value: Place) -> Place:
        return value.indices.setdefault(node["value"], Place(self.program.name()))

    def _current(self, _node: Node, value: Place) -> Place:
        return value

    _identity = _current

    def _subexpression(self, node: Node, value: Place) -> Place:
        for child in node["children"]:
            value = self.write(child, value)
        return value

    _index_expression = _subexpression
    _pipe = _subexpression

    def _literal(self, node: Node, _value: Place) -> Place:
        place = Place(self.program.constant(node["value"]), literal=(node["value"],))
        self._mark(place)
        return place

    def _slice(self, node: Node, value: Place) -> Place:
        bounds = ":".join("" if bound is None else str(bound) for bound in node["children"])
        return self._set(f"{value.name}[{bounds}] if isinstance({value.name}, list) else None")

    def _flatten(self, node: Node, value: Place) -> Place:
        return self._set(f"flatten({self.write(node['children'][0], value).name})")

    def _projection(self, node: Node, value: Place) -> Place:
        base = self.write(node["children"][0], value).name
        return self._collect(node, f"isinstance({base}, list)", base)

    _filter_projection = _projection

    def _value_projection(self, node: Node, value: Place) -> Place:
        base = self.write(node["children"][0], value).name
        return self._collect(node, f"isinstance({base}, dict)", f"{base}.values()")

    def _collect(self, node: Node, guard: str, source: str) -> Place:
        """Write a loop that gathers the right side's values, but for nulls, of what passes the filter."""
        result, children = Place(self.program.name()), node["children"]
        with self._block(f"if {guard}:"):
            self._line(f"{result.name} = []")
            with self._loop(source) as element:
                if len(children) > 2:  # noqa: PLR2004
                    condition = self.write(children[2], element)
                    with self._block(f"if {condition.truth}:"):
                        self._append(result, children[1], element)
                else:
                    self._append(result, children[1], element)
        with self._block("else:"):
            self._line(f"{result.name} = None")
        self._mark(result)
        return result

    def _append(self, result: Place, node: Node, element: Place) -> None:
        member = self.write(node, element).name
        self._line(f"if {member} is not None: {result.name}.append({member})")

    def _multi_select_list(self, node: Node, value: Place) -> Place:
        return self._select(node, value, lambda names: f"[{', '.join(names)}]")

    def _multi_select_dict(self, node: Node, value: Place) -> Place:
        keys = [repr(child["value"]) for child in node["children"]]
        members = [child["children"][0] for child in node["children"]]

        def join(names: list[str]) -> str:
            return f"{{{', '.join(f'{key}: {name}' for key, name in zip(keys, names, strict=True))}}}"

        return self._select({"children": members}, value, join)

    def _select(self, node: Node, value: Place, join: Callable[[list[str]], str]) -> Place:
        result = Place(self.program.name())
        with self._block(f"if {value.name} is not None:"):
            names = [self.write(child, value).name for child in node["children"]]
            self._line(f"{result.name} = {join(names)}")
        with self._block("else:"):
            self._line(f"{result.name} = None")
        self._mark(result)
        return result

    def _or_expression(self, node: Node, value: Place) -> Place:
        return self._choose(node, value, "if not {}:")

    def _and_expression(self, node: Node, value: Place) -> Place:
        return self._choose(node, value, "if {}:")

    def _choose(self, node: Node, value: Place, opening: str) -> Place:
        left = self.write(node["children"][0], value)
        result = Place(self.program.name())
        self._line(f"{result.name} = {left.name}")
        with self._block(opening.format(left.truth)):
            right = self.write(node["children"][1], value)
            self._line(f"{result.name} = {right.name}")
        result.flag = left.flag and right.flag
        self._mark(result)
        return result

    def _not_expression(self, node: Node, value: Place) -> Place:
        return self._set(f"not {self.write(node['children'][0], value).truth}", flag=True)

    def _comparator(self, node: Node, value: Place) -> Place:
        left, right = (self.write(child, value) for child in node["children"])
        if node["value"] in _ORDER:
            compared = f"{left.name} {_ORDER[node['value']]} {right.name}"
            guards = [f"{one.name}.__class__ in comparable" for one in (left, right) if one.literal is None]
            if any(one.literal and one.literal[0].__class__ not in COMPARABLE for one in (left, right)):
                return self._set("None", flag=True)
            return self._set(f"{compared} if {' and '.join(guards) or 'True'} else None", flag=True)
        equal = _write_equality(left, right) or _write_equality(right, left)
        equal = equal or f"equals({left.name}, {right.name})"
        return self._set(equal if node["value"] == "eq" else f"not ({equal})", flag=True)

    def _function_expression(self, node: Node, value: Place) -> Place:
        arguments = [self._write_argument(child, value) for child in node["children"]]
        function = self.program.constant(self.program.functions.find(node["value"]), "f")
        return self._set(f"{function}({', '.join(arguments)})")

    def _write_argument(self, node: Node, value: Place) -> str:
        if node["type"] != "expref":
            return self.write(node, value).name
        inner = Writer(self.program, 1)
        result = inner.write(node["children"][0], inner.root)
        function, reference = self.program.name("e"), self.program.name("r")
        self.program.references.append(f"def {function}({inner.root.name}):")
        self.program.references.extend(line for line, _ in inner.finish())
        self.program.references.append(f"    return {result.name}")
        self.program.references.append(f"{reference} = refer({function})")
        return reference


def _write_equality(value: Place, known: Place) -> str:
    """Return source that compares *value* with the literal *known*, or nothing when that is not one.

    JMESPath tells 1 from true and 0 from false, which Python does not.
    """
    if known.literal is None:
        return ""
    constant = known.literal[0]
    if constant is None or constant is True or constant is False:
        return f"{value.name} is {constant!r}"
    if isinstance(constant, str):
        return f"{value.name} == {constant!r}"
    if isinstance(constant, (int, float)) and constant in {0, 1}:
        return f"{value.name}.__class__ is not bool and {value.name} == {known.name}"
    return f"{value.name} == {known.name}"
