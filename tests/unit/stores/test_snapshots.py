"""Snapshot windows: who is deleted for not having been seen, and what the guard refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncrun.stores.values.commit import Changes, Refusal, SnapshotDeletes
from tests.unit.stores.desk import START, Desk, gone, put, seen

WHOLE = SnapshotDeletes()


def test_r07_a_commit_without_deletes_deletes_nothing(desk: Desk) -> None:
    desk.commit(put(1), put(2))
    assert desk.commit(put(1)) == Changes(unchanged=1, last_seq=2)
    assert len(desk.live()) == 2


def test_what_a_complete_enumeration_did_not_see_is_deleted_oldest_change_first(desk: Desk) -> None:
    desk.commit(put(3), put(1), put(2))
    desk.commit(put(3, name="new"))
    assert desk.commit(put(1), put(4), deletes=WHOLE) == Changes(added=1, unchanged=1, deleted=2, last_seq=7)
    assert desk.feed() == [(2, "1", "ADDED"), (5, "4", "ADDED"), (6, "2", "DELETED"), (7, "3", "DELETED")]


def test_r11_what_is_deleted_already_is_not_deleted_again(desk: Desk) -> None:
    desk.commit(put(1), put(2))
    desk.commit(put(1), deletes=WHOLE)
    assert desk.commit(put(1), deletes=WHOLE) == Changes(unchanged=1, last_seq=3)


def test_quarantined_records_with_a_key_count_as_seen(desk: Desk) -> None:
    desk.commit(put(1), put(2), put(3))
    assert desk.commit(put(1), seen(2), deletes=WHOLE) == Changes(unchanged=1, deleted=1, last_seq=4)
    assert set(desk.live()) == {1, 2}


def test_a_flagged_delete_within_a_snapshot_is_one_event(desk: Desk) -> None:
    desk.commit(put(1), put(2))
    assert desk.commit(put(1), gone(2), deletes=WHOLE) == Changes(unchanged=1, deleted=1, last_seq=3)


def test_r09_only_partitions_in_scope_lose_records(desk: Desk) -> None:
    desk.commit(put(1, "a"), put(2, "a"), put(3, "b"), put(4, "c"))
    scope = SnapshotDeletes(partitions=frozenset({"a", "c"}))
    assert desk.commit(put(1, "a"), deletes=scope) == Changes(unchanged=1, deleted=2, last_seq=6)
    assert set(desk.live()) == {1, 3}


def test_r09_a_record_that_moved_to_a_partition_out_of_scope_stays(desk: Desk) -> None:
    desk.commit(put(1, "a"), put(2, "a"))
    scope = SnapshotDeletes(partitions=frozenset({"a"}))
    assert desk.commit(put(1, "b"), put(2, "a"), deletes=scope) == Changes(unchanged=2, last_seq=2)


def test_r09_an_empty_scope_deletes_nothing(desk: Desk) -> None:
    desk.commit(put(1, "a"))
    assert desk.commit(deletes=SnapshotDeletes(partitions=frozenset())) == Changes(last_seq=1)


def test_r08_ids_of_earlier_commits_count_until_the_window_closes(desk: Desk) -> None:
    desk.commit(*(put(n) for n in range(5)))
    desk.commit(put(0), put(7), snapshot="w")
    assert desk.store.open_snapshot(desk.sync) == "w"
    desk.commit(put(1), seen(2), snapshot="w", started=1.5)
    changes = desk.commit(put(3), snapshot="w", deletes=WHOLE, started=2.5)
    assert changes == Changes(unchanged=1, deleted=1, last_seq=7)
    assert set(desk.live()) == {0, 1, 2, 3, 7}
    assert desk.store.open_snapshot(desk.sync) is None
    assert desk.rows("SELECT count(*) FROM syncrun.seen") == [(0,)]


def test_r08_a_window_survives_the_run_that_opened_it(desk: Desk) -> None:
    desk.commit(put(1), put(2), put(3))
    desk.commit(put(1), snapshot="w", run="crashed")
    assert desk.commit(put(2), snapshot="w", deletes=WHOLE, run="resumed").deleted == 1
    assert set(desk.live()) == {1, 2}


def test_windows_of_other_syncs_are_left_alone(desk: Desk) -> None:
    other = desk.other(sync="others")
    desk.commit(put(1), snapshot="w")
    desk.commit(put(1), snapshot="x", sync=other)
    desk.store.forget(other)
    assert desk.store.open_snapshot(desk.sync) == "w"
    assert desk.store.open_snapshot(other) is None
    assert desk.rows("SELECT snapshot, id FROM syncrun.seen") == [("w", "1")]


def test_a_new_window_replaces_one_that_was_given_up(desk: Desk) -> None:
    desk.commit(put(1), snapshot="old")
    desk.commit(put(2), snapshot="new")
    assert desk.store.open_snapshot(desk.sync) == "new"
    assert desk.rows("SELECT DISTINCT snapshot FROM syncrun.seen") == [("new",)]


def test_records_that_another_run_wrote_during_a_window_count_as_seen(desk: Desk) -> None:
    desk.commit(put(1), put(2), put(3))
    desk.commit(put(1), snapshot="w")
    desk.commit(put(8, name="by webhook"), put(2, name="by webhook"), run="webhook")
    assert desk.commit(put(1), snapshot="w", deletes=WHOLE, started=3).deleted == 1
    assert set(desk.live()) == {1, 2, 8}


def test_what_was_written_during_a_window_counts_as_seen_though_the_clock_stands_still(desk: Desk) -> None:
    desk.commit(put(1), put(2))
    for line, options in (
        (put(1), {"snapshot": "w"}),
        (put(8), {"run": "webhook"}),
        (put(1), {"snapshot": "w", "deletes": WHOLE}),
    ):
        commit = desk.build([[line]], **options)
        commit = replace(commit, at=START, run=replace(commit.run, started_at=START))
        desk.store.commit(commit)
    assert set(desk.live()) == {1, 2, 8}


def test_records_that_another_run_wrote_before_the_first_commit_of_a_run_count_as_seen(desk: Desk) -> None:
    desk.commit(put(1), put(2))
    desk.commit(put(8), run="webhook")
    assert desk.commit(put(1), deletes=WHOLE, started=1.5).deleted == 1
    assert set(desk.live()) == {1, 8}


def test_r10_an_empty_result_deletes_nothing(desk: Desk) -> None:
    desk.commit(put(1))
    reason = "the result was empty, which would delete 1 live record: nothing was deleted"
    assert desk.commit(deletes=WHOLE) == Changes(last_seq=1, refused=Refusal(1, 1, reason))
    assert set(desk.live()) == {1}


def test_r10_an_empty_result_is_believed_when_that_is_allowed(desk: Desk) -> None:
    desk.commit(*(put(n) for n in range(30)))
    assert desk.commit(deletes=SnapshotDeletes(allow_empty=True)).deleted == 30


def test_r10_an_empty_partition_beside_others_is_no_empty_result(desk: Desk) -> None:
    desk.commit(put(1, "a"), put(2, "b"))
    scope = SnapshotDeletes(partitions=frozenset({"a", "b"}))
    assert desk.commit(put(1, "a"), deletes=scope).deleted == 1


def test_r10_what_was_seen_elsewhere_does_not_fill_an_empty_scope(desk: Desk) -> None:
    desk.commit(put(1, "a"), put(2, "b"))
    changes = desk.commit(put(2, "b"), deletes=SnapshotDeletes(partitions=frozenset({"a"})))
    assert changes.refused == Refusal(
        1, 2, "the result was empty, which would delete 1 live record: nothing was deleted"
    )


def test_r10_nothing_live_and_nothing_seen_is_fine(desk: Desk) -> None:
    assert desk.commit(deletes=WHOLE) == Changes()


@pytest.mark.parametrize(
    ("live", "kept", "ratio", "deleted"),
    [
        (20, 10, 0.5, 10),
        (20, 9, 0.5, 0),
        (19, 1, 0.5, 18),
        (20, 19, 0.0, 0),
        (20, 1, 1.0, 19),
        (100, 90, 0.1, 10),
    ],
)
def test_r10_too_large_a_share_of_twenty_and_more_deletes_nothing(
    desk: Desk, live: int, kept: int, ratio: float, deleted: int
) -> None:
    desk.commit(*(put(n) for n in range(live)))
    changes = desk.commit(*(put(n) for n in range(kept)), deletes=SnapshotDeletes(max_ratio=ratio))
    assert changes.deleted == deleted
    assert (changes.refused is None) == bool(deleted)
    assert len(desk.live()) == live - deleted


def test_r10_the_rest_of_a_refused_commit_stays_and_the_window_closes(desk: Desk) -> None:
    desk.commit(*(put(n) for n in range(20)))
    desk.commit(put(0), snapshot="w")
    changes = desk.commit(put(1, name="new"), snapshot="w", deletes=WHOLE, checkpoints={"": "{}"})
    reason = "18 of 20 live records would have been deleted, more than 50%: nothing was deleted"
    assert changes == Changes(updated=1, last_seq=21, refused=Refusal(18, 20, reason))
    assert desk.store.open_snapshot(desk.sync) is None
    assert desk.store.checkpoints(desk.sync)[""].state == "{}"
    [run] = desk.store.last_runs()
    assert (run.status, run.message) == ("running", "")


def test_r10_new_records_do_not_make_a_deletion_look_small(desk: Desk) -> None:
    desk.commit(*(put(n) for n in range(20)))
    changes = desk.commit(*(put(n) for n in range(1000, 1200)), deletes=WHOLE)
    assert changes.refused is not None
    assert (changes.added, changes.refused.would_delete, changes.refused.live) == (200, 20, 20)


@pytest.mark.parametrize("kept", [0, 1])
def test_r10_accept_overrides_the_guard(desk: Desk, kept: int) -> None:
    desk.commit(*(put(n) for n in range(40)))
    changes = desk.commit(*(put(n) for n in range(kept)), deletes=SnapshotDeletes(accept=True))
    assert (changes.deleted, changes.refused) == (40 - kept, None)


def test_r02_a_commit_done_again_after_a_crash_deletes_nothing_more(desk: Desk) -> None:
    desk.commit(*(put(n) for n in range(10)))
    desk.commit(*(put(n) for n in range(8)), snapshot="w", run="r")
    last = desk.build([[put(8)]], snapshot="w", deletes=SnapshotDeletes(accept=True), run="r")
    assert desk.store.commit(last).deleted == 1
    assert desk.store.commit(last) == Changes(last_seq=11)
    assert len(desk.live()) == 9
