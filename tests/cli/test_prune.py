"""`syncrun prune`: what the project's retention lets go."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest

from syncrun.engine import locks
from syncrun.stores import compaction
from syncrun.stores.values.ids import SyncId
from tests.api import Api
from tests.project_folder import ProjectFolder


@pytest.fixture
def keep(project: ProjectFolder, api: Api) -> ProjectFolder:
    """The project after one run, which keeps nothing for longer than a moment."""
    write_retention(project, "{payload_after: 0s, idle_sync_after: 0s, run_logs: 0s}")
    project.run("acme/items", "acme/notes")
    return project


def write_retention(project: ProjectFolder, rule: str) -> None:
    text = (project.folder / "syncrun.yaml").read_text(encoding="utf-8")
    kept = "".join(line for line in text.splitlines(True) if not line.startswith("retention:"))
    project.write("syncrun.yaml", f"{kept}retention: {rule}\n")


def test_a_project_without_retention_is_told_what_to_write(project: ProjectFolder) -> None:
    done = project.syncrun("prune")
    assert (done.exit_code, done.stdout, done.stderr) == (
        2,
        "",
        (
            "error: the project keeps everything: it has no retention\n"
            "  hint: write such as `retention: {run_logs: 90d}` in syncrun.yaml\n"
        ),
    )


def test_old_payloads_go_but_for_those_of_parents(keep: ProjectFolder) -> None:
    write_retention(keep, "{payload_after: 0s}")
    done = keep.syncrun("prune")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "store.notes: 2 records emptied\n")
    assert keep.records("store.items", order="id") == [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}]
    assert keep.records("store.notes", order="id") == [{"id": None, "text": None}] * 2
    assert keep.run("acme/notes").counts("notes") == (0, 0, 0, 2)
    assert keep.records("store.notes", order="id") == [{"id": 10, "text": "x"}, {"id": 20, "text": "y"}]


def test_a_dry_run_only_says_so(keep: ProjectFolder) -> None:
    write_retention(keep, "{payload_after: 0s, idle_sync_after: 0s}")
    done = keep.syncrun("prune", "--dry-run")
    assert (done.exit_code, done.stdout, done.stderr) == (
        0,
        "",
        (
            "store.notes: 2 records would be emptied\n"
            "acme/items: idle, would be removed with 2 records\n"
            "acme/notes: idle, would be removed with 2 records\n"
        ),
    )
    assert keep.query("SELECT count(*) FROM store.notes WHERE id IS NOT NULL") == [(2,)]


def test_idle_syncs_go_and_start_afresh(keep: ProjectFolder) -> None:
    write_retention(keep, "{idle_sync_after: 0s}")
    done = keep.syncrun("prune", "--json")
    assert json.loads(done.stdout) == {
        "dry_run": False,
        "payloads": {},
        "versions": {},
        "idle_syncs": [
            {"connection": "acme", "connector": "store", "sync": "items", "records": 2},
            {"connection": "acme", "connector": "store", "sync": "notes", "records": 2},
        ],
        "busy_syncs": [],
        "logs": {},
        "compaction": None,
    }
    assert keep.query("SELECT count(*) FROM syncrun.runs") == [(0,)]
    assert keep.run("acme/items").counts("items") == (2, 0, 0, 0)


def test_a_sync_that_is_being_run_is_not_idle(keep: ProjectFolder) -> None:
    write_retention(keep, "{idle_sync_after: 0s}")
    folder = keep.folder / "data.duckdb.locks"
    with locks.hold(folder, SyncId("acme", "store", "items"), run_id="x", timeout=0):
        done = keep.syncrun("prune")
    assert done.stderr == (
        "acme/notes: idle, removed with 2 records\nacme/items: idle until now, and kept: a run of it is going on\n"
    )


def test_what_a_crashed_run_of_an_idle_sync_has_staged_goes_too(keep: ProjectFolder) -> None:
    write_retention(keep, "{idle_sync_after: 0s}")
    staged: Path = keep.write("data.duckdb.staging/acme.store.items/20240101T000000/commit.json", "{}")
    keep.syncrun("prune", "--quiet")
    assert not staged.exists()


def test_logs_of_old_runs_go_and_the_newest_run_stays(keep: ProjectFolder) -> None:
    keep.run("acme/items")
    write_retention(keep, "{run_logs: 0s}")
    done = keep.syncrun("prune")
    assert done.stderr == "syncrun.runs: 1 row removed\nsyncrun.requests: 4 rows removed\n"
    assert keep.query("SELECT sync FROM syncrun.runs ORDER BY sync") == [("items",), ("notes",)]
    assert keep.syncrun("prune").stderr == "nothing is old enough to go\n"


def test_nothing_young_goes(keep: ProjectFolder) -> None:
    write_retention(keep, "{payload_after: 1d, idle_sync_after: 1d, run_logs: 1d}")
    assert keep.syncrun("prune", "--quiet").stderr == ""
    assert keep.syncrun("prune").stderr == "nothing is old enough to go\n"


def make_room(project: ProjectFolder) -> None:
    """Let most of the database be free."""
    with duckdb.connect(str(project.folder / "data.duckdb")) as db:
        db.execute("CREATE TABLE junk AS SELECT md5(i::varchar) AS x FROM range(300_000) AS r (i)")
        db.execute("CHECKPOINT")
        db.execute("CREATE TABLE behind AS SELECT md5(i::varchar) AS x FROM range(10) AS r (i)")
        db.execute("CHECKPOINT")
        db.execute("DROP TABLE junk")


def sizeless(text: str) -> str:
    return re.sub(r"\d[\d.]* (MiB|bytes)", "SIZE", text)


def test_compact_gives_room_back_without_any_retention(project: ProjectFolder) -> None:
    project.run("acme/items")
    make_room(project)
    database = project.folder / "data.duckdb"
    size = database.stat().st_size
    promised = project.syncrun("prune", "--compact", "--dry-run")
    assert database.stat().st_size == size
    done = project.syncrun("prune", "--compact")

    assert sizeless(done.stderr) == "data.duckdb: SIZE of SIZE given back to the disk\n"
    assert sizeless(promised.stderr) == "data.duckdb: about SIZE of SIZE would be given back to the disk\n"
    assert database.stat().st_size < size / 2
    assert len(project.records("store.items", order="id")) == 2


def test_compacting_is_in_the_json(project: ProjectFolder) -> None:
    project.run("acme/items")
    make_room(project)
    database = project.folder / "data.duckdb"
    size = database.stat().st_size
    done = project.syncrun("prune", "--compact", "--json")
    given_back = size - database.stat().st_size
    assert json.loads(done.stdout)["compaction"] == {"before": size, "given_back": given_back}


def test_prune_compacts_by_itself_when_much_is_free(
    keep: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_WORTHWHILE", 1 << 20)
    make_room(keep)
    write_retention(keep, "{run_logs: 1d}")
    done = keep.syncrun("prune")
    assert sizeless(done.stderr) == "data.duckdb: SIZE of SIZE given back to the disk\n"
    assert keep.syncrun("prune").stderr == "nothing is old enough to go\n"


def test_what_keeps_prune_from_compacting_is_told_and_is_no_failure_unless_asked_for(
    keep: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_WORTHWHILE", 1 << 20)
    make_room(keep)
    write_retention(keep, "{run_logs: 1d}")
    monkeypatch.setattr(compaction.shutil, "disk_usage", lambda _folder: Full())
    done, asked = keep.syncrun("prune", "--quiet"), keep.syncrun("prune", "--compact")
    place = keep.folder / "data.duckdb"
    assert (done.exit_code, sizeless(done.stderr)) == (
        0,
        (
            f"not compacted, though much is free: {place}: to compact it SIZE are needed beside it,"
            " and the disk has SIZE\n  hint: make room on that disk, then run again\n"
        ),
    )
    assert asked.exit_code == 1
    assert asked.stderr.startswith(f"error: {place}: to compact it ")


class Full:
    """What is told of a disk that is full."""

    free = 0


def test_before_there_is_a_database_nothing_is_compacted(project: ProjectFolder) -> None:
    done = project.syncrun("prune", "--compact")
    assert (done.exit_code, done.stderr) == (0, "there is no data.duckdb yet\n")
