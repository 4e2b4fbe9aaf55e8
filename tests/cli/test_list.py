"""`syncrun list`: what there is, and how it stands."""

from __future__ import annotations

import json
import re

from tests.api import Api
from tests.project_folder import ProjectFolder


def test_without_a_project_the_built_in_connectors_are_listed(project: ProjectFolder) -> None:
    (project.folder / "syncrun.yaml").unlink()
    done = project.syncrun("list")
    assert done.exit_code == 0
    assert re.search(r"^Built-in connectors\n  .*\bgithub, ", done.stdout, re.MULTILINE)
    assert re.search(r"^  store +connectors/store.yaml$", done.stdout, re.MULTILINE)
    assert done.stdout.endswith(
        "\n\nNo connections yet: add them to syncrun.yaml, or run a connector by its name.\n"
    )


def test_syncs_are_listed_with_their_last_run_in_aligned_columns(project: ProjectFolder, api: Api) -> None:
    syncs = {"notes": {"enabled": False}, "events": {"every": "every half hour"}}
    project.write_project(acme={"connector": "store", "config": {"url": api.url}, "syncs": syncs})
    project.run("acme/items")
    project.run("store/items", "--set", f"url={api.url}")
    told = project.syncrun("list").stdout
    assert re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d", "2024-05-01T10:00", told[told.index("Syncs") :]) == (
        "Syncs\n"
        "  acme/items   store  ok         2024-05-01T10:00Z  2 added\n"
        "  acme/notes   store  disabled\n"
        "  acme/events  store  never run                              every 30m\n"
        "  store/items  store  ok         2024-05-01T10:00Z  2 added\n"
    )


def test_json_gives_one_object_a_sync(project: ProjectFolder) -> None:
    project.run("acme/items")
    done = project.syncrun("list", "--json")
    first, *others = [json.loads(line) for line in done.stdout.splitlines()]
    run = first.pop("last_run")
    assert first == {
        "connection": "acme",
        "connector": "store",
        "sync": "items",
        "enabled": True,
        "state": "unscheduled",
        "schedule": None,
    }
    assert run.keys() >= {"id", "status", "at", "added", "records"}
    assert (run["status"], run["added"]) == ("ok", 2)
    assert [(row["sync"], row["last_run"]) for row in others] == [("notes", None), ("events", None)]


def test_the_project_is_found_from_a_folder_below_it(project: ProjectFolder) -> None:
    below = ProjectFolder(project.folder / "connectors")
    assert "acme/items" in below.syncrun("list").stdout
    assert below.syncrun("validate").exit_code == 0
    assert "acme/items" in below.syncrun("list", "--project", "..").stdout
