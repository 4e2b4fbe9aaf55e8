"""Expressions as functions: values, sharing, failures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from syncrun.errors import EvaluationError, RunError
from syncrun.expressions.compile import MappingError, compile_expression, compile_mapping, interpret, is_true

RECORD = {
    "id": 7,
    "owner": {"login": "ada", "id": 1},
    "labels": [{"name": "bug"}, {"name": None}, {"name": "new"}],
    "times": [3, 1, 2],
}


def test_a_mapping_returns_the_values_in_the_order_of_the_expressions() -> None:
    mapping = compile_mapping(["owner.login", "id", "owner.id", "labels[].name", "nothing.at.all", "'text'"])
    assert mapping(RECORD) == ["ada", 7, 1, ["bug", "new"], None, "text"]


@pytest.mark.parametrize("record", [None, [], "text", 1, True])
def test_a_mapping_of_paths_gives_nulls_for_what_is_no_object(record: object) -> None:
    assert compile_mapping(["id", "owner.login", "owner.id"])(record) == [None, None, None]


def test_an_empty_mapping_gives_an_empty_list() -> None:
    assert compile_mapping([])({"a": 1}) == []


def test_a_field_path_may_stand_between_newlines() -> None:
    assert compile_expression("\nowner.login\n")(RECORD) == "ada"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        (False, False),
        ("", False),
        ([], False),
        ({}, False),
        (0, True),
        (0.0, True),
        ("x", True),
    ],
)
def test_truth_is_jmespath_truth(value: object, expected: bool) -> None:
    assert is_true(value) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one == yes", False),
        ("zero == no", False),
        ("one == `true`", False),
        ("one == `1`", True),
        ("yes == `1`", False),
        ("one == `1.0`", True),
        ("text < `1`", "a number and a string have no order"),
        ("text < 'b'", True),
        ("nothing < `1`", None),
        ("yes > `0`", None),
    ],
)
def test_comparisons_are_those_of_jmespath(text: str, expected: object) -> None:
    record = {"one": 1, "zero": 0, "yes": True, "no": False, "text": "a"}
    for make in (compile_expression, interpret):
        if isinstance(expected, str):
            with pytest.raises(EvaluationError) as caught:
                make(text)(record)
            assert str(caught.value) == f"cannot evaluate {text}: {expected}"
        else:
            assert make(text)(record) is expected


def test_a_failure_names_the_expression_the_argument_and_its_type() -> None:
    for make in (compile_expression, interpret):
        with pytest.raises(EvaluationError) as caught:
            make("starts_with(id, 'x')")(RECORD)
        assert str(caught.value) == (
            "cannot evaluate starts_with(id, 'x'): argument 1 of starts_with() must be a string, not a number"
        )


def test_a_failure_in_a_mapping_tells_which_expression_it_was() -> None:
    mapping = compile_mapping(
        ["id", "labels[].name", "sum(times)", "sort_by(labels, &name)[0].name", "owner.id"]
    )
    with pytest.raises(MappingError) as caught:
        mapping(RECORD)
    assert caught.value.index == 3
    assert isinstance(caught.value, RunError)
    assert str(caught.value) == (
        "cannot evaluate sort_by(labels, &name)[0].name: "
        "sort_by() compares strings only, and one kind at a time"
    )


def test_a_failure_inside_a_reference_belongs_to_the_expression_around_it() -> None:
    with pytest.raises(MappingError) as caught:
        compile_mapping(["id", "map(&upper(@), times)"])(RECORD)
    assert caught.value.index == 1
    assert str(caught.value) == (
        "cannot evaluate map(&upper(@), times): "
        "the argument of upper() must be a string or null, not a number"
    )


def test_the_right_side_of_or_and_and_is_left_alone_when_the_left_decides() -> None:
    assert compile_expression("id || sum(owner)")(RECORD) == 7
    assert compile_expression("nothing && sum(owner)")(RECORD) is None
    assert compile_expression("nothing.{a: sum(owner)}")(RECORD) is None
    assert compile_expression("times[?@ > `5`].sum(@)")(RECORD) == []


@pytest.mark.parametrize("depth", [5, 13, 40])
def test_nesting_beyond_what_python_compiles_gives_the_same(depth: int) -> None:
    text = "a[*]." * depth + "a"
    value: object = {"a": 1}
    for _ in range(depth):
        value = {"a": [value]}
    assert compile_expression(text)(value) == interpret(text)(value)
    texts = ["a[0]", text, "a"]
    assert compile_mapping(texts)(value) == [interpret(one)(value) for one in texts]


def test_a_failure_of_an_expression_that_is_not_compiled_has_its_index_too() -> None:
    deep = "[*]." + "a[*]." * 20 + "sum(@)"
    value: object = 1
    for _ in range(20):
        value = {"a": [value]}
    with pytest.raises(MappingError) as caught:
        compile_mapping(["@", deep])([value])
    assert caught.value.index == 1


def test_a_long_path_is_followed_to_its_end() -> None:
    value: object = 1
    for _ in range(3000):
        value = {"a": value}
    assert compile_expression(".".join(["a"] * 3000))(value) == 1


@pytest.mark.parametrize(
    "name", ["x'); import os; os.abort(); ('", 'a"b', "a\\", "a\nb", "{v0}", "\u2028", "\ud800", "__class__"]
)
def test_names_and_literals_never_become_code(name: str) -> None:
    import json

    quoted = json.dumps(name)
    assert compile_expression(quoted)({name: 1}) == 1
    assert compile_expression(f"{{{quoted}: @}}")(2) == {name: 2}
    literal = quoted.replace("`", "\\`")
    assert compile_expression(f"@ == `{literal}`")(name) is True
    assert compile_mapping([quoted, f"a.{quoted}"])({name: 1, "a": {name: 2}}) == [1, 2]


def test_attributes_of_python_objects_are_out_of_reach() -> None:
    assert compile_mapping(["__class__", "keys", "a.__class__"])({"a": "x"}) == [None, None, None]


def test_a_compiled_mapping_serves_several_threads() -> None:
    mapping = compile_mapping(["a.b", "sum(c)", "sort_by(d, &e)[0].e"])
    records = [{"a": {"b": n}, "c": [n, n], "d": [{"e": n + 1}, {"e": n}]} for n in range(500)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(mapping, records)) == [[n, 2 * n, n] for n in range(500)]
