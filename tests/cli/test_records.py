"""`syncrun records`: the change feed, read from where the last read ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.api import Api
from tests.cli.conftest import CONNECTOR
from tests.cli.test_query import syncrun
from tests.project_folder import Outcome, ProjectFolder

METADATA = [
    "_id",
    "_first_seen_at",
    "_last_modified_at",
    "_last_action",
    "_deleted_at",
    "_pruned_at",
    "_cursor",
]


@pytest.fixture
def changed(project: ProjectFolder, api: Api) -> ProjectFolder:
    """A project whose items 1, 2 were read; then 1 was changed, 2 deleted, 3 added. It keeps history."""
    kept = CONNECTOR.replace("    key: id\n", "    key: id\n    history: true\n", 1)
    project.write("connectors/store.yaml", kept)
    project.run("acme/items")
    api.clear()
    api.on("GET /items", json=[{"id": 1, "name": "uno"}, {"id": 3, "name": "three"}])
    project.run("acme/items")
    return project


def read(project: ProjectFolder, *args: str) -> list[dict[str, Any]]:
    """Return the records that the command writes as lines of JSON."""
    done = project.syncrun("records", "acme/items", "-f", "jsonl", *args)
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def actions(records: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(record["id"], record["_last_action"]) for record in records]


def following(done: Outcome) -> str:
    """Return the cursor that a command tells to go on from."""
    [line] = done.stderr.splitlines()
    return line.removeprefix("next cursor: ")


def test_records_come_in_the_order_of_their_last_change_with_their_metadata(changed: ProjectFolder) -> None:
    records = read(changed)
    assert actions(records) == [(1, "UPDATED"), (3, "ADDED"), (2, "DELETED")]
    assert [*records[0]] == ["id", "name", *METADATA]
    assert [record["_deleted_at"] is None for record in records] == [True, True, False]
    assert records[0]["_first_seen_at"] < records[0]["_last_modified_at"]
    assert (records[0]["_pruned_at"], records[2]["name"]) == (None, "two")
    cursors = [record["_cursor"] for record in records]
    assert sorted(set(cursors)) == cursors


@pytest.mark.parametrize(
    ("form", "read_back"), [("csv", "read_csv"), ("json", "read_json"), ("parquet", "read_parquet")]
)
def test_every_format_has_the_same_columns(changed: ProjectFolder, form: str, read_back: str) -> None:
    done = changed.syncrun("records", "acme/items", "-o", f"out.{form}")
    assert (done.exit_code, done.stdout) == (0, "")
    with duckdb.connect() as db:
        found = db.sql(f"SELECT * FROM {read_back}('{changed.folder}/out.{form}')")
        assert found.columns == ["id", "name", *METADATA]
        assert [row[0] for row in found.fetchall()] == [1, 3, 2]
    assert following(done) == read(changed)[-1]["_cursor"]


def test_a_table_is_for_people(changed: ProjectFolder) -> None:
    done = changed.syncrun("records", "acme/items", "--limit", "1")
    head, _, row = done.stdout.splitlines()
    assert head.split() == ["id", "name", *METADATA]
    assert row.split()[:2] == ["1", "uno"]


def test_a_reader_who_stops_anywhere_goes_on_without_a_gap(changed: ProjectFolder) -> None:
    records = read(changed)
    for number, record in enumerate(records):
        assert read(changed, "--cursor", record["_cursor"]) == records[number + 1 :]


def test_the_cursor_goes_on_also_when_a_filter_leaves_nothing(changed: ProjectFolder) -> None:
    last = read(changed)[-1]["_cursor"]
    for options in (["--ids", "99"], ["--modified-after", "2999-01-01"], ["--cursor", last]):
        done = changed.syncrun("records", "acme/items", "-f", "csv", *options)
        assert len(done.stdout.splitlines()) == 1
        assert following(done) == last


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--filter", "deleted"], [2]),
        (["--filter", "added,updated"], [1, 3]),
        (["--filter", "Added, Deleted"], [3, 2]),
        (["--ids", "3,2"], [3, 2]),
        (["--ids", "[1]", "--ids", "3"], [1, 3]),
        (["--limit", "2"], [1, 3]),
        (["--limit", "1", "--filter", "deleted"], [2]),
        (["--modified-after", "1h"], [1, 3, 2]),
        (["--modified-after", "2999-01-01"], []),
    ],
)
def test_filters(changed: ProjectFolder, options: list[str], ids: list[int]) -> None:
    assert [record["id"] for record in read(changed, *options)] == ids


def test_as_of_shows_what_was_live_then(changed: ProjectFolder) -> None:
    [(begun,)] = changed.query("SELECT min(_valid_from)::VARCHAR FROM store.items__history")
    for moment in (begun, "2"):
        assert [record["name"] for record in read(changed, "--as-of", moment)] == ["one", "two"]
    assert [record["name"] for record in read(changed, "--as-of", "0s")] == ["uno", "three"]
    assert read(changed, "--as-of", "2020-01-01") == []
    assert actions(read(changed, "--as-of", "0s", "--filter", "deleted")) == [(2, "DELETED")]


def test_who_begins_with_a_past_state_goes_on_from_it(changed: ProjectFolder) -> None:
    past = changed.syncrun("records", "acme/items", "--as-of", "2")
    assert actions(read(changed, "--cursor", following(past))) == [
        (1, "UPDATED"),
        (3, "ADDED"),
        (2, "DELETED"),
    ]
    last = read(changed, "--as-of", "2")[-1]["_cursor"]
    assert [record["name"] for record in read(changed, "--as-of", last)] == ["one", "two"]


def test_a_cursor_file_makes_a_loop_of_a_shell_line(changed: ProjectFolder) -> None:
    loop = "while syncrun records acme/items --limit 2 --cursor-file at -f jsonl -o batch && test -s batch; do cat batch; done"
    done = syncrun(changed.folder, loop)
    assert done.stderr == ""
    assert actions([json.loads(line) for line in done.stdout.splitlines()]) == actions(read(changed))
    assert syncrun(changed.folder, loop).stdout == ""


def test_a_read_that_fails_leaves_the_cursor_file(changed: ProjectFolder) -> None:
    for _ in range(2):
        done = changed.syncrun("records", "acme/items", "--cursor-file", "at", "-o", "nowhere/out.csv")
        assert done.exit_code == 2
        assert not (changed.folder / "at").exists()


def test_other_connections_of_the_connector_never_show(changed: ProjectFolder, api: Api) -> None:
    connection = {"connector": "store", "config": {"url": api.url}}
    changed.write_project(acme=connection, globex=connection)
    changed.run("globex/items")
    assert actions(read(changed)) == [(1, "UPDATED"), (3, "ADDED"), (2, "DELETED")]
    done = changed.syncrun("records", "globex/items", "-f", "jsonl")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1, 3]


def test_reading_needs_neither_secrets_nor_the_connector(changed: ProjectFolder) -> None:
    before = read(changed)
    changed.write_project(acme={"connector": "store", "config": {"url": "${env.NOT_SET_ANYWHERE}"}})
    assert read(changed) == before
    Path(changed.folder, "connectors/store.yaml").unlink()
    assert read(changed) == before


def test_before_the_first_run_there_is_nothing_to_read(changed: ProjectFolder) -> None:
    done = changed.syncrun("records", "acme/notes", "-f", "csv")
    assert (done.exit_code, done.stdout) == (0, ",".join(METADATA) + "\n")


def test_a_sync_stands_for_the_model_that_it_fills(project: ProjectFolder) -> None:
    project.write("connectors/store.yaml", CONNECTOR.replace("  items:\n", "  items:\n    model: things\n"))
    project.run("acme/items")
    for name in ("things", "items"):
        assert project.syncrun("records", f"acme/{name}", "-f", "csv").stdout.count("ADDED") == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["acme/itms"],
            "error: acme/itms: the connector store has no model 'itms'\n  hint: did you mean 'items'?\n",
        ),
        (["acme"], "error: acme names no model\n  hint: one of: acme/items, acme/notes, acme/events\n"),
        (["acm/items"], "error: no connection or connector is called 'acm'\n  hint: did you mean 'acme'?\n"),
        (
            ["acme/items", "--cursor", "nonsense"],
            "error: 'nonsense' is no cursor\n  hint: a cursor is the `_cursor` of a record that was read from the same model\n",
        ),
        (
            ["acme/items", "--cursor", "0000000000000001deadbeef"],
            (
                "error: '0000000000000001deadbeef' is a cursor of another feed than acme/items\n"
                "  hint: a cursor is the `_cursor` of a record that was read from the same model\n"
            ),
        ),
        (
            ["acme/items", "--as-of", "yesterday"],
            (
                "error: as of 'yesterday' is no time; write such as 2024-05-01, 2024-05-01T12:00Z, or 2h for two hours ago\n"
                "  hint: a cursor of the feed does too\n"
            ),
        ),
        (
            ["acme/items", "--ids", '["a"'],
            'error: --ids ["a": this is no JSON list\n  hint: such as ["a",1]\n',
        ),
        *(
            (
                ["acme/items", "--ids", "1", "--ids", nothing],
                "error: --ids names no record\n  hint: such as --ids 1,2; leave it out to read all of them\n",
            )
            for nothing in ("", " ", ",")
        ),
        (
            ["acme/items", "--ids", "1,,2"],
            "error: --ids '1,,2': there is an empty id\n  hint: such as --ids 1,2; leave it out to read all of them\n",
        ),
        (
            ["acme/items", "--cursor", "x", "--cursor-file", "at"],
            "error: --cursor and --cursor-file both say where to go on\n  hint: give one of them\n",
        ),
    ],
)
def test_r26_what_means_nothing_is_told(changed: ProjectFolder, args: list[str], message: str) -> None:
    done = changed.syncrun("records", *args)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", message)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--filter", "added,removed", "'removed' is none of added, updated, deleted"),
        (
            "--modified-after",
            "soon",
            "'soon' is no time; write such as 2024-05-01, 2024-05-01T12:00Z, or 2h for two hours ago",
        ),
    ],
)
def test_r26_wrong_options_are_told(changed: ProjectFolder, option: str, value: str, message: str) -> None:
    done = changed.syncrun("records", "acme/items", option, value)
    assert (done.exit_code, done.stderr.splitlines()[1:]) == (
        2,
        [f"error: invalid value for '{option}': {message}", "  hint: syncrun records --help"],
    )


def test_a_cursor_of_another_database_is_refused(changed: ProjectFolder) -> None:
    last = read(changed)[-1]["_cursor"]
    changed.database.unlink()
    changed.run("acme/items")
    done = changed.syncrun("records", "acme/items", "--cursor", last)
    assert (done.exit_code, done.stderr) == (
        2,
        (
            f"error: the cursor {last} is ahead of acme/items: it was read from another database, or from this one"
            " before an older copy was restored\n  hint: leave the cursor out to read everything again\n"
        ),
    )


def test_the_past_of_a_model_without_history_is_not_known(project: ProjectFolder) -> None:
    project.run("acme/items")
    done = project.syncrun("records", "acme/items", "--as-of", "1h")
    assert (done.exit_code, done.stderr) == (
        2,
        (
            "error: acme/items keeps no history, so that its past is not known\n"
            "  hint: write `history: true` in the sync; the history begins with the next run\n"
        ),
    )
