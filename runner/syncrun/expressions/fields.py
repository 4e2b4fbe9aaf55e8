"""The kinds of computed string in YAML, as pydantic types that know their syntax.

An `Expression` is JMESPath; a `Template` is text with `${JMESPath}` in it; a `TemplateTree` is any JSON value
whose strings are templates; a `FieldPath` is a template when it has a `${…}`, else an expression.
`config.check` finds them by their markers to judge the roots they use.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from syncrun.errors import ExpressionError
from syncrun.expressions.compile import parse
from syncrun.expressions.template import parse_template


class Computed(Struct, frozen=True):
    """Marks a model field whose strings are computed."""

    kind: Literal["expression", "template", "tree", "field"]


def _located(error: ExpressionError) -> PydanticCustomError:
    context = {"reason": error.message, "offset": error.offset, "expression": error.text, "hint": error.hint}
    return PydanticCustomError("expression", "{reason}", context)


def _check_expression(text: str) -> str:
    try:
        parse(text)
    except ExpressionError as error:
        raise _located(error) from None
    return text


def _check_template(text: str) -> str:
    try:
        parse_template(text)
    except ExpressionError as error:
        raise _located(error) from None
    return text


def is_template(path: str) -> bool:
    """Whether a field's *path* is a template, constant in a partition, and no JMESPath over the record."""
    return "${" in path and not parse_template(path).constant


def _check_field_path(text: str) -> str:
    if "${" in text and is_template(_check_template(text)):
        return text
    return _check_expression(text)


def _check_tree(value: Any) -> Any:
    if isinstance(value, str):
        return _check_template(value)
    if isinstance(value, dict):
        return {name: _check_tree(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_check_tree(member) for member in value]
    return value


Expression = Annotated[
    str,
    AfterValidator(_check_expression),
    Computed("expression"),
    Field(json_schema_extra={"format": "jmespath"}),
]
Template = Annotated[str, AfterValidator(_check_template), Computed("template")]
TemplateTree = Annotated[Any, AfterValidator(_check_tree), Computed("tree")]
FieldPath = Annotated[str, AfterValidator(_check_field_path), Computed("field")]
