"""What pydantic finds wrong with a file, in people's words: one problem a place, with a hint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from syncrun.config.base import (
    CONNECTION_NAME,
    HOOK_FILE,
    IDENTIFIER,
    VARIABLE_NAME,
    YamlPath,
    shape_of,
    suggest,
)
from syncrun.config.outline import Spot, keys_of, locate, tags_of
from syncrun.config.yaml_file import YamlFile
from syncrun.errors import ExpressionError, Problem
from syncrun.excerpts import excerpt
from syncrun.expressions.template import parse_template
from syncrun.expressions.text_forms import FORMS
from syncrun.secrets import is_sensitive_name

# What later versions bring: an honest answer is better than a guess at a typing mistake.
LATER_KEYS: Mapping[str, frozenset[str]] = {
    "Connector": frozenset({"actions", "webhooks"}),
    "ProjectFile": frozenset({"webhooks"}),
}
_SHAPES = {"mapping": "a mapping", "text": "text", "list": "a list", "number": "a number", "boolean": "true"}
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "list_type": "a list",
    "none_required": "nothing",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
_LENGTHS = {
    "string_too_short": ("min_length", "at least", "characters"),
    "string_too_long": ("max_length", "at most", "characters"),
    "too_short": ("min_length", "at least", "entries"),
    "too_long": ("max_length", "at most", "entries"),
}
_NAMES = {
    IDENTIFIER: "lower-case letters, digits and _, starting with a letter",
    CONNECTION_NAME: "letters, digits, '_', '-' and '.', starting with a letter, digit or '_'",
    VARIABLE_NAME: "letters, digits and _, not starting with a digit",
    HOOK_FILE: "a Python file in the project folder, such as hooks/acme.py",
}
_YES_NO = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_VARIABLE = re.compile(r"\$\{\s*env\b[^{}]*\}")
_LONGEST = 60
_CONTEXT = 60  # characters of an expression shown on each side of the caret


def explain(error: ValidationError, file: YamlFile, model: type[BaseModel]) -> list[Problem]:
    """Return one problem for each thing that *error* finds wrong with *file*, in the order of the file."""
    found: dict[tuple[YamlPath, bool], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        spot = locate(model, detail["loc"])
        found.setdefault((spot.path, detail["type"] in ("missing", "extra_forbidden")), []).append(detail)
    problems: list[Problem] = []
    for details in found.values():
        spot = locate(model, details[0]["loc"])
        problems.extend(_explain_spot(spot, details, file))
    return in_order(problems)


def in_order(problems: list[Problem]) -> list[Problem]:
    """Return *problems* by place, each once: a wrong default is found once for every sync."""
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line, problem.column))


def expression_problem(file: YamlFile, path: YamlPath, error: ExpressionError) -> Problem:
    """Return the problem of a text at *path* that cannot be parsed, with a caret under the character."""
    line, column = file.character(path, error.offset)
    if _is_given(path) and _VARIABLE.fullmatch(error.text) is None:  # passwords may have a $ and a { in them
        return Problem(error.message, file.name, line, column, error.hint)
    return Problem(f"{error.message}\n{caret(error.text, error.offset)}", file.name, line, column, error.hint)


def caret(text: str, offset: int) -> str:
    """Return the line of *text* that holds the character *offset*, and a caret under it."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line, at = text[start : len(text) if end < 0 else end], offset - start
    if at > _CONTEXT:
        line, at = "…" + line[at - _CONTEXT :], _CONTEXT + 1
    if len(line) > at + _CONTEXT:
        line = line[: at + _CONTEXT] + "…"
    line = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", line)
    return f"    {line}\n    {' ' * at}^"


def describe(value: Any, path: YamlPath = ()) -> str:
    """Return *value* in words, for "expected …, got …"; text that may be a secret is not shown (R23)."""
    match shape_of(value):
        case "null":
            return "nothing"
        case "boolean":
            return "true" if value else "false"
        case "number":
            return "a number" if _may_be_secret(path) else f"the number {value}"
        case "text":
            return "text" if _may_be_secret(path) else f"text {_shorten(value)!r}"
        case shape:
            return f"a {shape}"


def _may_be_secret(path: YamlPath) -> bool:
    return (
        path[:1] == ("auth",)
        or _is_given(path)
        or any(is_sensitive_name(str(part)) for part in path[-1:] if part != "key")
    )


def _is_given(path: YamlPath) -> bool:
    """Whether a project file gives a connection a value at *path*, or all of them."""
    in_connection = path[:1] in (("connections",), ("environments",)) and "config" in path[2:]
    return in_connection or path[-1:] == ("encryption_key",)


def _shorten(text: str) -> str:
    return excerpt(text, _LONGEST)


def _explain_spot(spot: Spot, details: list[ErrorDetails], file: YamlFile) -> Iterator[Problem]:
    detail = details[0]
    kind = detail["type"]
    if kind == "expression":
        yield from _explain_computed(spot, detail, file)
        return
    by_key = spot.in_key or kind in ("extra_forbidden", "missing")
    place_path = spot.path[:-1] if kind == "missing" else spot.path
    value = file.node(spot.path)
    if not by_key and value is not None and shape_of(value.value) in ("mapping", "null") and spot.path:
        by_key = True  # a mapping that is wrong as a whole, or nothing at all: the key says which
    if kind == "union_tag_invalid" and value is not None and "type" in value.members:
        place_path, by_key = (*spot.path, "type"), False
    line, column = file.place(place_path, key=by_key)
    message, hint = _word(replace(spot, path=_origin(spot.path, file)), details)
    yield Problem(message, file.name, line, column, hint)


def _origin(path: YamlPath, file: YamlFile) -> YamlPath:
    """Return where the value at *path* is written: in `defaults`, when a sync has it from there."""
    default = file.node(("defaults", *path[2:])) if path[:1] == ("syncs",) and len(path) > 2 else None  # noqa: PLR2004
    return ("defaults", *path[2:]) if default is not None and default is file.node(path) else path


def _word(spot: Spot, details: list[ErrorDetails]) -> tuple[str, str]:
    """Return message and hint for what is wrong at *spot*."""
    kinds = [detail["type"] for detail in details]
    detail = details[0]
    if all(kind in _EXPECTED for kind in kinds):
        return _wrong_type(list(dict.fromkeys(_EXPECTED[kind] for kind in kinds)), detail["input"], spot.path)
    kind, context = kinds[0], detail.get("ctx", {})
    name = str(spot.path[-1]) if spot.path else ""
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"expected {words} {context[bound]:g}, got {describe(detail['input'], spot.path)}", ""
    if kind in _LENGTHS:
        bound, words, unit = _LENGTHS[kind]
        unit = unit if context[bound] != 1 else {"characters": "character", "entries": "entry"}[unit]
        return f"'{name}' needs {words} {context[bound]} {unit}", ""
    word = _WORDS.get(kind)
    if word is not None:
        return word(spot, detail, name)
    return f"'{name}': {detail['msg'][:1].lower()}{detail['msg'][1:]}", ""


def _wrong_type(expected: list[str], value: Any, path: YamlPath) -> tuple[str, str]:
    hint = ""
    if "a number" in expected:
        expected = [word for word in expected if word != "a whole number"]
    if "text" in expected and shape_of(value) in ("number", "boolean"):
        hint = "put it in quotes"
    elif expected == ["true or false"] and isinstance(value, str) and value.lower() in _YES_NO:
        hint = f"write {_YES_NO[value.lower()]}"
    elif isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?|true|false", value):
        hint = "write it without quotes"
    return f"expected {' or '.join(expected)}, got {describe(value, path)}", hint


def _missing(spot: Spot, detail: ErrorDetails, name: str) -> tuple[str, str]:  # noqa: ARG001
    return f"missing key '{name}'{_inside(spot.path)}", ""


def _unknown_key(spot: Spot, detail: ErrorDetails, name: str) -> tuple[str, str]:  # noqa: ARG001
    if spot.owner is not None and name in LATER_KEYS.get(spot.owner.__name__, ()):
        return f"'{name}' is not available yet in this version of syncrun", ""
    if re.fullmatch(r"\d+\)", name):
        return f"unknown key '{name}'{_inside(spot.path)}", "part of a type? put decimal(…) in quotes"
    keys = keys_of(spot.owner) if spot.owner else ()
    return f"unknown key '{name}'{_inside(spot.path)}", suggest(name, keys)


def _literal(spot: Spot, detail: ErrorDetails, name: str) -> tuple[str, str]:
    value, choices = detail["input"], _choices(spot.annotation) or detail["ctx"]["expected"]
    if spot.in_key:
        return f"unknown key '{name}'{_inside(spot.path)}", suggest(name, choices)
    if isinstance(value, str) and all(isinstance(choice, str) for choice in choices):
        return f"unknown {name} {_shorten(value)!r}", suggest(value, choices)
    shown = ", ".join("true" if choice is True else repr(choice) for choice in choices)
    hint = "write true" if True in choices and _YES_NO.get(str(value)) == "true" else ""
    return f"expected {'one of ' if len(choices) > 1 else ''}{shown}, got {describe(value, spot.path)}", hint


def _wrong_tag(spot: Spot, detail: ErrorDetails, name: str) -> tuple[str, str]:
    tags = list(tags_of(spot.annotation))
    if set(tags) <= set(_SHAPES):
        return _wrong_type([_SHAPES[tag] for tag in tags], detail["input"], spot.path)
    tag = detail["ctx"]["tag"]
    return f"unknown {name} type {_shorten(tag)!r}", suggest(tag, tags)


def _no_tag(spot: Spot, detail: ErrorDetails, name: str) -> tuple[str, str]:
    tags = ", ".join(tags_of(spot.annotation))
    value = detail["input"]
    if shape_of(value) != "mapping":
        return (
            f"expected a mapping, got {describe(value, spot.path)}",
            f"write {name}: {{type: …}} with one of: {tags}",
        )
    return f"missing key 'type'{_inside((*spot.path, 'type'))}", f"one of: {tags}"


def _pattern(spot: Spot, detail: ErrorDetails, name: str) -> tuple[str, str]:  # noqa: ARG001
    if hint := _NAMES.get(detail["ctx"]["pattern"]):
        return f"{_shorten(str(detail['input']))!r} is no valid name", hint
    pattern = detail["ctx"]["pattern"]
    form = FORMS.get(pattern, f"text that matches {pattern}")
    return f"expected {form}, got {describe(detail['input'], spot.path)}", ""


def _reason(spot: Spot, detail: ErrorDetails, name: str) -> tuple[str, str]:  # noqa: ARG001
    message, _, hint = str(detail["ctx"]["error"]).partition("; ")
    return message, hint


_WORDS: Mapping[str, Callable[[Spot, ErrorDetails, str], tuple[str, str]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "literal_error": _literal,
    "union_tag_invalid": _wrong_tag,
    "union_tag_not_found": _no_tag,
    "model_attributes_type": _no_tag,
    "string_pattern_mismatch": _pattern,
    "value_error": _reason,
}


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Return the values of a Literal, also an optional one."""
    for inner in (annotation, *get_args(annotation)):
        values = get_args(inner)
        if values and all(isinstance(value, (str, bool, int)) for value in values):
            return values
    return ()


def _inside(path: YamlPath) -> str:
    outer = ".".join(str(part) for part in path[:-1])
    return f" in '{outer}'" if outer else ""


def _explain_computed(spot: Spot, detail: ErrorDetails, file: YamlFile) -> Iterator[Problem]:
    """Yield the problem of an expression or template; of each string in a tree of templates."""
    context = detail["ctx"]
    value = detail["input"]
    if isinstance(value, str):
        error = ExpressionError(
            context["reason"], text=context["expression"], offset=context["offset"], hint=context["hint"]
        )
        yield expression_problem(file, spot.path, error)
        return
    yield from _explain_tree(value, spot.path, file)


def _explain_tree(value: Any, path: YamlPath, file: YamlFile) -> Iterator[Problem]:
    if isinstance(value, str):
        try:
            parse_template(value)
        except ExpressionError as error:
            yield expression_problem(file, path, error)
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _explain_tree(member, (*path, key), file)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _explain_tree(member, (*path, index), file)
