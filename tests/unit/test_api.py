"""syncrun from Python."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import syncrun
from syncrun import Project
from syncrun.engine.selection import open_workspace
from syncrun.errors import UsageError
from tests.api import Api
from tests.project_folder import ProjectFolder

CONNECTOR = """
connector: store
base_url: ${config.url}
config: {url: {}}
syncs:
  items:
    request: /items
    pagination: none
    history: true
    key: id
    fields: {id: {path: id, type: integer}, name: name, tags: {path: tags, type: json}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project after two runs: 1 was changed, 2 deleted, 3 added."""
    with Api() as api:
        folder = ProjectFolder(tmp_path)
        folder.write("connectors/store.yaml", CONNECTOR)
        folder.write_project(acme={"connector": "store", "config": {"url": api.url}})
        project = Project.load(tmp_path)
        api.on("GET /items", json=[{"id": 1, "name": "one"}, {"id": 2, "name": "two"}])
        project.run("acme/items")
        api.clear()
        api.on("GET /items", json=[{"id": 1, "name": "uno", "tags": ["x"]}, {"id": 3, "name": "three"}])
        [report] = project.run("acme")
        assert (report.status, report.changes.added, report.changes.deleted) == ("ok", 1, 1)
        yield project


def ids(records: Any) -> list[int]:
    return [record["id"] for record in records]


def test_records_are_dictionaries_with_metadata(project: Project) -> None:
    first = next(project.records("acme/items"))
    assert (first["id"], first["tags"], first["_last_action"]) == (1, ["x"], "UPDATED")
    assert first["_last_modified_at"].utcoffset() == timedelta(0)


def test_the_cursor_is_right_wherever_the_reading_stops(project: Project) -> None:
    seen, cursor = [], ""
    for _ in range(4):
        with project.records("acme/items", cursor=cursor) as records:
            assert records.cursor == cursor
            seen += [record["id"] for _, record in zip(range(1), records, strict=False)]
        cursor = records.cursor
    assert seen == [1, 3, 2]
    records = project.records("acme/items", cursor=cursor)
    assert (list(records), records.cursor) == ([], cursor)


def test_after_everything_the_cursor_is_past_what_a_filter_left_out(project: Project) -> None:
    *_, last = project.records("acme/items")
    for options in ({"filter": ["added"]}, {"ids": [99]}, {"modified_after": timedelta(0)}):
        records = project.records("acme/items", **options)
        list(records)
        assert records.cursor == last["_cursor"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"filter": ["updated", "deleted"]}, [1, 2]),
        ({"ids": [3, "2"]}, [3, 2]),
        ({"ids": [[1]]}, [1]),
        ({"ids": "2"}, [2]),
        ({"ids": []}, []),
        ({"limit": 2}, [1, 3]),
        ({"modified_after": "1h"}, [1, 3, 2]),
        ({"modified_after": datetime(2999, 1, 1)}, []),  # noqa: DTZ001 - in UTC then
        ({"as_of": 2}, [1, 2]),
        ({"as_of": timedelta(0)}, [1, 3]),
        ({"as_of": datetime.now(UTC) + timedelta(days=1)}, [1, 3]),
    ],
)
def test_what_can_be_asked_for(project: Project, options: Any, expected: list[int]) -> None:
    assert ids(project.records("acme/items", **options)) == expected


def test_a_closed_read_leaves_the_database_free(project: Project) -> None:
    records = project.records("acme/items")
    next(records)
    records.close()
    assert project.run("acme/items", lock_timeout=0)[0].status == "ok"
    assert list(records) == []


def test_queries_stream_their_rows(project: Project) -> None:
    result = project.query("SELECT id FROM store.items ORDER BY id")
    assert (result.columns, list(result.rows)) == (("id",), [(1,), (3,)])


def test_the_methods_of_a_project_are_there_as_functions_too(project: Project) -> None:
    folder = project.database.parent
    [report] = syncrun.run("acme/items", path=folder, full=True)
    assert report.changes.unchanged == 2
    assert ids(syncrun.records("acme/items", path=folder, limit=2)) == [1, 3]
    assert list(syncrun.query("SELECT count(*) FROM store.items", path=folder).rows) == [(2,)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filter": ["gone"]}, "filter: 'gone' is none of added, updated, deleted"),
        ({"limit": 0}, "limit: 0 is less than 1"),
        (
            {"modified_after": "soon"},
            "'soon' is no time; write such as 2024-05-01, 2024-05-01T12:00Z, or 2h for two hours ago",
        ),
    ],
)
def test_r26_what_means_nothing_is_told(project: Project, options: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        project.records("acme/items", **options)
    assert str(caught.value) == message


def test_importing_syncrun_imports_nothing_heavy() -> None:
    code = "import sys, syncrun; print(sorted({'duckdb', 'httpx', 'pydantic', 'yaml'} & sys.modules.keys()))"
    environment = {**os.environ, "PYTHONPATH": str(Path(syncrun.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
    with pytest.raises(AttributeError, match="module 'syncrun' has no attribute 'nothing'"):
        syncrun.nothing  # noqa: B018 - looking is the test


def test_a_dry_run_is_a_typed_result_and_writes_nothing(project: Project) -> None:
    before = project.database.stat().st_mtime_ns, project.database.read_bytes()

    done = project.dryrun("acme/items")

    assert (done.report.status, done.report.changes.unchanged, done.preview.records) == ("ok", 2, ())
    assert (project.database.stat().st_mtime_ns, project.database.read_bytes()) == before
    with pytest.raises(UsageError, match="acme/items has no cursor"):
        project.dryrun("acme/items", cursor="2024-05-01")
    with pytest.raises(UsageError, match="acme names no sync"):
        project.dryrun("acme")


def test_a_long_lived_program_sees_edits_of_connectors_and_of_what_they_name(tmp_path: Path) -> None:
    folder = ProjectFolder(tmp_path)
    folder.write("syncrun.yaml", "connections: {acme: {connector: store}}")
    text = "{connector: store, base_url: 'https://api.test', syncs: {items: {request: /, schema: schemas/item.json}}}"
    folder.write("connectors/store.yaml", text)
    folder.write("schemas/item.json", '{"type": "object"}')
    workspace = open_workspace(tmp_path)
    schemas = [workspace.connector("store")[0].syncs["items"].json_schema]
    folder.write("schemas/item.json", '{"type": "object", "required": ["id"]}')
    schemas.append(workspace.connector("store")[0].syncs["items"].json_schema)
    assert schemas == [{"type": "object"}, {"type": "object", "required": ["id"]}]
    folder.write("connectors/store.yaml", text.replace("items", "orders"))
    assert list(workspace.connector("store")[0].syncs) == ["orders"]
    assert workspace.connector("store")[0] is workspace.connector("store")[0]
