"""JSON Schemas of config values and records: what is plain to see is judged as the library would judge it."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from syncrun.config.record_schema import check_schema, describe_failure

TYPES: list[Any] = [
    "string",
    "boolean",
    "integer",
    "number",
    "array",
    "object",
    "null",
    ["string", "null"],
    "text",
    3,
]
VALUES: list[Any] = ["a", "", True, 0, 1.0, 1.5, None, [], {}]


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_a_schema_of_nothing_but_a_type_is_judged_as_by_the_library(kind: Any) -> None:
    schema = {"type": kind}
    valid = Draft202012Validator(Draft202012Validator.META_SCHEMA).is_valid(schema)
    assert (check_schema(schema) is None) == valid
    if valid:
        library = Draft202012Validator(schema)
        assert [describe_failure(schema, value) is None for value in VALUES] == [
            library.is_valid(value) for value in VALUES
        ]
