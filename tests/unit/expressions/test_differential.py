"""Compiled code and the interpreter agree on whatever expression and value can be made up."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncrun.decoders.narrow import NarrowReader, NarrowRecords, can_read
from syncrun.errors import EvaluationError, ExpressionError
from syncrun.expressions.compile import (
    MappingError,
    compile_expression,
    compile_mapping,
    interpret,
    is_true,
    parse,
)
from syncrun.expressions.layout import layout_of

NAMES = ["a", "b", "c", '"x y"', '"é\\"\\n"']
KEYS = [json.loads(name) if name.startswith('"') else name for name in NAMES]
INDICES = st.integers(-3, 3)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([0.0, 1.0, 1.5, -0.5, 1e300]),
    st.sampled_from(["", "a", "b", "x y", "2024-05-01", "é"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
records = st.dictionaries(st.sampled_from(KEYS), values, max_size=5) | values

literals = values.map(lambda value: "`" + json.dumps(value).replace("`", "\\`") + "`")
raw_strings = st.sampled_from(["''", "'a'", "'it\\'s'", "'x y'"])
names = st.sampled_from(NAMES)
slices = st.builds(
    lambda start, stop, step: f"[{start}:{stop}:{step}]",
    INDICES | st.just(""),
    INDICES | st.just(""),
    st.sampled_from(["", "1", "2", "-1"]),
)
UNARY = [
    "abs", "avg", "ceil", "floor", "keys", "length", "max", "min", "not_null", "reverse", "sort", "sum",
    "to_array", "to_number", "to_string", "type", "values", "lower", "upper", "trim", "epoch", "epoch_ms",
    "parse_time", "base64", "sha256", "parse_json", "flatten_object", "items", "concat", "merge",
]  # fmt: skip
BINARY = [
    "contains", "ends_with", "starts_with", "join", "merge", "not_null", "format_time", "add_time", "split",
    "get", "regex_extract", "concat", "add", "sub", "mul", "div", "zip", "default", "hmac_sha256",
]  # fmt: skip


def is_accepted(text: str) -> bool:
    try:
        parse(text)  # refuses what is always null, such as (!a).b
    except ExpressionError:
        return False
    return True


def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(inner, names).map(".".join),
        st.tuples(inner, names).map(lambda pair: f"{pair[0]}[*].{pair[1]}"),
        st.tuples(inner, names).map(lambda pair: f"{pair[0]}[].{pair[1]}"),
        st.tuples(inner, names).map(lambda pair: f"{pair[0]}.*.{pair[1]}"),
        st.tuples(inner, INDICES).map(lambda pair: f"{pair[0]}[{pair[1]}]"),
        st.tuples(inner, slices).map("".join),
        pairs.map(lambda pair: f"({pair[0]})[?{pair[1]}]"),
        st.tuples(inner, inner, inner).map(lambda three: f"({three[0]})[?{three[1]}].[{three[2]}]"),
        pairs.map(lambda pair: f"{pair[0]} | {pair[1]}"),
        pairs.map(lambda pair: f"({pair[0]} || {pair[1]})"),
        pairs.map(lambda pair: f"({pair[0]} && {pair[1]})"),
        inner.map("!({})".format),
        st.tuples(inner, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), inner).map(
            lambda three: f"({three[0]} {three[1]} {three[2]})"
        ),
        pairs.map(lambda pair: f"[{pair[0]}, {pair[1]}]"),
        st.tuples(inner, names, inner, inner).map(lambda f: f"({f[0]}).{{{f[1]}: {f[2]}, k: {f[3]}}}"),
        st.tuples(st.sampled_from(UNARY), inner).map(lambda pair: f"{pair[0]}({pair[1]})"),
        st.tuples(st.sampled_from(BINARY), inner, inner).map(
            lambda three: f"{three[0]}({three[1]}, {three[2]})"
        ),
        st.tuples(st.sampled_from(["sort_by", "min_by", "max_by"]), inner, inner).map(
            lambda three: f"{three[0]}({three[1]}, &{three[2]})"
        ),
        pairs.map(lambda pair: f"map(&({pair[0]}), {pair[1]})"),
    )


expressions = st.recursive(st.one_of(names, st.just("@"), literals, raw_strings), extend, max_leaves=8)
expressions = expressions.filter(is_accepted)


def outcome(evaluate: Any, value: Any) -> str:
    try:
        return repr(evaluate(value))  # tells 1 from true and 1.0
    except EvaluationError as error:
        return f"error: {error}"


@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(expressions, records)
def test_compiled_and_interpreted_agree(text: str, value: Any) -> None:
    assert outcome(compile_expression(text), value) == outcome(interpret(text), value)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(expressions, min_size=2, max_size=6), st.lists(records, min_size=1, max_size=3))
def test_a_mapping_gives_what_its_expressions_give_one_by_one(texts: list[str], several: list[Any]) -> None:
    mapping = compile_mapping(texts)
    for value in several:
        alone = [outcome(interpret(text), value) for text in texts]
        failing = [(index, text) for index, text in enumerate(alone) if text.startswith("error: ")]
        if failing:
            with pytest.raises(MappingError) as caught:
                mapping(value)
            assert (caught.value.index, f"error: {caught.value}") == failing[0]
        else:
            assert [repr(result) for result in mapping(value)] == alone


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(expressions, min_size=1, max_size=4), st.lists(records, max_size=3))
def test_records_of_which_only_a_layout_is_read_give_the_same(texts: list[str], several: list[Any]) -> None:
    layout = layout_of(texts)
    if layout is None or not can_read(layout):
        return
    body, read = NarrowReader(layout, ["items"]).read(orjson.dumps({"items": several, "n": 1}), None) or (
        {},
        [],
    )
    assert (body, list(read)) == ({"n": 1}, several)
    assert isinstance(read, NarrowRecords)
    for value, laid_out in zip(several, read.laid_out, strict=True):
        for text in texts if laid_out is not None else ():
            narrowly = compile_expression(text, layout=layout)
            assert outcome(narrowly, laid_out) == outcome(compile_expression(text), value)


@settings(max_examples=300, deadline=None)
@given(values)
def test_truth_is_what_double_negation_gives(value: Any) -> None:
    assert is_true(value) is interpret("!!@")(value)
