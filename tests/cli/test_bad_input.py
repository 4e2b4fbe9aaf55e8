"""R26: whatever is wrong with what a person gives, one clear message says so, and nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from syncrun.config.load import list_connectors
from tests.api import Api
from tests.project_folder import ProjectFolder

SECRET = """
connector: vault
base_url: http://127.0.0.1:1
config: {token: {secret: true}, size: {type: integer, default: 5}, region: {env: VAULT_REGION, optional: true}}
auth: {type: bearer, token: "${config.token}"}
syncs: {items: {request: /items, key: id}, other: {request: /other, key: id}}
"""
CONNECTORS = ", ".join(sorted(("store", *(name for name, _ in list_connectors([])))))
RENAME = "name another file as `database` in syncrun.yaml"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def refused(project: ProjectFolder, *args: str, exit_code: int = 2) -> str:
    """Run a command that must fail, and return what it says."""
    before = files(project.folder)
    done = project.syncrun(*args)
    assert done.exit_code == exit_code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert files(project.folder) == before
    return done.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["run"],
            "nothing to run: name a connection or CONNECTION/SYNC\n  hint: name one of acme, or give --all",
        ),
        (["run", "acne"], "no connection or connector is called 'acne'\n  hint: did you mean 'acme'?"),
        (
            ["run", "acme/itmes"],
            "acme/itmes: the connector store has no sync 'itmes'\n  hint: did you mean 'items'?",
        ),
        (
            ["run", "acme/x"],
            "acme/x: the connector store has no sync 'x'\n  hint: it has items, notes, events",
        ),
        (
            ["run", ""],
            "no connection or connector is called ''\n  hint: one of: acme; `syncrun list` names the connectors too",
        ),
        (
            ["run", "acme", "--set", "url=x"],
            (
                "--set is for connectors that are run by name; 'acme' is a connection\n"
                "  hint: change its config in syncrun.yaml"
            ),
        ),
        (
            ["run", "store", "--set", "url"],
            "--set url: expected NAME=VALUE\n  hint: such as --set owner=acme",
        ),
        (
            ["run", "store", "--set", "ulr=x"],
            "--set ulr: the connector store has no such config entry\n  hint: did you mean 'url'?",
        ),
        (
            ["run", "acme", "--env", "prod"],
            "unknown environment 'prod'\n  hint: syncrun.yaml has no environments",
        ),
        (["run", "acme", "a\udcff"], "the argument 'a\\udcff' is not valid UTF-8"),
        (["query", "  "], "the SQL is empty\n  hint: such as syncrun query 'SHOW ALL TABLES'"),
        (
            ["query", "SELECT 1", "-f", "parquet"],
            "parquet cannot be written to standard output\n  hint: give it a file: -o FILE",
        ),
        (
            ["checkpoint", "show", "acme"],
            "acme names no sync\n  hint: one of: acme/items, acme/notes, acme/events",
        ),
    ],
)
def test_r26_wrong_arguments(project: ProjectFolder, args: list[str], message: str) -> None:
    assert refused(project, *args) == f"error: {message}\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["rum"], "no such command 'rum'\n  hint: did you mean 'run'?\n"),
        (["auth", "nope"], "no such command 'nope'\n  hint: one of: login, logout, status\n"),
        (["-p", "x", "list"], "no such option '-p'\n  hint: options come after the command\n"),
        (["completion"], "missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish\n"),
        (["run", "--lim", "3"], "no such option '--lim'\n  hint: did you mean '--limit'?\n"),
        (
            ["run", "acme", "--jobs", "many"],
            "invalid value for '--jobs': 'many' is not a valid integer range\n  hint: syncrun run --help\n",
        ),
        (["run", "acme", "--limit", "0"], "invalid value for '--limit': 0 is not in the range x>=1\n"),
        (
            ["run", "acme", "--lock-timeout", "-1"],
            "invalid value for '--lock-timeout': '-1' is no length of time; write seconds, or such as 90s, 5m, 1h",
        ),
        (["run", "-p", "nowhere"], "invalid value for '--project' / '-p': Path 'nowhere' does not exist\n"),
        (["schema", "projekt"], "invalid value for '[connector|project|events]': 'projekt' is not one of"),
        (["query", "--format", "x"], "invalid value for '--format' / '-f': 'x' is not one of"),
    ],
)
def test_r26_wrong_options_show_the_usage_too(project: ProjectFolder, args: list[str], message: str) -> None:
    told = refused(project, *args)
    assert told.startswith("Usage: syncrun ")
    assert f"\nerror: {message}" in told


def test_r26_every_problem_of_a_connector_is_listed(project: ProjectFolder) -> None:
    project.write(
        "connectors/store.yaml", "connector: store\nbase_url: 5\nsyncs: {x: {request: /a, ky: id}}\n"
    )
    assert refused(project, "run", "acme") == (
        "connectors/store.yaml:2:11: expected text, got the number 5\n"
        "  hint: put it in quotes\n"
        "connectors/store.yaml:3:26: unknown key 'ky' in 'syncs.x'\n"
        "  hint: did you mean 'key'?\n"
    )


@pytest.mark.parametrize("command", [["list"], ["run", "--all"]])
def test_r26_every_connection_with_a_problem_is_listed(project: ProjectFolder, command: list[str]) -> None:
    project.write(
        "syncrun.yaml",
        "connections:\n  a: {connector: stoer}\n  b: {connector: bad}\n  c: {connector: bad}\n",
    )
    project.write("connectors/bad.yaml", "connector: bad\nbase_url: 5\nsyncs: {x: {request: /a}}\n")
    assert refused(project, *command) == (
        "syncrun.yaml:2:18: unknown connector 'stoer'\n  hint: did you mean 'store'?\n"
        "connectors/bad.yaml:2:11: expected text, got the number 5\n  hint: put it in quotes\n"
    )


def test_r26_a_secret_that_is_nowhere_names_its_variable_and_the_connection(project: ProjectFolder) -> None:
    project.write("connectors/vault.yaml", SECRET)
    project.write_project(
        first={"connector": "vault", "config": {"token": "${env.VAULT_TOKEN}"}},
        second={"connector": "vault"},
    )
    assert refused(project, "run", "--all") == (
        "syncrun.yaml:2:3: connection first: the config value 'token' needs the environment variable VAULT_TOKEN,"
        " which is not set\n"
        "  hint: set it, or write it into .env\n"
        "syncrun.yaml:6:3: connection second: missing config value 'token'\n"
        '  hint: write config: {token: "${env.TOKEN}"} into the connection,'
        " and set TOKEN in the environment or in .env\n"
    )


def test_r26_a_connector_by_its_name_says_how_to_give_what_it_lacks(project: ProjectFolder) -> None:
    project.write("connectors/vault.yaml", SECRET)
    assert refused(project, "run", "vault") == (
        "vault: missing config value 'token'\n  hint: give it as --set-env token=TOKEN or --set-file token=PATH\n"
    )
    assert refused(project, "run", "vault", "--set", "token=hush", "--set", "size=big") == (
        "error: --set size: expected integer, got 'big'\n"
    )


def test_r26_nothing_to_run_in_a_project_without_connections(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    assert refused(project, "run", "--all") == (
        "error: there are no connections to run\n  hint: add them to syncrun.yaml\n"
    )
    assert refused(project, "run") == (
        "error: nothing to run: name a connection or CONNECTION/SYNC\n  hint: try `syncrun run pokeapi`\n"
    )
    assert refused(project, "validate") == (
        "error: nothing to check in '.'\n  hint: name a file, or a folder with syncrun.yaml or connector files\n"
    )
    assert refused(project, "query", "SELECT 1", exit_code=1) == (
        f"error: there is no database at {tmp_path}/data.duckdb yet\n  hint: `syncrun run` makes it\n"
    )


@pytest.mark.parametrize(
    "command", ["list", "run --all", "query 'SELECT 1'", "validate", "checkpoint show a/b"]
)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"connections: [\n", "syncrun.yaml:2:1: not valid YAML: did not find expected node content"),
        (b"connections: {a: {connector: \xff}}\n", "syncrun.yaml:1:30: not UTF-8 text"),
        (b"[]", "syncrun.yaml:1:1: expected a mapping, got a list"),
        (b"a\0b", "syncrun.yaml:1:2: character U+0000 is not allowed in YAML"),
    ],
)
def test_r26_an_unreadable_project_is_told_with_its_place(
    project: ProjectFolder, command: str, content: bytes, message: str
) -> None:
    import shlex

    (project.folder / "syncrun.yaml").write_bytes(content)
    assert refused(project, *shlex.split(command)).startswith(f"{message}\n")


@pytest.mark.parametrize("command", [["run", "--all"], ["query", "SELECT 1"], ["list"]])
def test_r26_a_folder_is_no_database(project: ProjectFolder, command: list[str]) -> None:
    project.database.mkdir()
    assert refused(project, *command) == (
        f"error: {project.database} is a folder, not a database file\n  hint: {RENAME}\n"
    )


def test_r26_a_database_needs_a_folder(project: ProjectFolder) -> None:
    project.write("syncrun.yaml", "database: data/x.duckdb\nconnections: {acme: {connector: store}}\n")
    project.write(
        "connectors/store.yaml", "connector: store\nbase_url: http://127.0.0.1:1\nsyncs: {x: {request: /x}}\n"
    )
    assert refused(project, "run", "acme") == (
        f"error: there is no folder {project.folder}/data for the database\n  hint: create it, or {RENAME}\n"
    )


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"x"])
def test_r26_what_is_no_database_stays_as_it_is(project: ProjectFolder, content: bytes) -> None:
    project.database.write_bytes(content)
    trouble = f"{project.database}: this is a text file, not a DuckDB database\n  hint: name another file as `database`\n"
    assert refused(project, "query", "SELECT 1", exit_code=1) == f"error: {trouble}"
    done = project.syncrun("run", "acme/items")
    assert (done.exit_code, done.stderr) == (1, f"✗ store/items [acme]: {trouble}")
    assert project.database.read_bytes() == content


def test_r26_a_damaged_database_is_told_and_left_alone(project: ProjectFolder, api: Api) -> None:
    project.run("acme/items")
    content = project.database.read_bytes()[:20_000]
    project.database.write_bytes(content)
    api.requests.clear()
    for command in (["query", "FROM store.items"], ["list"], ["checkpoint", "show", "acme/items"]):
        assert refused(project, *command, exit_code=1) == (
            f"error: {project.database}: the database file is damaged\n"
            "  hint: restore a copy, or move the file away and run again with --full\n"
        )
    assert project.syncrun("run", "acme/items").exit_code == 1
    assert api.requests == []
    assert project.database.read_bytes() == content


def test_r26_a_place_that_may_not_be_written_is_told_before_anything_is_fetched(
    project: ProjectFolder, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)
    assert refused(project, "run", "acme") == (
        f"error: no permission to write {project.folder}\n  hint: check its owner and mode\n"
    )
    assert api.requests == []
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    project.database.touch()
    assert refused(project, "query", "SELECT 1") == (
        f"error: no permission to read {project.database}\n  hint: check its owner and mode\n"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may do everything")
def test_r26_files_that_may_not_be_read(project: ProjectFolder) -> None:
    (project.folder / "syncrun.yaml").chmod(0)
    assert refused(project, "run", "acme") == "syncrun.yaml: cannot be read: Permission denied\n"


def test_r26_a_lock_that_cannot_be_made_is_no_defect(project: ProjectFolder) -> None:
    locks = project.write(f"{project.database.name}.locks", "a file where a folder should be")
    done = project.syncrun("run", "acme/items")
    assert done.exit_code == 1
    assert done.stderr == (
        f"✗ store/items [acme]: cannot lock the sync: {locks}: file exists\n"
        "  hint: whoever runs syncs needs to write to the database's folder\n"
    )


def test_r26_staging_that_cannot_be_made_is_no_defect(project: ProjectFolder) -> None:
    staging = project.write(f"{project.database.name}.staging", "a file where a folder should be")
    done = project.syncrun("run", "acme/items")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"✗ store/items [acme]: {staging}/acme.store.items/")
    assert done.stderr.endswith(": Not a directory\n")


def test_r26_sql_that_duckdb_refuses_shows_where(project: ProjectFolder) -> None:
    project.run("acme/items")
    told = refused(project, "query", "SELECT * FROM store.itms", exit_code=1)
    assert told.startswith("error: Catalog Error: Table with name itms does not exist!\n")
    assert 'Did you mean "items' in told
    assert refused(project, "query", "DROP TABLE store.items__records", exit_code=1) == (
        "error: queries are read-only, and DROP does not just read\n"
        "  hint: a query begins with SELECT, WITH, FROM, VALUES, EXPLAIN, DESCRIBE, SHOW, SUMMARIZE or PRAGMA;"
        " change the database with another DuckDB client, in a schema that no connector has\n"
    )
