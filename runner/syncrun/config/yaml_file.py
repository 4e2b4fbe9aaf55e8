"""A YAML file as plain values, each with its place, read the way that JSON's types suggest.

What differs from YAML 1.1, because APIs speak JSON and people mean what they write:

- Only `true` and `false` (any of `true`, `True`, `TRUE`) are booleans: `yes`, `no`, `on`, `off` are text.
- Whole numbers are decimal without leading zeros: `0x1F`, `010`, `1_000` and `12:30:00` are text. So are
  `.inf` and `.nan`.
- Dates and times are text.
- Keys are text as written, so that `404: …` is the key "404".
- Anchors, aliases and `<<` work, within bounds; tags other than `!!str` are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from syncrun.config.base import YamlPath
from syncrun.config.yaml_hints import explain_syntax
from syncrun.config.yaml_nodes import Composer, Node
from syncrun.errors import ConfigurationError, Problem

MAX_BYTES = 4 * 1024 * 1024

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"x": 4, "u": 6, "U": 10}


@dataclass(frozen=True, slots=True)
class YamlFile:
    """The value of a file's one document, its places, and the *problems* that did not stop the reading."""

    name: str
    root: Node
    problems: tuple[Problem, ...] = ()

    @property
    def value(self) -> Any:
        """The plain value, as JSON has it. Aliased parts are shared: never change it."""
        return self.root.value

    @classmethod
    def read(cls, path: Path, name: str | None = None) -> YamlFile:
        """Return the file at *path*; raise ConfigurationError when it cannot be read as YAML."""
        name = str(path) if name is None else name
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise _fatal(f"cannot be read: {error.strerror or error}", name) from None
        if len(data) > MAX_BYTES:
            raise _fatal(f"larger than {MAX_BYTES // 1024 // 1024} MB", name)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8-sig", errors="replace")
            line, column = _position(before)
            raise _fatal(
                "not UTF-8 text", name, line, column, "save the file with the encoding UTF-8"
            ) from None
        return cls.parse(text, name)

    @classmethod
    def parse(cls, text: str, file: str = "") -> YamlFile:
        """Return the one document in *text*; raise ConfigurationError on a syntax error, with its place.

        Duplicate keys and refused tags do not stop the reading: see `problems`; the first value counts.
        """
        text = text.removeprefix("\ufeff")
        if found := _FORBIDDEN.search(text):
            code, (line, column) = ord(found[0]), _position(text[: found.start()])
            raise _fatal(f"character U+{code:04X} is not allowed in YAML", file, line, column, "remove it")
        composer = Composer(file, _BREAK.split(text))
        try:
            root = composer.compose(yaml.parse(text, Loader=_LOADER))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            message, hint = explain_syntax(error, composer.lines)
            raise ConfigurationError(
                [*composer.problems, Problem(message, file, line, column, hint)]
            ) from None
        return cls(file, root, tuple(composer.problems))

    def node(self, path: YamlPath) -> Node | None:
        """Return the node at *path*, None when there is none."""
        node: Node | None = self.root
        for part in path:
            node = node.members.get(part) if node else None
        return node

    def place(self, path: YamlPath, *, key: bool = False) -> tuple[int, int]:
        """Return line and column of the value at *path*, or of its key; of the nearest outer one."""
        node, place = self.root, (self.root.line, self.root.column)
        for part in path:
            member = node.members.get(part)
            if member is None:
                return place
            place = (member.line, member.column)
            if key and part in node.keys:
                place = node.keys[str(part)]
            node = member
        return place

    def character(self, path: YamlPath, offset: int) -> tuple[int, int]:
        """Return the place of character *offset* of the text at *path*; of its start unless on one line."""
        node = self.node(path)
        if node is None or not node.source:
            return self.place(path)
        offsets = list(_offsets(node.source))
        return node.line, node.column + (offsets[offset] if offset < len(offsets) else offsets[-1])


def _offsets(source: str) -> Iterator[int]:
    """Yield where each character of a scalar's value stands in its *source*, then where the value ends."""
    quote = source[0] if source[0] in "'\"" else ""
    at, end = len(quote), len(source) - len(quote)
    while at < end:
        yield at
        if quote == "'" and source[at] == "'":
            at += 2
        elif quote == '"' and source[at] == "\\":
            at += _ESCAPES.get(source[at + 1], 2)
        else:
            at += 1
    yield end


def _position(before: str) -> tuple[int, int]:
    lines = _BREAK.split(before)
    return len(lines), len(lines[-1]) + 1


def _fatal(message: str, file: str, line: int = 0, column: int = 0, hint: str = "") -> ConfigurationError:
    return ConfigurationError([Problem(message, file, line, column, hint)])
