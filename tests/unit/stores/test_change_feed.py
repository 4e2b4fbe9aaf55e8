"""Consumers of the change feed: whenever they read, and wherever they stop, none misses a change."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from syncrun.errors import UsageError
from syncrun.stores import change_feed
from syncrun.stores.change_feed import cursor_text, read_cursor
from syncrun.stores.values.commit import SnapshotDeletes
from syncrun.stores.values.feed import FeedQuery
from syncrun.stores.values.ids import ModelId
from tests.unit.stores.desk import Desk, gone, put

ITEMS = ModelId("acme", "lab", "items")
LIMITS = [2, 5, None]


def read(desk: Desk, cursor: str = "", **options: Any) -> tuple[list[dict[str, Any]], str]:
    """Return the records of one read and the cursor to go on from."""
    feed = desk.store.records(FeedQuery(options.pop("model", ITEMS), cursor, **options))
    return [dict(zip(feed.result.columns, row, strict=True)) for row in feed.result.rows], feed.cursor


@dataclass
class Consumer:
    """A program that keeps a copy of a model, and knows nothing but its cursor.

    *stops* somewhere in what it was given: it then goes on after the last record that it took.
    """

    limit: int | None
    cursor: str = ""
    copy: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def take(self, desk: Desk, stops: int | None = None) -> int:
        """Read once, and return how many records came."""
        records, following = read(desk, self.cursor, limit=self.limit)
        for record in records[:stops]:
            self.seen.append((record["_cursor"], record["_id"]))
            if record["_last_action"] == "DELETED":
                self.copy.pop(record["_id"], None)
            else:
                self.copy[record["_id"]] = record["name"]
            self.cursor = record["_cursor"]
        if stops is None or stops >= len(records):
            self.cursor = following
        return len(records)


keys = st.integers(0, 5)
lines = st.one_of(st.builds(put, keys, name=st.sampled_from("xyz")), st.builds(gone, keys))


class FeedMachine(RuleBasedStateMachine):
    """Commits of two connections, and consumers who read between them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.desk = Desk(self.folder)
        self.desk.commit(put(0, name="first"))
        self.consumers = [Consumer(limit) for limit in LIMITS]
        self.changes: list[tuple[str, str]] = [(cursor_text(ITEMS, 1), "0")]

    @rule(staged=st.lists(lines, max_size=6), connection=st.sampled_from(["acme", "acme", "globex"]))
    def commit(self, staged: Any, connection: str) -> None:
        self._commit(staged, connection)

    @rule(staged=st.lists(lines, max_size=3))
    def commit_a_complete_read(self, staged: Any) -> None:
        self._commit(staged, "acme", deletes=SnapshotDeletes(accept=True))

    @rule(consumer=st.sampled_from(range(len(LIMITS))), stops=st.none() | st.integers(0, 3))
    def consume(self, consumer: int, stops: int | None) -> None:
        self.consumers[consumer].take(self.desk, stops)

    def _commit(self, staged: Any, connection: str, **options: Any) -> None:
        before = self.desk.rows("SELECT last FROM syncrun.sequence")[0][0]
        self.desk.commit(*staged, sync=self.desk.other(connection=connection), **options)
        self.changes += [
            (cursor_text(ITEMS, seq), key)
            for seq, key, _ in self.desk.rows(
                "SELECT _seq, _id, _action FROM lab.items__records"
                " WHERE _connection = 'acme' AND _seq > ? ORDER BY _seq",
                before,
            )
        ]

    def teardown(self) -> None:
        """In the end every consumer has seen all, in order, and its copy is what is live."""
        live = {
            str(key): name
            for key, name in self.desk.rows("SELECT id, name FROM lab.items WHERE _connection = 'acme'")
        }
        for consumer in self.consumers:
            while consumer.take(self.desk):
                pass
            assert consumer.copy == live
            cursors = [cursor for cursor, _ in consumer.seen]
            assert sorted(set(cursors)) == cursors
            latest = {key: cursor for cursor, key in consumer.seen}
            for cursor, key in self.changes:  # each change was seen, or a later one of the same record
                assert latest[key] >= cursor
        shutil.rmtree(self.folder)


TestFeed = FeedMachine.TestCase
TestFeed.settings = settings(
    max_examples=3, stateful_step_count=8, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_a_consumer_that_reads_while_another_thread_commits_misses_nothing(desk: Desk) -> None:
    desk.commit(put(0, name="0"))
    committed = threading.Semaphore(0)
    writer = Desk(
        desk.folder, patience=60.0, fault=lambda at: committed.release() if at == "committed" else None
    )
    writer.hours, writer._numbers = 1, itertools.count(100)
    reader = Desk(desk.folder, patience=60.0)
    commits = 6

    def commit() -> None:
        for number in range(commits):
            writer.commit(*(put(key, name=f"{number} {key}") for key in range(number % 4, 6)))

    thread = threading.Thread(target=commit)
    thread.start()
    consumer = Consumer(limit=4)
    for _ in range(commits):
        committed.acquire()
        consumer.take(reader)  # the writer is about to close the file, or to commit again
    thread.join()
    while consumer.take(reader):
        pass
    assert consumer.copy == {str(key): name for key, name in desk.live().items()}
    cursors = [cursor for cursor, _ in consumer.seen]
    assert sorted(set(cursors)) == cursors


def test_a_cursor_sorts_as_text_and_belongs_to_one_feed() -> None:
    cursors = [cursor_text(ITEMS, seq) for seq in (0, 1, 9, 10, 255, 256, 2**62)]
    assert sorted(cursors) == cursors
    assert [read_cursor(ITEMS, cursor) for cursor in cursors] == [0, 1, 9, 10, 255, 256, 2**62]
    for other in (
        replace(ITEMS, connection="globex"),
        replace(ITEMS, model="notes"),
        replace(ITEMS, connector="x"),
    ):
        with pytest.raises(UsageError, match="is a cursor of another feed than"):
            read_cursor(other, cursors[1])


def test_the_cursor_of_a_record_is_what_the_engine_would_write(desk: Desk) -> None:
    desk.commit(put(1, name="one"), put(2, name="two"))
    records, following = read(desk)
    assert [record["_cursor"] for record in records] == [cursor_text(ITEMS, 1), cursor_text(ITEMS, 2)]
    assert following == cursor_text(ITEMS, 2)


def test_changes_of_others_move_the_cursor_along(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    desk.commit(put(1, name="x"), put(2, name="y"), sync=desk.other(connection="globex"))
    assert read(desk)[1] == cursor_text(ITEMS, 3)
    assert read(desk, cursor_text(ITEMS, 3)) == ([], cursor_text(ITEMS, 3))


def test_a_time_in_the_past_and_the_feed_after_it_tell_everything(desk: Desk) -> None:
    desk.model = replace(desk.model, history=True)
    desk.commit(put(1, name="one"), put(2, name="two"))
    desk.hours = 4
    desk.commit(put(1, name="uno"))
    desk.hours = 2  # the clock was set back
    desk.commit(put(3, name="three"), gone(2))
    for hours, names in [(0, []), (1, ["one", "two"]), (4, ["one", "three"]), (5, ["three", "uno"])]:
        state, cursor = read(desk, as_of=desk.now.replace(hour=0) + timedelta(hours=hours))
        assert sorted(record["name"] for record in state) == names
        copy = {record["_id"]: record["name"] for record in state}
        for record in read(desk, cursor)[0]:
            copy[record["_id"]] = record["name"]
            if record["_last_action"] == "DELETED":
                del copy[record["_id"]]
        assert copy == {"1": "uno", "3": "three"}


def test_what_changed_while_there_was_no_history_is_not_made_up(desk: Desk) -> None:
    kept = replace(desk.model, history=True)
    desk.commit(put(1, name="one"), model=kept)
    start = desk.now
    assert [record["name"] for record in read(desk, as_of=start + timedelta(days=9))[0]] == ["one"]
    desk.commit(put(1, name="uno"), model=replace(kept, history=False))

    for late in (start + timedelta(seconds=1), 2):
        with pytest.raises(UsageError) as caught:
            read(desk, as_of=late)
        assert str(caught.value) == (
            "the history of acme/items ends at 2024-06-01T01:00:00Z: what changed since is not known\n"
            "  hint: with `history: true` in the sync it goes on from the next run"
        )
    for early in (start, 1):
        assert [record["name"] for record in read(desk, as_of=early)[0]] == ["one"]


def test_a_pruned_record_says_when_it_was(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    import duckdb

    with duckdb.connect(str(desk.path)) as db:
        db.execute("UPDATE lab.items__records SET name = NULL, _pruned_at = _last_modified_at")
    [record], _ = read(desk)
    assert (record["name"], record["_pruned_at"]) == (None, desk.now)


def test_many_records_are_sorted_in_parts_and_told_in_order(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_feed, "_PART", 2)
    desk.commit(*(put(key, name="x") for key in range(7)))
    desk.commit(put(2, name="y"), gone(5))
    order = ["0", "1", "3", "4", "6", "2", "5"]
    for limit in (1, 2, 3, 7, 9, None):
        records, cursor = read(desk, limit=limit)
        assert [record["_id"] for record in records] == order[:limit]
        assert cursor == records[-1]["_cursor"]
