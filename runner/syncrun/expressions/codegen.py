"""Make one Python function of many syntax trees: plain paths become dictionary look-ups, made once each.

Names and literals of the expressions enter the source only as `repr` of strings, or as constants beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from syncrun.expressions.code import compiled
from syncrun.expressions.functions import Functions
from syncrun.expressions.interpret import FAILURES
from syncrun.expressions.layout import Layout
from syncrun.expressions.places import Program
from syncrun.expressions.signatures import ExpressionReference
from syncrun.expressions.syntax import Node
from syncrun.expressions.writer import COMPARABLE, Writer


def generate(
    nodes: Sequence[Node],
    functions: Functions,
    *,
    single: bool,
    fail: Callable[[int, BaseException], Exception],
    layout: Layout | None = None,
) -> Callable[[Any], Any]:
    """Return a function from a value to the results of *nodes* in a list; with *single*, to the only result.

    When the expression at an index fails, the function raises what *fail* makes of the index and the error.
    With a *layout* the value has attributes in place of members.
    """
    program = Program(functions)
    writer = Writer(program, 2)
    writer.root.layout = layout
    names = [writer.add(index, node).name for index, node in enumerate(nodes)]
    body = list(writer.finish())
    source = [*program.references, f"def evaluate({writer.root.name}):", "    try:"]
    owners = dict(enumerate((index for _, index in body), len(source) + 1))
    source += [line for line, _ in body]
    source += [
        f"        return {names[0] if single else '[' + ', '.join(names) + ']'}",
        "    except failures as error:",
        "        raise explain(error) from error",
    ]

    def explain(error: BaseException) -> Exception:
        # the first frame of the traceback is that of `evaluate`: its line tells the expression
        line = error.__traceback__.tb_lineno if error.__traceback__ else 0
        return fail(owners.get(line, 0), error)

    namespace = {**program.constants, **_HELPERS, "explain": explain}
    # safe: names in the source come from `Program`, everything else is a constant or the `repr` of a string
    exec(compiled("\n".join(source), "<expressions>"), namespace)  # noqa: S102
    evaluate: Callable[[Any], Any] = namespace["evaluate"]
    return evaluate


def _equals(left: Any, right: Any) -> bool:
    if (left.__class__ is bool) is not (right.__class__ is bool):
        return False
    return bool(left == right)


def _flatten(value: Any) -> list[Any] | None:
    if not isinstance(value, list):
        return None
    flat: list[Any] = []
    for element in value:
        if isinstance(element, list):
            flat.extend(element)
        else:
            flat.append(element)
    return flat


class _Caller:
    """Stands in for the interpreter in a reference, so that `jmespath`'s functions can call compiled code."""

    @staticmethod
    def visit(function: Callable[[Any], Any], value: Any) -> Any:
        return function(value)


def _refer(function: Callable[[Any], Any]) -> ExpressionReference:
    return ExpressionReference(function, _Caller)  # type: ignore[arg-type]


_HELPERS: dict[str, Any] = {
    "equals": _equals,
    "flatten": _flatten,
    "refer": _refer,
    "comparable": COMPARABLE,
    "failures": FAILURES,
}
