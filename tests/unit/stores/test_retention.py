"""Retention: payloads that go and come back without an event, idle syncs, logs of old runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from syncrun.stores.retention import IdleSync, Pruned, Retention
from syncrun.stores.values.commit import Changes, SnapshotDeletes
from syncrun.stores.values.run import RunChange
from tests.unit.stores.desk import START, Desk, bad, gone, put

ROWS = "SELECT _id, name, _seq, _action, _pruned_at IS NOT NULL FROM lab.items__records ORDER BY _seq"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def prune(desk: Desk, before: float) -> Pruned:
    return desk.store.prune(Retention(payload_before=at(before)), desk.now)


def test_a_record_that_has_not_changed_loses_its_fields_and_nothing_else(desk: Desk) -> None:
    desk.model = replace(desk.model, raw=True)
    desk.commit(put(1, name="old", raw={"name": "old"}), put(2, name="deleted", raw={}))
    desk.commit(gone(2))
    desk.commit(put(3, name="new", raw={"name": "new"}))
    before = desk.rows("SELECT * EXCLUDE (id, name, _raw, _pruned_at) FROM lab.items__records ORDER BY _seq")

    assert prune(desk, 2.5) == Pruned(payloads={"lab.items": 2})

    after = desk.rows("SELECT * EXCLUDE (id, name, _raw, _pruned_at) FROM lab.items__records ORDER BY _seq")
    assert after == before
    assert desk.rows("SELECT id, name, _raw, _pruned_at FROM lab.items__records ORDER BY _seq") == [
        (None, None, None, desk.now),
        (None, None, None, desk.now),
        (3, "new", '{"name":"new"}', None),
    ]
    assert desk.rows("SELECT id, name FROM lab.items ORDER BY id") == [(3, "new"), (None, None)]


def test_what_is_pruned_already_is_not_pruned_again(desk: Desk) -> None:
    desk.commit(put(1, name="old"))
    assert prune(desk, 2) == Pruned(payloads={"lab.items": 1})
    assert prune(desk, 2) == Pruned()


def test_the_same_record_read_again_gets_its_fields_back_without_an_event(desk: Desk) -> None:
    desk.model = replace(desk.model, raw=True, history=True)
    desk.commit(put(1, name="one", raw={"n": 1}), put(2, name="two", raw={"n": 2}))
    assert prune(desk, 2) == Pruned(payloads={"lab.items": 2}, versions={"lab.items": 2})

    changes = desk.commit(put(1, "b", name="one", raw={"n": 1, "unhashed": True}))

    assert changes == Changes(unchanged=1, last_seq=2)
    assert desk.rows(ROWS) == [("1", "one", 1, "ADDED", False), ("2", None, 2, "ADDED", True)]
    assert desk.rows("SELECT _raw, _partition FROM lab.items__records WHERE _id = '1'") == [
        ('{"n":1,"unhashed":true}', "b")
    ]
    assert desk.rows("SELECT name, _pruned_at IS NOT NULL FROM lab.items__history ORDER BY _seq") == [
        ("one", False),
        (None, True),
    ]


def test_changed_records_are_updates_and_deleted_ones_come_back_as_always(desk: Desk) -> None:
    desk.commit(put(1, name="one"), put(2, name="two"), put(3, name="three"))
    desk.commit(gone(2))
    prune(desk, 9)
    changes = desk.commit(put(1, name="uno"), put(2, name="two"))
    assert (changes.added, changes.updated, changes.unchanged) == (1, 1, 0)
    assert desk.rows(ROWS) == [
        ("3", None, 3, "ADDED", True),
        ("1", "uno", 5, "UPDATED", False),
        ("2", "two", 6, "ADDED", False),
    ]


def test_a_pruned_record_is_live_for_snapshots(desk: Desk) -> None:
    desk.commit(put(1, name="one"), put(2, name="two"))
    prune(desk, 9)
    changes = desk.commit(put(1, name="one"), deletes=SnapshotDeletes())
    assert (changes.unchanged, changes.deleted) == (1, 1)
    assert desk.rows(ROWS) == [("1", "one", 1, "ADDED", False), ("2", None, 3, "DELETED", True)]


def test_a_version_is_pruned_so_long_after_it_was_replaced(desk: Desk) -> None:
    desk.model = replace(desk.model, history=True)
    for name in ("first", "second", "third"):
        desk.commit(put(1, name=name))
    assert prune(desk, 2.5) == Pruned(versions={"lab.items": 1})
    assert desk.rows("SELECT name FROM lab.items__history ORDER BY _seq") == [
        (None,),
        ("second",),
        ("third",),
    ]
    assert desk.live() == {1: "third"}


def test_models_that_others_are_read_for_stay_whole(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    rule = Retention(payload_before=at(9), whole=frozenset({("lab", "items")}))
    assert desk.store.prune(rule, desk.now) == Pruned()


def test_a_dry_run_tells_the_same_and_writes_nothing(desk: Desk) -> None:
    desk.commit(put(1, name="one"), rejected=[bad("x")], checkpoints={"": "1"})
    desk.commit(put(2, name="two"))
    rule = Retention(at(9), idle=desk.store.idle_syncs(at(9)), logs_before=at(9))
    content = desk.path.read_bytes()
    would = desk.store.prune(rule, desk.now, dry_run=True)
    assert desk.path.read_bytes() == content
    assert would.payloads == {"lab.items": 2}
    assert would.idle == {desk.sync: 2}
    assert would.logs == {"runs": 1, "quarantine": 1}


def test_an_idle_sync_goes_with_all_that_is_its_own(desk: Desk) -> None:
    desk.model = replace(desk.model, history=True)
    globex = desk.other(connection="globex")
    desk.commit(put(1, name="one"), rejected=[bad("x")], checkpoints={"": "1"}, snapshot="w")
    desk.commit(put(2, name="two"), sync=globex, rejected=[bad("y")], checkpoints={"": "2"})
    [idle] = desk.store.idle_syncs(desk.now - timedelta(minutes=45))
    assert (idle.sync, idle.models) == (desk.sync, ("items",))

    assert desk.store.prune(Retention(idle=[idle]), desk.now) == Pruned(idle={desk.sync: 1})

    for table in ("lab.items__records", "lab.items__history"):
        assert desk.rows(f"SELECT _connection FROM {table}") == [("globex",)]
    for table in ("runs", "checkpoints", "quarantine"):
        assert desk.rows(f"SELECT connection FROM syncrun.{table}") == [("globex",)]
    assert (
        desk.rows("SELECT * FROM syncrun.seen UNION ALL SELECT id, sync, model FROM syncrun.snapshots") == []
    )
    assert desk.commit(put(1, name="one")).added == 1


def test_a_sync_that_is_paused_is_not_idle(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    desk.store.set_paused(replace(desk.sync, sync=""), paused=True, at=desk.now)
    assert desk.store.idle_syncs(at(9)) == []
    desk.store.set_paused(desk.sync, paused=False, at=desk.now)
    [idle] = desk.store.idle_syncs(at(9))
    desk.store.prune(Retention(idle=[idle]), desk.now)
    assert desk.rows("SELECT sync, paused FROM syncrun.states") == [("", True)]  # the connection's own word


def test_records_that_another_sync_fills_too_stay_with_it(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    desk.commit(put(2, name="two"), sync=desk.other(sync="changes"))
    idle = IdleSync(desk.sync, at(1), ("items",))
    assert desk.store.prune(Retention(idle=[idle]), desk.now) == Pruned(idle={desk.sync: 0})
    assert desk.live() == {1: "one", 2: "two"}


def test_old_runs_go_but_for_the_newest_and_the_newest_good_one(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.commit(put(1, name=name), run=name)
    desk.commit(put(1, name="x"), sync=desk.other(sync="other"), run="x")
    [newest] = desk.store.find_runs("c")
    desk.store.record_run(replace(newest, status="ok"))
    desk.store.record_run(replace(newest, id="d", status="failed", started_at=desk.now))
    desk.store.record_run(replace(newest, id="e", status="failed", started_at=desk.now))
    assert desk.store.prune(Retention(logs_before=at(9)), desk.now) == Pruned(logs={"runs": 3})
    assert desk.rows("SELECT id FROM syncrun.runs ORDER BY id") == [("c",), ("e",), ("x",)]


def test_what_a_run_changed_is_not_known_once_it_is_pruned(desk: Desk) -> None:
    desk.model = replace(desk.model, history=True)
    desk.commit(put(1, name="old"))
    desk.commit(put(1, name="new"), run="second")
    prune(desk, 1.5)
    assert prune(desk, 2.5) == Pruned(payloads={"lab.items": 1}, versions={"lab.items": 2})
    [run] = desk.store.find_runs("second")
    assert list(desk.store.run_changes(run).changes) == [RunChange("1", "UPDATED", None, None)]
