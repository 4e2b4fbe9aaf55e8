"""What a record must be: its JSON Schema as received, and each field's `enum`, `pattern`, `min` and `max`.

`min` and `max` bound numbers, the length of text in characters, and each element of a list. `pattern` is
searched for anywhere in the text, as in JSON Schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from syncrun.config.sync import FieldSpec
from syncrun.excerpts import excerpt
from syncrun.expressions.regexes import RegexError, compile_regex
from syncrun.shapes import ColumnType
from syncrun.transform.canonical import canonical, dump
from syncrun.transform.convert import Convert, to_string
from syncrun.transform.identity import comparable
from syncrun.transform.invalid import Invalid, describe

if TYPE_CHECKING:
    import jsonschema_rs

Check = Callable[[Any], None]
"""Takes a staged value that is not null; raises Invalid."""

_NUMERIC = ("integer", "number", "decimal")
_SHOWN_VALUES = 10
_LONGEST_REASON = 300


def field_check(spec: FieldSpec, convert: Convert, base: str | None) -> Check | None:
    """Return the check of all constraints of *spec*, or None when it has none.

    *convert* and *base* are the field's converter and type, None when inferred. Raise ValueError for a
    pattern or an enum that can't be used.
    """
    checks = [check for check in (_enum(spec, convert), _pattern(spec), _bounds(spec, base)) if check]
    if not checks:
        return None

    def check_value(value: Any) -> None:
        # Elements of a list are checked one by one.
        for element in value if isinstance(value, list) else (value,):
            if element is not None:
                for check in checks:
                    check(element)

    return check_value


def _enum(spec: FieldSpec, convert: Convert) -> Check | None:
    if spec.enum is None:
        return None
    many = bool(spec.type) and ColumnType.parse(str(spec.type)).is_list
    allowed = set()
    for entry in spec.enum:
        if entry is None:
            continue
        try:
            staged = convert([entry] if many and not isinstance(entry, list) else entry)
        except Invalid as problem:
            raise ValueError(f"enum: {problem.reason}") from None
        for value in staged if isinstance(staged, list) else (staged,):
            allowed.add(canonical(comparable(value)))
    shown = ", ".join(to_string(entry) for entry in spec.enum[:_SHOWN_VALUES])
    more = ", …" if len(spec.enum) > _SHOWN_VALUES else ""

    def check(value: Any) -> None:
        if canonical(comparable(value)) not in allowed:
            raise Invalid(f"expected one of {shown}{more}, got {describe(value)}")

    return check


def _pattern(spec: FieldSpec) -> Check | None:
    if spec.pattern is None:
        return None
    try:
        search = compile_regex(spec.pattern).search
    except RegexError as error:
        raise ValueError(f"pattern: {error}") from None

    def check(value: Any) -> None:
        if search(to_string(value)) is None:
            raise Invalid(f"{describe(value)} does not match the pattern {spec.pattern}")

    return check


def _bounds(spec: FieldSpec, base: str | None) -> Check | None:
    low, high = spec.min, spec.max
    if low is None and high is None:
        return None

    def check(value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return
        if isinstance(value, str) and base not in _NUMERIC:
            amount: Any = len(value)
            shown = f"text of {len(value)} characters"
        else:
            amount = Decimal(value) if base == "decimal" else float(value) if base == "number" else value
            shown = describe(value) if base not in ("decimal", "number") else f"number {value}"
        # Written so that NaN, which is neither below nor above, fails.
        if low is not None and not amount >= low:
            raise Invalid(f"{shown} is below the minimum {low:g}")
        if high is not None and not amount <= high:
            raise Invalid(f"{shown} is above the maximum {high:g}")

    return check


def schema_check(schema: Mapping[str, Any]) -> Check:
    """Return the check of a record against *schema*, JSON Schema; raise ValueError if it can't be used.

    References stay inside the schema: nothing is fetched.
    """
    import jsonschema_rs

    try:
        validator = jsonschema_rs.validator_for(
            dict(schema), retriever=_refuse_reference, pattern_options=jsonschema_rs.RegexOptions()
        )
    except ValueError as error:
        reason = str(getattr(error, "message", error)).splitlines()[0]
        raise ValueError(f"schema: {reason}") from None

    def check(record: Any) -> None:
        try:
            problem = _first_problem(validator, record)
        except (TypeError, ValueError):  # lone surrogates, or what no JSON document has
            try:
                problem = _first_problem(validator, orjson.loads(dump(record)))
            except (TypeError, ValueError) as error:  # nested too deeply
                raise Invalid(f"the record cannot be validated: {error}") from None
        if problem is not None:
            raise Invalid(excerpt(problem.message, _LONGEST_REASON), _place(problem))

    return check


def _first_problem(validator: Any, record: Any) -> jsonschema_rs.ValidationError | None:
    return None if validator.is_valid(record) else next(validator.iter_errors(record))


def _refuse_reference(address: str) -> Any:
    raise ValueError(f"{address} is outside the schema")


def _place(problem: jsonschema_rs.ValidationError) -> str:
    return ".".join(str(step) for step in problem.instance_path)
