"""`syncrun deploy`: an environment runs what was deployed to it, and a plan comes first."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.api import Api
from tests.cli.test_events import check
from tests.project_folder import Outcome, ProjectFolder

ONE = """
connector: store
version: 1.0.0
base_url: ${config.url}
config: {url: {}}
retry: {attempts: 1}
syncs:
  items:
    request: /items
    pagination: none
    key: id
    fields: {id: {path: id, type: integer}, name: {path: name, type: string}}
  events:
    request: /events
    pagination: none
    incremental: {cursor: at}
    key: id
    fields: {id: {path: id, type: integer}, at: {path: at, type: timestamp}}
"""


@pytest.fixture
def project(api: Api, tmp_path: Path) -> ProjectFolder:
    """A project with the connection `acme`, and the environment `prod` with a database of its own."""
    folder = ProjectFolder(tmp_path)
    folder.write("connectors/store.yaml", ONE)
    folder.write(
        "syncrun.yaml",
        f"connections: {{acme: {{connector: store, config: {{url: '{api.url}'}}}}}}\n"
        "environments: {prod: {database: prod.duckdb}}\n",
    )
    return folder


def edit(project: ProjectFolder, *changes: tuple[str, str], version: str = "1.1.0") -> None:
    """Change the connector's text, and its version."""
    text = (project.folder / "connectors/store.yaml").read_text()
    for old, new in (("version: 1.0.0", f"version: {version}"), *changes):
        assert old in text
        text = text.replace(old, new)
    project.write("connectors/store.yaml", text)


def deploy(project: ProjectFolder, *args: str, exit_code: int = 0) -> Outcome:
    done = project.syncrun("deploy", "prod", *args)
    assert done.exit_code == exit_code, done.stderr
    return done


def prod(project: ProjectFolder, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(project.folder / "prod.duckdb"), read_only=True) as db:
        return db.execute(sql).fetchall()


def test_a_first_deployment_shows_the_tables_to_come(project: ProjectFolder) -> None:
    done = deploy(project, "--yes")
    assert done.stderr == (
        "store: not deployed → 1.0.0\n"
        "  + items: new table store.items (id integer, name string)\n"
        "  + events: new table store.events (id integer, at timestamp)\n"
        "deployed store 1.0.0 to prod\n"
    )
    assert done.stdout == ""
    assert deploy(project, "--yes").stderr == "nothing to deploy: prod has store 1.0.0\n"
    assert prod(project, "SELECT connector, version, name FROM syncrun.definitions") == [
        ("store", "1.0.0", "connectors/store.yaml")
    ]


def test_runs_of_the_environment_use_what_was_deployed(project: ProjectFolder) -> None:
    deploy(project, "--yes")
    edit(project, ("name: {path: name, type: string}", "title: {path: name, type: string}"))
    project.run("acme/items", "--env", "prod")
    assert prod(project, "SELECT name FROM store.items ORDER BY id") == [("one",), ("two",)]
    project.run("acme/items")
    assert [row["title"] for row in project.records("store.items", order="id")] == ["one", "two"]
    assert '"title"' not in project.syncrun("explain", "acme/items", "--env", "prod").stdout
    assert '"title"' in project.syncrun("explain", "acme/items").stdout


def test_an_environment_without_deployments_runs_the_working_files(project: ProjectFolder) -> None:
    project.run("acme/items", "--env", "prod")
    assert prod(project, "SELECT count(*) FROM store.items") == [(2,)]


def test_what_is_deployed_is_looked_at_for_as_long_as_asked(project: ProjectFolder) -> None:
    deploy(project, "--yes")
    with closing(duckdb.connect(str(project.folder / "prod.duckdb"))):
        for command in (
            ["run", "acme/items"],
            ["dryrun", "acme/items"],
            ["checkpoint", "clear", "acme/items"],
        ):
            done = project.syncrun(*command, "--env", "prod", "--lock-timeout", "0")
            assert (done.exit_code, done.stderr.partition("prod.duckdb")[2].splitlines()[0]) == (
                75,
                " is held by this process itself; gave up after 0 s",
            )


def test_hooks_and_schemas_are_deployed_with_the_connector(project: ProjectFolder) -> None:
    project.write(
        "hooks/store.py", "def map_record(record, context):\n    return {**record, 'name': 'deployed'}\n"
    )
    project.write("schemas/item.json", '{"required": ["id"]}')
    edit(
        project,
        ("connector: store", "connector: store\nhooks: hooks/store.py"),
        ("request: /items", "request: /items\n    schema: schemas/item.json"),
    )
    deploy(project, "--yes")
    for name in ("hooks/store.py", "schemas/item.json", "connectors/store.yaml"):
        (project.folder / name).unlink()
    project.run("acme/items", "--env", "prod")
    assert prod(project, "SELECT DISTINCT name FROM store.items") == [("deployed",)]


def test_a_connector_that_is_not_deployed_cannot_run_there(project: ProjectFolder) -> None:
    deploy(project, "--yes")
    project.write("connectors/other.yaml", ONE.replace("connector: store", "connector: other"))
    project.write(
        "syncrun.yaml",
        (project.folder / "syncrun.yaml")
        .read_text()
        .replace("acme: {connector: store", "acme: {connector: other"),
    )
    done = project.syncrun("run", "acme", "--env", "prod")
    assert done.exit_code == 2
    assert done.stderr == (
        "syncrun.yaml:1:33: the connector 'other' is not deployed to prod\n"
        "  hint: syncrun deploy prod deploys the connectors of all connections\n"
    )


def test_the_plan_names_every_change_of_the_tables(project: ProjectFolder) -> None:
    deploy(project, "--yes")
    project.run("acme/items", "--env", "prod")
    edit(
        project,
        (
            "name: {path: name, type: string}}",
            "name: {path: name, type: json}, size: {path: size, type: integer}}",
        ),
        ("at: {path: at, type: timestamp}}", "at: {path: at, type: timestamp}, kind: kind}"),
    )
    done = deploy(project, "--dry-run")
    assert done.stderr == (
        "store: 1.0.0 → 1.1.0\n"
        "  ~ items: column name is widened: string → json\n"
        "  + items: new column size integer\n"
        "  ~ items: it is read another way: the next run reads everything, as every run of it does\n"
        "  + events: new column kind (type by its values)\n"
        "  ~ events: it is read another way: run it with --full to read everything again\n"
    )
    assert prod(project, "SELECT version FROM syncrun.definitions") == [("1.0.0",)]
    deploy(project, "--yes")
    project.run("acme/items", "--env", "prod")
    assert prod(project, "SELECT typeof(name), size FROM store.items LIMIT 1") == [("JSON", None)]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("fields: {id: {path: id, type: integer}, name: {path: name, type: string}}", "fields: {id: {path: id, type: integer}}", "items: column name is dropped from the view; its values stay in the table behind it"),
        ("type: string", "type: integer", "items: column name gets another type: string → integer; a run fails if a stored value does not fit"),
        ("request: /items\n    pagination: none\n    key: id", "request: /items\n    pagination: none\n    key: [id, name]", "items: the key changes: id → id, name; every record becomes another one"),
        ("request: /items", "request: /items\n    model: goods", "items: it fills another table: items → goods; the old one is no longer filled"),
        ("  events:", "  facts:", "events: the sync is removed: store.events stays, and is no longer filled"),
    ],
)  # fmt: skip
def test_what_readers_would_lose_takes_another_word(
    project: ProjectFolder, old: str, new: str, told: str
) -> None:
    deploy(project, "--yes")
    edit(project, (old, new))
    refused = deploy(project, "--yes", exit_code=2)
    assert f"  ! {told}\n" in refused.stderr
    assert refused.stderr.endswith(
        "error: nothing was deployed: what is marked with ! loses something\n"
        "  hint: --allow-destructive deploys it even so\n"
    )
    assert prod(project, "SELECT version FROM syncrun.definitions") == [("1.0.0",)]
    assert deploy(project, "--yes", "--allow-destructive").stderr.endswith("deployed store 1.1.0 to prod\n")


def test_other_content_needs_another_version(project: ProjectFolder) -> None:
    deploy(project, "--yes")
    edit(project, ("request: /items", "request: /things"), version="1.0.0")
    done = deploy(project, "--yes", exit_code=2)
    assert done.stderr == (
        "error: the version 1.0.0 of store was deployed before with other content\n"
        "  hint: raise version: in connectors/store.yaml\n"
    )


def test_an_earlier_version_comes_back(project: ProjectFolder) -> None:
    deploy(project, "--yes")
    edit(project, ("path: name, type: string", "path: title, type: string"))
    deploy(project, "--yes")
    done = deploy(project, "--yes", "--version", "store@1.0.0")
    assert done.stderr.startswith("store: 1.1.0 → 1.0.0\n")
    project.run("acme/items", "--env", "prod")
    assert prod(project, "SELECT name FROM store.items ORDER BY id") == [("one",), ("two",)]
    assert prod(project, "SELECT count(*) FROM syncrun.definitions") == [(2,)]
    unknown = deploy(project, "--yes", "--version", "store@2.0.0", exit_code=2)
    assert (
        unknown.stderr == "error: store was never deployed as version 2.0.0\n  hint: did you mean '1.0.0'?\n"
    )


def test_one_sync_is_deployed_and_the_others_stay(project: ProjectFolder) -> None:
    deploy(project, "--yes")
    edit(
        project,
        (
            "name: {path: name, type: string}}",
            "name: {path: name, type: string}, size: {path: size, type: integer}}",
        ),
        ("at: {path: at, type: timestamp}}", "at: {path: at, type: timestamp}, kind: kind}"),
    )
    done = deploy(project, "--yes", "--sync", "acme/items")
    assert done.stderr == (
        "store: 1.0.0 → 1.0.0+items.1.1.0\n"
        "  + items: new column size integer\n"
        "  ~ items: it is read another way: the next run reads everything, as every run of it does\n"
        "deployed store 1.0.0+items.1.1.0 to prod\n"
    )
    again = deploy(project, "--yes", "--sync", "acme/items")
    assert again.stderr == "nothing to deploy: prod has store 1.0.0+items.1.1.0\n"
    project.run("acme", "--env", "prod")
    columns = "SELECT string_agg(column_name, ' ' ORDER BY column_index) FROM duckdb_columns() WHERE schema_name = 'store' AND table_name = '{}' AND column_name[1] <> '_'"
    assert prod(project, columns.format("items")) == [("id name size",)]
    assert prod(project, columns.format("events")) == [("id at",)]


def test_one_sync_needs_what_it_reads_from_the_deployed_connector(project: ProjectFolder) -> None:
    early = deploy(project, "--yes", "--sync", "acme/items", exit_code=2)
    assert early.stderr == (
        "error: store is not deployed yet, and --sync changes one sync of what is\n  hint: syncrun deploy prod\n"
    )
    deploy(project, "--yes")
    edit(
        project,
        ("config: {url: {}}", "config: {url: {}, region: {default: eu}}"),
        ("request: /items", "request: /items/${config.region}"),
    )
    done = deploy(project, "--yes", "--sync", "acme/items", exit_code=2)
    assert done.stderr == (
        "error: --sync acme/items: it does not go with the deployed version 1.0.0: unknown config value 'region'\n"
        "  hint: deploy the whole connector\n"
    )


def test_files_are_named_relative_to_the_project_so_that_copies_work(project: ProjectFolder) -> None:
    schema = project.write("schemas/item.json", "{}")
    edit(project, ("request: /items", f"request: /items\n    schema: {schema}"))
    done = deploy(project, "--yes", exit_code=2)
    assert done.stderr == (
        f"connectors/store.yaml: '{schema}' cannot be copied with the connector\n"
        "  hint: name it from the project folder on, without '..'\n"
    )


def test_where_nobody_can_be_asked_the_plan_is_shown_and_nothing_done(project: ProjectFolder) -> None:
    done = deploy(project, exit_code=2)
    assert done.stderr.endswith(
        "error: nothing was deployed: there is nobody to ask\n  hint: --yes deploys without asking\n"
    )
    assert not (project.folder / "prod.duckdb").exists()


def test_files_with_errors_are_not_deployed(project: ProjectFolder) -> None:
    project.write("connectors/broken.yaml", "connector: broken\nbase_url: 5\nsyncs: {x: {request: /}}\n")
    done = deploy(project, "--yes", exit_code=2)
    assert done.stderr == (
        "connectors/broken.yaml:2:11: expected text, got the number 5\n  hint: put it in quotes\n"
    )


def test_an_unknown_environment_has_a_nearest_one(project: ProjectFolder) -> None:
    done = project.syncrun("deploy", "prd")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: unknown environment 'prd'\n  hint: did you mean 'prod'?\n",
    )


def test_json_tells_the_plan_and_how_it_ended(project: ProjectFolder) -> None:
    done = deploy(project, "--yes", "--json")
    for event in (*done.events, *deploy(project, "--json", exit_code=0).events):
        check(event)
    plan, deployed, finished = done.events
    assert re.fullmatch("[0-9a-f]{64}", plan.pop("digest"))
    assert plan == {
        "event": "plan",
        "connector": "store",
        "before": None,
        "after": "1.0.0",
        "changes": [
            {
                "sync": "items",
                "told": "new table store.items (id integer, name string)",
                "destructive": False,
            },
            {
                "sync": "events",
                "told": "new table store.events (id integer, at timestamp)",
                "destructive": False,
            },
        ],
    }
    assert deployed == {"event": "deployed", "connector": "store", "version": "1.0.0"}
    assert finished == {
        "event": "finished",
        "exit_code": 0,
        "connectors": 1,
        "destructive": False,
        "dry_run": False,
    }


def test_built_in_connectors_are_pinned_too(project: ProjectFolder) -> None:
    project.write(
        "syncrun.yaml",
        "connections: {pokemon: {connector: pokeapi}}\nenvironments: {prod: {database: prod.duckdb}}\n",
    )
    assert deploy(project, "--yes").stderr.endswith("deployed pokeapi 1.0.0 to prod\n")


def test_r23_secrets_stay_out_of_definitions(project: ProjectFolder) -> None:
    edit(project, ("config: {url: {}}", "config: {url: {}, token: {secret: true, env: STORE_TOKEN}}"))
    project.write(".env", "STORE_TOKEN=s3cr3t-value\n")
    deploy(project, "--yes")
    assert b"s3cr3t-value" not in (project.folder / "prod.duckdb").read_bytes()


def test_list_and_status_show_what_is_deployed(project: ProjectFolder) -> None:
    assert "deployed" not in project.syncrun("list", "--env", "prod").stdout
    deploy(project, "--yes")
    told = project.syncrun("list", "--env", "prod")
    assert re.search(r"^  store +1\.0\.0, deployed \d{4}-\d\d-\d\dT\d\d:\d\dZ$", told.stdout, re.MULTILINE)
    assert '"deployed": "1.0.0"' in project.syncrun("list", "--env", "prod", "--json").stdout
    assert '"deployed": "1.0.0"' in project.syncrun("status", "--env", "prod", "--json").stdout
    head, *rows = project.syncrun("status", "--env", "prod").stdout.splitlines()
    assert [line.split()[-1] for line in (head, *rows)] == ["deployed", "1.0.0", "1.0.0"]
    assert "deployed" not in project.syncrun("status").stdout
