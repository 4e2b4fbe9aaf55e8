"""R2: commits of several runs that are done in one go come out as if each were alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from syncrun.errors import LockedError, StoreError
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.commit import Changes, Commit, SnapshotDeletes
from syncrun.stores.values.run import Run
from tests.unit.stores.desk import Desk, Line, bad, columns, gone, put

POINTS = ["loaded", "begun", "prepared", "records", "deletes", "state", "committed"]
TABLES = ("requests", "logs", "runs", "checkpoints", "quarantine", "seen", "snapshots")
ACCOUNTS = ("acme", "globex", "initech")


def of(desk: Desk, connection: str, *lines: Line, **options: Any) -> Commit:
    """Return a commit of a run of *connection*."""
    return desk.build([lines] if lines else [], sync=desk.other(connection=connection), **options)


def counts(found: list[Any]) -> list[Any]:
    """Return what became of each commit, in short."""
    return [(c.added, c.updated, c.deleted) if isinstance(c, Changes) else c.message for c in found]


def log(desk: Desk, name: str, *lines: str) -> Path:
    """Write the file of a run's log."""
    path = desk.folder / f"{name}.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def held(desk: Desk) -> dict[str, list[tuple[Any, ...]]]:
    """Return what the database holds, apart from positions and what identifies commits."""
    with duckdb.connect(str(desk.path), read_only=True) as db:
        rows = {name: db.execute(f"FROM syncrun.{name} ORDER BY ALL").fetchall() for name in TABLES}
        rows["runs"] = db.execute("SELECT * EXCLUDE last_commit FROM syncrun.runs ORDER BY ALL").fetchall()
        fields = "SELECT * EXCLUDE _seq FROM lab.items__records ORDER BY ALL"
        return rows | {"records": db.execute(fields).fetchall()}


def everything(desk: Desk) -> list[Commit]:
    """Return commits with something of everything that small ones have, after some that were there before."""
    before = [put(n, name="old", raw={"n": n}) for n in range(25)]
    desk.model = replace(desk.model, raw=True)
    for connection in ACCOUNTS:
        desk.store.commit(of(desk, connection, *before, checkpoints={"": "old", "gone": "x"}))
    desk.store.record_run(Run("killed", desk.sync, "items", "full", desk.now, "running"))
    lines = [
        '{"seq": 1, "us": 1, "method": "GET", "url": "https://lab.test", "status": 200, "ms": 1.5}',
        '{"seq": 2, "us": 2, "level": "info", "message": "a \\"note\\""}',
        '{"seq": 3, "us": 3, "lev',
    ]
    changed = [put(1, name="new"), gone(2), *before[3:], put(99, name="one"), put(99, name="two")]
    return [
        of(
            desk,
            "acme",
            *changed,
            checkpoints={"": "new", "gone": None},
            deletes=SnapshotDeletes(),
            log=[log(desk, "acme", *lines)],
        ),
        of(desk, "globex", *before[:1], deletes=SnapshotDeletes()),  # refused by the guard
        of(desk, "initech", deletes=SnapshotDeletes(allow_empty=True), checkpoints={"": "new"}),
    ]


def test_several_commits_leave_what_each_would_leave_alone(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "together").mkdir()
    alone, together = Desk(tmp_path / "alone"), Desk(tmp_path / "together")
    one_by_one = [alone.store.commit(commit) for commit in everything(alone)]
    at_once = together.store.commit_all(everything(together))
    assert counts(at_once) == counts(one_by_one) == [(1, 1, 2), (0, 0, 0), (0, 0, 25)]
    assert [c.duplicates for c in at_once if isinstance(c, Changes)] == [1, 0, 0]
    assert [c.refused for c in at_once if isinstance(c, Changes)] == [c.refused for c in one_by_one]
    assert held(together) == held(alone)
    feed = [seq for seq, _, _ in together.feed()]
    assert sorted(set(feed)) == feed
    assert together.rows("FROM syncrun.sequence") == [(feed[-1],)]


def test_one_that_fails_takes_no_other_with_it(desk: Desk) -> None:
    desk.commit(put(1, name="text"))
    commits = [
        of(desk, "acme", put(1, name="new")),
        of(desk, "globex", put(2, name="two")),
        of(desk, "initech", put(3, name="three")),
    ]
    commits[1].staged[0].path.write_text('{"i":0,"p":"","k":"2","a":"U","h":"x","f":{"id":"two"}}\n')
    found = desk.store.commit_all(commits)
    assert [isinstance(each, StoreError) for each in found] == [False, True, False]
    assert desk.live() == {1: "new", 3: "three"}


def test_what_is_not_plain_is_done_all_the_same(desk: Desk) -> None:
    desk.store.commit(of(desk, "globex", rejected=[bad("1")]))
    other = replace(desk.model, name="others")
    again = of(desk, "initech", put(1, name="first"))
    desk.store.commit(again)
    found = desk.store.commit_all(
        [
            of(desk, "acme", put(1, name="one")),
            of(desk, "acme", put(1, name="two")),  # the same record
            of(desk, "globex", put(1, name="good")),  # was in quarantine
            again,  # is there already
            of(desk, "hooli", rejected=[bad("2")]),
            of(desk, "umbrella", put(1, name="else"), model=other),
            of(
                desk,
                "umbrella",
                put(1, name="wide"),
                types={"id": "integer", "name": "string", "more": "json"},
            ),
        ]
    )
    assert counts(found) == [(1, 0, 0), (0, 1, 0), (1, 0, 0), (0, 0, 0), (0, 0, 0), (1, 0, 0), (1, 0, 0)]
    names = "SELECT _connection, name FROM lab.items ORDER BY ALL"
    assert desk.rows(names) == [
        ("acme", "two"),
        ("globex", "good"),
        ("initech", "first"),
        ("umbrella", "wide"),
    ]
    assert desk.rows("SELECT connection, key FROM syncrun.quarantine") == [("hooli", "2")]
    assert desk.rows("SELECT name FROM lab.others") == [("else",)]


def test_all_are_told_who_holds_the_file(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    commits = [of(desk, name, put(2, name="two")) for name in ACCOUNTS]
    with DuckDBStore(desk.path)._file.open(read_only=False):
        store = DuckDBStore(desk.path, lock_timeout=0)
        found = store.commit_all(commits)
    assert [type(each) for each in found] == [LockedError] * 3
    assert desk.live() == {1: "one"}


@pytest.mark.parametrize("point", POINTS)
def test_r02_an_error_at_any_step_is_over_when_each_is_done_alone(tmp_path: Path, point: str) -> None:
    desk, failed = Desk(tmp_path), list[str]()

    def fail(at: str) -> None:
        if at == point and not failed:
            failed.append(at)
            raise StoreError(at)

    desk.commit(put(1, name="one"))
    found = DuckDBStore(desk.path, fault=fail).commit_all(
        [of(desk, name, put(1, name=name), gone(2)) for name in ACCOUNTS]
    )
    once = (0, 0, 0) if point == "committed" else None  # they were there already, and are not done twice
    assert counts(found) == [once or (0, 1, 0), once or (1, 0, 0), once or (1, 0, 0)]
    assert desk.rows("SELECT name, _seq FROM lab.items__records ORDER BY _seq") == [
        ("acme", 2),
        ("globex", 3),
        ("initech", 4),
    ]


def test_r5_several_commits_compare_the_values_of_a_column_that_changed_its_type(tmp_path: Path) -> None:
    desk = Desk(tmp_path, types={"id": "integer", "price": "decimal(10,2)"})
    for connection in ACCOUNTS:
        desk.store.commit(of(desk, connection, put(1, price="1.00"), put(2, price="2.50")))
    before = desk.feed()
    desk.model = replace(desk.model, columns=columns({"id": "integer", "price": "number"}))
    again = [of(desk, connection, put(1, price=1.0), put(2, price=2.5)) for connection in ACCOUNTS[1:]]
    found = desk.store.commit_all([of(desk, ACCOUNTS[0], put(1, price=1.0), put(2, price=2.75)), *again])
    assert [(c.updated, c.unchanged) for c in found if isinstance(c, Changes)] == [(1, 1), (0, 2), (0, 2)]
    assert len(set(before) - set(desk.feed())) == 1
    assert desk.rows("SELECT max(_seq) FROM lab.items__records") == [(len(before) + 1,)]
