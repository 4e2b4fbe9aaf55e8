from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncrun.shapes import ColumnType
from syncrun.transform.canonical import dump
from syncrun.transform.convert import converter
from syncrun.transform.invalid import Invalid
from tests.unit.transform.bench import map_records


def convert(kind: str, value: Any, form: str | None = None, timezone: str = "UTC") -> Any:
    return converter(ColumnType.parse(kind), form, timezone)(value)


@pytest.mark.parametrize(
    ("kind", "value", "staged"),
    [
        ("integer", 7, 7),
        ("integer", 7.0, 7),
        ("integer", "7", 7),
        ("integer", " 7 ", 7),
        ("integer", "7.0", 7),
        ("integer", "+7", 7),
        ("integer", "1e3", 1000),
        ("integer", "-0", 0),
        ("integer", "0e999999999999", 0),
        ("integer", "", None),
        ("integer", "  ", None),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("integer", str(-(2**63)), -(2**63)),
        ("number", 1.5, 1.5),
        ("number", 7, 7.0),
        ("number", "1.50", 1.5),
        ("number", ".5", 0.5),
        ("number", -0.0, 0.0),
        ("number", "", None),
        ("number", "NaN", "NaN"),
        ("number", "-inf", "-Infinity"),
        ("number", float("inf"), "Infinity"),
        ("number", 1e22, "1e+22"),
        ("number", 1e-7, "1e-07"),
        ("number", 2**70, repr(float(2**70))),
        ("decimal(10,2)", "12.3", "12.30"),
        ("decimal(10,2)", 12.34, "12.34"),
        ("decimal(10,2)", 12, "12.00"),
        ("decimal(10,2)", "12.3400", "12.34"),
        ("decimal(10,2)", "-0.05", "-0.05"),
        ("decimal(10,2)", "-0.00", "0.00"),
        ("decimal(10,2)", "1e3", "1000.00"),
        ("decimal(10,2)", "99999999.99", "99999999.99"),
        ("decimal(38,0)", int("9" * 38), "9" * 38),
        ("decimal(38,38)", "0." + "0" * 37 + "1", "0." + "0" * 37 + "1"),
        ("decimal(10,2)", "", None),
        ("boolean", True, True),
        ("boolean", "FALSE", False),
        ("boolean", " true ", True),
        ("boolean", 0, False),
        ("boolean", "1", True),
        ("boolean", "", None),
        ("string", "a", "a"),
        ("string", "", ""),
        ("string", 7, "7"),
        ("string", 7.0, "7.0"),
        ("string", 1e22, "1e+22"),
        ("string", 2**70, str(2**70)),
        ("string", True, "true"),
        ("string", {"b": 1, "a": [1, None]}, '{"a":[1,null],"b":1}'),
        ("string", "a\0b", "a\0b"),
        ("date", "2024-05-01", "2024-05-01"),
        ("date", "20240501", "2024-05-01"),
        ("date", "2024-05-01T00:00:00Z", "2024-05-01"),
        ("date", "2024-05-01 00:00:00+02:00", "2024-05-01"),
        ("date", "", None),
        ("time", "12:30", "12:30:00.000000"),
        ("time", "12:30:05.1234567", "12:30:05.123456"),
        ("time", "12:30:05Z", "12:30:05.000000"),
        ("string[]", ["a", 1, None], ["a", "1", None]),
        ("integer[]", ["1", 2.0, ""], [1, 2, None]),
        ("integer[]", [], []),
        ("string[]", "", None),
        ("number[]", [1, "NaN"], [1.0, "NaN"]),
    ],
)
def test_what_means_one_thing_is_taken(kind: str, value: Any, staged: Any) -> None:
    result = convert(kind, value)
    assert (result, type(result)) == (staged, type(staged))


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("integer", 7.5, "expected an integer, got number 7.5"),
        ("integer", True, "expected an integer, got true"),
        ("integer", "abc", "expected an integer, got text 'abc'"),
        ("integer", "1_000", "expected an integer, got text '1_000'"),
        ("integer", "\u0667", "expected an integer, got text '\u0667'"),
        ("integer", [1], "expected an integer, got a list"),
        ("integer", {}, "expected an integer, got an object"),
        ("integer", float("nan"), "expected an integer, got number nan"),
        ("integer", "1e-999999999", "expected an integer, got text '1e-999999999'"),
        (
            "integer",
            2**63,
            "number 9223372036854775808 is beyond the 64 bits of integer; use decimal(38,0) or string",
        ),
        ("integer", "1e30", "text '1e30' is beyond the 64 bits of integer; use decimal(38,0) or string"),
        ("number", "abc", "expected a number, got text 'abc'"),
        ("number", "1,5", "expected a number, got text '1,5'"),
        ("number", False, "expected a number, got false"),
        ("number", "--inf", "expected a number, got text '--inf'"),
        ("number", "1e400", "the number is beyond the range of number; use string"),
        ("number", 10**400, "the number is beyond the range of number; use string"),
        ("decimal(10,2)", "12.345", "text '12.345' has more decimal places than decimal(10,2)"),
        ("decimal(10,2)", 123456789, "number 123456789 has too many digits for decimal(10,2)"),
        ("decimal(10,2)", "1e999999", "text '1e999999' has too many digits for decimal(10,2)"),
        ("decimal(10,2)", "NaN", "expected a decimal number, got text 'NaN'"),
        ("decimal(10,2)", "1e" + "9" * 30, "expected a decimal number, got text '1e" + "9" * 30 + "'"),
        ("boolean", 2, "expected true or false, got number 2"),
        ("boolean", "yes", "expected true or false, got text 'yes'"),
        (
            "timestamp",
            1714521600,
            "expected a timestamp, got number 1714521600 (format: epoch or epoch_ms reads numbers)",
        ),
        ("timestamp", "soon", "expected a timestamp, got text 'soon'"),
        ("timestamp", "2024-02-30T00:00:00Z", "expected a timestamp, got text '2024-02-30T00:00:00Z'"),
        ("timestamp", "2024-W01-1T00:00:00Z", "expected a timestamp, got text '2024-W01-1T00:00:00Z'"),
        (
            "timestamp",
            "+12024-05-01T00:00:00Z",
            "text '+12024-05-01T00:00:00Z' is outside the years 1 to 9999",
        ),
        ("timestamp", "0000-01-01T00:00:00Z", "text '0000-01-01T00:00:00Z' is outside the years 1 to 9999"),
        (
            "timestamp",
            "9999-12-31T23:59:59-01:00",
            "text '9999-12-31T23:59:59-01:00' is outside the years 1 to 9999",
        ),
        ("timestamp", True, "expected a timestamp, got true"),
        (
            "date",
            "2024-05-01T10:00:00Z",
            "expected a date, got text '2024-05-01T10:00:00Z', which has a time of day",
        ),
        ("date", "2024-13-01", "expected a date, got text '2024-13-01'"),
        ("time", "25:00", "expected a time of day, got text '25:00'"),
        ("time", "12:00+02:00", "expected a time of day, got text '12:00+02:00'"),
        ("string[]", "a", "expected a list, got text 'a'"),
        ("integer[]", [1, "x"], "element 1: expected an integer, got text 'x'"),
        ("integer", "x" * 100, "expected an integer, got text '" + "x" * 59 + "…'"),
    ],
)
def test_what_a_type_cannot_hold_is_refused_with_a_reason(kind: str, value: Any, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        convert(kind, value)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("value", "staged"),
    [
        ("2024-05-01T12:30:00Z", "2024-05-01T12:30:00.000000Z"),
        ("2024-05-01T12:30:00.5Z", "2024-05-01T12:30:00.500000Z"),
        ("2024-05-01T12:30:00.123456Z", "2024-05-01T12:30:00.123456Z"),
        ("2024-05-01T12:30:00.123456789Z", "2024-05-01T12:30:00.123456Z"),
        ("2024-05-01T12:30:00,123Z", "2024-05-01T12:30:00.123000Z"),
        ("2024-05-01T12:30:00+02:00", "2024-05-01T10:30:00.000000Z"),
        ("2024-05-01T12:30:00-0530", "2024-05-01T18:00:00.000000Z"),
        ("2024-05-01 12:30:00", "2024-05-01T12:30:00.000000Z"),
        ("2024-05-01 12:30:00 UTC", "2024-05-01T12:30:00.000000Z"),
        ("2024-05-01T12:30", "2024-05-01T12:30:00.000000Z"),
        ("2024-05-01t12:30:00z", "2024-05-01T12:30:00.000000Z"),
        ("20240501T123000Z", "2024-05-01T12:30:00.000000Z"),
        ("2024-05-01", "2024-05-01T00:00:00.000000Z"),
        ("2024-05-01T24:00:00Z", "2024-05-02T00:00:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("Wed, 01 May 2024 12:30:00 GMT", "2024-05-01T12:30:00.000000Z"),
        ("1 May 2024 12:30:00 +0200", "2024-05-01T10:30:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        (" 2024-05-01T12:30:00Z ", "2024-05-01T12:30:00.000000Z"),
        ("", None),
    ],
)
def test_timestamps_become_utc_of_fixed_width(value: str, staged: str | None) -> None:
    assert convert("timestamp", value) == staged


@pytest.mark.parametrize(
    ("form", "value", "staged"),
    [
        ("epoch", 1714566600, "2024-05-01T12:30:00.000000Z"),
        ("epoch", 1714566600.123456, "2024-05-01T12:30:00.123456Z"),
        ("epoch", "1714566600", "2024-05-01T12:30:00.000000Z"),
        ("epoch", -1, "1969-12-31T23:59:59.000000Z"),
        ("epoch_ms", 1714566600001, "2024-05-01T12:30:00.001000Z"),
        ("epoch", "", None),
        ("iso", "2024-05-01T12:30:00Z", "2024-05-01T12:30:00.000000Z"),
        ("%d/%m/%Y %H:%M", "01/05/2024 12:30", "2024-05-01T12:30:00.000000Z"),
        ("%d/%m/%Y %H:%M %z", "01/05/2024 12:30 +0200", "2024-05-01T10:30:00.000000Z"),
        ("%Y-%m-%d %H:%M:%S%z", "2024-05-01 12:30:00-05", "2024-05-01T17:30:00.000000Z"),
    ],
)
def test_formats_of_timestamps(form: str, value: Any, staged: str | None) -> None:
    assert convert("timestamp", value, form) == staged


@pytest.mark.parametrize(
    ("form", "value", "reason"),
    [
        ("epoch", "noon", "expected seconds since 1970, got text 'noon'"),
        ("epoch_ms", True, "expected milliseconds since 1970, got true"),
        ("epoch", 10**15, "number 1000000000000000 is outside the years 1 to 9999"),
        ("epoch", 1e300, "number 1e+300 is outside the years 1 to 9999"),
        ("epoch", float("nan"), "expected seconds since 1970, got number nan"),
        ("%d/%m/%Y", "2024-05-01", "expected a timestamp like %d/%m/%Y, got text '2024-05-01'"),
    ],
)
def test_values_that_do_not_fit_the_format_are_refused(form: str, value: Any, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        convert("timestamp", value, form)
    assert caught.value.reason == reason


def test_naive_times_are_of_the_fields_timezone() -> None:
    assert convert("timestamp", "2024-05-01 12:30:00", None, "Europe/Berlin") == "2024-05-01T10:30:00.000000Z"
    assert convert("timestamp", "2024-01-01", None, "Europe/Berlin") == "2023-12-31T23:00:00.000000Z"
    assert (
        convert("timestamp", "2024-05-01T12:30:00Z", None, "Europe/Berlin") == "2024-05-01T12:30:00.000000Z"
    )
    assert convert("date", 1714514400, "epoch", "Europe/Berlin") == "2024-05-01"


def test_dates_and_times_have_formats_too() -> None:
    assert convert("date", "01.05.2024", "%d.%m.%Y") == "2024-05-01"
    assert convert("time", "12.30 Uhr", "%H.%M Uhr") == "12:30:00.000000"
    with pytest.raises(Invalid) as caught:
        convert("time", "noon", "%H.%M Uhr")
    assert caught.value.reason == "expected a time of day like %H.%M Uhr, got text 'noon'"


def test_an_unknown_timezone_is_an_error_when_the_field_is_made_ready() -> None:
    with pytest.raises(ValueError, match="unknown timezone 'Mars/Base'; use a name such as Europe/Berlin"):
        converter(ColumnType.parse("timestamp"), None, "Mars/Base")


KINDS = [
    "string",
    "integer",
    "number",
    "boolean",
    "decimal(10,2)",
    "timestamp",
    "date",
    "time",
    "json",
    "integer[]",
]
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63, -(2**63), 1e-4, 1e15, -1e15, 0.0, -0.0])
TEXTS = (
    st.text() | st.integers().map(str) | st.floats().map(str) | st.datetimes().map(str) | st.dates().map(str)
)
VALUES = st.none() | st.booleans() | NUMBERS | TEXTS


@given(
    st.sampled_from(KINDS),
    VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(st.text(), VALUES, max_size=3),
)
def test_the_generated_row_says_what_the_converter_says(kind: str, value: Any) -> None:
    def outcome() -> tuple[list[str], Any]:
        try:
            return [], None if value is None else json.loads(dump(convert(kind, value)))
        except Invalid as problem:
            return [f"v: {problem.reason}"], None

    result = map_records(json.dumps({"fields": {"v": {"path": "v", "type": kind}}}), {"v": value})
    row = result.rows[0] if result.rows else {}
    assert json.dumps([result.reasons, row.get("v")]) == json.dumps(outcome())
