"""The functions besides JMESPath's own: their documented examples, nulls, and errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncrun.errors import EvaluationError
from syncrun.expressions.compile import compile_expression, interpret
from syncrun.expressions.durations import parse_duration
from syncrun.expressions.functions import DEFAULT, SIGNATURES, Functions, catalogue

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
FUNCTIONS = Functions(clock=lambda: NOON)
DESCRIPTIONS = {one.name: one for one in catalogue()}


def run(text: str, value: object = None) -> object:
    result = compile_expression(text, functions=FUNCTIONS)(value)
    assert repr(interpret(text, functions=FUNCTIONS)(value)) == repr(result)
    return result


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_every_function_is_described_and_its_examples_hold(name: str) -> None:
    described = DESCRIPTIONS[name]
    assert described.summary.endswith(".")
    assert described.examples
    for call, result in described.examples:
        assert call.startswith(f"{name}(")
        assert json.dumps(run(call, {})) == json.dumps(json.loads(result))


def test_the_catalogue_has_what_the_language_promises() -> None:
    assert [one.signature for one in catalogue()] == [
        "add(a, b)",
        "add_time(t, duration)",
        "base64(text)",
        "concat(values…)",
        "default(value, fallback)",
        "div(a, b)",
        "epoch(t)",
        "epoch_ms(t)",
        "flatten_object(value[, separator])",
        "format_time(t, fmt)",
        "get(container, key)",
        "hmac_sha256(key, text)",
        "items(value)",
        "lower(text)",
        "mul(a, b)",
        "now()",
        "parse_json(text)",
        "parse_time(t[, fmt])",
        "regex_extract(text, pattern[, group])",
        "replace(text, old, new)",
        "sha256(text)",
        "split(text, separator)",
        "sub(a, b)",
        "trim(text)",
        "upper(text)",
        "zip(a, b)",
    ]


def test_the_number_of_arguments_agrees_with_the_python_function() -> None:
    import inspect

    for name, signature in SIGNATURES.items():
        bound = inspect.signature(getattr(DEFAULT, f"_func_{name}"))
        parameters = bound.parameters.values()
        variadic = any(one.kind is one.VAR_POSITIONAL for one in parameters)
        required = sum(one.default is one.empty and one.kind is not one.VAR_POSITIONAL for one in parameters)
        assert signature.variadic == variadic, name
        assert signature.required == (1 if variadic else required), name
        assert variadic or len(signature.parameters) == len(parameters), name


@pytest.mark.parametrize(
    "text",
    [
        "format_time(x, 'iso')", "parse_time(x)", "parse_time(x, '%Y')", "add_time(x, '-1d')", "epoch(x)",
        "epoch_ms(x)", "lower(x)", "upper(x)", "trim(x)", "split(x, ',')", "replace(x, 'a', 'b')",
        "regex_extract(x, 'a')", "concat(x)", "concat('a', x, 'b')", "base64(x)", "sha256(x)",
        "hmac_sha256('key', x)", "parse_json(x)", "get(x, 'a')", "get({a: `1`}, x)", "flatten_object(x)",
        "add(x, `1`)", "sub(`1`, x)", "mul(x, x)", "div(`1`, x)", "items(x)", "zip(x, ['a'])",
        "default(x, x)",
    ],
)  # fmt: skip
def test_null_in_gives_null_out(text: str) -> None:
    assert run(text, {"x": None}) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now()", "2024-05-01T12:00:00Z"),
        ("add_time(now(), '15m')", "2024-05-01T12:15:00Z"),
        ("add_time(now(), '+2w')", "2024-05-15T12:00:00Z"),
        ("add_time('2024-05-01T00:00:00Z', '-500ms')", "2024-04-30T23:59:59.500Z"),
        ("parse_time('2024-05-01')", "2024-05-01T00:00:00Z"),
        ("parse_time('2024-05-01T00:00:00.123456')", "2024-05-01T00:00:00.123456Z"),
        ("parse_time('20240501T020000+0200')", "2024-05-01T00:00:00Z"),
        ("parse_time(`0`)", "1970-01-01T00:00:00Z"),
        ("parse_time(`-1.5`)", "1969-12-31T23:59:58.500Z"),
        ("parse_time('1714521600', 'epoch')", "2024-05-01T00:00:00Z"),
        ("parse_time('Wed, 01 May 2024 10:00:00 +0200', '%a, %d %b %Y %H:%M:%S %z')", "2024-05-01T08:00:00Z"),
        ("parse_time('2024-05-01 10:00:00+02', '%Y-%m-%d %H:%M:%S%z')", "2024-05-01T08:00:00Z"),
        ("format_time(`1714521600`, 'iso')", "2024-05-01T00:00:00Z"),
        ("format_time('2024-05-01T00:00:00.9Z', 'epoch_ms')", 1714521600900),
        ("epoch('1969-12-31T23:59:59.5Z')", -1),
        ("regex_extract('ab', '(a)(b)', `2`)", "b"),
        ("regex_extract('ab', '(a)(b)', `0`)", "ab"),
        ("regex_extract('b', '(a)?b')", None),
        ("concat(`1.5`, '-', `true`)", "1.5-true"),
        ("split('', ',')", [""]),
        ("get(['x'], `5`)", None),
        ("get({a: `1`}, `0`)", None),
        ("get(['x'], 'a')", None),
        ('flatten_object(`{"a": {}, "b": [1], "c": {"d": {}}}`)', {"a": {}, "b": [1], "c_d": {}}),
        ('flatten_object(`{"a": {"x": 1, "y": 2}, "b": 3}`, \'\')', {"ax": 1, "ay": 2, "b": 3}),
        ("div(`7`, `2`)", 3.5),
        ("div(`-6`, `2`)", -3),
        ('zip(`["a"]`, `[1, 2]`)', [["a", 1]]),
        ("default(`false`, 'x')", False),
        ("items(`{}`)", []),
        ("parse_json('null')", None),
    ],
)
def test_a_call_gives(text: str, expected: object) -> None:
    assert repr(run(text)) == repr(expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("parse_time('soon')", "'soon' is no ISO 8601 time"),
        ("parse_time('1 May', '%d/%m/%Y')", "'1 May' is no time written as %d/%m/%Y"),
        (
            "parse_time('1714521600250', 'epoch')",
            "1714521600250.0 seconds since 1970 is no time; for milliseconds use parse_time(t, 'epoch_ms')",
        ),
        ("parse_time('x', 'epoch')", "'x' is no number of seconds"),
        (
            "parse_time(`1714521600250`)",
            "1714521600250 seconds since 1970 is no time; for milliseconds use parse_time(t, 'epoch_ms')",
        ),
        (
            "add_time('2024-05-01', '1 month')",
            "'1 month' is no duration; write a number and ms, s, m, h, d or w, such as 15m",
        ),
        ("add_time('9999-12-31', '1d')", "9999-12-31T00:00:00Z moved by 1d is out of range"),
        ("regex_extract('a', concat('('))", "'(' is no regular expression: a ( is never closed"),
        ("regex_extract('a', 'a', `1`)", "the pattern 'a' has no group 1"),
        ("regex_extract('a', 'a', 'x')", "the pattern 'a' has no group 'x'"),
        ("split('a', '')", "split() needs a separator that is not empty"),
        ("parse_json('{')", "parse_json() got text that is not JSON"),
        ("div(`1`, `0`)", "div() cannot divide by 0"),
        ("hmac_sha256(`null`, 'x')", "argument 1 of hmac_sha256() must be a string, not null"),
        ("lower(`1`)", "the argument of lower() must be a string or null, not a number"),
        (
            "concat('a', `[1]`)",
            "argument 2 of concat() must be a string, a number, a boolean or null, not an array",
        ),
        ("contains('abc', `1`)", "contains() looks for a string in a string, not for anything else"),
        (
            'sum(`[1, "2"]`)',
            "the argument of sum() must be an array of numbers, not an array with a string in it",
        ),
        (
            'sort(`[1, "2"]`)',
            (
                "the argument of sort() must be an array of strings or an array of numbers, "
                "not an array with a string in it"
            ),
        ),
        ("sum(`[null]`)", "the argument of sum() must be an array of numbers, not an array with null in it"),
        ("merge(`{}`, `[]`)", "argument 2 of merge() must be an object, not an array"),
    ],
)
def test_a_call_that_fails_says_why(text: str, reason: str) -> None:
    for make in (compile_expression, interpret):
        with pytest.raises(EvaluationError) as caught:
            make(text, functions=FUNCTIONS)(None)
        assert str(caught.value) == f"cannot evaluate {text}: {reason}"


def test_a_clock_in_another_zone_is_shown_in_utc() -> None:
    from datetime import timezone

    east = Functions(clock=lambda: NOON.astimezone(timezone(timedelta(hours=5))))
    assert compile_expression("now()", functions=east)(None) == "2024-05-01T12:00:00Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_written_is_read_back(moment: datetime) -> None:
    written = run("parse_time(@)", moment.isoformat())
    assert isinstance(written, str)
    assert written.endswith("Z")
    assert datetime.fromisoformat(written) == moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("15s", 15), (" 10 m ", 600), ("1.5h", 5400), ("30d", 2592000), ("2w", 1209600)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "15", "m", "-1d", "1h30m", "1 month", "\u0661s"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_duration(text)
    assert (
        str(caught.value) == f"{text!r} is no duration; write a number and ms, s, m, h, d or w, such as 15m"
    )


def test_a_duration_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="is too long a duration"):
        parse_duration("9" * 30 + "w")
