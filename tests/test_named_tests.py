"""A page that says which test shows something names a test that there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def named_tests() -> Iterator[tuple[str, str, str]]:
    for page in PAGES:
        for file, name in NAMED.findall(page.read_text(encoding="utf-8")):
            yield page.name, file, name


@pytest.mark.parametrize(("page", "file", "name"), sorted(set(named_tests())))
def test_a_test_that_a_page_names_is_there(page: str, file: str, name: str) -> None:
    path = ROOT / file
    assert path.is_file(), f"{page} names {file}"
    if name:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{page} names {file}::{name}"


def test_no_page_names_a_test_in_a_way_that_is_not_looked_at() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert len(re.findall(r"tests/[\w/]+\.py::", text)) == sum(
            1 for _, name in NAMED.findall(text) if name
        ), page
