"""`history: true`: every version of every record, and when it was true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncrun.errors import StoreError
from syncrun.stores.values.commit import SnapshotDeletes
from tests.unit.stores.desk import Desk, columns, gone, put

_HOUR = "date_diff('hour', TIMESTAMPTZ '2024-06-01 00:00:00+00', {})"


@pytest.fixture
def kept(tmp_path: Path) -> Desk:
    """Return a desk whose commits, an hour apart, keep history."""
    desk = Desk(tmp_path)
    desk.model = replace(desk.model, history=True)
    return desk


def versions(desk: Desk, field: str = "name") -> list[tuple[Any, ...]]:
    """Return (key, value, position, action, since, until) of every version, times as hours."""
    since, until = _HOUR.format("_valid_from"), _HOUR.format("_valid_to")
    return desk.rows(
        f"SELECT _id, {field}, _seq, _action, {since}, {until} FROM lab.items__history ORDER BY _seq"
    )


def test_a_version_is_valid_until_the_next_one_and_a_deletion_is_one(kept: Desk) -> None:
    kept.commit(put(1, name="one"), put(2, name="two"))
    kept.commit(put(1, name="uno"), put(2, name="two"))
    kept.commit(gone(1))
    kept.commit(put(1, name="again"), deletes=SnapshotDeletes(accept=True))
    assert versions(kept) == [
        ("1", "one", 1, "ADDED", 1, 2),
        ("2", "two", 2, "ADDED", 1, 4),
        ("1", "uno", 3, "UPDATED", 2, 3),
        ("1", "uno", 4, "DELETED", 3, 4),
        ("1", "again", 5, "ADDED", 4, None),
        ("2", "two", 6, "DELETED", 4, None),
    ]


def test_without_it_there_is_no_such_table(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    assert desk.rows("SELECT 1 FROM duckdb_tables() WHERE table_name LIKE '%history'") == []


def test_turned_on_later_it_begins_with_what_was_there_before(desk: Desk) -> None:
    desk.commit(put(1, name="one"), put(2, name="two"), gone(3))
    desk.commit(gone(2))
    desk.commit(put(9, name="of another"), sync=desk.other(connection="globex"))
    desk.commit(put(1, name="uno"), model=replace(desk.model, history=True))
    assert versions(desk) == [
        ("1", "one", 1, "ADDED", 1, 4),
        ("2", "two", 3, "DELETED", 2, None),
        ("9", "of another", 4, "ADDED", 3, None),
        ("1", "uno", 5, "UPDATED", 4, None),
    ]


def test_what_changed_while_it_was_off_is_caught_up_with(kept: Desk) -> None:
    off = replace(kept.model, history=False)
    kept.commit(put(1, name="a"))
    kept.commit(put(1, name="b"), model=off)
    kept.commit(put(1, name="c"), model=off)
    kept.commit(put(1, name="c"))
    assert versions(kept) == [("1", "a", 1, "ADDED", 1, 3), ("1", "c", 3, "UPDATED", 3, None)]


def test_it_gets_new_columns_and_wider_types_with_the_records(kept: Desk) -> None:
    kept.model = replace(kept.model, columns=columns({"id": "integer"}), inferred=True)
    kept.commit(put(1, n=1), types={"id": "integer", "n": "integer"})
    kept.commit(put(1, n=1.5, new="x"), types={"id": "integer", "n": "number", "new": "string"})
    kept.commit(put(1, n="many", new="x"), types={"id": "integer", "n": "string", "new": "string"})
    assert [row[1] for row in versions(kept, "n")] == ["1.0", "1.5", "many"]
    assert [row[1] for row in versions(kept, "new")] == [None, "x", "x"]


def test_an_old_version_decides_too_how_wide_a_type_must_be(kept: Desk) -> None:
    kept.model = replace(kept.model, columns=columns({"id": "integer"}), inferred=True)
    kept.commit(put(1, n=2**53 + 1), types={"id": "integer", "n": "integer"})
    kept.commit(put(1, n=1), types={"id": "integer", "n": "integer"})
    kept.commit(put(1, n=1.5), types={"id": "integer", "n": "number"})  # a double would round the first one
    assert [row[1] for row in versions(kept, "n")] == ["9007199254740993", "1", "1.5"]


def test_a_declared_type_that_an_old_version_does_not_have_is_refused(kept: Desk) -> None:
    kept.commit(put(1, name="one"))
    kept.commit(put(1, name="1"))
    kept.model = replace(kept.model, columns=columns({"id": "integer", "name": "integer"}))
    with pytest.raises(StoreError) as caught:
        kept.commit(put(1, name=1))
    assert str(caught.value) == (
        "lab.items: column name: of the values in its history, 1 cannot change from string to integer"
        " without loss, such as one\n  hint: keep the type string, or give the field a new name"
    )


def test_a_field_that_is_no_longer_read_keeps_its_past(kept: Desk) -> None:
    kept.commit(put(1, name="one"))
    kept.model = replace(kept.model, columns=columns({"id": "integer"}))
    kept.commit({**put(1), "fields": {"id": 1}})
    assert [row[1] for row in versions(kept)] == ["one", None]


def test_raw_records_have_versions_too(kept: Desk) -> None:
    kept.commit(put(1, name="one"))
    kept.model = replace(kept.model, raw=True)
    kept.commit(put(1, name="uno", raw={"name": "uno"}))
    assert [row[1] for row in versions(kept, "_raw")] == [None, '{"name":"uno"}']


def test_a_clock_that_was_set_back_makes_no_two_versions_valid_at_once(kept: Desk) -> None:
    kept.commit(put(1, name="a"))
    kept.hours = 4
    kept.commit(put(1, name="b"))
    kept.hours = 2
    kept.commit(put(1, name="c"))
    assert [row[4:] for row in versions(kept)] == [(1, 5), (5, 5), (5, None)]


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("_valid_from <= $1 AND (_valid_to IS NULL OR _valid_to > $1)", {1: "one", 2: "two"}),
        ("_seq <= 2", {1: "one", 2: "two"}),
    ],
)
def test_plain_sql_travels_in_time(kept: Desk, condition: str, names: dict[int, str]) -> None:
    kept.commit(put(1, name="one"), put(2, name="two"))
    at = kept.now
    kept.commit(put(1, name="uno"), gone(2))
    sql = (
        f"SELECT id, name FROM lab.items__history WHERE {condition}"
        " QUALIFY row_number() OVER (PARTITION BY _connection, _id ORDER BY _seq DESC) = 1"
        " AND _action <> 'DELETED'"
    )
    assert dict(kept.rows(sql, *([at] if "$1" in condition else []))) == names
