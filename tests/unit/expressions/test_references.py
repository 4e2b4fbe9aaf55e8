"""What expressions read from their context, and where."""

from __future__ import annotations

import pytest

from syncrun.errors import ExpressionError
from syncrun.expressions.compile import Reference, references


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("config.owner", [("config", "owner", 0, 7)]),
        ('config."x y"', [("config", "x y", 0, 7)]),
        ("config.owner.name", [("config", "owner", 0, 7)]),
        ("cursor", [("cursor", None, 0, None)]),
        ("now", [("now", None, 0, None)]),
        ("@", []),
        ("`1`", []),
        ("@.config.owner", [("config", "owner", 2, 9)]),
        ("config | owner", [("config", "owner", 0, 9)]),
        ("concat(config.a, now)", [("config", "a", 7, 14), ("now", None, 17, None)]),
        ("config.a || vars.b", [("config", "a", 0, 7), ("vars", "b", 12, 17)]),
        ("!(config.a) && page.number == `1`", [("config", "a", 2, 9), ("page", "number", 15, 20)]),
        ("config.{x: a, y: b.c}", [("config", "a", 0, 11), ("config", "b", 0, 17)]),
        (
            "{x: config.a, y: [vars.b, now]}",
            [("config", "a", 4, 11), ("vars", "b", 18, 23), ("now", None, 26, None)],
        ),
        ("config.regions[].{a: name, b: vars.c}", [("config", "regions", 0, 7)]),
        ("repos[?name == 'x'].owner.login", [("repos", None, 0, None)]),
        ("config.list | [0].name", [("config", "list", 0, 7)]),
        ("sort_by(vars.list, &config.x)", [("vars", "list", 8, 13)]),
        ("config[0]", [("config", None, 0, None)]),
        ("keys(config)", [("config", None, 5, None)]),
        ("config.{a: x, all: @}", [("config", None, 0, None), ("config", "x", 0, 11)]),
        ("config | `1`", [("config", None, 0, None)]),
        ("(config || vars).a", [("config", None, 1, None), ("vars", None, 11, None)]),
        ("config.*.a", [("config", None, 0, None)]),
        ("window.start[0:4]", [("window", "start", 0, 7)]),
    ],
)
def test_an_expression_reads(text: str, expected: list[tuple[str, str | None, int, int | None]]) -> None:
    assert references(text) == [Reference(*one) for one in expected]


def test_offsets_count_from_where_the_expression_stands() -> None:
    assert references("config.a", 10) == [Reference("config", "a", 10, 17)]


def test_a_bad_expression_has_no_references() -> None:
    with pytest.raises(ExpressionError):
        references("config.")
