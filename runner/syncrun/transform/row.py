"""The generated function that turns the values of all fields of a record into its staged form.

One straight piece of Python a sync, so that the common case of a field (text that is text, a number that is a
number) costs one comparison of classes; all else is a call of the field's own functions. No text of a
connector becomes code: names appear as quoted constants, everything else is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from syncrun.expressions.code import compiled
from syncrun.transform.canonical import EXACT_FLOAT, MAX_INTEGER, MIN_INTEGER, dump
from syncrun.transform.field import MappedField
from syncrun.transform.identity import comparable, key_text
from syncrun.transform.invalid import Invalid, NullKey
from syncrun.transform.times import plain_timestamp
from syncrun.transform.watermark import CursorReader

Written = tuple[str | None, Any, dict[str, Any], dict[str, Any]]
"""(id, cursor, content, staged): the id, None when keyless; the comparable cursor value; what is hashed and
what is staged, by column name and without nulls. These two are the same object for nearly every record.
"""

WriteRow = Callable[[Sequence[Any], Sequence[Any]], Written]
"""From the raw values of the fields with an expression, and the staged values of the constant ones, each in
field order; *content* is in the order of names. Raises Invalid.
"""

_PLAIN = {
    "string": "{v}.__class__ is str",
    "integer": f"{{v}}.__class__ is int and {MIN_INTEGER} <= {{v}} <= {MAX_INTEGER}",
    "number": "{v}.__class__ is float and (1e-4 <= {v} < 1e15 or -1e15 < {v} <= -1e-4)",
    "boolean": "{v}.__class__ is bool",
}
_PLAIN_INFERRED = (
    "{v}.__class__ is str and str in seen{n} or "
    f"{{v}}.__class__ is int and -{EXACT_FLOAT} <= {{v}} <= {EXACT_FLOAT} and int in seen{{n}}"
)


def generate_row(
    fields: Sequence[MappedField],
    constants: frozenset[int],
    key: Sequence[int],
    cursor: int | None,
    reader: CursorReader | None,
) -> WriteRow:
    """Return the function for *fields*.

    *constants* has the positions of the fields that are constant in a partition, *key* those of the key's
    fields in key order, *cursor* that of the cursor field, whose values *reader* makes comparable.
    """
    scope: dict[str, Any] = {
        "Invalid": Invalid,
        "NullKey": NullKey,
        "comparable": comparable,
        "dump": dump,
        "dumps": orjson.dumps,
        "key_text": key_text,
        "plain_timestamp": plain_timestamp,
    }
    lines = [
        "def write_row(values, constants):",
        "    key = cursor = None",
        "    content = {}",
        "    rest = {}",
    ]
    for source, constant in (("values", False), ("constants", True)):
        names = [f"v{f.position}" for f in fields if (f.position in constants) is constant]
        if names:
            lines.append(f"    {', '.join(names)}, = {source}")
    for field in sorted(fields, key=lambda f: f.column):
        read = reader if field.position == cursor else None
        lines += (
            "    " + text for text in _field_lines(field, read, scope, constant=field.position in constants)
        )
    lines += ("    " + text for text in _key_lines([fields[position] for position in key]))
    lines.append("    return key, cursor, content, {**content, **rest} if rest else content")
    exec(compiled("\n".join(lines), "<generated row>"), scope)  # noqa: S102 - see the module's second paragraph
    write_row: WriteRow = scope["write_row"]
    return write_row


def _field_lines(
    field: MappedField, reader: CursorReader | None, scope: dict[str, Any], *, constant: bool
) -> list[str]:
    n, v = field.position, f"v{field.position}"
    scope[f"field{n}"] = field.convert
    write = []
    if reader is not None:
        scope["read_cursor"] = reader.read
        write.append(f"cursor = {v}" if reader.as_staged else f"cursor = read_cursor({v})")
    if field.mask is not None and not constant:
        scope[f"mask{n}"] = field.mask
        write.append(f"{v} = mask{n}({v})")
    write = ["    " + text for text in (*write, *_member_lines(field, v))]
    plain, converted = _reading(field, scope)
    if not (constant or field.check or field.spec.required or field.default is not None):
        # nearly every field, and nearly every value of it: one look at its class
        lines = [f"    {v} = {converted}", f"    if {v} is not None:", *("    " + text for text in write)]
        if plain:
            return [f"if {plain}:", *write, f"elif {v} is not None:", *lines]
        return [f"if {v} is not None:", *lines]
    lines = [] if constant else _convert_lines(field, scope, plain, converted)
    if field.check is not None:
        scope[f"check{n}"] = field.check
        lines += [f"if {v} is not None:", f"    {v} = check{n}({v})"]
    if field.spec.required:
        lines += [f"if {v} is None:", f"    raise Invalid('a value is required', {field.name!r})"]
    return [*lines, f"if {v} is not None:", *write]


def _reading(field: MappedField, scope: dict[str, Any]) -> tuple[str, str]:
    """Return the test for a value that is staged as it is, empty for none, and what converts all others."""
    n, v = field.position, f"v{field.position}"
    converted = f"field{n}({v})"
    if field.inferred is not None:
        scope[f"seen{n}"] = field.inferred.seen
        return _PLAIN_INFERRED.format(v=v, n=n), converted
    if str(field.declared) == "timestamp" and field.spec.format in (None, "iso"):
        return "", f"plain_timestamp({v}) or {converted}"
    return _PLAIN.get(str(field.declared), "").format(v=v), converted


def _convert_lines(field: MappedField, scope: dict[str, Any], plain: str, converted: str) -> list[str]:
    n, v = field.position, f"v{field.position}"
    lines = []
    if field.default is not None:
        scope[f"default{n}"] = field.default
        lines += [f"if {v} is None:", f"    {v} = default{n}"]
    test = f" and not ({plain})" if plain else ""
    return [*lines, f"{'elif' if lines else 'if'} {v} is not None{test}:", f"    {v} = {converted}"]


def _key_lines(fields: Sequence[MappedField]) -> list[str]:
    if not fields:
        return []
    names = [f"v{field.position}" for field in fields]
    lines = []
    for field, v in zip(fields, names, strict=True):
        lines += [f"if {v} is None:", f"    raise NullKey({field.name!r})"]
    bases = {field.declared.base for field in fields if field.declared and not field.declared.is_list}
    if len(fields) == 1 and bases == {"integer"} and not fields[0].mask:
        return [*lines, f"key = f'[{{{names[0]}}}]'"]
    if len(fields) == len([f for f in fields if f.declared or f.mask]):
        return [*lines, f"key = dump([{', '.join(names)}]).decode()"]
    return [*lines, f"key = key_text(({', '.join(names)},))"]


def _member_lines(field: MappedField, v: str) -> list[str]:
    """Return the lines that write a value; to *rest* what is staged but not hashed like that."""
    name = repr(field.column)
    if not field.spec.hash:
        return [f"rest[{name}] = {v}"]
    if field.inferred is None or field.mask:
        return [f"content[{name}] = {v}"]
    return [
        f"content[{name}] = h = {v} if {v}.__class__ is not float else comparable({v})",
        f"if h is not {v}:",
        f"    rest[{name}] = {v}",
    ]
