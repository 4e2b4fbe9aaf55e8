"""`syncrun runs` and `syncrun logs`: what ran, what it sent, what it said."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.api import Api
from tests.project_folder import ProjectFolder


def timeless(text: str) -> str:
    text = re.sub(r"\d{8}T\d{12}-[0-9a-f]{6}", "<run>", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d\.\d{3})?Z", "<time>", text)
    return re.sub(r"\b\d+ ms", "0 ms", re.sub(r"\d+\.\d s", "0.0 s", text))


def test_runs_are_listed_newest_first(project: ProjectFolder, api: Api) -> None:
    project.run("acme/items")
    api.clear()
    api.on("GET /items", status=404)
    project.run("acme/items", exit_code=1)
    assert timeless(project.syncrun("runs").stdout) == (
        f"  <run>  acme/items  failed  <time>  0.0 s  GET {api.url}/items: 404\n"
        "  <run>  acme/items  ok      <time>  0.0 s  2 added\n"
    )


def test_runs_are_chosen_by_connection_sync_status_and_number(project: ProjectFolder, api: Api) -> None:
    project.run("--all")
    project.run("store/items", "--set", f"url={api.url}")

    def syncs(*args: str) -> list[str]:
        lines = project.syncrun("runs", "--json", *args).stdout.splitlines()
        return [f"{run['connection']}/{run['sync']}" for run in map(json.loads, lines)]

    assert syncs() == ["default/items", "acme/notes", "acme/events", "acme/items"]
    assert syncs("acme") == ["acme/notes", "acme/events", "acme/items"]
    assert syncs("acme/events") == ["acme/events"]
    assert syncs("store") == ["default/items"]
    assert syncs("--limit", "1") == ["default/items"]
    assert syncs("--status", "failed", "--status", "incomplete") == []
    assert project.syncrun("runs", "acne").stderr == "no such runs yet\n"


def test_a_run_is_told_as_json_with_its_counts(project: ProjectFolder) -> None:
    project.run("acme/items")
    run = json.loads(project.syncrun("runs", "--json").stdout)
    assert {
        name: run[name] for name in ("sync", "model", "mode", "status", "message", "added", "requests")
    } == {
        "sync": "items",
        "model": "items",
        "mode": "full",
        "status": "ok",
        "message": "",
        "added": 2,
        "requests": 1,
    }
    assert run["started_at"] <= run["ended_at"]


def test_what_where_left_out_of_a_run_is_kept(project: ProjectFolder) -> None:
    file = project.folder / "connectors" / "store.yaml"
    connector = yaml.safe_load(file.read_text(encoding="utf-8"))
    connector["syncs"]["items"]["where"] = "id > `1`"
    file.write_text(yaml.safe_dump(connector), encoding="utf-8")
    project.run("acme/items")
    run = json.loads(project.syncrun("runs", "--json").stdout)
    assert (run["added"], run["filtered"]) == (1, 1)
    assert "  1 added, 1 filtered\n" in project.syncrun("runs").stdout
    assert project.query("SELECT filtered FROM syncrun.runs") == [(1,)]


def test_logs_show_every_request_and_message_in_order(project: ProjectFolder, api: Api) -> None:
    file = project.folder / "connectors" / "store.yaml"
    file.write_text(file.read_text().replace("attempts: 1", "attempts: 2, base: 1ms, max_wait: 1ms"))
    api.clear()
    api.on("GET /items", status=503)
    project.run("acme/items", exit_code=1)
    done = project.syncrun("logs", "last")
    assert timeless(done.stderr) == (
        f"acme/items, run <run>, full: failed: GET {api.url}/items: 503 after 2 attempts\n"
    )
    url = f"GET {api.url}/items"
    first, second, message = timeless(done.stdout).splitlines()
    assert re.fullmatch(rf"<time>  warning  {url}: 503, 0 ms, 0 bytes(, again in 0.0 s)?", first)
    assert second == f"<time>  warning  {url}: 503, 0 ms, 0 bytes, attempt 2"
    assert message == f"<time>  error    {url}: 503 after 2 attempts"
    assert timeless(project.syncrun("logs", "acme/items", "--level", "error").stdout) == f"{message}\n"


def test_logs_as_json_hold_the_columns_of_the_tables(project: ProjectFolder, api: Api) -> None:
    api.clear()
    api.on("GET /items", status=404)
    project.run("acme/items", exit_code=1)
    request, message = map(json.loads, project.syncrun("logs", "last", "--json").stdout.splitlines())
    assert request.pop("ms") > 0
    assert request.pop("at") <= message.pop("at")
    assert request == {
        "seq": 1,
        "level": "warning",
        "kind": "request",
        "method": "GET",
        "url": f"{api.url}/items",
        "status": 404,
        "bytes": 0,
        "attempt": 1,
        "queued_ms": 0.0,
        "wait_ms": 0.0,
        "reason": "",
    }
    assert message == {"seq": 2, "level": "error", "kind": "message", "message": f"GET {api.url}/items: 404"}


@pytest.mark.parametrize("command", [["runs"], ["logs", "last"]])
def test_before_the_first_run_there_is_nothing_to_show(project: ProjectFolder, command: list[str]) -> None:
    done = project.syncrun(*command)
    assert done.stdout == ""
    assert done.stderr in (
        "no such runs yet\n",
        "error: there are no runs yet\n  hint: `syncrun run` makes the first\n",
    )
