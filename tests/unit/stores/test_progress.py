"""Checkpoints, run history, quarantine and the engine's own tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncrun.errors import StoreError
from syncrun.stores import migrations
from syncrun.stores.values.commit import SnapshotDeletes
from syncrun.stores.values.progress import Checkpoint
from syncrun.stores.values.run import Run
from tests.unit.stores.desk import START, Desk, bad, gone, put, seen


def test_r12_checkpoints_are_kept_replaced_and_forgotten_with_their_commit(desk: Desk) -> None:
    weird = '\u0000"\\é🚀\n[]'
    desk.commit(checkpoints={"a": '{"cursor": 1}', "b": "{}", "it's": "null", weird: weird})
    desk.commit(checkpoints={"a": '{"cursor":  2}', "b": None})
    assert desk.store.checkpoints(desk.sync) == {
        "a": Checkpoint("a", '{"cursor":  2}', "run-0002", START + timedelta(hours=2)),
        "it's": Checkpoint("it's", "null", "run-0001", START + timedelta(hours=1)),
        weird: Checkpoint(weird, weird, "run-0001", START + timedelta(hours=1)),
    }


def test_r15_checkpoints_belong_to_one_sync_of_one_connection(desk: Desk) -> None:
    others = [desk.other(sync="others"), desk.other(connection="globex"), desk.other(connector="other")]
    for sync in [desk.sync, *others]:
        desk.commit(checkpoints={"": str(sync)}, sync=sync, snapshot=f"w-{sync.connector}-{sync}")
    assert [desk.store.checkpoints(sync)[""].state for sync in others] == [str(sync) for sync in others]
    desk.store.forget(desk.sync)
    assert desk.store.checkpoints(desk.sync) == {}
    assert desk.store.open_snapshot(desk.sync) is None
    assert all(desk.store.checkpoints(sync) and desk.store.open_snapshot(sync) for sync in others)


def test_many_checkpoints_are_written_at_once(desk: Desk) -> None:
    desk.commit(checkpoints={f"partition {n}": f'{{"cursor": {n}}}' for n in range(20_000)})
    assert desk.store.checkpoints(desk.sync)["partition 12345"].state == '{"cursor": 12345}'


def test_a_store_without_a_file_is_empty(desk: Desk) -> None:
    assert desk.store.checkpoints(desk.sync) == {}
    assert desk.store.open_snapshot(desk.sync) is None
    assert desk.store.columns("lab", "items") == ()
    assert desk.store.partitions("lab", "items", "acme") == frozenset()
    assert list(desk.store.live("lab", "items", "acme")) == []
    assert desk.store.last_runs() == []
    desk.store.forget(desk.sync)
    assert not desk.path.exists()


def test_the_row_of_a_run_counts_what_its_commits_changed(desk: Desk) -> None:
    desk.commit(put(1), put(2))
    commit = desk.build([[put(1, name="x"), put(2), put(2)]])
    run = replace(
        commit.run, status="ok", ended_at=desk.now, counts={"records": 9, "unchanged": 4, "pages": 2}
    )
    desk.store.commit(replace(commit, run=run))
    counts = {
        "records": 9,
        "added": 0,
        "updated": 1,
        "deleted": 0,
        "unchanged": 5,
        "duplicates": 1,
        "quarantined": 0,
        "pages": 2,
    }
    assert desk.store.last_runs() == [replace(run, counts=counts)]


def test_a_run_whose_deletes_are_refused_is_incomplete(desk: Desk) -> None:
    desk.commit(put(1))
    commit = desk.build([], deletes=SnapshotDeletes())
    desk.store.commit(replace(commit, run=replace(commit.run, status="ok")))
    [run] = desk.store.last_runs()
    assert run.status == "incomplete"
    assert run.message == "the result was empty, which would delete 1 live record: nothing was deleted"


def test_a_run_that_ends_without_a_commit_is_recorded(desk: Desk) -> None:
    run = Run("r1", desk.sync, "items", "full", START, "failed", START, "it's broken", {"requests": 1})
    desk.store.record_run(run)
    desk.store.record_run(replace(run, message="still"))
    assert desk.store.last_runs() == [replace(run, message="still")]


def test_recording_a_run_keeps_what_identifies_its_last_commit(desk: Desk) -> None:
    commit = desk.build([[put(1)]], run="r")
    desk.store.commit(commit)
    desk.store.record_run(replace(commit.run, status="failed"))
    assert desk.store.commit(commit).unchanged == 0


def test_last_runs_are_the_newest_of_each_sync_and_connection(desk: Desk) -> None:
    syncs = [desk.other(connection="globex"), desk.sync, desk.other(sync="zebras")]
    for hours, (sync, run) in enumerate((sync, f"{n}") for n in range(3) for sync in syncs):
        desk.store.record_run(Run(run + str(sync), sync, "items", "full", START + timedelta(hours=hours)))
    assert [run.id for run in desk.store.last_runs()] == ["2acme/items", "2acme/zebras", "2globex/items"]


def test_unknown_counts_are_a_mistake_of_the_caller(desk: Desk) -> None:
    with pytest.raises(ValueError, match="a run has no counts named apples, pears"):
        desk.store.record_run(Run("r", desk.sync, "items", "full", START, counts={"pears": 1, "apples": 1}))


def quarantined(desk: Desk) -> list[tuple[str | None, str, str]]:
    return [
        (key, reason, run)
        for key, reason, run in desk.rows("SELECT key, reason, run_id FROM syncrun.quarantine")
    ]


def test_r22_rejected_records_are_kept_with_their_reason(desk: Desk) -> None:
    changes = desk.commit(seen(1), rejected=[bad("1", "not a number", raw='{"id": 1}')])
    assert changes.quarantined == 1
    [row] = desk.rows("SELECT * FROM syncrun.quarantine")
    assert row == (
        *("run-0001", "acme", "lab", "items", "items", "", "1", "not a number", "name", '{"id": 1}'),
        START + timedelta(hours=1),
        None,  # nobody has reviewed it
    )


def test_the_newest_rejection_of_a_key_replaces_the_earlier_ones(desk: Desk) -> None:
    desk.commit(rejected=[bad("1", "first", 0), bad("1", "second", 1), bad("2", "other", 2)])
    desk.commit(rejected=[bad("1", "third")])
    assert quarantined(desk) == [("2", "other", "run-0001"), ("1", "third", "run-0002")]


@pytest.mark.parametrize("line", [put(1), gone(1)])
def test_a_good_version_clears_the_quarantine_of_its_key(desk: Desk, line: dict[str, object]) -> None:
    desk.commit(rejected=[bad("1"), bad("2")])
    desk.commit(line)
    assert quarantined(desk) == [("2", "a bad record", "run-0001")]


def test_a_good_version_later_in_the_same_commit_clears_it_too(desk: Desk) -> None:
    changes = desk.commit(put(0), put(1), seen(2), rejected=[bad("1", ordinal=0), bad("0", ordinal=2)])
    assert changes.quarantined == 2
    assert [key for key, _, _ in quarantined(desk)] == ["0"]


def test_records_without_a_key_are_kept_once(desk: Desk) -> None:
    for _ in range(2):
        desk.commit(rejected=[bad(None, raw='{"a": 1}'), bad(None, ordinal=1, raw='{"a": 2}')])
    assert desk.rows("SELECT raw, run_id FROM syncrun.quarantine ORDER BY raw") == [
        ('{"a": 1}', "run-0002"),
        ('{"a": 2}', "run-0002"),
    ]


def test_quarantines_of_other_syncs_are_left_alone(desk: Desk) -> None:
    desk.commit(rejected=[bad("1")], sync=desk.other(connection="globex"))
    desk.commit(put(1), rejected=[bad("1", ordinal=5)])
    assert quarantined(desk) == [("1", "a bad record", "run-0001"), ("1", "a bad record", "run-0002")]


def test_tables_of_a_newer_version_are_refused(desk: Desk) -> None:
    import duckdb

    desk.commit(put(1))
    with duckdb.connect(str(desk.path)) as db:
        db.execute("INSERT INTO syncrun.migrations VALUES (99, now())")
    with pytest.raises(StoreError) as caught:
        desk.commit(put(1))
    assert str(caught.value) == (
        "the database was written by a newer syncrun"
        f" (version 99 of its tables; known: {max(migrations._scripts())})\n"
        "  hint: upgrade syncrun"
    )
    with pytest.raises(StoreError, match="newer syncrun"):
        desk.store.checkpoints(desk.sync)


def test_a_database_that_others_made_gets_the_tables(desk: Desk) -> None:
    import duckdb

    with duckdb.connect(str(desk.path)) as db:
        db.execute("CREATE TABLE mine AS SELECT 7 AS x")
    assert desk.store.checkpoints(desk.sync) == {}
    assert list(desk.store.live("lab", "items", "acme")) == []
    desk.store.forget(desk.sync)
    desk.commit(put(1, name="one"))
    assert desk.rows("SELECT x, name FROM mine, lab.items") == [(7, "one")]
