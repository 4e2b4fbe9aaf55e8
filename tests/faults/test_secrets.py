"""Runs that fail in each possible place, with the secret in every mouth: nothing that is written shows it (R23)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncrun.engine import batch
from syncrun.engine.job import Job
from syncrun.engine.report import RunReport
from syncrun.errors import StoreError
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.commit import Changes, Commit
from tests.api import Api
from tests.faults.secret_places import CONNECTORS, ECHO, PLACES, SECRET, Place, refused, spellings
from tests.lab import Lab
from tests.project_folder import ProjectFolder

pytestmark = pytest.mark.slow

HEAD = """
connector: {name}
base_url: ${{config.url}}
config: {{url: {{}}, token: {{secret: true}}}}
retry: {{attempts: 1}}
timeout: 500ms
{auth}
syncs:
"""
RAISES = """
def {stage}(given, context):
    raise ValueError("no " + context["config"]["token"])
"""
SPEAKS = """
import sys

def map_record(record, context):
    token = context["config"]["token"]
    print(token)
    print(token, file=sys.stderr)
    sys.stdout.write(token + "\\n")
    sys.stderr.write(token + "\\n")
    return record
"""
HOOKS = ("authenticate", "before_request", "parse_response", "map_record", "after_run")


@dataclass
class World:
    """A project in which everything has gone wrong, and what its commands wrote."""

    project: ProjectFolder
    url: str
    outputs: dict[str, str]
    reports: dict[str, dict[str, Any]]

    def told(self, place: Place) -> str:
        """What the run of *place* said, or why it set a record aside."""
        report = self.reports[place.name]
        reasons = "SELECT reason FROM syncrun.quarantine WHERE sync = ?"
        text = report.get("message") or "; ".join(row[0] for row in self.project.query(reasons, place.name))
        return str(text).replace(self.url, "URL")


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with Api() as api:
        for place in PLACES:
            api.on(f"* /{place.name}", place.answer)
        for place in ("job_poll", "job_failed", "job_download"):
            api.on(f"POST /{place}/create", json={"id": SECRET})
        api.on("GET /job_state", json={"state": "failed", "why": ECHO})
        api.on("GET /job_done", json={"state": "done"})
        api.on("* /echo_200", json={"token": None, "why": ECHO})
        api.on("* *", refused(404))
        yield api


def write(project: ProjectFolder, url: str) -> None:
    for name, auth in CONNECTORS.items():
        syncs = "".join(f"  {place.name}: {place.text}\n" for place in PLACES if place.connector == name)
        project.write(f"connectors/{name}.yaml", HEAD.format(name=name, auth=auth) + syncs)
    for stage in HOOKS:
        project.write(f"hooks/{stage}.py", RAISES.format(stage=stage))
    project.write("hooks/speaks.py", SPEAKS)
    project.write(
        "hooks/import.py",
        "def after_run(run, context): pass\nfrom pathlib import Path\nraise ValueError(Path('.env').read_text())\n",
    )
    project.write(".env", f"TOKEN='{SECRET}'\n")
    connection = f"{{url: '{url}', token: '${{env.TOKEN}}'}}"
    connections = "".join(f"  {name}: {{connector: {name}, config: {connection}}}\n" for name in CONNECTORS)
    project.write("syncrun.yaml", f"database: data.duckdb\nconnections:\n{connections}")


@pytest.fixture(scope="module")
def world(api: Api, tmp_path_factory: pytest.TempPathFactory) -> World:
    project = ProjectFolder(tmp_path_factory.mktemp("secrets"))
    write(project, api.url)
    ran = project.syncrun("run", "--all", "--json")
    outputs = {"run --json": ran.stdout, "run": ran.stderr}
    some = ("lab/in_the_query", "lab/error_200", "lab/no_integer", "lab/next_fails", "key/key_refused")
    for command in (
        ("run", *some),
        ("dryrun", "lab/no_integer"),
        ("dryrun", "lab/quarantined", "--json"),
        ("explain", "lab/in_the_query"),
        ("explain", "key/key_refused", "--json"),
        ("status",),
        ("status", "--json"),
        ("runs", "--json"),
        ("logs", "--json"),
        ("checkpoint", "show", "lab/next_fails"),
        ("list", "--json"),
        ("validate",),
    ):
        outcome = project.syncrun(*command)
        outputs[" ".join(command)] = outcome.stdout + outcome.stderr
    return World(project, api.url, outputs, ran.reports)


def readable(texts: dict[str, str]) -> list[tuple[str, str]]:
    """Return where among *texts* the secret can be read, with what is around it."""
    return [
        (place, text[max(0, at - 60) : at + 60])
        for place, text in texts.items()
        for spelled in set(spellings(SECRET))
        if (at := text.find(spelled)) >= 0
    ]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_r23_a_run_that_goes_wrong_tells_where_and_no_secret(world: World, place: Place) -> None:
    assert (world.reports[place.name]["status"], world.told(place)) == (place.status, place.message)


def test_r23_no_output_of_a_command_shows_a_secret(world: World) -> None:
    assert all(world.outputs.values())
    assert readable(world.outputs) == []


def test_r23_no_column_of_the_engines_tables_shows_a_secret(world: World) -> None:
    columns = world.project.query(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'syncrun'"
        " AND (table_name, column_name) <> ('quarantine', 'raw')"  # a record is data, and kept as it came
    )
    texts = {
        f"{table}.{column}": "\n".join(
            str(value) for (value,) in world.project.query(f'SELECT "{column}" FROM syncrun."{table}"')
        )
        for table, column in columns
    }
    assert readable(texts) == []


def test_r23_no_file_that_a_run_leaves_behind_shows_a_secret(world: World) -> None:
    files = {
        path.name: path.read_bytes().decode("latin-1")
        for path in Path(world.project.folder).rglob("*")
        if path.is_file() and path.name not in (".env", "data.duckdb")
    }
    assert {"data.duckdb.locks"} <= {path.name for path in world.project.folder.iterdir()}
    assert readable(files) == []


KEYED = """
    config: {keys: {type: object, secret: true}, file: {secret: true, optional: true}}
    syncs: {items: {request: /items, pagination: none, key: id, fields: [id]}}
"""


def test_r23_every_member_of_a_secret_and_the_key_in_a_key_file_are_secrets(lab: Lab) -> None:
    lab.write(KEYED)
    lab.api = lambda _: httpx.Response(
        403, text="no first-key, second-key, 12345678, pem-pem-pem, me@test.example"
    )
    config = {
        "keys": {"main": ["first-key", "second-key"], "pin": 12345678, "on": True},
        "file": json.dumps({"private_key": "pem-pem-pem", "client_email": "me@test.example"}),
    }
    assert lab.run(config=config).message == (
        "GET https://api.test/items: 403: no ***, ***, ***, ***, me@test.example"
    )


def test_r23_what_the_database_refuses_is_told_without_secrets(lab: Lab) -> None:
    class Refusing(DuckDBStore):
        def commit(self, commit: Commit) -> Changes:
            raise StoreError(f"cannot convert {SECRET}")

    lab.write(KEYED)
    lab.api = lambda _: [{"id": SECRET}]
    lab.store = Refusing(lab.database)
    report = lab.run(config={"keys": {"a": SECRET}})
    assert (report.status, report.message) == ("failed", "cannot convert ***")
    assert lab.rows("SELECT message FROM syncrun.runs") == [("cannot convert ***",)]


def test_r23_the_trace_of_a_defect_shows_places_and_no_secret(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job: Job, *_: object) -> RunReport:
        try:
            {}[job.config["token"]]
        except KeyError as error:
            raise ValueError(f"no {error}") from error

    monkeypatch.setattr(batch, "run_sync", broken)
    project = ProjectFolder(world.project.folder, env={"SYNCRUN_TRACEBACK": "1"})
    told = project.syncrun("run", "lab/html").stderr
    assert "\nKeyError\n\nwhich led to:\n\n" in told
    assert told.endswith("ValueError\n")
    assert readable({"the trace": told}) == []
