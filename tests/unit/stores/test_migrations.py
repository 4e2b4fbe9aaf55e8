"""Databases of earlier versions: upgraded by the first write, in one transaction, with everything in them."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from syncrun.errors import StoreError
from syncrun.stores import migrations
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.run import Run
from tests.lab import Lab
from tests.unit.stores.desk import START

# What the fixture's runs read. Two of them: the second, a full one, changed 3, did not see 2, and rejected one.
YAML = """
syncs:
  items:
    request: {path: /items, params: {since: "${cursor}"}}
    pagination: none
    key: id
    deletes: {snapshot: {every: 365d}}
    incremental: {cursor: at}
    fields: {id: {path: id, type: integer}, name: name, at: {path: at, type: timestamp}}
"""
NEWEST = max(migrations._scripts())

_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.unit.stores import test_migrations

class Kill:
    def read_text(self, encoding):
        os.kill(os.getpid(), signal.SIGKILL)

test_migrations.add_migration(Kill())
test_migrations.write(Path(sys.argv[1]))
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Return a lab whose database is one that DuckDB 1.5.5 wrote for the tables of version 1."""
    lab = Lab(tmp_path, YAML)
    lab.database.write_bytes(gzip.decompress(Path(__file__).with_name("version-1.duckdb.gz").read_bytes()))
    return lab


def test_each_migration_has_a_number_of_its_own() -> None:
    assert len(migrations._scripts()) == len(list(migrations._FOLDER.glob("*.sql")))


def version(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as db:
        return int(db.execute("SELECT max(version) FROM syncrun.migrations").fetchall()[0][0])


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return what the database of version 1 holds, table by table."""
    tables = ["lab.items", "lab.items__records", "syncrun.sequence", "syncrun.runs", "syncrun.checkpoints"]
    with duckdb.connect(str(path), read_only=True) as db:
        return {
            table: db.execute(f"SELECT * FROM {path.stem}.{table} ORDER BY ALL").fetchall()
            for table in (*tables, "syncrun.quarantine")
        }


def write(path: Path) -> None:
    """Do what upgrades a database and changes no record."""
    sync = SyncId("acme", "lab", "items")
    DuckDBStore(path).record_run(Run("later", sync, "items", "full", START))


def add_migration(script: Any, patch: pytest.MonkeyPatch | None = None) -> None:
    """Let *script* be one more migration, after all others."""
    scripts = {**migrations._scripts(), NEWEST + 1: script}
    (patch or pytest.MonkeyPatch()).setattr(migrations, "_scripts", lambda: scripts)


def test_reading_leaves_an_old_database_as_it_is(lab: Lab) -> None:
    assert lab.feed() == [(1, "ADDED"), (3, "UPDATED"), (2, "DELETED")]
    assert lab.checkpoint()["cursor"] == "2024-05-04T00:00:00.000000Z"
    assert [run.counts["deleted"] for run in lab.store.last_runs()] == [1]
    assert version(lab.database) == 1


def test_the_first_write_upgrades_and_keeps_everything(lab: Lab) -> None:
    before = content(lab.database)
    write(lab.database)
    after = content(lab.database)
    kept = {
        table: [row[: len(old)] for row, old in zip(after[table], rows, strict=False)]  # columns may be new
        for table, rows in before.items()
    }
    assert kept == before
    assert version(lab.database) == NEWEST


def test_the_next_run_goes_on_where_the_old_version_stopped(lab: Lab) -> None:
    lab.clock.advance(days=1)
    lab.api = lambda _request: [
        {"id": 3, "name": "III", "at": "2024-05-04T00:00:00Z"},
        {"id": 2, "name": "again", "at": "2024-05-05T00:00:00Z"},
    ]
    report = lab.run()
    assert (report.status, report.mode) == ("ok", "incremental")
    assert lab.requests == ["GET /items?since=2024-05-04T00:00:00Z"]
    assert (report.changes.added, report.changes.unchanged, report.changes.deleted) == (1, 1, 0)
    assert [(row["id"], row["name"]) for row in lab.live()] == [(1, "one"), (2, "again"), (3, "III")]
    assert lab.rows("SELECT max(_seq) FROM lab.items__records") == [(6,)]
    assert version(lab.database) == NEWEST


def test_r02_an_upgrade_that_fails_leaves_the_old_version(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = content(lab.database)
    script = tmp_path / "broken.sql"
    script.write_text("CREATE TABLE syncrun.half (a INTEGER); SELECT error('in the middle')")
    add_migration(script, monkeypatch)
    with pytest.raises(StoreError, match="in the middle"):
        write(lab.database)
    assert (version(lab.database), content(lab.database)) == (1, before)
    monkeypatch.undo()
    write(lab.database)
    assert version(lab.database) == NEWEST


def test_r02_an_upgrade_that_is_killed_leaves_the_old_version(lab: Lab) -> None:
    before, root = content(lab.database), Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'runner'}"}
    done = subprocess.run([sys.executable, "-c", _KILLED, str(lab.database)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (version(lab.database), content(lab.database)) == (1, before)
    write(lab.database)
    assert version(lab.database) == NEWEST


def test_no_two_scripts_have_the_same_number() -> None:
    numbers = [
        int(path.name.partition("_")[0]) for path in (Path(migrations.__file__).parent / "sql").glob("*.sql")
    ]
    assert len(numbers) == len(set(numbers))
