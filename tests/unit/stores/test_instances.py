"""Files attached to a kept DuckDB instance: nothing of an act outlasts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from syncrun.stores.instances import instance_for


def test_an_instance_is_kept_without_the_file_and_without_what_the_act_left(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    first = instance_for(path)
    first.attach(path, "a", "")
    db = first.begin()
    db.execute("CREATE TABLE t AS SELECT 1 AS x")
    db.execute("CREATE TEMP TABLE left_behind AS SELECT 1")
    db.execute("BEGIN")
    db.execute("INSERT INTO t VALUES (2)")
    first.close()
    program = "import sys, duckdb; print(duckdb.connect(sys.argv[1]).execute('SELECT x FROM t').fetchall())"
    other = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert other.stdout == "[(1,)]\n"
    again = instance_for(path)
    assert again is first
    again.attach(path, "a", "(READ_ONLY)")
    db = again.begin()
    with pytest.raises(duckdb.CatalogException):
        db.execute("SELECT * FROM left_behind")
    assert db.execute("SELECT x FROM t").fetchall() == [(1,)]
    again.close()


def test_two_acts_at_a_time_have_an_instance_each(tmp_path: Path) -> None:
    one, two = instance_for(tmp_path / "a.duckdb"), instance_for(tmp_path / "a.duckdb")
    assert one is not two
    one.discard()
    two.discard()


def test_an_instance_that_could_not_attach_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "none.duckdb"
    instance = instance_for(path)
    with pytest.raises(duckdb.IOException):
        instance.attach(path, "a", "(READ_ONLY)")
    instance.close()
    assert instance_for(path) is instance
    instance.discard()


def test_acts_that_follow_each_other_share_the_file_and_nothing_else(tmp_path: Path) -> None:
    instance = instance_for(tmp_path / "a.duckdb")
    instance.attach(tmp_path / "a.duckdb", "a", "")
    db = instance.begin(frugal=True)
    db.execute("CREATE TABLE t AS SELECT 1 AS x")
    db.execute("CREATE TEMP TABLE left_behind AS SELECT 1")
    db.execute("BEGIN")
    db.execute("INSERT INTO t VALUES (2)")
    db = instance.begin()
    with pytest.raises(duckdb.CatalogException):
        db.execute("SELECT * FROM left_behind")
    assert db.execute("SELECT x FROM t").fetchall() == [(1,)]
    instance.discard()
