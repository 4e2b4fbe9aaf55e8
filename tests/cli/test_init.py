"""`syncrun init`: a project that runs at once, and never a file overwritten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from syncrun import resources
from syncrun.config.load import list_connectors
from tests.api import Api
from tests.project_folder import ProjectFolder


@pytest.fixture
def empty(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path)


def test_a_new_project_is_valid_and_says_what_to_do_next(empty: ProjectFolder) -> None:
    done = empty.syncrun("init", "my-syncs")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == (
        "wrote my-syncs/syncrun.yaml, my-syncs/connectors/example.yaml, my-syncs/.gitignore\n"
        "next:\n"
        "  cd my-syncs\n"
        "  syncrun validate --strict\n"
        "  syncrun run --all          # reads api.github.com; `syncrun demo` needs no network\n"
        '  syncrun query "SELECT tag, published_at, downloads FROM example.releases'
        ' ORDER BY published_at DESC LIMIT 5"\n'
    )
    checked = ProjectFolder(empty.folder / "my-syncs").syncrun("validate", "--strict")
    assert (checked.exit_code, checked.stderr) == (0, "2 files checked: no problems\n")


def test_what_it_says_next_works(empty: ProjectFolder) -> None:
    empty.syncrun("init")
    with Api() as api:
        file = empty.folder / "connectors" / "example.yaml"
        file.write_text(file.read_text().replace("https://api.github.com", api.url))
        release = {"id": 1, "tag_name": "v1", "assets": [{"download_count": 3}, {"download_count": 4}]}
        api.on("GET /repos/duckdb/duckdb/releases?per_page=100", json=[release])
        assert empty.syncrun("run", "--all").exit_code == 0
    told = empty.syncrun("query", "SELECT tag, downloads FROM example.releases", "-f", "csv")
    assert told.stdout == "tag,downloads\nv1,7\n"


def test_git_is_told_to_leave_data_and_secrets_out(empty: ProjectFolder) -> None:
    empty.syncrun("init")
    lines = (empty.folder / ".gitignore").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        *("*.duckdb", "*.duckdb.*", ".env", ".env.*", "*.pem", "*.key")
    ]
    assert yaml.safe_load((empty.folder / "syncrun.yaml").read_text())["database"] == "data.duckdb"


def test_a_gitignore_that_is_there_stays_and_what_it_lacks_is_said(empty: ProjectFolder) -> None:
    empty.write(".gitignore", "mine\n")
    done = empty.syncrun("init")
    assert "  add to .gitignore: *.duckdb *.duckdb.* .env .env.* *.pem *.key\n" in done.stderr
    assert (empty.folder / ".gitignore").read_text() == "mine\n"


def test_nothing_is_overwritten_and_then_nothing_is_written(empty: ProjectFolder) -> None:
    empty.write("connectors/example.yaml", "mine")
    done = empty.syncrun("init")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: connectors/example.yaml exists, and nothing is overwritten\n"
        "  hint: move it away first, or name another folder\n"
    )
    assert (empty.folder / "connectors" / "example.yaml").read_text() == "mine"
    assert not (empty.folder / "syncrun.yaml").exists()


def test_a_project_is_made_once(empty: ProjectFolder) -> None:
    empty.syncrun("init")
    done = empty.syncrun("init")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: syncrun.yaml exists: this is a project already\n"
        "  hint: syncrun init --connector NAME adds a built-in connector to it\n"
    )


def test_a_built_in_connector_is_copied_into_a_project(empty: ProjectFolder) -> None:
    empty.syncrun("init")
    done = empty.syncrun("init", "--connector", "github_repo")
    assert done.stderr == (
        "wrote connectors/github_repo.yaml\n"
        "next:\n"
        "  syncrun validate   # the project now uses its own 'github_repo'\n"
    )
    assert empty.syncrun("validate", "--strict").exit_code == 0
    assert re.search(
        r"^  github_repo +connectors/github_repo.yaml$", empty.syncrun("list").stdout, re.MULTILINE
    )


def test_a_new_project_around_a_built_in_connector_says_what_to_fill_in(empty: ProjectFolder) -> None:
    done = empty.syncrun("init", "--connector", "github_repo")
    assert "  write owner, repo into syncrun.yaml\n" in done.stderr
    project = yaml.safe_load((empty.folder / "syncrun.yaml").read_text())
    assert project["connections"] == {
        "github_repo": {"connector": "github_repo", "config": {"owner": "YOUR-OWNER", "repo": "YOUR-REPO"}}
    }


@pytest.mark.parametrize(
    "name", [n for n, _ in list_connectors([])][::4]
)  # all of them are valid: tests/connectors
def test_every_copy_is_valid_as_it_stands(empty: ProjectFolder, name: str) -> None:
    assert empty.syncrun("init", "--connector", name).exit_code == 0
    done = empty.syncrun("validate", "--strict")
    assert (done.exit_code, done.stderr) == (0, "2 files checked: no problems\n")
    built_in = (resources.folder("connectors") / f"{name}.yaml").read_text()
    assert (empty.folder / "connectors" / f"{name}.yaml").read_text() in built_in


def test_an_unknown_connector_is_named_with_the_nearest_one(empty: ProjectFolder) -> None:
    done = empty.syncrun("init", "--connector", "githup")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: unknown connector 'githup'\n  hint: did you mean 'github'?\n",
    )
    assert list(empty.folder.iterdir()) == []
