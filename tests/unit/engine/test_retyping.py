"""A field that becomes another type of number: equal values are no change, whatever their hashes are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab

YAML = """
syncs:
  items:
    request: /items
    key: id
    history: true
    fields:
      id: {{path: id, type: integer}}
      price: {{path: price, type: "{kind}"}}
      notes: {{path: notes, type: string, hash: false}}
      tags: {{path: tags, type: json}}
"""

ITEMS = [
    {"id": 1, "price": 10, "notes": "a", "tags": {"b": [1], "a": None}},
    {"id": 2, "price": -3, "notes": "b"},
    {"id": 3, "price": None, "notes": "c", "tags": []},
    {"id": 4, "price": 0, "notes": "d", "tags": "text"},
]
FACTS = (
    "SELECT _id, _seq, _action, _first_seen_at, _last_modified_at, _run_id, CAST(price AS DOUBLE)"
    " FROM lab.items__records ORDER BY _seq"
)
VERSIONS = "SELECT _id, _seq, _action, _valid_from, _valid_to FROM lab.items__history ORDER BY _seq"


class Shop:
    """An API with items whose price the connector reads as a type that the test changes."""

    def __init__(self, folder: Path, kind: str, items: list[dict[str, Any]] | None = None) -> None:
        self.items = [dict(item) for item in items or ITEMS]
        self.lab = Lab(folder, YAML.format(kind=kind), lambda _request: self.items)
        self.lab.run()

    def read_as(self, kind: str) -> tuple[int, int, int]:
        """Return what a run that reads prices as *kind* added, updated and left, as a dry run says too."""
        self.lab.write(YAML.format(kind=kind))
        told = self.lab.dry_run().preview.changes
        done = self.lab.run().changes
        assert (told.added, told.updated, told.unchanged) == (done.added, done.updated, done.unchanged)
        return done.added, done.updated, done.unchanged


@pytest.mark.parametrize(
    "kinds",
    [
        ["decimal(10,2)", "number", "decimal(10,2)"],
        ["decimal(10,2)", "decimal(12,4)", "decimal(10,2)"],
        ["integer", "number", "decimal(10,2)", "integer"],
        ["integer", "decimal(10,0)", "decimal(10,3)", "number"],
    ],
    ids=" to ".join,
)
def test_r5_equal_values_in_another_type_of_number_are_no_change(tmp_path: Path, kinds: list[str]) -> None:
    shop = Shop(tmp_path, kinds[0])
    before, versions = shop.lab.rows(FACTS), shop.lab.rows(VERSIONS)
    for kind in kinds[1:]:
        assert shop.read_as(kind) == (0, 0, 4)
        assert shop.read_as(kind) == (0, 0, 4)
        assert shop.lab.rows(FACTS) == before
        assert shop.lab.rows(VERSIONS) == versions


def test_r5_fractions_are_compared_as_numbers_too(tmp_path: Path) -> None:
    prices = ["0.10", "19.99", "12345678.91", "-0.07"]
    items = [{"id": number, "price": float(price)} for number, price in enumerate(prices)]
    shop = Shop(tmp_path, "decimal(10,2)", items)
    assert shop.read_as("number") == (0, 0, 4)
    assert shop.read_as("decimal(12,3)") == (0, 0, 4)


def test_r5_what_has_another_value_is_updated_with_the_type(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "decimal(10,2)")
    shop.items[1]["price"] = 4
    shop.items[2]["price"] = 0
    shop.items[3]["tags"] = "other"
    shop.items.append({"id": 5, "price": 7})
    assert shop.read_as("number") == (1, 3, 1)
    assert shop.lab.feed() == [(1, "ADDED"), (2, "UPDATED"), (3, "UPDATED"), (4, "UPDATED"), (5, "ADDED")]
    assert [row[1] for row in shop.lab.rows(FACTS)] == [1, 5, 6, 7, 8]
    assert [row[-1] for row in shop.lab.rows(FACTS)] == [10, 4, 0, 0, 7]
    assert len(shop.lab.rows(VERSIONS)) == 8
    assert shop.read_as("number") == (0, 0, 5)


def test_r5_a_value_that_became_null_is_updated_with_the_type(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "decimal(10,2)")
    shop.items[0]["price"] = None
    del shop.items[2]["tags"]
    assert shop.read_as("number") == (0, 2, 2)


def test_r5_a_field_without_hash_counts_no_more_than_before(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "decimal(10,2)")
    shop.items[0]["notes"] = "other"
    assert shop.read_as("number") == (0, 0, 4)
    assert shop.lab.live()[0]["notes"] == "a"


def test_r5_a_record_that_is_read_long_after_the_type_changed_is_compared_by_its_values(
    tmp_path: Path,
) -> None:
    """Not all records are read by the run that changes the type."""
    yaml = YAML + "    deletes: none\n"
    shop = Shop(tmp_path, "decimal(10,2)")
    everything = shop.items
    for kind, items in [
        ("decimal(10,2)", everything[:0]),
        ("number", everything[:1]),
        ("number", everything[1:2]),
        ("decimal(11,4)", everything[:0]),
        ("decimal(11,4)", everything),
    ]:
        shop.lab.write(yaml.format(kind=kind))
        shop.items = items
        report = shop.lab.run().changes
        assert (report.added, report.updated, report.unchanged) == (0, 0, len(items))


def test_r5_a_connection_that_is_read_after_another_changed_the_type_sees_no_change(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "decimal(10,2)")
    shop.lab.run(connection="globex")
    shop.lab.write(YAML.format(kind="number"))
    assert shop.lab.run().changes.unchanged == 4
    assert shop.lab.run(connection="globex").changes.unchanged == 4


def test_r5_a_column_that_was_taken_away_is_a_change_beside_a_new_type(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "decimal(10,2)")
    shop.lab.write(YAML.format(kind="number").replace("      tags: {path: tags, type: json}\n", ""))
    report = shop.lab.run().changes
    assert (report.updated, report.unchanged) == (3, 1)
