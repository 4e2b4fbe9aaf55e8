"""Records that did not fit: what a person learns of them, and how they are reviewed."""

from __future__ import annotations

import json
from typing import Any

from tests.api import Api
from tests.project_folder import ProjectFolder


def serve(api: Api, *, bad: int, good: int = 20, text: str = "x") -> None:
    """Let the API have so many *bad* records, whose id is text, and so many good ones."""
    api.clear()
    records: list[dict[str, Any]] = [{"id": f"{text}{number}", "name": "bad"} for number in range(bad)]
    api.on("GET /items", json=[*records, *({"id": number, "name": "good"} for number in range(good))])


def test_r22_quiet_tells_any_quarantine(project: ProjectFolder, api: Api) -> None:
    serve(api, bad=1)
    done = project.syncrun("run", "acme/items", "--quiet")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == (
        "! store/items [acme]: 1 of 21 records went into quarantine,"
        " the first: id: expected an integer, got text 'x0'\n"
    )


def test_r22_thirty_of_forty_in_quarantine_is_incomplete(project: ProjectFolder, api: Api) -> None:
    serve(api, bad=30, good=10)
    done = project.syncrun("run", "acme/items", "--quiet")
    assert done.exit_code == 3
    assert "30 of 40 records went into quarantine" in done.stderr
    assert project.syncrun("status", "--check").exit_code == 1


def test_r22_status_check_fails_until_what_waits_was_reviewed(project: ProjectFolder, api: Api) -> None:
    for step in range(3):  # each run is well below the limit
        serve(api, bad=5, text=f"{step}-")
        project.run("acme/items")
    done = project.syncrun("status", "--check")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "acme/items: 15 records in quarantine to review: syncrun quarantine list acme/items\n"
    )
    listed = project.syncrun("quarantine", "list", "acme/items", "--json").events
    assert len(listed) == 15
    assert json.loads(listed[0]["raw"]) == {"id": "2-0", "name": "bad"}
    assert listed[0]["reason"] == "id: expected an integer, got text '2-0'"

    done = project.syncrun("quarantine", "review", "acme")
    assert done.stderr == "acme: 15 records marked as reviewed\n"
    assert project.syncrun("status", "--check").exit_code == 0
    assert project.syncrun("quarantine", "list").stderr == "Nothing is in quarantine that was not reviewed.\n"
    assert len(project.syncrun("quarantine", "list", "--all", "--json").events) == 15
    [status] = [one for one in project.syncrun("status", "--json").events if one["sync"] == "items"]
    assert (status["quarantined"], status["unreviewed"]) == (15, 0)


def test_r22_what_is_rejected_again_as_it_was_stays_reviewed(project: ProjectFolder, api: Api) -> None:
    serve(api, bad=5)
    project.run("acme/items")
    project.syncrun("quarantine", "review", "acme/items")
    project.run("acme/items")
    assert project.query("SELECT count(*), count(reviewed_at) FROM syncrun.quarantine") == [(5, 5)]
    serve(api, bad=5, text="y")
    project.run("acme/items")
    assert project.query("SELECT count(*), count(reviewed_at) FROM syncrun.quarantine") == [(10, 5)]


def test_r22_a_good_version_of_a_record_clears_it(project: ProjectFolder, api: Api) -> None:
    text = (project.folder / "connectors/store.yaml").read_text(encoding="utf-8")
    project.write(
        "connectors/store.yaml", text.replace("name: name}", "name: {path: name, type: integer}}", 1)
    )
    api.clear()
    api.on("GET /items", json=[{"id": number, "name": "no number"} for number in range(12)])
    project.run("acme/items", exit_code=3)
    assert project.syncrun("status", "--check").exit_code == 1
    api.clear()
    api.on("GET /items", json=[{"id": number, "name": 7} for number in range(12)])
    project.run("acme/items")
    assert project.syncrun("status", "--check").exit_code == 0


def test_r22_max_quarantined_of_the_sync_decides_for_status_too(project: ProjectFolder, api: Api) -> None:
    text = (project.folder / "connectors/store.yaml").read_text(encoding="utf-8")
    project.write(
        "connectors/store.yaml", text.replace("    key: id\n", "    key: id\n    max_quarantined: 1\n", 1)
    )
    for step in range(2):
        serve(api, bad=1, text=f"{step}-")
        project.run("acme/items")
    assert "2 records in quarantine" in project.syncrun("status", "--check").stderr
