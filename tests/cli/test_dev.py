"""`syncrun dev`: on every save the files are checked, and the syncs that changed are tried."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncrun.engine.changes import file_changes, is_source
from syncrun.engine.outside import Outside
from tests.api import Api
from tests.cli.conftest import CONNECTOR
from tests.project_folder import Outcome, ProjectFolder

Edit = Callable[[], Path]
NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
CHECKED = "2 files checked: no problems\n"
START = f"{CHECKED}waiting for changes; ^C ends\n"


def work(project: ProjectFolder, edits: Sequence[Edit], *args: str, exit_code: int = 0) -> Outcome:
    """Run `syncrun dev` while somebody makes *edits*, one after the other."""

    def changes(_folder: Path, _stop: threading.Event) -> Iterator[frozenset[Path]]:
        for edit in edits:
            yield frozenset({edit()})

    done = project.syncrun("dev", *args, outside=Outside(now=lambda: NOON, changes=changes))
    assert done.exit_code == exit_code, done.stderr
    return done


def replaced(project: ProjectFolder, old: str, new: str) -> Edit:
    def edit() -> Path:
        path = project.folder / "connectors" / "store.yaml"
        text = path.read_text()
        assert old in text
        return project.write("connectors/store.yaml", text.replace(old, new))

    return edit


def timeless(text: str) -> str:
    return re.sub(r"\d+\.\d s", "0.0 s", text)


def test_the_sync_that_an_edit_changes_is_tried_and_no_other(project: ProjectFolder) -> None:
    done = work(project, [replaced(project, "name: name", "title: name")])
    assert timeless(done.stderr) == (
        f"{START}\n"
        "2024-06-01T12:00:00Z  connectors/store.yaml\n"
        f"{CHECKED}"
        "acme/items  would be: 2 added  (2 records read, 1 request, full, 0.0 s)\n"
        "  deletes: none for what was not seen: a limited read deletes nothing\n"
        "  table: the table would be made\n"
    )
    assert done.stdout == '+ 1  {"id": 1, "title": "one"}\n+ 2  {"id": 2, "title": "two"}\n'
    assert not project.database.exists()


def test_an_error_is_told_with_its_place_and_nothing_is_tried_until_it_is_gone(
    project: ProjectFolder, api: Api
) -> None:
    done = work(
        project,
        [
            replaced(project, "request: /items\n", "reqest: /items\n"),
            replaced(project, "reqest:", "request:"),
        ],
    )
    assert (
        done.stderr
        == (
            f"{START}\n"
            "2024-06-01T12:00:00Z  connectors/store.yaml\n"
            "connectors/store.yaml:8:5: unknown key 'reqest' in 'syncs.items'\n  hint: did you mean 'request'?\n"
            "connectors/store.yaml:7:3: missing key 'request' in 'syncs.items'\n"
            "2 files checked: 2 errors, 0 warnings\n"
            "\n"
            "2024-06-01T12:00:00Z  connectors/store.yaml\n"
            f"{CHECKED}"
        )
        or "did you mean 'request'?" in done.stderr
    )
    assert api.requests == []


def test_a_comment_tries_nothing(project: ProjectFolder, api: Api) -> None:
    work(project, [replaced(project, "connector: store", "connector: store # ours")])
    assert api.requests == []


def test_what_all_syncs_share_tries_all_of_them(project: ProjectFolder) -> None:
    done = work(project, [replaced(project, "retry: {attempts: 1}", "retry: {attempts: 2}")])
    assert re.findall(r"^(\S+)  would be", done.stderr, re.MULTILINE) == [
        "acme/items",
        "acme/notes",
        "acme/events",
    ]


def test_a_hook_file_counts_for_the_syncs_that_use_it(project: ProjectFolder) -> None:
    def hook() -> Path:
        return project.write(
            "hooks/store.py", "def map_record(record, context):\n    return {**record, 'name': 'x'}\n"
        )

    project.write("hooks/store.py", "def map_record(record, context):\n    return record\n")
    replaced(project, "request: /items\n", "request: /items\n    hooks: hooks/store.py\n")()
    done = work(project, [hook])
    assert done.stdout == '+ 1  {"id": 1, "name": "x"}\n+ 2  {"id": 2, "name": "x"}\n'


def test_a_named_sync_is_tried_at_once_and_then_alone(project: ProjectFolder) -> None:
    done = work(project, [replaced(project, "attempts: 1", "attempts: 2")], "acme/items", "--show", "0")
    assert re.findall(r"^(\S+)  would be", done.stderr, re.MULTILINE) == ["acme/items", "acme/items"]
    assert done.stdout == ""


def test_a_value_in_the_project_file_tries_its_connection(project: ProjectFolder, api: Api) -> None:
    def edit() -> Path:
        connections = {name: {"connector": "store", "config": {"url": url}} for name, url in urls.items()}
        project.write_project(**connections)
        return project.folder / "syncrun.yaml"

    urls = {"acme": api.url, "apex": api.url}
    edit()
    urls["apex"] = "http://127.0.0.1:9"
    done = work(project, [edit], "--show", "0")
    assert "apex/items" in done.stderr
    assert "acme/items" not in done.stderr


def test_one_connection_of_a_connector_shows_enough(project: ProjectFolder, api: Api) -> None:
    config = {"connector": "store", "config": {"url": api.url}}
    project.write_project(acme=config, apex=config)
    done = work(project, [replaced(project, "name: name", "title: name")])
    assert re.findall(r"^(\S+)  would be", done.stderr, re.MULTILINE) == ["acme/items"]


def test_a_dry_run_that_fails_is_told_and_the_watch_goes_on(project: ProjectFolder) -> None:
    edits = [
        replaced(project, "request: /items\n", "request: /nothing\n"),
        replaced(project, "/nothing", "/items"),
    ]
    done = work(project, edits)
    assert "\n✗ store/items [acme]: GET " in done.stderr
    assert "acme/items  would be: 2 added" in done.stderr


def test_what_is_deployed_cannot_be_worked_on(project: ProjectFolder) -> None:
    text = (project.folder / "syncrun.yaml").read_text()
    project.write("syncrun.yaml", f"{text}environments: {{prod: {{database: prod.duckdb}}}}\n")
    assert project.syncrun("deploy", "prod", "--yes").exit_code == 0
    done = work(project, [], "--env", "prod")
    assert (
        "error: prod runs what was deployed, which no edit changes\n  hint: work without --env\n"
        in done.stderr
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_watch(project: ProjectFolder, number: int, code: int) -> None:
    def interrupted() -> Path:
        os.kill(os.getpid(), number)
        return project.folder / "syncrun.yaml"

    def unreachable() -> Path:
        raise AssertionError

    done = work(project, [interrupted, unreachable], exit_code=code)
    assert done.stderr.startswith(START)


def test_files_are_really_watched(tmp_path: Path) -> None:
    stop = threading.Event()
    (tmp_path / "connectors").mkdir()
    found = file_changes(tmp_path, stop)
    path = tmp_path / "connectors" / "store.yaml"
    writer = threading.Timer(0.3, path.write_text, [CONNECTOR])
    writer.start()
    assert next(found) == {path}
    stop.set()
    assert list(found) == []
    writer.join()


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("syncrun.yaml", True),
        ("connectors/acme.yml", True),
        ("hooks/acme.py", True),
        ("schemas/acme.json", True),
        (".env", True),
        ("data.duckdb", False),
        ("data.duckdb.staging/run/a.ndjson", False),
        (".git/x.yaml", False),
        ("hooks/__pycache__/acme.py", False),
    ],
)
def test_only_what_a_project_is_written_in_counts(tmp_path: Path, name: str, counts: bool) -> None:
    assert is_source(tmp_path / name, tmp_path) is counts
