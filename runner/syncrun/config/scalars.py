"""Single values in YAML that mean something: names of fields and models, types, patterns, time zones."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from syncrun.config.base import Identifier
from syncrun.expressions.regexes import RegexError, compile_regex
from syncrun.shapes import ColumnType, type_names

RESERVED_COLUMNS = frozenset(
    [
        "_connection",
        "_id",
        "_partition",
        "_hash",
        "_seq",
        "_action",
        "_first_seen_at",
        "_last_modified_at",
        "_deleted_at",
        "_pruned_at",
        "_run_id",
        "_raw",
        "_valid_from",  # of a version in the history
        "_valid_to",
        "_last_action",  # of a record in the change feed
        "_cursor",
    ]
)
RESERVED_ENDINGS = ("__records", "__history")
_SIZE = r"\(\s*\d+\s*(,\s*\d+\s*)?\)"
_CUT_OFF = re.compile(r"decimal\(\s*\d+")  # what YAML makes of decimal(10,2) inside { }
_PLAIN_TYPES = "|".join(name for name in type_names if name != "decimal")


def _check_type(text: str) -> str:
    if _CUT_OFF.fullmatch(text.strip()):
        raise ValueError(f"{text!r} ends at the comma; put the type in quotes, such as 'decimal(10,2)'")
    ColumnType.parse(text)
    return text


def _check_pattern(text: str) -> str:
    try:
        compile_regex(text)
    except RegexError as error:
        raise ValueError(f"{error}; {error.hint}" if error.hint else str(error)) from None
    return text


def _check_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"unknown time zone {text!r}; write a name such as UTC or Europe/Berlin") from None
    return text


def _check_field_name(name: str) -> str:
    if name.lower() in RESERVED_COLUMNS:
        raise ValueError(f"the field name '{name}' is reserved for a column that syncrun adds")
    return name


def _check_model_name(name: str) -> str:
    if name.endswith(RESERVED_ENDINGS):
        raise ValueError(f"the name '{name}' is reserved: names cannot end with __records or __history")
    return name


def _any_case(word: str) -> str:
    return "".join(f"[{letter}{letter.upper()}]" if letter.isalpha() else letter for letter in word)


TypeName = Annotated[
    str,
    AfterValidator(_check_type),
    Field(json_schema_extra={"pattern": rf"^\s*(({_PLAIN_TYPES})|decimal({_SIZE})?)(\[\])?\s*$"}),
]
FieldName = Annotated[str, Field(min_length=1, max_length=255)]
NewFieldName = Annotated[
    FieldName,
    AfterValidator(_check_field_name),
    Field(
        json_schema_extra={"not": {"pattern": f"^({'|'.join(map(_any_case, sorted(RESERVED_COLUMNS)))})$"}}
    ),
]
ModelName = Annotated[
    Identifier,
    AfterValidator(_check_model_name),
    Field(json_schema_extra={"not": {"pattern": "(__records|__history)$"}}),
]
Pattern = Annotated[str, AfterValidator(_check_pattern), Field(json_schema_extra={"format": "regex"})]
TimeZone = Annotated[str, AfterValidator(_check_zone)]
