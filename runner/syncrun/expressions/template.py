"""Text with `${JMESPath}` in it: paths, parameters, headers and bodies of requests.

A template that is exactly one `${…}` keeps the value's type; otherwise the values are put into the text:
strings as they are, anything else as JSON, and null anywhere makes the whole template null. `$${` is a
literal `${`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from syncrun.errors import EvaluationError, ExpressionError
from syncrun.expressions.compile import compile_expression
from syncrun.expressions.functions import DEFAULT, Functions
from syncrun.expressions.references import Reference, references
from syncrun.expressions.syntax import parse

_QUOTES = "'\"`"


class Inserted(Struct, frozen=True):
    """An expression in a template; *offset* is where its text begins, after `${`."""

    expression: str
    offset: int


class ParsedTemplate(Struct, frozen=True):
    """A template cut into literal text and expressions, ready to be rendered."""

    text: str
    parts: tuple[str | Inserted, ...]

    @property
    def constant(self) -> bool:
        """Whether it holds no expression, and so renders to the same text everywhere."""
        return not any(isinstance(part, Inserted) for part in self.parts)

    @property
    def whole(self) -> bool:
        """Whether it is exactly one `${…}`, whose value keeps its type."""
        return len(self.parts) == 1 and isinstance(self.parts[0], Inserted)

    @property
    def expressions(self) -> tuple[tuple[str, int], ...]:
        """The expressions, each with its offset in the text."""
        return tuple((part.expression, part.offset) for part in self.parts if isinstance(part, Inserted))

    def render(self, context: Mapping[str, Any], *, functions: Functions = DEFAULT) -> Any:
        """Return the value over *context*: of any type when `whole`, else text, or None if a part is null.

        Raise EvaluationError when an expression fails on the context.
        """
        if self.whole:
            return _evaluate(self.expressions[0][0], context, functions)
        texts: list[str] = []
        for part in self.parts:
            value = part if isinstance(part, str) else _evaluate(part.expression, context, functions)
            if value is None:
                return None
            texts.append(_write(value))
        return "".join(texts)


@lru_cache(maxsize=8192)
def parse_template(text: str) -> ParsedTemplate:
    """Return *text* cut into its parts; raise ExpressionError, with the offset into *text*, if it is bad."""
    parts: list[str | Inserted] = []
    literal = ""
    position = 0
    while (start := text.find("${", position)) >= 0:
        if start > position and text[start - 1] == "$":
            literal += text[position : start - 1] + "${"
            position = start + 2
            continue
        literal += text[position:start]
        end = _find_end(text, start + 2)
        if end < 0:
            raise ExpressionError(
                "a ${ is never closed", text=text, offset=start, hint="a literal ${ is written $${"
            )
        if literal:
            parts.append(literal)
        literal = ""
        parts.append(_read_expression(text, start + 2, end))
        position = end + 1
    literal += text[position:]
    if literal or not parts:
        parts.append(literal)
    return ParsedTemplate(text, tuple(parts))


def _find_end(text: str, start: int) -> int:
    """Return where the `}` is that ends the expression at *start*, or -1; it may hold quotes and braces."""
    depth, quote_mark = 0, ""
    position = start
    while position < len(text):
        character = text[position]
        if quote_mark:
            if character == "\\":
                position += 1
            elif character == quote_mark:
                quote_mark = ""
        elif character in _QUOTES:
            quote_mark = character
        elif character == "{":
            depth += 1
        elif character == "}":
            if depth == 0:
                return position
            depth -= 1
        position += 1
    return -1


def _read_expression(text: str, start: int, end: int) -> Inserted:
    expression = text[start:end]
    try:
        parse(expression)
    except ExpressionError as error:
        raise ExpressionError(
            error.message, text=text, offset=start + error.offset, hint=error.hint
        ) from None
    return Inserted(expression, start)


def _evaluate(expression: str, context: Mapping[str, Any], functions: Functions) -> Any:
    root = context if isinstance(context, dict) else dict(context)
    return compile_expression(expression, functions=functions)(root)


def _write(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def template_references(text: str) -> list[Reference]:
    """Return what the expressions of the template *text* read from the context, with offsets into *text*."""
    return [
        reference
        for expression, offset in parse_template(text).expressions
        for reference in references(expression, offset)
    ]


def render(value: Any, context: Mapping[str, Any], *, functions: Functions = DEFAULT) -> Any:
    """Return the tree *value* with every string in it rendered as a template.

    A member of an object, or an element of an array, whose template renders to null is left out. A null that
    is written as such stays, and so do objects and arrays that end up empty. Names of members are no
    templates.
    """
    if isinstance(value, str):
        return parse_template(value).render(context, functions=functions)
    if isinstance(value, Mapping):
        pairs = (
            (name, member, render(member, context, functions=functions)) for name, member in value.items()
        )
        return {name: new for name, old, new in pairs if new is not None or old is None}
    if isinstance(value, (list, tuple)):
        pairs_in_order = ((element, render(element, context, functions=functions)) for element in value)
        return [new for old, new in pairs_in_order if new is not None or old is None]
    return value


def render_text(text: str, context: Mapping[str, Any], what: str, *, functions: Functions = DEFAULT) -> str:
    """Return the template *text* as text, for a URL or the like, called *what* in errors.

    Raise EvaluationError naming the expression that is null.
    """
    return "".join(
        part if isinstance(part, str) else _write(_require(part, context, what, functions))
        for part in parse_template(text).parts
    )


def render_path(
    text: str, context: Mapping[str, Any], what: str = "path", *, functions: Functions = DEFAULT
) -> str:
    """Return the template *text* as the path of a URL: inserted values percent-encoded, literal text kept.

    A value thus stays within its segment. A template that is exactly one `${…}` is inserted as it is, for
    paths and URLs that come from data. Raise EvaluationError when an expression is null, or when values alone
    make a segment empty, `.` or `..`, which would address something else.
    """
    template = parse_template(text)
    if template.whole:
        return render_text(text, context, what, functions=functions)
    pieces: list[tuple[str, Inserted | None]] = []
    for part in template.parts:
        if isinstance(part, str):
            pieces.append((part, None))
        else:
            pieces.append((quote(_write(_require(part, context, what, functions)), safe=""), part))
    _check_segments(pieces, what)
    return "".join(piece for piece, _ in pieces)


def _require(part: Inserted, context: Mapping[str, Any], what: str, functions: Functions) -> Any:
    value = _evaluate(part.expression, context, functions)
    if value is None:
        raise EvaluationError(f"{what}: ${{{part.expression}}} is null")
    return value


def _check_segments(pieces: list[tuple[str, Inserted | None]], what: str) -> None:
    """Raise EvaluationError for a segment that an inserted value makes empty, `.` or `..`."""
    segment, source = "", None
    for piece, inserted in [*pieces, ("/", None)]:
        if inserted is not None:
            segment, source = segment + piece, inserted
            continue
        path, query, _ = piece.partition("?")
        first, *others = path.split("/")
        segment += first
        if not (others or query):
            continue
        if source is not None and segment in {"", ".", ".."}:
            shown = f"becomes '{segment}'" if segment else "is empty"
            raise EvaluationError(f"{what}: a segment with ${{{source.expression}}} {shown}")
        if query:
            return
        segment, source = others[-1], None
