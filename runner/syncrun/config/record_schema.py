"""JSON Schemas written by people: of config values, and of records, in a connector or in a file beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncrun.config.base import YamlPath
from syncrun.config.named_file import NamedFileError, read_named_file
from syncrun.excerpts import excerpt
from syncrun.expressions.regexes import RegexError, compile_regex

if TYPE_CHECKING:
    from jsonschema import ValidationError

_LONGEST = 80
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
# What meets a schema that asks for a type alone; the library takes a tenth of the time that a run starts in.
_PLAIN: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def find_record_schema(name: str, project: Path | None) -> dict[str, Any]:
    """Return the JSON Schema in the file *name*, in the *project* folder, which it cannot leave (R25).

    Raise NamedFileError for a file that is missing, elsewhere, not JSON, or no valid schema.
    """
    if project is None:
        raise NamedFileError(
            "a schema file needs a connector that is a file itself", hint="write the schema here"
        )
    _, data = read_named_file(name, project)
    try:
        schema = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NamedFileError(f"'{name}' is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise NamedFileError(f"'{name}' is no JSON Schema: expected an object")
    if found := check_schema(schema):
        raise NamedFileError(f"'{name}' is no valid JSON Schema: {found[1]}")
    return schema


def check_schema(schema: dict[str, Any]) -> tuple[YamlPath, str] | None:
    """Return the first thing wrong with *schema* and where it stands in it; None when it is valid.

    A `$ref` to another document is wrong: nothing is fetched from anywhere.
    """
    if _only_type(schema) in _PLAIN:
        return None
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    for path, target in _find_refs(schema):
        if not isinstance(target, str) or not target.startswith("#"):
            return path, "$ref may only point into the same schema, as in '#/$defs/name'"
    error = best_match(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema))
    if error:
        return tuple(error.absolute_path), _describe(error)
    return next(_find_bad_patterns(schema), None)


def describe_failure(schema: dict[str, Any], value: Any, *, secret: bool = False) -> str | None:
    """Return how *value* fails *schema*, as the rest of a sentence, or None; a *secret* is not shown."""
    if type(value) in _PLAIN.get(_only_type(schema), ()):
        return None
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import extend

    linear = extend(Draft202012Validator, {"pattern": _match_pattern})  # type: ignore[no-untyped-call]
    error = best_match(linear(schema).iter_errors(value))
    return None if error is None else _describe(error, secret=secret)


def _match_pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if isinstance(value, str) and compile_regex(pattern).search(value) is None:
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _find_bad_patterns(schema: Any, path: YamlPath = ()) -> Iterator[tuple[YamlPath, str]]:
    """Yield the regular expressions that cannot be matched in linear time, and what is wrong with them."""
    import jsonschema_rs

    for place, pattern in _find_patterns(schema, path):
        try:
            compile_regex(pattern)
            jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions())
        except RegexError as error:
            yield place, f"{error}; {error.hint}" if error.hint else str(error)
        except ValueError:
            yield place, f"{pattern!r} is no regular expression"


def _only_type(schema: dict[str, Any]) -> str:
    """Return the type that *schema* asks for when that is all; else nothing."""
    kind = schema.get("type")
    return kind if len(schema) == 1 and isinstance(kind, str) else ""


def _describe(error: ValidationError, *, secret: bool = False) -> str:
    wanted: Any = error.validator_value
    shown = "" if secret else f", got {_show(error.instance)}"
    where = "".join(_inside(part) for part in reversed(error.absolute_path))
    if error.validator == "type":
        names = wanted if isinstance(wanted, list) else [wanted]
        return f"must be {' or '.join(_TYPES.get(name, str(name)) for name in names)}{where}{shown}"
    if error.validator == "enum":
        return f"must be one of {', '.join(_show(choice) for choice in wanted)}{where}{shown}"
    if error.validator == "required":
        instance: Any = error.instance
        missing = [name for name in wanted if name not in instance]
        return f"lacks {', '.join(repr(name) for name in missing)}{where}"
    if error.validator in ("anyOf", "oneOf"):
        return f"has a wrong value{where}{shown}"
    return f"fails {error.validator}: {_show(wanted)}{where}{shown}"


def _inside(part: str | int) -> str:
    return f" of '{part}'" if isinstance(part, str) else f" of entry {part + 1}"


def _show(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return excerpt(text, _LONGEST)


def _find_refs(schema: Any) -> Iterator[tuple[YamlPath, Any]]:
    for path, member in _members(schema):
        if path[-1] in ("$ref", "$dynamicRef"):
            yield path, member


def _find_patterns(schema: Any, path: YamlPath) -> Iterator[tuple[YamlPath, str]]:
    for place, member in _members(schema, path):
        if place[-1] == "pattern" and isinstance(member, str):
            yield place, member
        elif place[-1] == "patternProperties" and isinstance(member, dict):
            yield from (((*place, pattern), pattern) for pattern in member)


def _members(schema: Any, path: YamlPath = ()) -> Iterator[tuple[YamlPath, Any]]:
    """Yield the keywords in *schema* and in those within it, each with its place."""
    if isinstance(schema, dict):
        for key, member in schema.items():
            named = path[-1:] in (("properties",), ("patternProperties",), ("$defs",))
            if not named:
                yield (*path, key), member
            if named or key not in ("enum", "const", "default", "examples"):
                yield from _members(member, (*path, key))
    elif isinstance(schema, list):
        for index, member in enumerate(schema):
            yield from _members(member, (*path, index))
