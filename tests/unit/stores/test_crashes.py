"""R2: a process that is killed at any step of a commit leaves all of it or none."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from syncrun.errors import StoreError
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.commit import Changes, Commit, SnapshotDeletes
from tests.unit.stores.desk import Desk, bad, gone, put

POINTS = ["loaded", "begun", "prepared", "records", "deletes", "state", "committed"]
TOGETHER = ["records", "state", "committed"]

# Each point has a process of its own that kills itself there. They are forked before DuckDB has made threads.
_KILLED = """
import os, signal, sys
from pathlib import Path
from syncrun.stores import connection
from syncrun.stores.duckdb import DuckDBStore
from tests.unit.stores import test_crashes
from tests.unit.stores.desk import Desk

def kill(*_ignored):
    os.kill(os.getpid(), signal.SIGKILL)

for case in sys.argv[2:]:
    child = os.fork()
    if not child:
        folder, together, point = Path(sys.argv[1]) / case, case.startswith("together-"), case.split("-")[-1]
        folder.mkdir()
        desk = Desk(folder)
        if point == "created":
            connection.place = kill
        else:
            test_crashes.first(desk)
        store = DuckDBStore(desk.path, fault=lambda at: kill() if at == point else None)
        store.commit_all(test_crashes.several(desk)) if together else store.commit(test_crashes.second(desk))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, case
"""


def first(desk: Desk) -> None:
    """Commit what was there before."""
    desk.model = replace(desk.model, history=True)
    desk.commit(*(put(n, name=f"old {n}") for n in range(30)), rejected=[bad("x")], checkpoints={"": "old"})
    desk.commit(put(0, name="old 0"), snapshot="w", run="first of the window")


def second(desk: Desk) -> Any:
    """Return a commit with something of everything in it."""
    desk.hours = 2
    desk.model = replace(desk.model, history=True)
    types = {"id": "integer", "name": "string", "new": "json"}
    lines = [put(n, name=f"new {n}", new=[n] * 500) for n in range(5, 35)]
    commit = desk.build(
        [[*lines, gone(1)]],
        types=types,
        rejected=[bad("y")],
        checkpoints={"": "new", "p": "new"},
        snapshot="w",
        deletes=SnapshotDeletes(),
        run="killed",
    )
    return replace(commit, model=replace(desk.model, columns=commit.staged[0].columns))


def several(desk: Desk) -> list[Commit]:
    """Return commits of two runs that are done together."""
    desk.hours = 2
    desk.model = replace(desk.model, history=True)
    return [
        desk.build(
            [[put(n, name=f"new {n}") for n in range(5)]],
            sync=desk.other(connection=connection),
            checkpoints={"": "new"},
            deletes=SnapshotDeletes(accept=True),
        )
        for connection in ("globex", "initech")
    ]


def state(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that the database holds, and its columns."""
    tables = ["lab.items__records", "lab.items", "lab.items__history"]
    tables += [f"syncrun.{n}" for n in ("sequence", "runs", "checkpoints", "snapshots", "seen", "quarantine")]
    with duckdb.connect(str(path), read_only=True) as db:
        return {
            table: [
                *((column[:2],) for column in db.execute(f"DESCRIBE {table}").fetchall()),
                *db.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall(),
            ]
            for table in tables
        }


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a database for each point, of a process that was killed there."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    folder, root = tmp_path_factory.mktemp("killed"), Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'runner'}"}
    cases = [*POINTS, *(f"together-{point}" for point in TOGETHER), "created"]
    arguments = [sys.executable, "-c", _KILLED, str(folder), *cases]
    subprocess.run(arguments, env=environment, check=True)
    return folder


@pytest.mark.parametrize("point", POINTS)
def test_r02_a_commit_that_is_killed_leaves_all_or_nothing(killed: Path, tmp_path: Path, point: str) -> None:
    expected = Desk(tmp_path)
    first(expected)
    if point == "committed":
        expected.store.commit(second(expected))
    crashed = killed / point / "desk.duckdb"
    assert state(crashed) == state(expected.path)

    again = Desk(killed / point)
    again._numbers = itertools.count(4)  # the next run finds the same files
    changes = again.store.commit(second(again))
    note = "3 of 29 live records were no longer there and were deleted: more than 10%"
    assert changes == (
        Changes(last_seq=64)
        if point == "committed"
        else Changes(added=5, updated=25, deleted=4, quarantined=1, last_seq=64, note=note)
    )


@pytest.mark.parametrize("point", TOGETHER)
def test_r02_commits_together_that_are_killed_leave_all_or_nothing(
    killed: Path, tmp_path: Path, point: str
) -> None:
    expected = Desk(tmp_path)
    first(expected)
    done = point == "committed"
    if done:
        expected.store.commit_all(several(expected))
    crashed = killed / f"together-{point}"
    assert state(crashed / "desk.duckdb") == state(expected.path)

    again = Desk(crashed)
    again._numbers = itertools.count(4)  # the next runs find the same files
    found = [again.store.commit(commit) for commit in several(again)]
    added = 0 if done else 5
    assert [changes.added for changes in found] == [added, added]
    assert len(again.feed()) == 40


def test_r02_a_process_killed_while_it_makes_the_file_leaves_none(killed: Path) -> None:
    desk = Desk(killed / "created")
    assert not desk.path.exists()
    desk.commit(put(1, name="one"))
    assert desk.live() == {1: "one"}


@pytest.mark.parametrize("point", POINTS)
def test_r02_an_error_at_any_step_leaves_all_or_nothing(tmp_path: Path, point: str) -> None:
    desk = Desk(tmp_path)
    first(desk)
    before = state(desk.path)

    def fail(at: str) -> None:
        if at == point:
            raise StoreError(at)

    with pytest.raises(StoreError, match=point):
        DuckDBStore(desk.path, fault=fail).commit(second(desk))
    assert (state(desk.path) == before) == (point != "committed")
