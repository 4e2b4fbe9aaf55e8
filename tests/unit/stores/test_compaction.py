"""Compaction: the same database in a smaller file, whoever is killed or comes in between (R2, R3)."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from syncrun.errors import LockedError, StoreError
from syncrun.stores import compaction
from syncrun.stores.cipher import load_cipher
from syncrun.stores.compaction import Compaction, Space
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.instances import Instance
from syncrun.wording import size
from tests.unit.stores.desk import Desk, put
from tests.unit.stores.test_crashes import first, second, state
from tests.unit.stores.test_file import Time, held

POINTS = ["compacting", "copied", "replaced", "emptied"]
JUNK = "SELECT md5(i::varchar) || md5((-i)::varchar) AS x FROM range({rows}) AS r (i)"
OF_USERS = """
CREATE SCHEMA mine;
CREATE TYPE mine.mood AS ENUM ('good', 'bad');
CREATE SEQUENCE mine.numbers START 7;
CREATE TABLE mine.notes (id INTEGER PRIMARY KEY DEFAULT nextval('mine.numbers'), mood mine.mood NOT NULL);
INSERT INTO mine.notes (mood) VALUES ('good'), ('bad');
CREATE INDEX moods ON mine.notes (mood);
CREATE VIEW mine.zeroth AS SELECT i.name, n.mood FROM lab.items AS i JOIN mine.notes AS n USING (id);
CREATE VIEW mine.first AS FROM mine.zeroth;
CREATE MACRO mine.twice(x) AS 2 * x;
COMMENT ON TABLE mine.notes IS 'what I think';
COMMENT ON COLUMN lab.items__records.name IS 'what it is called';
COMMENT ON VIEW mine.first IS 'a view of a view';
"""
CATALOG = (
    "SELECT schema_name, table_name, comment, sql FROM duckdb_tables() ORDER BY ALL",
    "SELECT schema_name, table_name, column_name, comment, column_default FROM duckdb_columns() ORDER BY ALL",
    "SELECT schema_name, view_name, comment, sql FROM duckdb_views() ORDER BY ALL",
    "SELECT function_name, macro_definition FROM duckdb_functions() WHERE NOT internal ORDER BY ALL",
    "SELECT sequence_name, start_value, last_value FROM duckdb_sequences() ORDER BY ALL",
    "SELECT schema_name, type_name FROM duckdb_types() WHERE NOT internal ORDER BY ALL",
    "SELECT index_name, sql FROM duckdb_indexes() ORDER BY ALL",
    "SELECT tags FROM duckdb_databases() WHERE NOT internal",
    "SELECT * FROM mine.notes ORDER BY ALL",
    "SELECT * FROM mine.first ORDER BY ALL",
    "SELECT mine.twice(21)",
)


def empty_blocks(path: Path, rows: int = 20_000) -> None:
    """Let the database have blocks that hold nothing, with others behind them."""
    with duckdb.connect(str(path)) as db:
        db.execute(f"CREATE TABLE junk AS {JUNK.format(rows=rows)}")
        db.execute("CHECKPOINT")
        db.execute(f"CREATE OR REPLACE TABLE behind AS {JUNK.format(rows=10)}")
        db.execute("CHECKPOINT")
        db.execute("DROP TABLE junk")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with room in it, and with something of everything that a run stores."""
    desk = Desk(tmp_path_factory.mktemp("made"))
    first(desk)
    empty_blocks(desk.path)
    return desk.path


@pytest.fixture
def roomy(desk: Desk, made: Path) -> Desk:
    shutil.copy(made, desk.path)
    return desk


def catalog(path: Path) -> list[list[tuple[Any, ...]]]:
    with duckdb.connect(str(path), read_only=True) as db:
        return [db.execute(sql).fetchall() for sql in CATALOG]


def beside(desk: Desk) -> list[str]:
    return sorted(path.name for path in desk.folder.glob("desk*"))


def test_everything_is_kept_in_a_smaller_file(roomy: Desk) -> None:
    with duckdb.connect(str(roomy.path)) as db:
        db.execute(OF_USERS)
    empty_blocks(roomy.path)
    roomy.path.chmod(0o640)
    before, named, size = state(roomy.path), catalog(roomy.path), roomy.path.stat().st_size

    done = roomy.store.compact()

    assert done == Compaction(size, size - roomy.path.stat().st_size)
    assert done.given_back > 1_000_000
    assert state(roomy.path) == before
    assert catalog(roomy.path) == named
    assert stat.S_IMODE(roomy.path.stat().st_mode) == 0o640
    assert beside(roomy) == ["desk.duckdb"]


def test_runs_go_on_from_where_they_were(roomy: Desk, made: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other")
    shutil.copy(made, other.path)
    assert roomy.store.compact()
    assert roomy.store.commit(second(roomy)) == other.store.commit(second(other))
    assert state(roomy.path) == state(other.path)


def test_a_file_that_cannot_become_smaller_stays(roomy: Desk) -> None:
    roomy.store.compact()
    before = roomy.path.stat()
    assert roomy.store.compact() == Compaction(before.st_size, 0)
    assert roomy.path.stat().st_ino == before.st_ino


def test_without_a_file_there_is_nothing_to_compact(desk: Desk) -> None:
    assert desk.store.space() is None
    assert desk.store.compact() is None
    assert beside(desk) == []


@pytest.mark.parametrize(
    ("total", "free", "much"),
    [(64 << 20, 33 << 20, True), (64 << 20, 32 << 20, False), (20 << 20, 16 << 20, False)],
)
def test_much_is_more_than_half_and_more_than_16_mib(total: int, free: int, much: bool) -> None:
    assert Space(total, free).much_is_free == much


def test_unasked_only_what_has_much_room_is_compacted(roomy: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert roomy.store.compact(always=False) is None
    empty_blocks(roomy.path, rows=150_000)
    monkeypatch.setattr(compaction, "_WORTHWHILE", 1 << 20)
    assert roomy.store.compact(always=False)
    assert roomy.store.compact(always=False) is None


def test_what_is_free_is_about_what_is_given_back(roomy: Desk) -> None:
    space, done = roomy.store.space(), roomy.store.compact()
    assert space is not None
    assert done is not None
    assert done.given_back == pytest.approx(space.free, abs=1 << 20)


def test_a_disk_without_room_is_told(roomy: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    space, before = roomy.store.space(), roomy.path.read_bytes()
    assert space is not None
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(1_000_000))
    with pytest.raises(StoreError) as refused:
        roomy.store.compact()
    assert str(refused.value) == (
        f"{roomy.path}: to compact it {size(space.total - space.free)} are needed beside it,"
        " and the disk has 977 KiB\n  hint: make room on that disk, then run again"
    )
    assert roomy.path.read_bytes() == before


def test_a_link_still_leads_to_the_database(roomy: Desk, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    place = roomy.path.rename(tmp_path / "elsewhere" / "real.duckdb")
    roomy.path.symlink_to(place)
    before = state(place)
    assert roomy.store.compact()
    assert roomy.path.readlink() == place
    assert state(place) == before


def test_a_hard_link_keeps_the_old_database(roomy: Desk) -> None:
    backup = roomy.folder / "backup.duckdb"
    backup.hardlink_to(roomy.path)
    before = backup.read_bytes()
    assert roomy.store.compact()
    assert backup.read_bytes() == before


@pytest.mark.skipif(
    not load_cipher(duckdb.connect()), reason="DuckDB's module httpfs is not installed for this version"
)
def test_r24_an_encrypted_database_stays_encrypted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, key="correct 'horse'")
    desk.commit(*(put(n, name="Ada Lovelace") for n in range(5000)))
    desk.commit(*(put(n, name="nobody") for n in range(5000)))
    seen: list[bytes] = []

    def look(_point: str) -> None:
        seen.extend(path.read_bytes() for path in desk.folder.glob("desk.duckdb*"))

    assert DuckDBStore(desk.path, key="correct 'horse'", fault=look).compact()
    assert desk.live() == dict.fromkeys(range(5000), "nobody")
    assert seen
    assert not [True for content in seen if b"nobody" in content or b"Ada Love" in content]
    with pytest.raises(StoreError, match="the database is encrypted, and the project has no key"):
        DuckDBStore(desk.path).query("SELECT 1")


def test_the_log_that_a_crash_left_is_taken_in(roomy: Desk) -> None:
    program = (
        "import duckdb, os, sys; db = duckdb.connect(sys.argv[1]);"
        "db.execute(\"UPDATE lab.items__records SET name = 'logged'\"); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", program, str(roomy.path)], check=False)
    assert roomy.path.with_name("desk.duckdb.wal").exists()
    assert roomy.store.compact()
    assert set(roomy.live().values()) == {"logged"}
    assert beside(roomy) == ["desk.duckdb"]


def test_whoever_reads_is_waited_for(roomy: Desk) -> None:
    time = Time()
    store = DuckDBStore(roomy.path, lock_timeout=10, clock=time.clock, sleep=time.sleep)
    before = roomy.path.read_bytes()
    with held(roomy.path, "reading"), pytest.raises(LockedError, match="gave up after 10 s"):
        store.compact()
    assert roomy.path.read_bytes() == before


def test_readers_go_on_while_it_is_copied_and_are_waited_for_at_the_end(roomy: Desk) -> None:
    holders = []

    def open_it(point: str) -> None:
        if point == "copied":
            holders.append(held(roomy.path, "reading"))
            holders[0].__enter__()

    def close_it(_seconds: float) -> None:
        waited.append(roomy.path.stat().st_ino)
        holders.pop().__exit__(None, None, None)

    inode, waited = roomy.path.stat().st_ino, list[int]()
    assert DuckDBStore(roomy.path, fault=open_it, sleep=close_it).compact()
    assert waited == [inode]
    assert roomy.path.stat().st_ino != inode


def test_nobody_writes_while_it_is_copied(roomy: Desk) -> None:
    tried: list[str] = []

    def write(point: str) -> None:
        if point not in ("copied", "emptied"):
            return
        program = "import duckdb, sys; duckdb.connect(sys.argv[1])"
        command = [sys.executable, "-c", program, str(roomy.path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        tried.append("refused" if "Could not set lock on file" in done.stderr else "let in")

    assert DuckDBStore(roomy.path, fault=write).compact()
    assert tried == ["refused", "let in"]


def test_a_lock_that_holds_nobody_off_is_noticed(roomy: Desk) -> None:

    def write(point: str) -> None:
        if point == "copied":
            os.utime(roomy.path, ns=(0, 0))

    with pytest.raises(StoreError, match="another program wrote to it while it was compacted"):
        DuckDBStore(roomy.path, fault=write).compact()
    assert beside(roomy) == ["desk.duckdb"]


@pytest.mark.parametrize("emptied", [False, True])
def test_a_writer_that_found_the_old_file_writes_to_the_new_one(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    emptied: bool,
) -> None:
    desk.commit(put(1, name="one"))
    attach, old = Instance.attach, desk.path.with_name("old.duckdb")

    def late(self: Instance, path: Path, alias: str, options: str) -> object:
        monkeypatch.setattr(Instance, "attach", attach)
        shutil.copy(path, path.with_name("new.duckdb"))
        path.rename(old)
        if emptied:  # as compaction leaves what it has replaced
            os.truncate(old, 0)
        path.with_name("new.duckdb").rename(path)
        return attach(self, old, alias, options)

    commit = desk.build([[put(2, name="two")]])
    monkeypatch.setattr(Instance, "attach", late)
    desk.store.commit(commit)
    assert desk.live() == {1: "one", 2: "two"}


def test_what_was_replaced_is_empty_for_whoever_has_found_it_before(roomy: Desk) -> None:
    with roomy.path.open("rb") as old:

        def look(point: str) -> None:
            sizes[point] = os.fstat(old.fileno()).st_size

        sizes: dict[str, int] = {}
        DuckDBStore(roomy.path, fault=look).compact()
    assert sizes["replaced"] > 0
    assert sizes["emptied"] == 0


_WRITER = """
import sys
from pathlib import Path
from tests.unit.stores.desk import Desk, put
desk = Desk(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(100, 108):
    desk.commit(put(number, name="x"))
"""


def run_python(program: str, *arguments: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(root)])}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_no_commit_of_another_process_is_lost_between_compactions(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    empty_blocks(desk.path)
    with run_python(_WRITER, str(desk.folder)) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        done = []
        while writer.poll() is None:
            done.append(desk.store.compact())
            empty_blocks_or_wait(desk.path)
    assert writer.returncode == 0
    assert [one for one in done if one is not None and one.given_back]
    assert list(desk.live()) == [1, *range(100, 108)]


def empty_blocks_or_wait(path: Path) -> None:
    try:
        empty_blocks(path)
    except duckdb.IOException:  # the other process has it open
        return


# Each point has a process of its own that kills itself there. They are forked before DuckDB has made threads.
_KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from syncrun.stores.duckdb import DuckDBStore
from tests.unit.stores.desk import Desk

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

for point in sys.argv[3:]:
    child = os.fork()
    if not child:
        desk = Desk(Path(sys.argv[1]) / point)
        desk.folder.mkdir()
        shutil.copy(sys.argv[2], desk.path)
        DuckDBStore(desk.path, fault=lambda at: kill() if at == point else None).compact()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, point
"""


@pytest.fixture(scope="module")
def killed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a database for each point, of a process that was killed there."""
    folder = tmp_path_factory.mktemp("killed")
    with run_python(_KILLED, str(folder), str(made), *POINTS) as process:
        assert process.wait() == 0
    return folder


@pytest.mark.parametrize("point", POINTS)
def test_r02_a_compaction_that_is_killed_leaves_the_old_file_or_the_new(
    killed: Path, made: Path, point: str
) -> None:
    crashed = Desk(killed / point)
    replaced = point in ("replaced", "emptied")
    assert (crashed.path.stat().st_size < made.stat().st_size) == replaced
    assert len(beside(crashed)) == (1 if replaced else 2)
    assert state(crashed.path) == state(made)

    done = crashed.store.compact()

    assert done is not None
    assert bool(done.given_back) != replaced
    assert beside(crashed) == ["desk.duckdb"]
    assert state(crashed.path) == state(made)


def test_what_a_killed_compaction_left_goes_also_when_there_is_nothing_to_do(desk: Desk) -> None:
    desk.commit(put(1))
    desk.path.with_name("desk.duckdb.new-999999999-1").touch()
    assert desk.store.compact(always=False) is None
    assert beside(desk) == ["desk.duckdb"]


def test_what_duckdb_does_not_copy_is_not_lost(roomy: Desk, monkeypatch: pytest.MonkeyPatch) -> None:

    class Forgetful:
        """A DuckDB whose copy lacks a table."""

        def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
            self._db = db

        def execute(self, sql: str, *parameters: Any) -> duckdb.DuckDBPyConnection:
            done = self._db.execute(sql, *parameters)
            if sql.startswith("COPY FROM DATABASE"):
                self._db.execute('DROP TABLE "syncrun-new".main.behind')
            return done

    copy = compaction._copy
    monkeypatch.setattr(compaction, "_copy", lambda db, name, path: copy(Forgetful(db), name, path))  # type: ignore[arg-type]
    before = state(roomy.path)
    with pytest.raises(StoreError) as refused:
        roomy.store.compact()
    assert str(refused.value) == (
        f"{roomy.path}: DuckDB cannot copy all that is in it\n  hint: upgrade: pip install -U duckdb"
    )
    assert state(roomy.path) == before


@pytest.mark.skipif(not duckdb.__version__.startswith("1."), reason="later versions copy tables in order")
def test_foreign_keys_may_be_too_much_for_duckdb_1(roomy: Desk) -> None:
    with duckdb.connect(str(roomy.path)) as db:
        db.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY); INSERT INTO parents VALUES (1)")
        db.execute(
            "CREATE TABLE children (id INTEGER REFERENCES parents (id)); INSERT INTO children VALUES (1)"
        )
    before = roomy.path.read_bytes()
    with pytest.raises(StoreError, match="DuckDB cannot copy all that is in it"):
        roomy.store.compact()
    assert roomy.path.read_bytes() == before
