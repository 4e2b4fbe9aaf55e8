"""JMESPath by `jmespath`'s own interpreter: the reference for compiled code, and its fall-back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jmespath.exceptions import JMESPathTypeError
from jmespath.visitor import Options, TreeInterpreter

from syncrun.errors import EvaluationError
from syncrun.expressions.functions import Functions
from syncrun.expressions.signatures import FunctionError
from syncrun.expressions.syntax import Node

FAILURES = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""What evaluating an expression may raise on unfit data, in compiled code or in the interpreter."""


def search(node: Node, functions: Functions) -> Callable[[Any], Any]:
    """Return a function that evaluates the tree *node*; it raises one of FAILURES as it comes."""
    interpreter = TreeInterpreter(Options(custom_functions=functions))
    return lambda value: interpreter.visit(node, value)  # type: ignore[arg-type]


def interpret_node(node: Node, text: str, functions: Functions) -> Callable[[Any], Any]:
    """Return a function that evaluates the tree *node* of *text*, raising EvaluationError on unfit data."""
    evaluate = search(node, functions)

    def run(value: Any) -> Any:
        try:
            return evaluate(value)
        except FAILURES as error:
            raise EvaluationError(describe_failure(text, error)) from error

    return run


def describe_failure(text: str, error: BaseException) -> str:
    """Return one sentence: the expression and why it fails."""
    return f"cannot evaluate {text.strip()}: {_explain(error)}"


def _explain(error: BaseException) -> str:
    if isinstance(error, FunctionError):
        return str(error)
    if isinstance(error, JMESPathTypeError):
        expected = " or ".join(f"{name}s" for name in error.expected_types)
        return f"{error.function_name}() compares {expected} only, and one kind at a time"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, TypeError) and "not supported between" in str(error):
        return "a number and a string have no order"
    return str(error)
