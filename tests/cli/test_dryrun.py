"""`syncrun dryrun`: what people and programs get to see, and that nothing is left behind."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.api import Api
from tests.cli.test_events import check
from tests.project_folder import ProjectFolder, clean_environment

HOLD = "import duckdb, sys; db = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"


def files(project: ProjectFolder) -> dict[str, tuple[int, bytes]]:
    found = (path for path in project.folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_people_see_each_change_and_the_sum(project: ProjectFolder, api: Api) -> None:
    project.run("acme/items")
    api.clear()
    api.on("GET /items", json=[{"id": 1, "name": "ONE"}, {"id": 3, "name": "three"}])
    before = files(project)

    done = project.syncrun("dryrun", "acme/items", "--no-limit")

    assert (done.exit_code, files(project)) == (0, before)
    assert done.stdout.splitlines() == [
        '~ 1  name: "one" → "ONE"',
        '+ 3  {"id": 3, "name": "three"}',
        '- 2  {"id": 2, "name": "two"}',
    ]
    assert "acme/items  would be: 1 added, 1 updated, 1 deleted" in done.stderr
    assert "  deletes: what the complete read did not see\n" in done.stderr


def test_people_see_what_is_rejected_and_that_nothing_is_deleted_beside_it(
    project: ProjectFolder, api: Api
) -> None:
    project.run("acme/items")
    api.clear()
    api.on("GET /items", json=[{"id": 1, "name": "ONE"}, {"id": "x"}])
    before = files(project)

    done = project.syncrun("dryrun", "acme/items", "--no-limit")

    assert (done.exit_code, files(project)) == (3, before)
    told = done.stdout.splitlines()
    assert (len(told), told[0]) == (2, '~ 1  name: "one" → "ONE"')
    assert told[1].startswith("! ")
    assert "acme/items  would be: 1 updated, 1 quarantined" in done.stderr


def test_programs_get_documented_events_that_end_with_finished(project: ProjectFolder, api: Api) -> None:
    api.clear()
    api.on("GET /items", json=[{"id": 1, "name": "one"}, {"id": "x"}])

    done = project.syncrun("dryrun", "acme/items", "--json", "--diagnostics", "--save", "answers")

    events = [event["event"] for event in done.events]
    assert events == ["run_started", "page", "record", "quarantine", "dryrun_finished", "finished"]
    for event in done.events:
        check(event)
    assert done.events[-1] == {"event": "finished", "exit_code": 0}
    assert done.events[2]["values"] == {"id": 1, "name": "one"}
    saved = json.loads((project.folder / "answers" / "items.json").read_text(encoding="utf-8"))
    assert [exchange["request"]["url"] for exchange in saved] == [f"{api.url}/items"]
    assert not project.database.exists()


def test_a_dry_run_waits_for_whoever_writes_and_gives_up_in_the_end(project: ProjectFolder) -> None:
    project.run("acme/items")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(project.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(),
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        done = project.syncrun("dryrun", "acme/items", "--lock-timeout", "0")
        holder.communicate()

    assert done.exit_code == 75
    assert f"(process {holder.pid}); gave up after 0 s" in done.stderr


def test_a_cursor_and_metadata_can_be_given(project: ProjectFolder, api: Api) -> None:
    connector = (project.folder / "connectors" / "store.yaml").read_text(encoding="utf-8")
    project.write(
        "connectors/store.yaml",
        connector.replace('"${cursor}"}', '"${cursor}", plan: "${connection.metadata.plan}"}'),
    )
    asked = "GET /events?since=2024-05-02T00:00:00Z&plan=gold"
    api.on(asked, json={"events": []})

    done = project.syncrun(
        "dryrun",
        "acme/events",
        "--checkpoint",
        "2024-05-02",
        "--metadata",
        "plan=tin",
        "--metadata",
        '{"plan": "gold"}',
    )

    assert (done.exit_code, done.stdout) == (0, "")
    assert "would be: nothing to change  (0 records read, 1 request, incremental" in done.stderr


def test_what_makes_no_sense_is_refused_in_one_sentence(project: ProjectFolder) -> None:
    for args, message in (
        (["acme"], "acme names no sync"),
        (["acme/items", "--checkpoint", "x"], "acme/items has no cursor"),
        (["acme/events", "--checkpoint", "x"], "--checkpoint 'x': "),
        (["acme/events", "--checkpoint", "2024-05-01", "--full"], "--full reads everything"),
        (["acme/items", "--metadata", "x"], "--metadata x: expected NAME=VALUE or a JSON object"),
        (["acme/items", "--metadata", "{x"], "--metadata {x: no JSON object: "),
    ):
        done = project.syncrun("dryrun", *args)
        assert (done.exit_code, done.stdout) == (2, ""), args
        assert done.stderr.startswith(f"error: {message}"), done.stderr


def test_children_need_their_parents_records(project: ProjectFolder) -> None:
    done = project.syncrun("dryrun", "acme/notes")

    assert "note: no parent record is stored, so that nothing was read: run acme/items first" in done.stderr
