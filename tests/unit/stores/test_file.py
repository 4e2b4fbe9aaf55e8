"""The database file: made, shared with other programs, and refused when it is not one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pytest

from syncrun.errors import ExitCode, LockedError, StoreError
from syncrun.stores.connection import DatabaseFile
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.commit import SnapshotDeletes
from tests.unit.stores.desk import Desk, put

_HOLD = """
import sys, duckdb
db = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reading")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path, how: str = "writing") -> Iterator[subprocess.Popen[str]]:
    """Let another process open the file until the block ends, or its input does."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def test_r03_a_commit_waits_for_the_process_that_holds_the_file_and_names_it(desk: Desk) -> None:
    desk.commit(put(1))
    waits: list[str] = []
    with held(desk.path) as holder:

        def let_go(_seconds: float) -> None:
            holder.kill()
            holder.wait()

        DuckDBStore(desk.path, sleep=let_go, on_wait=waits.append).commit(desk.build([[put(2)]]))
        [message] = waits
        assert message.startswith(f"waiting for {desk.path}, which is held by ")
        assert message.endswith(f" (process {holder.pid})")
    assert set(desk.live()) == {1, 2}


@pytest.mark.parametrize("how", ["reading", "writing"])
def test_r03_past_the_lock_timeout_the_run_ends_with_75(desk: Desk, how: str) -> None:
    desk.commit(put(1))
    time, waits = Time(), []
    store = DuckDBStore(desk.path, lock_timeout=10, clock=time.clock, sleep=time.sleep, on_wait=waits.append)
    with held(desk.path, how) as holder:
        with pytest.raises(LockedError) as caught:
            store.commit(desk.build([[put(2)]]))
        assert caught.value.message.startswith(f"{desk.path} is held by ")
        assert caught.value.message.endswith(f"(process {holder.pid}); gave up after 10 s")
        assert caught.value.hint == "close that program, or wait longer with --lock-timeout"
        assert caught.value.exit_code is ExitCode.LOCKED
    assert len(waits) == 1
    assert sum(time.slept) == pytest.approx(10)
    assert max(time.slept) == 0.1
    assert set(desk.live()) == {1}


def test_readers_of_other_processes_do_not_disturb_reading(desk: Desk) -> None:
    desk.commit(put(1, name="one"), checkpoints={"": "{}"})
    with held(desk.path, "reading"):
        assert desk.live() == {1: "one"}
        assert desk.store.checkpoints(desk.sync)[""].state == "{}"


def test_reading_waits_for_a_writer_too(desk: Desk) -> None:
    desk.commit(put(1))
    time = Time()
    store = DuckDBStore(desk.path, lock_timeout=3, clock=time.clock, sleep=time.sleep)
    with held(desk.path):
        for read in (
            lambda: store.query("SELECT 1"),
            store.last_runs,
            lambda: store.open_snapshot(desk.sync),
        ):
            with pytest.raises(LockedError, match="gave up after 3 s"):
                read()


def test_a_connection_of_this_process_counts_as_a_holder(desk: Desk) -> None:
    desk.commit(put(1))
    store = DuckDBStore(desk.path, lock_timeout=0)
    with (
        duckdb.connect(str(desk.path)),
        pytest.raises(LockedError, match="is held by this process itself; gave up after 0 s"),
    ):
        store.commit(desk.build([[put(2)]]))


def test_threads_of_one_process_take_turns(desk: Desk) -> None:
    commits = [desk.build([[put(n, name=f"{n}")]]) for n in range(8)]
    stores = [DuckDBStore(desk.path) for _ in range(4)]
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for commit in commits[number::4]:
                stores[number].commit(commit)
                stores[number].columns("lab", "items")
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(desk.live()) == 8
    assert [position for position, _, _ in desk.feed()] == list(range(1, 9))


def test_a_writer_gets_its_turn_however_closely_readers_follow_each_other(desk: Desk) -> None:
    desk.commit(put(1))
    reader = DatabaseFile(
        desk.path, lock_timeout=0, clock=lambda: 0, sleep=lambda _seconds: None, on_wait=None
    )
    time, reads = Time(), [reader.open(read_only=True)]
    reads[0].__enter__()

    def read_on(seconds: float) -> None:
        """Begin the next read before the last one ends, unless it is refused."""
        time.sleep(seconds)
        following = reader.open(read_only=True)
        with suppress(LockedError):
            following.__enter__()
            reads.append(following)
        reads.pop(0).__exit__(None, None, None)

    store = DuckDBStore(desk.path, patience=60, clock=time.clock, sleep=read_on)
    store.commit(desk.build([[put(2)]]))
    assert sum(time.slept) < 2
    assert (reads, set(desk.live())) == ([], {1, 2})


def test_a_reader_may_read_a_second_thing_while_a_writer_waits_for_the_first(desk: Desk) -> None:
    desk.commit(put(1))
    time, read_in = Time(), set()

    def read_again(seconds: float) -> None:
        time.sleep(seconds)
        with suppress(LockedError):
            DuckDBStore(desk.path, lock_timeout=0).columns("lab", "items")
            read_in.add(int(time.now - 100))

    store = DuckDBStore(desk.path, lock_timeout=5, patience=5, clock=time.clock, sleep=read_again)
    with (
        DatabaseFile(desk.path, lock_timeout=0, clock=time.clock, sleep=time.sleep, on_wait=None).open(
            read_only=True
        ),
        pytest.raises(LockedError, match="gave up after 5 s"),
    ):
        store.commit(desk.build([[put(2)]]))
    assert read_in >= {0, 2, 4}, "it is kept out in every other second only"
    assert set(desk.live()) == {1}


def test_the_file_can_be_opened_by_duckdb_1_2(desk: Desk) -> None:
    desk.commit(put(1))
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{desk.path}' AS x (READ_ONLY)")
        [(tags,)] = db.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'x'").fetchall()
    assert tags["storage_version"].startswith("v1.2.0")


def test_making_the_file_leaves_nothing_beside_it(desk: Desk) -> None:
    desk.commit(checkpoints={"": "{}"})
    assert [path.name for path in desk.folder.iterdir()] == ["desk.duckdb"]


def test_two_that_make_the_file_at_once_share_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rival = DuckDBStore(desk.path)
    theirs, mine = desk.build([[put(1, name="theirs")]]), desk.build([[put(2, name="mine")]])
    create = DatabaseFile._create

    def late(self: DatabaseFile, at: object) -> None:
        monkeypatch.setattr(DatabaseFile, "_create", create)
        rival.commit(theirs)
        create(self, at)

    monkeypatch.setattr(DatabaseFile, "_create", late)
    desk.store.commit(mine)
    assert desk.live() == {1: "theirs", 2: "mine"}


def test_without_hard_links_the_file_is_moved(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_paths: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    desk.commit(put(1, name="one"))
    assert desk.live() == {1: "one"}


_DAMAGED = (
    "the database file is damaged\n  hint: restore a copy, or move the file away and run again with --full"
)


def _text(path: Path) -> None:
    path.write_text("these are no pages of a database " * 1000, encoding="utf-8")


def _empty(path: Path) -> None:
    path.touch()


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[12_400:12_500] = bytes(100)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"SQLite format 3\0" + bytes(500), "a SQLite database"),
        (b"PAR1" + bytes(100) + b"PAR1", "a Parquet file"),
        (b"PK\x03\x04" + bytes(100), "a zip archive"),
        (b'{"a": 1}\n' * 2000, "a JSON file"),
        (b"id,name\n1,a\n" * 2000, "a text file"),
        (b"x", "a text file"),
        (bytes(range(256)) * 50, "the file of another program"),
    ],
)
def test_r26_the_file_of_another_program_is_named_as_what_it_is(
    desk: Desk, content: bytes, kind: str
) -> None:
    """DuckDB would open some of them, with an extension that it would have to download."""
    desk.path.write_bytes(content)
    for act in (lambda: desk.commit(put(1)), lambda: desk.store.query("SELECT 1")):
        with pytest.raises(StoreError) as caught:
            act()
        assert caught.value.message == f"{desk.path}: this is {kind}, not a DuckDB database"
    assert desk.path.read_bytes() == content


def test_a_pipe_is_no_database(desk: Desk) -> None:
    os.mkfifo(desk.path)
    with pytest.raises(StoreError) as caught:
        desk.store.query("SELECT 1")
    assert caught.value.message == f"{desk.path}: this is a device or a pipe, not a DuckDB database"


def test_nothing_is_downloaded(desk: Desk) -> None:
    desk.commit(put(1))
    sql = "SELECT name, value FROM duckdb_settings() WHERE name LIKE 'auto%_known_extensions' ORDER BY name"
    assert [row[1] for row in desk.store.query(sql).rows] == ["false", "false"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_text, "this is a text file, not a DuckDB database\n  hint: name another file as `database`"),
        (_empty, "this is not a DuckDB database\n  hint: name another file as `database`"),
        (
            _torn,
            _DAMAGED,
        ),
        (
            _flipped,
            _DAMAGED,
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_left_as_it_is(
    desk: Desk, spoil: object, message: str
) -> None:
    if spoil in (_torn, _flipped):
        desk.commit(put(1))
    spoil(desk.path)  # type: ignore[operator]
    before = desk.path.read_bytes()
    acts = [
        lambda: desk.commit(put(2)),
        lambda: desk.store.checkpoints(desk.sync),
        lambda: desk.store.query("SELECT 1"),
    ]
    for act in acts:
        with pytest.raises(StoreError) as caught:
            act()
        assert str(caught.value) == f"{desk.path}: {message}"
    assert desk.path.read_bytes() == before


def test_a_folder_is_no_database(desk: Desk) -> None:
    desk.path.mkdir()
    with pytest.raises(StoreError) as caught:
        desk.commit(put(1))
    assert str(caught.value) == f"{desk.path}: this is a folder, not a database file"


def test_a_folder_that_is_not_there_is_not_made(desk: Desk) -> None:
    store = DuckDBStore(desk.folder / "data" / "desk.duckdb")
    with pytest.raises(StoreError) as caught:
        store.commit(desk.build([[put(1)]]))
    place = desk.folder / "data"
    assert str(caught.value) == f"{place}/desk.duckdb: there is no folder {place}\n  hint: create the folder"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may do everything")
def test_a_file_without_permission_is_named(desk: Desk) -> None:
    desk.commit(put(1))
    desk.path.chmod(0)
    with pytest.raises(StoreError) as caught:
        desk.commit(put(2))
    assert caught.value.message == f"{desk.path}: no permission to open or write it"


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        ('IO Error: Could not write file "x": No space left on device', "the disk is full"),
        ('IO Error: Cannot open file "x": Permission denied', "no permission to open or write it"),
        ('IO Error: Cannot open file "x": Read-only file system', "no permission to open or write it"),
        (
            "IO Error: Trying to read a database file with version number 99.\nA newer version of DuckDB.",
            "it was written by a newer DuckDB",
        ),
        ("IO Error: something else\nmore", "something else"),
    ],
)
def test_what_duckdb_says_is_put_into_words(desk: Desk, raised: str, message: str) -> None:
    def fail(_point: str) -> None:
        raise duckdb.IOException(raised)

    with pytest.raises(StoreError) as caught:
        DuckDBStore(desk.path, fault=fail).commit(desk.build([]))
    assert caught.value.message == f"{desk.path}: {message}"


_FULL = """
import resource, signal, sys
from pathlib import Path
from tests.unit.stores.desk import Desk, put
from syncrun.errors import StoreError
desk = Desk(Path(sys.argv[1]))
desk.commit(put(1, name="one"))
import random
commit = desk.build([[put(n, name=random.Random(n).randbytes(500).hex()) for n in range(20_000)]])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
try:
    desk.store.commit(commit)
except StoreError as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on the size of files stands in for a full disk")
def test_r02_a_disk_that_is_full_leaves_the_last_commit(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'runner'}"}
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert done.stdout.startswith(f"{tmp_path / 'desk.duckdb'}: ")
    store = DuckDBStore(tmp_path / "desk.duckdb")
    assert list(store.query("SELECT id, name FROM lab.items").rows) == [(1, "one")]


def test_runs_that_change_nothing_do_not_grow_the_file(desk: Desk) -> None:
    lines = [put(n, name=f"name {n}" * 10) for n in range(3_000)]
    sizes = []
    for _ in range(10):
        desk.commit(*lines, deletes=SnapshotDeletes(), checkpoints={"": "{}"})
        sizes.append(desk.path.stat().st_size)
    assert max(sizes[4:]) == max(sizes[:4])
    assert not desk.path.with_name("desk.duckdb.wal").exists()


def test_windows_leave_no_growth_behind(desk: Desk) -> None:
    lines = [put(n, name="x") for n in range(3_000)]

    def cycle(number: int) -> None:
        desk.commit(*lines[:2000], snapshot=f"w{number}")
        desk.commit(*lines[2000:], snapshot=f"w{number}", deletes=SnapshotDeletes())

    for number in range(4):
        cycle(number)
    size = desk.path.stat().st_size
    for number in range(4, 8):
        cycle(number)
    assert desk.path.stat().st_size <= size * 1.5
