"""Errors of expressions that cannot be parsed: message, offset and hint, compared whole."""

from __future__ import annotations

import pytest

from syncrun.errors import ExpressionError
from syncrun.expressions.compile import compile_expression, compile_mapping, interpret, parse

NAME_HINT = 'a name with other characters than letters, digits and _ stands in double quotes: "a-b"'
NOT_HINT = "put the path in parentheses: !(a.b)"


@pytest.mark.parametrize(
    ("text", "message", "offset", "hint"),
    [
        ("", "the expression is empty", 0, ""),
        ("  \n", "the expression is empty", 0, ""),
        ("owner.", "the expression ends too early", 6, ""),
        ("a || ", "the expression ends too early", 5, ""),
        ("foo[?a == 'x'", "the expression ends too early", 13, ""),
        ("a b", "unexpected 'b'", 2, ""),
        ("a and b", "unexpected 'and'", 2, "JMESPath writes it &&"),
        ("a or b", "unexpected 'or'", 2, "JMESPath writes it ||"),
        ("not a", "unexpected 'a'", 4, ""),
        ("a = 'x'", "unexpected '='", 2, "equality is written =="),
        ("a =", "unexpected '='", 2, "equality is written =="),
        ("stars > 5", "unexpected number 5", 8, "write a number in backticks: `5`"),
        ("a.%b", "unexpected '%'", 2, ""),
        ("$.items", "unexpected '$'", 0, "JMESPath starts at the current value; leave out the $"),
        ("name == 'x", "a ' is never closed", 8, ""),
        ('a."b', 'a " is never closed', 2, ""),
        ("a == `[1`", "what stands in backticks is not JSON", 5, "write text in single quotes: 'text'"),
        ("a == `x`", "what stands in backticks is not JSON", 5, "write text in single quotes: 'text'"),
        ('"\\u"', "the name in double quotes is not a valid JSON string", 0, ""),
        ("a - b", "unexpected '-'", 2, NAME_HINT),
        ("headers.x-id", "unexpected '-'", 9, NAME_HINT),
        ("!a.b", "! binds tighter than what follows it, so this is always null", 0, NOT_HINT),
        ("x && !a[].b", "! binds tighter than what follows it, so this is always null", 5, NOT_HINT),
        ("lower(!a.*)", "! binds tighter than what follows it, so this is always null", 6, NOT_HINT),
        ("(!a)[?b]", "! binds tighter than what follows it, so this is always null", 1, NOT_HINT),
        ("a, b", "unexpected ','", 1, ""),
        ("'a'.'b'", "unexpected literal", 4, ""),
        ("id && uper(name)", "unknown function uper()", 6, "did you mean upper()?"),
        ("items[].frobnicate(@)", "unknown function frobnicate()", 8, ""),
        ("{a: lower(x, y)}", "lower() takes 1 argument, not 2", 4, ""),
        ("now(x)", "now() takes no arguments, not 1", 0, ""),
        ("not_null()", "not_null() takes at least 1 argument, not 0", 0, ""),
        ("parse_time()", "parse_time() takes 1 or 2 arguments, not 0", 0, ""),
        ("'a'('b')", "only a name can be called as a function", 3, ""),
        ("\"lower\"('b')", "a function's name takes no quotes", 0, ""),
        ("lower('a',)", "unexpected ')'", 10, ""),
        ("concat('a' 'b')", "unexpected literal", 11, ""),
        (
            "sort_by(a, b)",
            "argument 2 of sort_by() must be an expression after &",
            0,
            "write & before argument 2",
        ),
        ("&a", "& is only for functions that take an expression, such as sort_by()", 0, ""),
        ("a | type(&b)", "& is only for functions that take an expression, such as sort_by()", 9, ""),
        ("a[::0]", "the step of a slice cannot be 0", 1, ""),
        ("(" * 5000 + "a", "the expression is nested too deeply", 0, ""),
    ],
)
def test_a_bad_expression_says_what_where_and_how_to_mend_it(
    text: str, message: str, offset: int, hint: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    error = caught.value
    assert (error.message, error.offset, error.hint, error.text) == (message, offset, hint, text)


@pytest.mark.parametrize(
    "compile_one", [compile_expression, interpret, lambda text: compile_mapping(["a", text])]
)
def test_every_way_to_compile_refuses_bad_expressions(compile_one) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ExpressionError, match="unknown function uper"):
        compile_one("uper(name)")


def test_a_refused_expression_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(ExpressionError):
            parse("a b")
