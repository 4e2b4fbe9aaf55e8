"""From a YAML parser's events to nodes: values with places, built without recursion, within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from syncrun.errors import ConfigurationError, Problem

MAX_DEPTH = 100
MAX_PROBLEMS = 100
MAX_ALIASED = 100_000  # values that aliases may add to those written

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,399})")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STR_TAGS = ("tag:yaml.org,2002:str", "!")


@dataclass(slots=True)
class Node:
    """One value and where it is written (from 1); *source* is the text of a scalar on a single line."""

    line: int
    column: int
    value: Any = None
    source: str = ""
    members: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    size: int = 1

    def put(self, name: str, node: Node, place: tuple[int, int]) -> None:
        """Set the member *name* of a mapping, whose key stands at *place*."""
        self.members[name] = node
        self.keys[name] = place
        self.value[name] = node.value
        self.size += node.size


@dataclass(slots=True)
class _Open:
    """A mapping or list that is still being read."""

    node: Node
    anchor: str | None
    key: tuple[str, tuple[int, int]] | None = None
    merged: list[Node] = field(default_factory=list)
    merges: bool = False  # whether the value that comes next is that of `<<`


class Composer:
    """Builds nodes from parser events, without recursion and within bounds."""

    def __init__(self, file: str, lines: Sequence[str]) -> None:
        self.file = file
        self.lines = lines
        self.problems: list[Problem] = []
        self._anchors: dict[str, Node | None] = {}
        self._stack: list[_Open] = []
        self._aliased = 0
        self._root: Node | None = None

    def compose(self, events: Iterable[Any]) -> Node:
        """Return the root of the one document; raise ConfigurationError where it cannot go on."""
        documents = 0
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        hint = "keep one document a file: remove '---'"
                        raise self._fatal(event, "a second document starts here", hint)
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._start(event)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._end()
        return self._root or Node(1, 1)

    def _scalar(self, event: Any) -> None:
        place = _begin(event)
        top = self._stack[-1] if self._stack else None
        plain = event.style in (None, "")
        if top and isinstance(top.node.value, dict) and top.key is None and not top.merges:
            if plain and event.value == "<<" and event.tag is None:
                top.merges = True
            else:
                top.key = (event.value, place)
            return
        node = Node(*place, event.value)
        if event.tag is None and plain:
            node.value = _resolve(event.value)
        elif event.tag is not None and event.tag not in _STR_TAGS:
            self._refuse_tag(event, "put the value in quotes")
        start, end = event.start_mark, event.end_mark
        if start.line == end.line < len(self.lines) and event.style in (None, "", "'", '"'):
            node.source = self.lines[start.line][start.column : end.column]
        self._add(node, event.anchor)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            hint = "text that starts with * must be in quotes"
            raise self._fatal(event, "this alias has no anchor before it", hint)
        node = self._anchors[event.anchor]
        if node is None:
            raise self._fatal(event, "this alias is inside the value that it repeats")
        self._aliased += node.size
        if self._aliased > MAX_ALIASED:
            raise self._fatal(event, f"aliases make this file grow by more than {MAX_ALIASED:,} values")
        if self._expects_key():
            raise self._fatal(event, "a key must be text")
        self._add(node, None)

    def _start(self, event: Any) -> None:
        if self._expects_key():
            hint = "text that starts with { or [ must be in quotes"
            raise self._fatal(event, "a key must be text", hint)
        if len(self._stack) >= MAX_DEPTH:
            raise self._fatal(event, f"nested more than {MAX_DEPTH} levels deep")
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag is not None:
            self._refuse_tag(event, "remove it")
        node = Node(*_begin(event), {} if mapping else [])
        if event.anchor:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(node, event.anchor))

    def _end(self) -> None:
        done = self._stack.pop()
        own = done.node
        if done.merged:
            own = Node(own.line, own.column, {})
            for source in (*reversed(done.merged), done.node):
                for name, member in source.members.items():
                    own.put(str(name), member, source.keys[str(name)])
        self._add(own, done.anchor)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        if isinstance(top.node.value, list):
            top.node.members[len(top.node.value)] = node
            top.node.value.append(node.value)
            top.node.size += node.size
        elif top.merges:
            top.merges = False
            self._merge(top, node)
        elif top.key:
            (name, place), top.key = top.key, None
            if name in top.node.members:
                self._report(
                    place, f"duplicate key '{name}'", f"the first is on line {top.node.keys[name][0]}"
                )
            else:
                top.node.put(name, node, place)

    def _merge(self, top: _Open, node: Node) -> None:
        sources = list(node.members.values()) if isinstance(node.value, list) else [node]
        for source in sources:
            if isinstance(source.value, dict):
                top.merged.append(source)
            else:
                self._report((source.line, source.column), "'<<' takes a mapping, or a list of mappings")

    def _expects_key(self) -> bool:
        top = self._stack[-1] if self._stack else None
        return bool(top and isinstance(top.node.value, dict) and top.key is None and not top.merges)

    def _refuse_tag(self, event: Any, hint: str) -> None:
        self._report(_begin(event), "a tag means nothing here", hint)

    def _report(self, place: tuple[int, int], message: str, hint: str = "") -> None:
        self.problems.append(Problem(message, self.file, *place, hint))
        if len(self.problems) >= MAX_PROBLEMS:
            raise ConfigurationError(self.problems)

    def _fatal(self, event: Any, message: str, hint: str = "") -> ConfigurationError:
        return ConfigurationError([*self.problems, Problem(message, self.file, *_begin(event), hint)])


def _begin(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _resolve(text: str) -> Any:
    """Return the value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text
