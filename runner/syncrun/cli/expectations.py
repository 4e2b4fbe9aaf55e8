"""`syncrun test --update`: new values in the `expect` of a connector file, and not a character besides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from syncrun.config.base import YamlPath
from syncrun.config.yaml_file import YamlFile
from syncrun.engine.casework import Tested
from syncrun.errors import UsageError


def rewrite(file: Path, index: int, tested: Tested) -> bool:
    """Put the actual values of test number *index* in the place of those expected; return whether all were.

    Each has to stand on one line. Raise UsageError, saying what to paste, for one that does not.
    """
    values = tested.values or {}
    if len(values) < len(tested.differences):
        return False  # something is wrong that no other value would mend
    yaml = YamlFile.read(file)
    edits: dict[tuple[int, int], tuple[str, str]] = {}
    for below, value in values.items():
        path: YamlPath = ("tests", index, "expect", *below)
        node = yaml.node(path)
        if node is None or not node.source:
            raise UsageError(
                f"{file}: {_shown(path)} cannot be rewritten: it is not written on one line",
                hint=f"paste {json.dumps(value, ensure_ascii=False)}",
            )
        edits[node.line, node.column] = (node.source, json.dumps(value, ensure_ascii=False))
    _edit(file, edits)
    return True


def _edit(file: Path, edits: Mapping[tuple[int, int], tuple[str, str]]) -> None:
    lines = file.read_bytes().decode("utf-8-sig").splitlines(keepends=True)
    for line, column in sorted(edits, reverse=True):  # from the end, so that places stay true
        before, after = edits[line, column]
        text = lines[line - 1]
        if not text.startswith(before, column - 1):
            place = f"{file}:{line}:{column}"
            raise UsageError(f"{place}: expected {before} here", hint="paste the values by hand")
        lines[line - 1] = text[: column - 1] + after + text[column - 1 + len(before) :]
    file.write_bytes("".join(lines).encode())


def _shown(path: YamlPath) -> str:
    head, *rest = path
    return str(head) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
