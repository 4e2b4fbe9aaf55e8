"""The generated function that turns the values of all fields of a record into its staged form.

One straight piece of Python a sync, so that the common case of a field (text that is text, a number that is a
number) costs one comparison of classes; all else is a call of the field's own functions. No text of a
connector becomes code: names appear as quoted constants, everything else is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from syncrun.expressions.code import compiled
from syncrun.expressions.compile import MappingError
from syncrun.transform.canonical import (
    EXACT_FLOAT,
    MAX_INTEGER,
    MIN_INTEGER,
    dump,
    fragment,
    members,
    row_maker,
)
from syncrun.transform.field import MappedField
from syncrun.transform.identity import comparable, key_text
from syncrun.transform.invalid import Invalid, NullKey
from syncrun.transform.times import plain_timestamp
from syncrun.transform.watermark import CursorReader

Written = tuple[str | None, Any, Any, dict[str, Any] | None]
"""(id, cursor, content, staged): the id, None when keyless; the comparable cursor value; what is hashed, a
row for `RowText`, in the order of names; what is staged, by column name and without nulls, or None where
that is the same, as for nearly every record.
"""

Write = Callable[[Any], Written]
"""From a record. Raises Invalid."""

BindRow = Callable[[Callable[[Any], Sequence[Any]], Callable[[Any], Sequence[Any]], Sequence[Any]], Write]
"""Makes the function of one partition from what gives the raw values of the fields with an expression, what
does so where that raises MappingError, and the staged values of the constant fields; all in field order.
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

_FRAME = """
def bind(evaluate, evaluate_singly, constants):
    def write(record):
        key = cursor = None
        differs = False
        try:
            values = evaluate(record)
        except MappingError:
            values = evaluate_singly(record)
"""


def generate_row(
    fields: Sequence[MappedField],
    constants: frozenset[int],
    key: Sequence[int],
    cursor: int | None,
    reader: CursorReader | None,
) -> BindRow:
    """Return what makes the function for *fields*.

    *constants* has the positions of the fields that are constant in a partition, *key* those of the key's
    fields in key order, *cursor* that of the cursor field, whose values *reader* makes comparable.
    """
    ordered = sorted(fields, key=lambda f: f.column)
    hashed = [f for f in ordered if f.spec.hash]
    scope: dict[str, Any] = {
        "Invalid": Invalid,
        "MappingError": MappingError,
        "NullKey": NullKey,
        "comparable": comparable,
        "dump": dump,
        "fragment": fragment,
        "key_text": key_text,
        "make_row": row_maker([f.column for f in hashed]),
        "members": members,
        "names": [f.column for f in ordered],
        "plain_timestamp": plain_timestamp,
    }
    computed, constant = (
        "".join(f"v{f.position}, " for f in fields if (f.position in constants) is is_constant)
        for is_constant in (False, True)
    )
    lines = [f"{computed}= values"] if computed else []
    lines += [f"{constant}= constants"] if constant else []
    for field in ordered:
        read = reader if field.position == cursor else None
        lines += _field_lines(field, read, scope, constant=field.position in constants)
    lines += _key_lines([fields[position] for position in key])
    content = ", ".join(f"{'h' if _has_two_forms(f) else 'v'}{f.position}" for f in hashed)
    staged = ", ".join(f"v{f.position}" for f in ordered)
    lines.append(f"content = make_row({content})")
    lines.append(f"return key, cursor, content, members(names, ({staged},)) if differs else None")
    body = "\n".join(f"        {line}" for line in lines)
    exec(compiled(_FRAME + body + "\n    return write\n", "<generated row>"), scope)  # noqa: S102 - see above
    bind: BindRow = scope["bind"]
    return bind


def _has_two_forms(field: MappedField) -> bool:
    """Whether a value may be hashed in another form than it is staged in."""
    return field.inferred is not None and not field.mask


def _field_lines(
    field: MappedField, reader: CursorReader | None, scope: dict[str, Any], *, constant: bool
) -> list[str]:
    """Return the lines that turn a value into what is staged, and what that means for the cursor and hash."""
    n, v = field.position, f"v{field.position}"
    lines = [] if constant else _convert_lines(field, scope)
    if field.check is not None:
        scope[f"check{n}"] = field.check
        lines += [f"if {v} is not None:", f"    {v} = check{n}({v})"]
    if field.spec.required:
        lines += [f"if {v} is None:", f"    raise Invalid('a value is required', {field.name!r})"]
    if reader is not None:
        scope["read_cursor"] = reader.read
        lines += [f"if {v} is not None:", f"    cursor = {v if reader.as_staged else f'read_cursor({v})'}"]
    if field.mask is not None and not constant:
        scope[f"mask{n}"] = field.mask
        lines += [f"if {v} is not None:", f"    {v} = mask{n}({v})"]
    if not field.spec.hash:
        lines += [f"if {v} is not None:", "    differs = True"]
    elif _has_two_forms(field):
        h = f"h{n}"
        lines += [f"{h} = {v}", f"if {v}.__class__ is float:", f"    {h} = comparable({v})"]
        lines += [f"    differs = differs or {h} is not {v}"]
    return lines


def _convert_lines(field: MappedField, scope: dict[str, Any]) -> list[str]:
    n, v = field.position, f"v{field.position}"
    scope[f"field{n}"] = field.convert
    plain, converted = _reading(field, scope)
    lines = []
    if field.default is not None:
        scope[f"default{n}"] = field.default
        lines += [f"if {v} is None:", f"    {v} = default{n}"]
    if plain:  # nearly every value of nearly every field: one look at its class
        lines += [f"{'elif' if lines else 'if'} {plain}:", "    pass"]
    return [*lines, f"{'elif' if lines else 'if'} {v} is not None:", f"    {v} = {converted}"]


def _reading(field: MappedField, scope: dict[str, Any]) -> tuple[str, str]:
    """Return the test for a value that is staged as it is, empty for none, and what converts all others."""
    n, v = field.position, f"v{field.position}"
    converted = f"field{n}({v})"
    if field.inferred is not None:
        scope[f"seen{n}"] = field.inferred.seen
        return _PLAIN_INFERRED.format(v=v, n=n), converted
    if str(field.declared) == "timestamp" and field.spec.format in (None, "iso"):
        return "", f"plain_timestamp({v}) or {converted}"
    if str(field.declared) == "json":
        return "", f"fragment({v}) if {v}.__class__ is list or {v}.__class__ is dict else {converted}"
    return _PLAIN.get(str(field.declared), "").format(v=v), converted


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
