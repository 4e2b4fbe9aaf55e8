"""`syncrun forget`: what a connection has left that is no longer in the project."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import duckdb
import pytest

from syncrun.auth.credentials import Credentials
from tests.api import Api
from tests.project_folder import ProjectFolder


@pytest.fixture
def renamed(project: ProjectFolder, api: Api) -> ProjectFolder:
    """A project whose connection `acme` is called `beta` now; both were read."""
    project.run("acme")
    config: dict[str, Any] = {"connector": "store", "config": {"url": api.url}}
    project.write_project(beta=config)
    project.run("beta")
    return project


def owners(project: ProjectFolder) -> set[str]:
    """Return the connections that any table of the database names."""
    found: set[str] = set()
    tables = project.query(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns()"
        " WHERE column_name IN ('connection', '_connection') AND NOT internal"
    )
    for schema, table, column in tables:
        found |= {row[0] for row in project.query(f'SELECT DISTINCT {column} FROM {schema}."{table}"')}
    return found


def test_status_and_list_show_what_nobody_owns(renamed: ProjectFolder) -> None:
    done = renamed.syncrun("status")
    assert done.exit_code == 0
    assert (
        "! 6 live records of acme (store), which no connection of the project has: syncrun forget acme\n"
        in done.stderr
    )
    assert "beta (store)" not in done.stderr
    *_, last = renamed.syncrun("status", "--json").events
    assert last == {"connection": "acme", "connector": "store", "state": "unowned", "live": 6}
    states = {(row["connection"], row["state"]) for row in renamed.syncrun("list", "--json").events}
    assert states == {("beta", "unscheduled"), ("acme", "unowned")}


def test_it_shows_first_what_would_go(renamed: ProjectFolder) -> None:
    done = renamed.syncrun("forget", "acme")
    assert done.exit_code == 0
    assert "store.items__records: 2 rows would be removed\n" in done.stderr
    assert "syncrun.runs: 3 rows would be removed\n" in done.stderr
    assert done.stderr.endswith("nothing was removed yet: syncrun forget acme --yes\n")
    assert owners(renamed) == {"acme", "beta"}


def test_it_lets_go_of_all_of_one_connection_and_of_nothing_else(renamed: ProjectFolder) -> None:
    before = renamed.query("SELECT * FROM store.items WHERE _connection = 'beta' ORDER BY id")
    done = renamed.syncrun("forget", "acme", "--yes", "--json")
    assert (done.exit_code, json.loads(done.stdout)["done"]) == (0, True)
    assert owners(renamed) == {"beta"}
    assert renamed.query("SELECT * FROM store.items ORDER BY id") == before
    requests = "SELECT count(*) FROM syncrun.requests WHERE run_id NOT IN (SELECT id FROM syncrun.runs)"
    assert renamed.query(requests) == [(0,)]
    assert "forget" not in renamed.syncrun("status").stderr
    assert renamed.run("beta").counts("items") == (0, 0, 0, 2)


def test_what_is_not_there_is_told_with_what_is(renamed: ProjectFolder) -> None:
    done = renamed.syncrun("forget", "acm", "--yes")
    assert done.exit_code == 2
    assert "nothing is stored for acm\n  hint: there is something for acme, beta\n" in done.stderr


def test_a_connection_of_the_project_is_forgotten_with_a_word(renamed: ProjectFolder) -> None:
    done = renamed.syncrun("forget", "beta", "--yes")
    assert done.stderr.endswith("beta is in the project: its next run reads everything\n")
    assert renamed.run("beta").counts("items") == (2, 0, 0, 0)


def test_a_connector_that_changed_leaves_rows_of_the_one_before(renamed: ProjectFolder, api: Api) -> None:
    text = (renamed.folder / "connectors/store.yaml").read_text(encoding="utf-8")
    renamed.write("connectors/shop.yaml", text.replace("connector: store", "connector: shop"))
    renamed.write_project(acme={"connector": "shop", "config": {"url": api.url}})
    renamed.run("acme/items")
    assert renamed.syncrun("forget", "acme", "--connector", "store", "--yes").exit_code == 0
    assert renamed.query("SELECT DISTINCT _connection FROM shop.items") == [("acme",)]
    assert renamed.query("SELECT DISTINCT _connection FROM store.items") == [("beta",)]


def test_it_lets_go_of_missing_records_of_deletions_still_to_come_and_of_credentials(
    renamed: ProjectFolder,
) -> None:
    with duckdb.connect(str(renamed.database)) as db:
        for connection in ("acme", "beta"):
            for table in ("missing", "told"):
                sql = f"INSERT INTO syncrun.{table} (connection, connector) VALUES (?, 'store')"
                db.execute(sql, [connection])
    folder = renamed.database.with_name(renamed.database.name + ".credentials")
    credentials = Credentials(folder, {"SYNCRUN_SECRET_KEY": urlsafe_b64encode(b"k" * 32).decode()})
    credentials.save("acme/store", {"access_token": "one"})
    credentials.save("beta/store", {"access_token": "two"})
    assert renamed.syncrun("forget", "acme", "--yes").exit_code == 0
    for table in ("missing", "told"):
        assert renamed.query(f"SELECT connection FROM syncrun.{table}") == [("beta",)]
    assert [path.name.partition("-")[0] for path in folder.glob("*.token")] == ["beta_store"]
