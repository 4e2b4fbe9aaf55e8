"""Templates: parsing, rendering, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from syncrun.errors import EvaluationError, ExpressionError
from syncrun.expressions.compile import Reference
from syncrun.expressions.functions import Functions
from syncrun.expressions.template import (
    parse_template,
    render,
    render_path,
    render_text,
    template_references,
)

CONTEXT = {
    "config": {"owner": "ada", "regions": ["eu", "us"], "size": 100, "ratio": 1.0, "on": True, "none": None},
    "record": {"id": "a/b c?d#e%", "dots": "..", "empty": "", "url": "https://x.test/a?b=c", "é": "é"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain $ text {} }", "plain $ text {} }"),
        ("${config.owner}", "ada"),
        ("${config.size}", 100),
        ("${config.regions}", ["eu", "us"]),
        ("${config.none}", None),
        ("/orgs/${config.owner}/repos", "/orgs/ada/repos"),
        ("${config.owner}-${config.size}", "ada-100"),
        (" ${config.size}", " 100"),
        ("${config.ratio}:${config.on}", "1.0:true"),
        ("r=${config.regions}", 'r=["eu","us"]'),
        ('r=${record."é"}', "r=é"),
        ("x${config.none}", None),
        ("$${config.owner}", "${config.owner}"),
        ("a $${b} ${config.owner} $${c}", "a ${b} ada ${c}"),
        ("$$${config.owner}", "$${config.owner}"),
        ("$${${config.owner}}", "${ada}"),
        ("$${$${", "${${"),
        ("${'$'}${config.size}", "$100"),
        ("${{a: config.owner, b: {c: `1`}}}", {"a": "ada", "b": {"c": 1}}),
        ("${'}'}", "}"),
        ("${'it\\'s }'}", "it's }"),
        ("${record.\"}\" || '{'}", "{"),
        ('${`"}"`}!', "}!"),
        ("${ config.owner\n}", "ada"),
    ],
)
def test_a_template_renders_to(text: str, expected: object) -> None:
    assert repr(parse_template(text).render(CONTEXT)) == repr(expected)


def test_a_template_knows_its_expressions_and_whether_it_has_any() -> None:
    template = parse_template("a ${b} $${c} ${d.e}")
    assert template.expressions == (("b", 4), ("d.e", 15))
    assert not template.constant
    assert parse_template("a $${c}").constant
    assert parse_template("").constant
    assert not parse_template("${a}").constant


@pytest.mark.parametrize(
    ("text", "message", "offset", "hint"),
    [
        ("a ${b", "a ${ is never closed", 2, "a literal ${ is written $${"),
        ("${a} ${'b}", "a ${ is never closed", 5, "a literal ${ is written $${"),
        ("${", "a ${ is never closed", 0, "a literal ${ is written $${"),
        ("x ${}", "the expression is empty", 4, ""),
        ("x ${a.}", "the expression ends too early", 6, ""),
        ("x ${uper(a)}", "unknown function uper()", 4, "did you mean upper()?"),
        ("${a} and ${b c}", "unexpected 'c'", 13, ""),
    ],
)
def test_a_bad_template_says_what_and_where(text: str, message: str, offset: int, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_template(text)
    error = caught.value
    assert (error.message, error.offset, error.hint, error.text) == (message, offset, hint, text)


def test_references_have_offsets_into_the_template() -> None:
    assert template_references("/${config.a}/${upper(repo.name)}") == [
        Reference("config", "a", 3, 10),
        Reference("repo", "name", 21, 26),
    ]


def test_a_tree_loses_what_is_null_by_template_and_keeps_what_is_null_as_written() -> None:
    tree = {
        "query": "q ${config.owner}",
        "drop": "${config.none}",
        "drop too": "x${config.none}",
        "keep": None,
        "list": ["${config.none}", None, "${config.size}", {"a": "${config.none}"}],
        "number": 1,
        "flag": False,
        "nested": {"literal": "$${x}"},
    }
    assert render(tree, CONTEXT) == {
        "query": "q ada",
        "keep": None,
        "list": [None, 100, {}],
        "number": 1,
        "flag": False,
        "nested": {"literal": "${x}"},
    }
    assert render("${config.none}", CONTEXT) is None
    assert tree["drop"] == "${config.none}"


def test_any_mapping_is_a_context() -> None:
    assert render("${config.owner}", MappingProxyType(CONTEXT)) == "ada"


def test_functions_come_from_the_caller() -> None:
    functions = Functions(clock=lambda: datetime(2024, 5, 1, tzinfo=UTC))
    assert render({"a": ["${now()}"]}, {}, functions=functions) == {"a": ["2024-05-01T00:00:00Z"]}
    assert render_text("at ${now()}", {}, "x", functions=functions) == "at 2024-05-01T00:00:00Z"
    assert render_path("/${now()}", {}, functions=functions) == "/2024-05-01T00%3A00%3A00Z"


def test_a_null_in_a_text_is_an_error_that_names_the_expression() -> None:
    for text in ("${config.none}", "https://${config.none}.test"):
        with pytest.raises(EvaluationError) as caught:
            render_text(text, CONTEXT, "base_url")
        assert str(caught.value) == "base_url: ${config.none} is null"
    with pytest.raises(EvaluationError) as caught:
        render_path("/a/${config.none}", CONTEXT)
    assert str(caught.value) == "path: ${config.none} is null"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/items/${record.id}/x", "/items/a%2Fb%20c%3Fd%23e%25/x"),
        ("/items/${config.size}?sort=a&b=${record.id}", "/items/100?sort=a&b=a%2Fb%20c%3Fd%23e%25"),
        ('/${record."é"}', "/%C3%A9"),
        ("${record.url}", "https://x.test/a?b=c"),
        ("/v1${record.empty}/x", "/v1/x"),
        ("/x?y=${record.empty}", "/x?y="),
        ("/x/?y=${record.dots}", "/x/?y=.."),
        ("/a${record.dots}/x", "/a../x"),
        ("/../${config.owner}//", "/../ada//"),
        ("/a b/$${x}", "/a b/${x}"),
    ],
)
def test_a_path_keeps_inserted_values_in_their_segment(text: str, expected: str) -> None:
    assert render_path(text, CONTEXT) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/items/${record.empty}", "path: a segment with ${record.empty} is empty"),
        ("/items/${record.empty}/x", "path: a segment with ${record.empty} is empty"),
        ("/items/${record.dots}/x", "path: a segment with ${record.dots} becomes '..'"),
        ("/items/${record.dots}?x", "path: a segment with ${record.dots} becomes '..'"),
        ("/items/.${'.'}", "path: a segment with ${'.'} becomes '..'"),
        ("${'.'}${record.empty}/a", "path: a segment with ${record.empty} becomes '.'"),
    ],
)
def test_a_value_that_would_address_something_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        render_path(text, CONTEXT)
    assert str(caught.value) == message


def test_a_failing_expression_is_named() -> None:
    with pytest.raises(EvaluationError) as caught:
        render_text("x ${upper(config.size)}", CONTEXT, "header")
    assert (
        str(caught.value) == "cannot evaluate upper(config.size): "
        "the argument of upper() must be a string or null, not a number"
    )
