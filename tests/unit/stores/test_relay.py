"""The open file goes from thread to thread; for other processes it is closed every now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncrun.errors import LockedError, StoreError
from syncrun.stores.connection import DatabaseFile
from syncrun.stores.instances import Instance
from tests.unit.stores.desk import Desk, put


class Threads:
    """Commits of other threads, which begin while the file is open and come one after the other."""

    def __init__(self, desk: Desk, clock: Any, attached: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = DatabaseFile(
            desk.path, lock_timeout=5, patience=5, clock=clock, sleep=lambda _seconds: None, on_wait=None
        )
        self.done: list[int] = []
        attach = Instance.attach

        def noted(instance: Instance, path: Path, alias: str, options: str) -> None:
            attached.append(options)
            attach(instance, path, alias, options)

        monkeypatch.setattr(Instance, "attach", noted)

    def begin(self, number: int) -> threading.Thread:
        waiting = self.file._relay._waiting
        before = len(waiting)
        thread = threading.Thread(target=self._act, args=(number,))
        thread.start()
        while len(waiting) == before:
            threading.Event().wait(0.001)
        return thread

    def fail(self, act: Callable[[Any], object]) -> None:
        """Insert 0 and then do *act*, which raises, while another thread waits to insert 1."""
        try:
            with self.file.open(read_only=False) as db:
                db.execute("BEGIN")
                db.execute("INSERT INTO probe VALUES (0)")
                other = self.begin(1)
                act(db)
        finally:
            other.join()

    def _act(self, number: int) -> None:
        with self.file.open(read_only=False) as db:
            db.execute("INSERT INTO probe VALUES (?)", [number])
            assert db.execute("FROM duckdb_tables() WHERE temporary").fetchall() == []
            db.execute("CREATE TEMP TABLE left_behind AS SELECT 1")
            self.done.append(number)


@pytest.fixture
def attached() -> list[str]:
    return []


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.commit(put(1))
    with desk.store._file.open(read_only=False) as db:
        db.execute("CREATE TABLE probe (n INTEGER)")
    return desk


def test_threads_that_wait_get_the_file_open_in_the_order_in_which_they_came(
    desk: Desk, attached: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = Threads(desk, lambda: 0.0, attached, monkeypatch)
    with threads.file.open(read_only=False):
        others = [threads.begin(number) for number in range(4)]
    for thread in others:
        thread.join()
    assert (threads.done, attached) == ([0, 1, 2, 3], [""])
    assert desk.rows("SELECT n FROM probe ORDER BY n") == [(0,), (1,), (2,), (3,)]


def test_after_a_second_the_file_is_closed_for_other_processes(
    desk: Desk, attached: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(1000))
    threads = Threads(desk, lambda: float(next(now)), attached, monkeypatch)
    with threads.file.open(read_only=False):
        others = [threads.begin(number) for number in range(3)]
    for thread in others:
        thread.join()
    assert (sorted(threads.done), attached) == ([0, 1, 2], [""] * 4)


def test_a_short_read_joins_those_who_write(
    desk: Desk, attached: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, found = Threads(desk, lambda: 0.0, attached, monkeypatch), []

    def look() -> None:
        with threads.file.reading(brief=True) as db:
            assert db is not None
            found.append(db.execute("SELECT count(*) FROM probe").fetchall())

    with threads.file.open(read_only=False) as db:
        reader = threading.Thread(target=look)
        reader.start()
        while not threads.file._relay.wanted:
            threading.Event().wait(0.001)
        db.execute("INSERT INTO probe VALUES (7)")
    reader.join()
    look()
    assert found == [[(1,)], [(1,)]]
    assert attached == ["", "(READ_ONLY)"]


def test_a_short_read_does_not_wait_behind_somebody_who_waits_for_the_file(desk: Desk) -> None:
    file = DatabaseFile(
        desk.path, lock_timeout=5, patience=0.1, clock=lambda: 0.0, sleep=time.sleep, on_wait=None
    )

    def write() -> None:
        with file.open(read_only=False) as db:
            db.execute("INSERT INTO probe VALUES (1)")

    with file.reading():  # for longer
        writer = threading.Thread(target=write)
        writer.start()
        while not file._relay._taken:
            time.sleep(0.001)
        with file.reading(brief=True) as db:
            assert db is not None
            assert db.execute("SELECT n FROM probe").fetchall() == []
    writer.join()
    assert desk.rows("SELECT n FROM probe") == [(1,)]


def test_what_fails_in_one_turn_fails_nobody_else(
    desk: Desk, attached: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = Threads(desk, lambda: 0.0, attached, monkeypatch)
    with pytest.raises(ZeroDivisionError):
        threads.fail(lambda _db: 1 / 0)
    assert desk.rows("SELECT n FROM probe") == [(1,)]


def test_a_file_that_duckdb_has_given_up_is_opened_anew_for_the_next_thread(
    desk: Desk, attached: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = Threads(desk, lambda: 0.0, attached, monkeypatch)

    def give_up(db: Any) -> None:
        db.execute("COMMIT")
        db.execute("SET debug_checkpoint_abort = 'before_header'")
        db.execute("CHECKPOINT")

    with pytest.raises(StoreError, match="Checkpoint aborted"):
        threads.fail(give_up)
    assert (threads.done, attached) == ([1], ["", ""])
    assert desk.rows("SELECT n FROM probe ORDER BY n") == [(0,), (1,)]


def test_who_waits_too_long_for_another_thread_gives_up(desk: Desk) -> None:
    file = DatabaseFile(
        desk.path, lock_timeout=5, patience=0.01, clock=lambda: 0.0, sleep=lambda _seconds: None, on_wait=None
    )
    with (
        file.open(read_only=False),
        pytest.raises(LockedError, match="held by this process itself"),
        file.open(read_only=False),
    ):
        raise AssertionError("two threads have it open")
    with file.open(read_only=False) as db:
        assert db.execute("SELECT 1").fetchall() == [(1,)]
