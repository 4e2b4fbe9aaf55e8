from __future__ import annotations

from pathlib import Path

import pytest

from syncrun.config.reference import PAGES

FOLDER = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_pages_are_current(name: str) -> None:
    current = (FOLDER / name).read_text(encoding="utf-8") == PAGES[name]()
    assert current, "run python -m syncrun.config.reference"
