"""SQL that people write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncrun.errors import LockedError, StoreError
from syncrun.stores.duckdb import DuckDBStore
from tests.unit.stores.desk import Desk, put


def test_a_result_has_names_types_and_rows(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    result = desk.store.query("SELECT id, name, '{}'::JSON AS j FROM lab.items WHERE id = ?", [1])
    assert (result.columns, result.types) == (("id", "name", "j"), ("BIGINT", "VARCHAR", "JSON"))
    assert list(result.rows) == [(1, "one", "{}")]


def test_times_are_aware_and_in_utc(desk: Desk) -> None:
    desk.commit(put(1))
    [(at, text)] = desk.rows("SELECT _first_seen_at, CAST(_first_seen_at AS VARCHAR) FROM lab.items")
    assert (at, at.utcoffset(), text) == (
        datetime(2024, 6, 1, 1, tzinfo=UTC),
        timedelta(0),
        "2024-06-01 01:00:00+00",
    )


def test_rows_are_fetched_as_they_are_asked_for_and_then_the_file_is_free(desk: Desk) -> None:
    desk.commit(put(1))
    rows = desk.store.query("SELECT range FROM range(100_000_000)").rows
    assert [next(rows) for _ in range(3)] == [(0,), (1,), (2,)]
    del rows
    desk.commit(put(2))
    assert sum(1 for _ in desk.store.query("SELECT range FROM range(5_001)").rows) == 5_001
    desk.commit(put(3))


def test_a_commit_waits_for_a_result_that_is_being_read(desk: Desk) -> None:
    desk.commit(put(1))
    unread: list[Any] = [desk.store.query("SELECT * FROM range(10_000)")]
    waits: list[str] = []
    store = DuckDBStore(desk.path, sleep=lambda _seconds: unread.clear(), on_wait=waits.append)
    store.commit(desk.build([[put(2)]]))
    assert waits == [f"waiting for {desk.path}, which is held by this process itself"]


def test_results_may_be_read_side_by_side(desk: Desk) -> None:
    desk.commit(put(1))
    first, second = (desk.store.query("SELECT id FROM lab.items").rows for _ in range(2))
    assert list(second) == list(first) == [(1,)]


def test_without_a_database_the_hint_says_how_to_make_one(desk: Desk) -> None:
    with pytest.raises(StoreError) as caught:
        desk.store.query("SELECT 1")
    assert str(caught.value) == f"there is no database at {desk.path} yet\n  hint: `syncrun run` makes it"
    assert not desk.path.exists()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM lab.nothing", "does not exist"),
        ("SELECT nope FROM lab.items", '"nope" not found'),
        ("DELETE FROM lab.items__records", "read-only"),
        ("CREATE TABLE t (a INTEGER)", "read-only"),
        ("UPDATE syncrun.sequence SET last = 0", "read-only"),
        ("SELECT CAST(x AS INTEGER) FROM (VALUES ('1'), ('y')) AS t(x)", "Could not convert"),
        ("SELECT desk", 'Referenced column "desk"'),
        ("SELECT * FROM desk", "does not exist"),
    ],
)
def test_what_duckdb_refuses_is_told_in_its_words_and_changes_nothing(
    desk: Desk, sql: str, message: str
) -> None:
    desk.commit(put(1, name="one"))
    with pytest.raises(StoreError, match=message):
        list(desk.store.query(sql).rows)
    assert desk.live() == {1: "one"}
    desk.commit(put(2, name="two"))


def test_an_error_in_the_middle_of_a_result_frees_the_file(desk: Desk) -> None:
    desk.commit(put(1))
    rows = desk.store.query(
        "SELECT CASE WHEN range < 900000 THEN 1 ELSE error('stop') END FROM range(1000000)"
    ).rows
    with pytest.raises(StoreError, match="stop"):
        list(rows)
    desk.commit(put(2))


def test_readers_of_this_process_wait_for_its_writer(desk: Desk) -> None:
    desk.commit(put(1))
    waited: list[str] = []

    def read(point: str) -> None:
        if point == "prepared":
            reader = DuckDBStore(desk.path, lock_timeout=0, on_wait=waited.append)
            with pytest.raises(LockedError, match="is held by this process itself; gave up after 0 s"):
                reader.query("SELECT 1")

    DuckDBStore(desk.path, fault=read).commit(desk.build([[put(2)]]))
    assert waited == []
