"""JMESPath text to syntax tree: parsed by `jmespath`, with positions, early checks and plain words."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from jmespath import exceptions, lexer, parser

from syncrun.errors import ExpressionError
from syncrun.expressions.functions import SIGNATURES
from syncrun.expressions.regexes import RegexError, compile_regex

Node = dict[str, Any]
"""A node as `jmespath` builds it: `type`, `children`, `value`; fields and calls have a `start` too."""

Token = dict[str, Any]
"""`type`, `value`, and the offset `start`."""

_READ_FROM_FIRST = {
    "subexpression",
    "index_expression",
    "projection",
    "filter_projection",
    "value_projection",
}
_NOT_HINT = "put the path in parentheses: !(a.b)"
_NAME_HINT = 'a name with other characters than letters, digits and _ stands in double quotes: "a-b"'
_PYTHON_OPERATORS = {"and": "&&", "or": "||", "not": "!", "is": "=="}


class _SyntaxError(Exception):
    """What is wrong and where, before it is known which text it belongs to."""

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint


class _Lexer(lexer.Lexer):
    """The tokens of JMESPath, without the old leniency that takes `` `text` `` for a string."""

    _position: int
    _consume_until: Callable[[str], str]

    def _consume_literal(self) -> Token:
        start = self._position
        content = self._consume_until("`").replace("\\`", "`")
        try:
            value = json.loads(content)
        except ValueError:
            hint = "write text in single quotes: 'text'"
            raise _SyntaxError("what stands in backticks is not JSON", start, hint) from None
        return {"type": "literal", "value": value, "start": start, "end": self._position}


class _Parser(parser.Parser):
    """The grammar of `jmespath`, noting where each field and call begins."""

    _tokens: list[Token]
    _expression: Callable[..., Node]
    _match: Callable[[str], None]

    def read(self, text: str) -> Node:
        tokens: Iterable[Any] = _Lexer().tokenize(text)
        self._tokens = list(tokens)
        self._index = 0
        node: Node = self._expression(binding_power=0)
        token = self._tokens[self._index]
        if token["type"] != "eof":
            raise _unexpected(token)
        return node

    def _token_nud_unquoted_identifier(self, token: Token) -> Node:
        return {"type": "field", "children": [], "value": token["value"], "start": token["start"]}

    def _token_nud_quoted_identifier(self, token: Token) -> Node:
        if self._tokens[self._index]["type"] == "lparen":
            raise _SyntaxError("a function's name takes no quotes", token["start"])
        return self._token_nud_unquoted_identifier(token)

    def _token_nud_not(self, token: Token) -> Node:
        inner = self._expression(self.BINDING_POWER["not"])
        return {"type": "not_expression", "children": [inner], "start": token["start"]}

    def _token_nud_expref(self, token: Token) -> Node:
        inner = self._expression(self.BINDING_POWER["expref"])
        return {"type": "expref", "children": [inner], "start": token["start"]}

    def _token_led_lparen(self, left: Node) -> Node:
        # stricter than `jmespath`, which takes calls without commas between the arguments
        if left["type"] != "field":
            raise _SyntaxError(
                "only a name can be called as a function", self._tokens[self._index - 1]["start"]
            )
        arguments: list[Node] = []
        while self._tokens[self._index]["type"] != "rparen":
            if arguments:
                self._match("comma")
            arguments.append(self._expression())
        self._match("rparen")
        return {**left, "type": "function_expression", "children": arguments}

    def _parse_slice_expression(self) -> Node:
        start = self._tokens[self._index - 1]["start"]
        node: Node = super()._parse_slice_expression()  # type: ignore[misc]
        if node["children"][2] == 0:
            raise _SyntaxError("the step of a slice cannot be 0", start)
        return node

    def _raise_parse_error_for_token(self, token: Token, _reason: str) -> None:
        raise _unexpected(token)

    def _raise_parse_error_maybe_eof(self, _expected: Any, token: Token) -> None:
        raise _unexpected(token)


def _unexpected(token: Token) -> _SyntaxError:
    kind, value, start = token["type"], token["value"], token["start"]
    if kind == "eof":
        return _SyntaxError("the expression ends too early", start)
    if kind == "number":
        return _SyntaxError(f"unexpected number {value}", start, f"write a number in backticks: `{value}`")
    if kind == "literal":
        return _SyntaxError("unexpected literal", start)
    if value in _PYTHON_OPERATORS:
        return _SyntaxError(f"unexpected '{value}'", start, f"JMESPath writes it {_PYTHON_OPERATORS[value]}")
    return _SyntaxError(f"unexpected '{value}'", start)


@lru_cache(maxsize=8192)
def parse(text: str) -> Node:
    """Return the syntax tree of the JMESPath expression *text*; it is shared, so never change it.

    Raise ExpressionError, with the offset of the culprit, for bad syntax, unknown functions, a wrong number
    of arguments, a misplaced `&` and a slice with step 0: whatever can be known without data.
    """
    if not text.strip():
        raise ExpressionError("the expression is empty", text=text)
    try:
        node = _Parser().read(text)
        _check(node)
    except _SyntaxError as problem:
        raise ExpressionError(problem.message, text=text, offset=problem.offset, hint=problem.hint) from None
    except exceptions.ParseError as error:
        message, offset, hint = _describe(error, text)
        raise ExpressionError(message, text=text, offset=offset, hint=hint) from None
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply", text=text) from None
    return node


def _describe(error: exceptions.ParseError, text: str) -> tuple[str, int, str]:
    """Return message, offset and hint for what `jmespath` itself refuses."""
    if isinstance(error, exceptions.IncompleteExpressionError):
        return "the expression ends too early", len(text), ""
    if not isinstance(error, exceptions.LexerError):
        return "only a name can be called as a function", error.lex_position, ""
    start, offset = str(error.lexer_value)[:1], error.lexer_position
    if error.message.startswith("Unclosed"):
        return f"a {start} is never closed", offset, ""
    if start == "=":
        return "unexpected '='", offset, "equality is written =="
    if start == '"':
        return "the name in double quotes is not a valid JSON string", offset, ""
    hints = {"$": "JMESPath starts at the current value; leave out the $", "-": _NAME_HINT}
    return f"unexpected '{start}'", offset, hints.get(start, "")


def _check(node: Node) -> None:
    """Raise the first problem with a call in the tree that shows without data."""
    if node["type"] == "expref":
        raise _SyntaxError(
            "& is only for functions that take an expression, such as sort_by()", node["start"]
        )
    if node["type"] in _READ_FROM_FIRST:
        _check_base(node["children"][0])
    if node["type"] == "function_expression":
        _check_call(node)
    elif node["type"] != "slice":
        for child in node["children"]:
            _check(child)


def _check_base(base: Node) -> None:
    """Refuse `!a.b`, which JMESPath takes as `(!a).b`: always null, and never what is meant."""
    while base["type"] == "flatten":
        base = base["children"][0]
    if base["type"] == "not_expression":
        raise _SyntaxError(
            "! binds tighter than what follows it, so this is always null", base["start"], _NOT_HINT
        )


def _check_pattern(pattern: Any, start: int) -> None:
    if not isinstance(pattern, str):
        return  # its type is refused where all are
    try:
        compile_regex(pattern)
    except RegexError as error:
        raise _SyntaxError(str(error), start, error.hint) from None


def _check_call(node: Node) -> None:
    name, arguments, start = node["value"], node["children"], node["start"]
    signature = SIGNATURES.get(name)
    if signature is None:
        near = difflib.get_close_matches(name, SIGNATURES, n=1, cutoff=0.7)
        raise _SyntaxError(f"unknown function {name}()", start, f"did you mean {near[0]}()?" if near else "")
    if not signature.accepts(len(arguments)):
        raise _SyntaxError(f"{name}() takes {signature.arity}, not {len(arguments)}", start)
    if name == "regex_extract" and arguments[1]["type"] == "literal":
        _check_pattern(arguments[1]["value"], start)
    for position, argument in enumerate(arguments):
        if not signature.wants_reference(position):
            _check(argument)
        elif argument["type"] == "expref":
            _check(argument["children"][0])
        else:
            hint = f"write & before argument {position + 1}"
            raise _SyntaxError(
                f"argument {position + 1} of {name}() must be an expression after &", start, hint
            )
