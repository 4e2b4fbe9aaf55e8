"""`syncrun checkpoint`: progress is shown, set and forgotten by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncrun.engine import locks
from syncrun.stores.values.ids import SyncId
from tests.api import Answer, Api
from tests.project_folder import ProjectFolder

REGIONS = """
connector: world
base_url: ${config.url}
config: {url: {}}
retry: {attempts: 1}
syncs:
  cities:
    for_each: {values: [eu, us], as: region}
    request: {path: "/${region}", params: {from: "${cursor}"}}
    pagination: none
    key: id
    incremental: {cursor: id, type: integer}
    fields: {id: {path: id, type: integer}}
  moons:
    request: {path: /moons, params: {from: "${cursor}"}}
    pagination: none
    records: moons
    key: id
    incremental: {token: next}
    fields: {id: {path: id, type: integer}}
  days:
    request: {path: /days, params: {from: "${cursor}"}}
    pagination: none
    key: at
    incremental: {cursor: at, format: epoch}
    fields: {at: {path: at, type: timestamp, format: epoch}}
"""


@pytest.fixture
def world(project: ProjectFolder, api: Api) -> ProjectFolder:
    """A project whose connector has partitions, tokens and epochs."""
    project.write("connectors/world.yaml", REGIONS)
    project.write_project(w={"connector": "world", "config": {"url": api.url}})
    api.on("GET /eu", json=[{"id": 3}]).on("GET /us", json=[{"id": 5}])
    api.on("GET /moons", json={"moons": [{"id": 1}], "next": "t1"})
    api.on("GET /days", json=[{"at": 1_700_000_000}])
    return project


def show(project: ProjectFolder, target: str, *args: str) -> dict[str, Any]:
    done = project.syncrun("checkpoint", "show", target, *args)
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)


def cursors(project: ProjectFolder, target: str) -> dict[str, Any]:
    return {saved["partition"]: saved["cursor"] for saved in show(project, target)["partitions"]}


def test_show_prints_the_progress_of_every_partition(world: ProjectFolder) -> None:
    assert show(world, "w/cities") == {
        "connection": "w",
        "connector": "world",
        "sync": "cities",
        "window": None,
        "partitions": [],
    }
    world.run("w/cities")
    [run] = world.query("SELECT id FROM syncrun.runs")
    saved = {part["partition"]: part for part in show(world, "w/cities")["partitions"]}
    assert saved['["eu"]']["cursor"] == 3
    assert saved['["us"]']["cursor"] == 5
    assert {part["run"] for part in saved.values()} == set(run)
    only = show(world, "w/cities", "--partition", '["eu"]')
    assert only["partitions"] == [saved['["eu"]']]


def test_show_tells_where_an_unfinished_read_goes_on(project: ProjectFolder, api: Api) -> None:
    api.clear()
    api.on("GET /events", json={"events": [{"id": 1, "at": "2024-05-01T10:00:00Z"}], "next": "b"})
    api.on("GET /events?after=b", status=400)
    project.run("acme/events", exit_code=1)
    document = show(project, "acme/events")
    [saved] = document["partitions"]
    assert saved["cursor"] is None
    assert saved["resume"]["page"] == {"number": 1, "token": "b"}
    assert saved["resume"]["watermark"] == "2024-05-01T10:00:00.000000Z"


def test_set_decides_where_the_next_run_starts(project: ProjectFolder, api: Api) -> None:
    project.run("acme/events")
    done = project.syncrun("checkpoint", "set", "acme/events", "--cursor", "2024-05-01")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "acme/events: the next run starts from 2024-05-01T00:00:00.000000Z\n"
    api.requests.clear()
    assert project.run("acme/events").counts("events") == (0, 0, 0, 2)
    assert api.requests[0].params == {"since": "2024-05-01T00:00:00Z"}


def test_set_before_the_first_run_skips_what_is_older(project: ProjectFolder, api: Api) -> None:
    assert project.syncrun("checkpoint", "set", "acme/events", "--cursor", "2024-05-02").exit_code == 0
    assert project.run("acme/events").reports["events"]["mode"] == "incremental"
    assert api.requests[0].params == {"since": "2024-05-02T00:00:00Z"}


def test_set_gives_up_what_was_unfinished(project: ProjectFolder, api: Api) -> None:
    api.clear()
    api.on("GET /events", json={"events": [{"id": 1, "at": "2024-05-01T10:00:00Z"}], "next": "b"})
    api.on("GET /events?after=b", status=400)
    project.run("acme/events", exit_code=1)
    project.syncrun("checkpoint", "set", "acme/events", "--cursor", "2024-04-01")
    [saved] = show(project, "acme/events")["partitions"]
    assert "resume" not in saved
    api.requests.clear()
    report = project.run("acme/events", exit_code=1).reports["events"]
    assert report["mode"] == "incremental"
    assert api.requests[0].params == {"since": "2024-04-01T00:00:00Z"}


def test_set_moves_one_partition_or_all(world: ProjectFolder) -> None:
    world.run("w/cities")
    world.syncrun("checkpoint", "set", "w/cities", "--cursor", "1", "--partition", '["eu"]')
    assert {k: v for k, v in cursors(world, "w/cities").items() if k} == {'["eu"]': 1, '["us"]': 5}
    world.syncrun("checkpoint", "set", "w/cities", "--cursor", "2")
    assert {k: v for k, v in cursors(world, "w/cities").items() if k} == {'["eu"]': 2, '["us"]': 2}


def test_a_token_is_taken_as_it_is_and_an_epoch_as_a_time(world: ProjectFolder, api: Api) -> None:
    world.run("w/moons", "w/days")
    world.syncrun("checkpoint", "set", "w/moons", "--cursor", "t0")
    assert cursors(world, "w/moons")[""] == "t0"
    world.syncrun("checkpoint", "set", "w/days", "--cursor", "1600000000")
    assert cursors(world, "w/days")[""] == "2020-09-13T12:26:40.000000Z"
    api.requests.clear()
    world.run("w/days", "w/moons")
    assert [request.params["from"] for request in api.requests] == ["1600000000", "t0"]


def test_clear_forgets_everything_or_one_partition(world: ProjectFolder, api: Api) -> None:
    world.run("w/cities")
    done = world.syncrun("checkpoint", "clear", "w/cities", "--partition", '["us"]')
    assert (done.exit_code, done.stderr) == (0, "w/cities: the next run reads everything in that partition\n")
    assert '["us"]' not in cursors(world, "w/cities")
    assert cursors(world, "w/cities")['["eu"]'] == 3
    done = world.syncrun("checkpoint", "clear", "w/cities")
    assert done.stderr == "w/cities: the next run reads everything\n"
    assert cursors(world, "w/cities") == {}
    assert (
        world.syncrun("checkpoint", "clear", "w/cities").stderr == "w/cities: there was nothing to forget\n"
    )
    api.requests.clear()
    assert world.run("w/cities").counts("cities") == (0, 0, 0, 2)
    assert [request.params for request in api.requests] == [{}, {}]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["set", "w/days", "--cursor", "tomorrow"],
            "--cursor 'tomorrow': the cursor cannot be compared: expected a timestamp, got text 'tomorrow'",
        ),
        (
            ["set", "w/days", "--cursor", " "],
            "--cursor is empty\n  hint: `syncrun checkpoint clear` forgets the cursor",
        ),
        (
            ["set", "w/cities", "--cursor", "1.5"],
            "--cursor '1.5': the cursor cannot be compared: expected an integer, got text '1.5'",
        ),
        (
            ["set", "w/cities", "--cursor", "1", "--partition", "eu"],
            "no partition 'eu' has saved progress\n  hint: such as '[\"eu\"]', '[\"us\"]'",
        ),
        (
            ["set", "w/moons", "--cursor", "1", "--partition", "eu"],
            "w/moons has no partitions\n  hint: leave --partition out",
        ),
        (
            ["show", "w/cities", "--partition", "x"],
            "no partition 'x' has saved progress\n  hint: such as '[\"eu\"]', '[\"us\"]'",
        ),
        (
            ["clear", "w/days", "--partition", "x"],
            "no partition 'x' has saved progress\n  hint: no partition has any",
        ),
        (
            ["show", "w/citys"],
            "w/citys: the connector world has no sync 'citys'\n  hint: did you mean 'cities'?",
        ),
    ],
)
def test_r26_what_means_nothing_is_refused(world: ProjectFolder, args: list[str], message: str) -> None:
    world.run("w/cities", "w/days")
    before = cursors(world, "w/cities"), cursors(world, "w/days")
    done = world.syncrun("checkpoint", *args)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"error: {message}\n")
    assert (cursors(world, "w/cities"), cursors(world, "w/days")) == before


def test_a_sync_without_a_cursor_has_none_to_set(project: ProjectFolder) -> None:
    done = project.syncrun("checkpoint", "set", "acme/items", "--cursor", "1")
    assert done.stderr == "error: acme/items has no cursor\n  hint: its connector declares no `incremental`\n"


def test_a_cursor_of_another_kind_is_refused(project: ProjectFolder, api: Api) -> None:
    project.write(
        "connectors/loose.yaml",
        "connector: loose\nbase_url: ${config.url}\nconfig: {url: {}}\n"
        "syncs: {events: {request: /loose, pagination: none, key: id, incremental: {cursor: rev}}}\n",
    )
    project.write_project(acme={"connector": "loose", "config": {"url": api.url}})
    api.on("GET /loose", json=[{"id": 1, "rev": 7}])
    project.run("acme/events")
    done = project.syncrun("checkpoint", "set", "acme/events", "--cursor", "2024-05-01")
    assert done.exit_code == 2
    assert done.stderr.endswith(" is of another kind than the cursor so far, 7\n")
    assert project.syncrun("checkpoint", "set", "acme/events", "--cursor", "5").exit_code == 0


def test_a_run_that_goes_on_is_not_disturbed(project: ProjectFolder) -> None:
    project.run("acme/events")
    folder = project.database.with_name(f"{project.database.name}.locks")
    with locks.hold(folder, SyncId("acme", "store", "events"), run_id="r1", timeout=0):
        for args in (["set", "acme/events", "--cursor", "2024-05-01"], ["clear", "acme/events"]):
            done = project.syncrun("checkpoint", *args, "--lock-timeout", "0")
            assert done.exit_code == 75
            assert done.stderr.startswith("error: another run of acme/events is going on (process ")
            assert done.stderr.splitlines()[0].endswith(", run r1)")
        assert show(project, "acme/events")["partitions"][0]["cursor"] == "2024-05-02T10:00:00.000000Z"


def test_what_a_run_left_staged_does_not_come_back_over_it(project: ProjectFolder, api: Api) -> None:
    import duckdb

    project.run("acme/items")

    def held(_request: object) -> Answer:
        shells.append(duckdb.connect(str(project.database), read_only=True))
        return Answer(json={"events": [{"id": 2, "at": "2024-05-02T10:00:00Z"}]})

    shells: list[duckdb.DuckDBPyConnection] = []
    api.clear()
    api.on("GET /events", held)
    project.run("acme/events", "--lock-timeout", "0", exit_code=75)
    shells[0].close()
    assert project.syncrun("checkpoint", "set", "acme/events", "--cursor", "2024-01-01").exit_code == 0
    assert cursors(project, "acme/events") == {"": "2024-01-01T00:00:00.000000Z"}
    assert project.query("SELECT id FROM store.events") == [(2,)]
