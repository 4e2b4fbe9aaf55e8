"""JMESPath expressions as Python functions: parsed once, compiled once, run for every record.

`compile_mapping` is for the hot loop, `compile_expression` for everything else; `interpret` evaluates by
`jmespath` itself, with the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from syncrun.errors import EvaluationError
from syncrun.expressions.codegen import generate
from syncrun.expressions.functions import DEFAULT, Functions
from syncrun.expressions.interpret import describe_failure, interpret_node
from syncrun.expressions.layout import Layout
from syncrun.expressions.references import Reference, references
from syncrun.expressions.syntax import parse

__all__ = [
    "MappingError",
    "Reference",
    "compile_expression",
    "compile_mapping",
    "interpret",
    "is_true",
    "parse",
    "references",
]


class MappingError(EvaluationError):
    """The expression number *index* of a mapping fails on the record at hand."""

    def __init__(self, message: str, *, index: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.index = index


def is_true(value: Any) -> bool:
    """Tell whether JMESPath takes *value* as true: all but null, false, '', [] and {}; 0 is true."""
    return bool(value) or value.__class__ is int or value.__class__ is float


@lru_cache(maxsize=4096)
def compile_expression(
    text: str, *, functions: Functions = DEFAULT, layout: Layout | None = None
) -> Callable[[Any], Any]:
    """Return a function that evaluates the expression *text* on a JSON value.

    With a *layout* of this and other expressions, the value has attributes in place of members. Raise
    ExpressionError for text that cannot be parsed; the function raises EvaluationError on unfit data.
    """

    def fail(_index: int, error: BaseException) -> EvaluationError:
        return EvaluationError(describe_failure(text, error))

    return generate([parse(text)], functions, single=True, fail=fail, layout=layout)


def compile_mapping(
    expressions: Sequence[str], *, functions: Functions = DEFAULT, layout: Layout | None = None
) -> Callable[[Any], list[Any]]:
    """Return a function from a record to the values of all *expressions*, in their order.

    Paths that several of them share are read once. With a *layout* of these and other expressions, records
    have attributes in place of members. Raise ExpressionError for text that cannot be parsed; the function
    raises MappingError, which tells the index of the expression that fails on the record.
    """
    return _compile_mapping(tuple(expressions), functions, layout)


@lru_cache(maxsize=512)
def _compile_mapping(
    expressions: tuple[str, ...], functions: Functions, layout: Layout | None
) -> Callable[[Any], list[Any]]:
    def fail(index: int, error: BaseException) -> MappingError:
        return MappingError(describe_failure(expressions[index], error), index=index)

    nodes = [parse(text) for text in expressions]
    return generate(nodes, functions, single=False, fail=fail, layout=layout)


@lru_cache(maxsize=1024)
def interpret(text: str, *, functions: Functions = DEFAULT) -> Callable[[Any], Any]:
    """Return a function that does what `compile_expression` makes, by `jmespath`'s own interpreter."""
    return interpret_node(parse(text), text, functions)
