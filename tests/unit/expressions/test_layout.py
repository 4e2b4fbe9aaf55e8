"""Which members of a record a set of expressions reads."""

from __future__ import annotations

from typing import Any

import pytest

from syncrun.expressions.layout import Layout, layout_of, plain_path


def shown(layout: Layout | None) -> Any:
    return None if layout is None else {name: shown(inner) for name, inner in layout.members}


@pytest.mark.parametrize(
    ("expressions", "layout"),
    [
        (["id", "a.b", "a.c.d", "a.c.e"], {"id": None, "a": {"b": None, "c": {"d": None, "e": None}}}),
        (["a.b", "a"], {"a": None}),
        (["a.b", "length(a.c)"], {"a": {"b": None, "c": None}}),
        (["a[0].b", "a.c"], {"a": None}),
        (["tags[*].name", "x.y"], {"tags": None, "x": {"y": None}}),
        (["a.b || 'none'", "a.b.c"], {"a": {"b": None}}),
        (["a.b | c", "a.b.d"], {"a": {"b": {"c": None, "d": None}}}),
        (["sort_by(items, &a.b)", "a.b"], {"items": None, "a": {"b": None}}),
        (["@"], None),
        (["a", "keys(@)"], None),
        (["'constant'"], None),
    ],
)
def test_a_layout_has_what_is_read_and_ends_where_it_is_used(expressions: list[str], layout: Any) -> None:
    assert shown(layout_of(expressions)) == layout


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        ("@", ()),
        ("data", ("data",)),
        ('data."the items"', ("data", "the items")),
        ("data[0]", None),
        ("keys(@)", None),
    ],
)
def test_a_plain_path_is_known_by_its_members(expression: str, path: tuple[str, ...] | None) -> None:
    assert plain_path(expression) == path


def test_a_layout_tells_whether_it_reaches_a_place() -> None:
    layout = layout_of(["meta.total", "data.next.token", "length(links)"])
    assert layout is not None
    reached = [
        path
        for path in ("meta", "meta.total.x", "data.items", "data", "links.first", "other")
        if layout.reaches(path.split("."))
    ]
    assert reached == ["meta", "meta.total.x", "data", "links.first"]
