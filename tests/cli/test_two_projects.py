"""Two projects on one database: a connection is of one of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.api import Api
from tests.cli.conftest import CONNECTOR
from tests.project_folder import ProjectFolder


def project_in(folder: Path, api: Api, database: str, connection: str = "acme") -> ProjectFolder:
    folder.mkdir()
    project = ProjectFolder(folder)
    project.write("connectors/store.yaml", CONNECTOR)
    config = json.dumps({"connector": "store", "config": {"url": api.url}})
    project.write("syncrun.yaml", f"database: {database}\nconnections:\n  {connection}: {config}\n")
    return project


@pytest.fixture
def first(tmp_path: Path, api: Api) -> ProjectFolder:
    project = project_in(tmp_path / "first", api, "../shared.duckdb")
    project.syncrun("run", "acme/items")
    return project


def shared(project: ProjectFolder, sql: str) -> list[str]:
    with duckdb.connect(str(project.folder.parent / "shared.duckdb"), read_only=True) as db:
        return [value for (value,) in db.execute(sql).fetchall()]


def message(project: ProjectFolder, *options: str, exit_code: int = 1) -> tuple[str, str, list[str]]:
    report = project.run("acme/items", *options, exit_code=exit_code).reports["items"]
    return report.get("message", ""), report.get("hint", ""), report.get("notes", [])


def test_a_connection_that_another_project_writes_is_refused(
    tmp_path: Path, first: ProjectFolder, api: Api
) -> None:
    second = project_in(tmp_path / "second", api, "../shared.duckdb")
    api.clear()
    api.on("GET /items", json=[{"id": 3, "name": "three"}])
    assert message(second) == (
        (
            f"the connection acme in this database is that of another project, in {first.folder}: two projects"
            " with a connection of the same name would delete each other's records"
        ),
        (
            "name the connection otherwise in one of the projects, or give one of them a `database` of its own;"
            " when the other project is given up: run once with --adopt"
        ),
        [],
    )
    assert shared(first, "SELECT name FROM store.items ORDER BY id") == ["one", "two"]
    assert shared(first, "SELECT status FROM syncrun.runs") == ["ok"]  # whose failure would it be?
    assert api.requests == []


def test_a_dry_run_tells_it_too(tmp_path: Path, first: ProjectFolder, api: Api) -> None:
    second = project_in(tmp_path / "second", api, "../shared.duckdb")
    told = second.syncrun("dryrun", "acme/items")
    assert told.exit_code == 1
    assert "is that of another project" in told.stdout + told.stderr


def test_connections_of_other_names_share_a_database(tmp_path: Path, first: ProjectFolder, api: Api) -> None:
    second = project_in(tmp_path / "second", api, "../shared.duckdb", "beta")
    assert second.run("beta/items").counts("items") == (2, 0, 0, 0)
    assert first.run("acme/items").counts("items") == (0, 0, 0, 2)


def test_adopt_takes_a_connection_over(tmp_path: Path, first: ProjectFolder, api: Api) -> None:
    second = project_in(tmp_path / "second", api, "../shared.duckdb")
    _, _, notes = message(second, "--adopt", exit_code=0)
    assert notes == [f"the connection acme was that of the project in {first.folder} before"]
    assert message(second, exit_code=0)[2] == []
    assert "is that of another project" in message(first)[0]


def test_a_project_that_was_moved_takes_its_connections_along(tmp_path: Path, first: ProjectFolder) -> None:
    shutil.move(first.folder, tmp_path / "moved")
    moved = ProjectFolder(tmp_path / "moved")
    _, _, notes = message(moved, exit_code=0)
    assert notes == [f"the connection acme was that of the project in {first.folder} before"]
    assert message(moved, exit_code=0)[2] == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("acme", "other"),
        lambda text: text.replace("../shared.duckdb", "own.duckdb"),
    ],
)
def test_a_project_that_has_given_a_connection_up_is_no_obstacle(
    tmp_path: Path, first: ProjectFolder, api: Api, edit
) -> None:
    second = project_in(tmp_path / "second", api, "../shared.duckdb")
    first.write("syncrun.yaml", edit((first.folder / "syncrun.yaml").read_text(encoding="utf-8")))
    assert len(message(second, exit_code=0)[2]) == 1


def test_a_project_that_was_copied_with_its_database_goes_on_by_itself(tmp_path: Path, api: Api) -> None:
    project_in(tmp_path / "first", api, "data.duckdb").syncrun("run", "acme/items")
    shutil.copytree(tmp_path / "first", tmp_path / "copy")
    assert message(ProjectFolder(tmp_path / "copy"), exit_code=0)[2] == []
    assert message(ProjectFolder(tmp_path / "first"), exit_code=0)[2] == []


def test_a_project_that_cannot_be_read_is_still_there(tmp_path: Path, first: ProjectFolder, api: Api) -> None:
    second = project_in(tmp_path / "second", api, "../shared.duckdb")
    first.write("syncrun.yaml", "connections: [")
    assert "is that of another project" in message(second)[0]


def test_what_another_project_reads_into_the_database_is_not_taken_for_a_remnant(
    tmp_path: Path, first: ProjectFolder, api: Api
) -> None:
    second = project_in(tmp_path / "second", api, "../shared.duckdb", "beta")
    second.run("beta/items")
    assert "syncrun forget" not in second.syncrun("status").stderr
    assert '"unowned"' not in second.syncrun("list", "--json").stdout
    done = second.syncrun("forget", "acme", "--yes")
    assert (done.exit_code, done.stderr) == (
        2,
        (
            f"error: the connection acme is that of another project, in {first.folder}\n"
            "  hint: forget it there, or take it out of that project's file\n"
        ),
    )
    assert shared(first, "SELECT count(*) FROM store.items WHERE _connection = 'acme'") == [2]
    first.write("syncrun.yaml", "database: ../shared.duckdb\n")
    assert "syncrun forget acme" in second.syncrun("status").stderr
    assert second.syncrun("forget", "acme", "--yes").exit_code == 0
    assert shared(first, "SELECT connection FROM syncrun.homes") == ["beta"]
