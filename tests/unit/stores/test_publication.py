"""R3: a copy for readers that is replaced at once, complete and never half a run."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from syncrun.errors import StoreError
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.ids import SyncId
from tests.unit.stores.desk import Desk, put

RUNS = 20
# Opens the copy again and again until it has seen the last run; says what it saw and how often it failed.
READER = """
import duckdb, os, sys, time
copy, last = sys.argv[1], int(sys.argv[2])
seen, wrong = set(), []
while not os.path.exists(copy):
    time.sleep(0.001)
while last not in seen:
    with duckdb.connect(copy, read_only=True) as db:
        rows = db.execute("SELECT name, count(*) FROM lab.items GROUP BY name").fetchall()
    time.sleep(0.01)
    [(name, count)] = rows if len(rows) == 1 else [("-1", 0)]
    seen.add(int(name))
    if count != 10:
        wrong.append(rows)
print(len(seen) > 1, wrong)
"""


def nobody(syncs: Sequence[SyncId]) -> bool:
    return False


def somebody(syncs: Sequence[SyncId]) -> bool:
    return True


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "read.duckdb"


@pytest.fixture
def desk(tmp_path: Path, copy: Path) -> Desk:
    return Desk(tmp_path, copy=copy)


def names(copy: Path) -> list[str]:
    with duckdb.connect(str(copy), read_only=True) as db:
        return [name for (name,) in db.execute("SELECT name FROM lab.items ORDER BY name").fetchall()]


@pytest.mark.slow
def test_r03_a_reader_never_fails_and_never_sees_half_a_run(desk: Desk, copy: Path) -> None:
    command = [sys.executable, "-c", READER, str(copy), str(RUNS - 1)]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for run in range(RUNS):
            # a run of two commits
            desk.commit(*(put(n, name=str(run)) for n in range(5)), run=f"run {run}")
            assert not desk.store.publish(somebody)
            last = desk.build([[put(n, name=str(run)) for n in range(5, 10)]], run=f"run {run}")
            desk.store.commit(replace(last, run=replace(last.run, status="ok")))
            assert desk.store.publish(somebody)
        out, err = reader.communicate(timeout=60)
    finally:
        reader.kill()
    assert (out, err) == ("True []\n", "")


def test_a_run_that_changed_nothing_leaves_the_copy(desk: Desk, copy: Path) -> None:
    desk.commit(put(1, name="one"))
    assert desk.store.publish(nobody)
    before = copy.stat()
    desk.commit(put(1, name="one"))
    assert not desk.store.publish(nobody)
    after = copy.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert desk.store.publish(nobody, always=True)


def test_what_failed_to_be_published_is_published_later(desk: Desk, copy: Path) -> None:
    desk.commit(put(1, name="one"))
    log = copy.with_name("read.duckdb.wal")
    log.touch()
    with pytest.raises(StoreError) as refused:
        desk.store.publish(nobody)
    assert str(refused.value) == (
        f"{copy}: another program writes into the published copy, which would be lost\n"
        "  hint: close it, remove the .wal file beside the copy, and open the copy read-only"
    )
    log.unlink()
    desk.commit(put(1, name="one"))
    assert desk.store.publish(nobody)
    assert names(copy) == ["one"]


def test_the_copy_is_for_reading_only(desk: Desk, copy: Path) -> None:
    desk.path.touch(0o640)
    desk.path.unlink()
    desk.commit(put(1, name="one"))
    desk.path.chmod(0o640)
    desk.store.publish(nobody)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o440
    assert [path.name for path in copy.parent.glob("read*")] == ["read.duckdb"]


def test_a_file_that_is_no_copy_is_left_alone(desk: Desk, copy: Path) -> None:
    copy.write_text("my notes " * 1000)
    desk.commit(put(1, name="one"))
    with pytest.raises(StoreError, match="there is something else than a published copy") as refused:
        desk.store.publish(nobody)
    assert refused.value.hint == "remove the file, or name another one as `publish`"
    assert copy.read_text().startswith("my notes")


def test_the_log_that_a_crash_left_is_in_the_copy(desk: Desk, copy: Path) -> None:
    desk.commit(put(1, name="one"))
    program = (
        "import duckdb, os, sys; db = duckdb.connect(sys.argv[1]);"
        "db.execute(\"UPDATE lab.items__records SET name = 'logged'\"); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", program, str(desk.path)], check=False)
    assert desk.path.with_name("desk.duckdb.wal").exists()
    assert desk.store.publish(nobody)
    assert names(copy) == ["logged"]


def test_without_the_kernels_help_the_copy_is_the_same(
    desk: Desk, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    desk.commit(put(1, name="one"))
    desk.store.publish(nobody)
    assert copy.read_bytes() == desk.path.read_bytes()


def test_what_a_killed_process_left_is_cleared_away(desk: Desk, copy: Path) -> None:
    left = copy.with_name("read.duckdb.new-999999999-1")
    left.touch()
    desk.commit(put(1, name="one"))
    desk.store.publish(nobody)
    assert not left.exists()


def test_without_a_place_nothing_is_published(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.commit(put(1, name="one"))
    assert not desk.store.publish(nobody)
    assert not DuckDBStore(tmp_path / "none.duckdb", copy=tmp_path / "copy.duckdb").publish(nobody)
