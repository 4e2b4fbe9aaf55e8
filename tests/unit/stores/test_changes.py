"""What a commit does to the live records and to the change feed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncrun.errors import StoreError
from syncrun.shapes import StagedFile
from syncrun.stores.values.commit import Changes, SnapshotDeletes
from tests.unit.stores.desk import START, Desk, Line, gone, put, seen


def test_r06_new_records_are_added_in_source_order(desk: Desk) -> None:
    assert desk.commit(put(2, name="two"), put(1, name="one")) == Changes(added=2, last_seq=2)
    assert desk.live() == {1: "one", 2: "two"}
    assert desk.feed() == [(1, "2", "ADDED"), (2, "1", "ADDED")]


def test_r06_a_record_that_is_the_same_is_not_touched(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    before = desk.rows("SELECT * FROM lab.items__records")
    assert desk.commit(put(1, name="one")) == Changes(unchanged=1, last_seq=1)
    assert desk.rows("SELECT * FROM lab.items__records") == before


def test_r06_another_hash_updates_and_keeps_when_it_was_first_seen(desk: Desk) -> None:
    desk.commit(put(1, name="one"), put(2, name="two"))
    assert desk.commit(put(1, name="uno"), put(2, name="two")) == Changes(updated=1, unchanged=1, last_seq=3)
    assert desk.feed() == [(2, "2", "ADDED"), (3, "1", "UPDATED")]
    times = "SELECT _first_seen_at, _last_modified_at FROM lab.items WHERE id = 1"
    assert desk.rows(times) == [(START + timedelta(hours=1), START + timedelta(hours=2))]
    assert desk.rows("SELECT _run_id FROM lab.items__records ORDER BY _seq") == [("run-0001",), ("run-0002",)]


@pytest.mark.parametrize("name", ["one", "another"])
def test_r06_a_deleted_record_that_returns_is_added_anew(desk: Desk, name: str) -> None:
    desk.commit(put(1, name="one"))
    desk.commit(gone(1))
    assert desk.commit(put(1, name=name)) == Changes(added=1, last_seq=3)
    assert desk.live() == {1: name}
    row = "SELECT _seq, _action, _first_seen_at, _deleted_at FROM lab.items__records"
    assert desk.rows(row) == [(3, "ADDED", START + timedelta(hours=3), None)]


def test_r11_a_delete_keeps_the_last_payload(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    assert desk.commit(gone(1)) == Changes(deleted=1, last_seq=2)
    assert desk.live() == {}
    row = "SELECT id, name, _action, _seq, _deleted_at, _last_modified_at, _run_id FROM lab.items__records"
    at = START + timedelta(hours=2)
    assert desk.rows(row) == [(1, "one", "DELETED", 2, at, at, "run-0002")]


def test_r11_an_unknown_or_deleted_id_makes_no_event(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    desk.commit(gone(1))
    before = desk.rows("SELECT * FROM lab.items__records")
    assert desk.commit(gone(1), gone(7)) == Changes(last_seq=2)
    assert desk.rows("SELECT * FROM lab.items__records") == before


def test_r04_the_last_row_of_a_key_wins_and_makes_one_event(desk: Desk) -> None:
    changes = desk.commit(put(1, name="a"), put(2, name="x"), put(1, name="b"), put(1, name="c"))
    assert changes == Changes(added=2, duplicates=2, last_seq=2)
    assert desk.live() == {1: "c", 2: "x"}
    assert desk.feed() == [(1, "2", "ADDED"), (2, "1", "ADDED")]


def test_r04_later_files_win_over_earlier_ones(desk: Desk) -> None:
    files = [[put(9, name="nine"), put(1, name="first")], [put(1, name="second")], [put(2, name="two")]]
    assert desk.store.commit(desk.build(files)) == Changes(added=3, duplicates=1, last_seq=3)
    assert desk.live() == {1: "second", 2: "two", 9: "nine"}
    assert [identity for _, identity, _ in desk.feed()] == ["9", "1", "2"]


def test_a_record_that_appears_and_goes_within_a_commit_makes_no_event(desk: Desk) -> None:
    assert desk.commit(put(1, name="one"), gone(1)) == Changes(duplicates=1)
    assert desk.live() == {}


def test_a_record_that_was_deleted_and_is_back_within_a_commit_is_the_same(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    assert desk.commit(gone(1), put(1, name="one")) == Changes(unchanged=1, duplicates=1, last_seq=1)


def test_a_rejected_version_does_not_undo_a_good_one(desk: Desk) -> None:
    assert desk.commit(put(1, name="one"), seen(1), seen(2)) == Changes(added=1, last_seq=1)
    assert desk.live() == {1: "one"}


def test_r09_connections_do_not_touch_each_other(desk: Desk) -> None:
    other = desk.other(connection="globex")
    desk.commit(put(1, name="acme"))
    assert desk.commit(put(1, name="globex"), sync=other) == Changes(added=1, last_seq=2)
    assert desk.commit(gone(1), sync=other, deletes=SnapshotDeletes()) == Changes(deleted=1, last_seq=3)
    assert desk.rows("SELECT name, _connection FROM lab.items") == [("acme", "acme")]


def test_seq_is_one_feed_for_all_models(desk: Desk) -> None:
    things = replace(desk.model, name="things")
    assert desk.commit(put(1)).last_seq == 1
    assert desk.commit(put(1), put(2), model=things).last_seq == 3
    assert desk.commit(put(2)).last_seq == 4
    assert desk.rows("SELECT _seq FROM lab.things__records ORDER BY 1") == [(2,), (3,)]


def test_a_record_listed_by_another_partition_moves_without_an_event(desk: Desk) -> None:
    desk.commit(put(1, "a", name="one"))
    assert desk.commit(put(1, "b", name="one")) == Changes(unchanged=1, last_seq=1)
    assert desk.rows("SELECT _partition, _seq, _run_id FROM lab.items__records") == [("b", 1, "run-0001")]
    assert desk.store.partitions("lab", "items", "acme") == {"b"}


def test_partitions_of_deleted_records_are_gone(desk: Desk) -> None:
    desk.commit(put(1, "a"), put(2, "b"))
    desk.commit(gone(1, "a"))
    assert desk.store.partitions("lab", "items", "acme") == {"b"}
    assert desk.store.partitions("lab", "items", "globex") == frozenset()
    assert desk.store.partitions("lab", "unknown", "acme") == frozenset()


def test_raw_records_are_kept_when_the_model_says_so(desk: Desk) -> None:
    model = replace(desk.model, raw=True)
    desk.commit(put(1, name="one"))
    desk.commit(put(2, raw={"id": 2, "deep": [1.5, None, "é"]}, name="two"), model=model)
    assert desk.rows("SELECT id, _raw FROM lab.items__records ORDER BY id") == [
        (1, None),
        (2, '{"id":2,"deep":[1.5,null,"é"]}'),
    ]
    assert desk.live() == {1: "one", 2: "two"}


def test_an_empty_commit_leaves_a_table_to_query(desk: Desk) -> None:
    assert desk.commit() == Changes()
    assert desk.live() == {}


def test_huge_values_are_stored(desk: Desk) -> None:
    long = "x" * 40_000_000
    assert desk.commit(put(1, name="short"), put(2, name=long)) == Changes(added=2, last_seq=2)
    assert desk.rows("SELECT length(name) FROM lab.items ORDER BY id") == [(5,), (40_000_000,)]


def test_staged_text_arrives_as_it_was(desk: Desk) -> None:
    names = ["", " ", "null", "a\u0000b", "\U0001f600", "\r\n\t\\\"'", "\u2028", "{}", "1"]
    desk.commit(*(put(number, name=name) for number, name in enumerate(names)))
    assert list(desk.live().values()) == names


@pytest.mark.parametrize("folder", ["[abc]", "a*?", "it's", "~", "{a,b}", "**"])
def test_a_folder_may_be_named_like_a_pattern(desk: Desk, folder: str) -> None:
    decoy = desk.folder / "a"
    decoy.mkdir()
    (decoy / "rows.jsonl").write_text(
        '{"i":0,"p":"","k":"9","h":"9","a":"U","f":{"id":9,"name":"wrong"}}\n', encoding="utf-8"
    )
    place = desk.folder / folder
    place.mkdir()
    commit = desk.build([[put(1, name="right")]])
    moved = commit.staged[0].path.rename(place / "rows.jsonl")
    desk.store.commit(replace(commit, staged=[replace(commit.staged[0], path=moved)]))
    assert desk.live() == {1: "right"}


def test_a_staging_file_that_lost_its_end_is_refused(desk: Desk) -> None:
    commit = desk.build([[put(1), put(2)]])
    path = commit.staged[0].path
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(StoreError) as caught:
        desk.store.commit(commit)
    assert str(caught.value) == (
        f"the staging file {path} has 1 lines, but 2 were written\n"
        "  hint: remove its folder to fetch those records again"
    )


def test_ordinals_that_repeat_are_refused(desk: Desk) -> None:
    path = desk.folder / "rows.jsonl"
    line = '{"i":0,"p":"","k":"%s","h":"1","a":"U","f":{"id":1}}\n'
    path.write_text(line % "1" + line % "2", encoding="utf-8")
    commit = desk.build([])
    with pytest.raises(StoreError, match="2 staged records changed, but 4 were found again: ordinals repeat"):
        desk.store.commit(replace(commit, staged=[StagedFile(path, desk.model.columns, 2)]))
    assert not desk.store.columns("lab", "items")


def test_a_value_that_its_column_cannot_hold_is_an_error_and_nothing_is_written(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    commit = desk.build([[put(2, name="two")]])
    path = commit.staged[0].path
    path.write_text(path.read_text(encoding="utf-8").replace('"id": 2', '"id": "two"'), encoding="utf-8")
    with pytest.raises(StoreError, match="Failed to cast value"):
        desk.store.commit(commit)
    assert desk.live() == {1: "one"}


def test_few_changes_among_many_records_are_found_again_in_every_file(desk: Desk) -> None:
    def whole(*changed: int) -> list[list[Line]]:
        lines = [put(n, name="new" if n in changed else "old") for n in range(1, 31)]
        return [lines[:10], lines[10:20], lines[20:]]

    desk.store.commit(desk.build(whole()))
    commit = desk.build(whole(2, 11, 20))
    changes = desk.store.commit(commit)
    assert (changes.updated, changes.unchanged) == (3, 27)
    assert [n for n, name in desk.live().items() if name == "new"] == [2, 11, 20]
    assert [row[1] for row in desk.feed()[-3:]] == ["2", "11", "20"]
    assert not list(desk.folder.glob("*.changed"))


def test_a_record_too_large_for_little_memory_gets_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncrun.stores.instances._FRUGAL", 1)
    changes = desk.commit(put(1, name="x" * (4 << 20)), put(2, name="small"))
    assert changes.added == 2
    assert desk.rows("SELECT id, length(name) FROM lab.items ORDER BY id") == [(1, 4 << 20), (2, 5)]
