"""`publish` in the project: a copy for readers after each run."""

from __future__ import annotations

import duckdb
import pytest

from tests.api import Api
from tests.project_folder import ProjectFolder


@pytest.fixture
def published(project: ProjectFolder) -> ProjectFolder:
    publish(project, "read.duckdb")
    return project


def publish(project: ProjectFolder, place: str) -> None:
    text = (project.folder / "syncrun.yaml").read_text(encoding="utf-8")
    project.write("syncrun.yaml", f"{text}publish: {place}\n")


def names(project: ProjectFolder) -> list[str]:
    with duckdb.connect(str(project.folder / "read.duckdb"), read_only=True) as db:
        return [name for (name,) in db.execute("SELECT name FROM store.items ORDER BY id").fetchall()]


def test_a_run_that_changes_something_publishes(published: ProjectFolder, api: Api) -> None:
    published.run("acme/items")
    assert names(published) == ["one", "two"]
    api.clear()
    api.on("GET /items", json=[{"id": 1, "name": "uno"}, {"id": 2, "name": "two"}])
    published.run("acme/items")
    assert names(published) == ["uno", "two"]


def test_a_run_that_cannot_publish_is_incomplete_and_its_records_stay(
    published: ProjectFolder,
) -> None:
    published.write("read.duckdb", "my notes")
    report = published.run("acme/items", exit_code=3).reports["items"]
    place = published.folder / "read.duckdb"
    assert (report["status"], report["message"], report["hint"]) == (
        "incomplete",
        (
            f"not published: {place}: there is something else than a published copy:"
            f" {place}: this is a text file, not a DuckDB database"
        ),
        "remove the file, or name another one as `publish`",
    )
    assert published.query("SELECT status FROM syncrun.runs") == [("ok",)]
    assert len(published.records("store.items", order="id")) == 2


def test_a_failed_run_publishes_nothing(published: ProjectFolder, api: Api) -> None:
    api.clear()
    api.on("GET /items", status=400)
    published.run("acme/items", exit_code=1)
    assert not (published.folder / "read.duckdb").exists()


def test_places_that_cannot_be_are_told_before_anything_is_fetched(project: ProjectFolder) -> None:
    publish(project, "data.duckdb")
    done = project.syncrun("run", "acme/items")
    assert (done.exit_code, done.stderr) == (
        2,
        "syncrun.yaml:7:10: the database cannot be published onto itself\n  hint: name another file\n",
    )


def test_a_missing_folder_is_told_before_anything_is_fetched(project: ProjectFolder, api: Api) -> None:
    publish(project, "missing/read.duckdb")
    done = project.syncrun("run", "acme/items")
    assert (done.exit_code, done.stderr) == (
        2,
        (
            f"error: there is no folder {project.folder / 'missing'} for the published copy\n"
            "  hint: create it, or name another file as `publish` in syncrun.yaml\n"
        ),
    )
    assert api.requests == []


def test_prune_publishes_what_it_left(published: ProjectFolder) -> None:
    published.run("acme/items")
    text = (published.folder / "syncrun.yaml").read_text(encoding="utf-8")
    published.write("syncrun.yaml", text + "retention: {idle_sync_after: 0s}\n")
    published.syncrun("prune", "--quiet")
    assert names(published) == []
