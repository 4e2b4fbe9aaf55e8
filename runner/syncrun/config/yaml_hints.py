"""What a YAML parser's complaint means to the person who wrote the file."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from syncrun.config.yaml_nodes import MAX_DEPTH

_HINTS = {
    "mapping values are not allowed": "put text that contains ': ' in quotes, and check the indentation",
    "could not find expected ':'": "each line of a mapping is 'key: value'; check the indentation",
    "did not find expected key": "check the indentation; text that starts with a quote must end with it",
    "did not find expected '-' indicator": "items of a list start with '- ' in the same column",
    "did not find expected ',' or": "text with { } [ ] , in it must be in quotes",
    "did not find expected node content": "put the text in quotes",
    "did not find expected alphabetic": "text that starts with * or & must be in quotes",
    "found unknown escape character": "in double quotes a backslash is written \\\\; in single quotes \\",
    "found undefined tag handle": "text that starts with ! must be in quotes",
    "block sequence entries are not allowed": "start a list on the line after its key",
}


def explain_syntax(error: yaml.MarkedYAMLError, lines: Sequence[str]) -> tuple[str, str]:
    """Return a message and a hint for *error*; *lines* is the text that was parsed."""
    problem = (error.problem or "").strip()
    mark = error.problem_mark or error.context_mark
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    character = line[mark.column] if mark and mark.column < len(line) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "a tab cannot indent YAML", "use spaces"
    if "cannot start any token" in problem:
        return f"text cannot start with {character!r} here", "put it in quotes"
    if "unexpected end of stream" in problem and error.context_mark:
        return f"the quote opened on line {error.context_mark.line + 1} is never closed", ""
    if "maximum nesting depth" in problem:  # the parser looks ahead, and may find it before the composer does
        return f"nested more than {MAX_DEPTH} levels deep", ""
    hint = next((hint for known, hint in _HINTS.items() if known in problem), "")
    if "${" in line and "expected ',' or" in problem:
        hint = 'inside { } and [ ], put ${…} in quotes: "${…}"'
    return f"not valid YAML: {problem}", hint
