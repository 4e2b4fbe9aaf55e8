"""`syncrun explain`: what the next run would do, from the files and the store alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from syncrun.engine.explain import Explanation, explain
from syncrun.engine.job import Job, Options, Runtime
from syncrun.stores.values.ids import SyncId
from tests.api import Api
from tests.cli.test_events import check
from tests.lab import Lab
from tests.project_folder import ProjectFolder

SECRET = "config: {token: {secret: true}}\n"
ITEMS = "syncs: {items: {request: {path: /items, params: {q: a b}}, pagination: none, key: id, fields: {id: {path: id, type: integer}}}}\n"
PARENTS = """
syncs:
  items: {request: /items, pagination: none, key: id, fields: [id]}
  notes:
    for_each: {sync: items, as: item}
    request: {path: "/items/${item.id}/notes", params: {since: "${cursor}"}}
    pagination: {type: page, size: 10}
    incremental: {cursor: at}
    deletes: {snapshot: {every: 7d}}
    key: id
    fields: {id: id, at: {path: at, type: timestamp}}
"""
WINDOWS = """
syncs:
  orders:
    request: {path: /orders, params: {from: "${window.start}"}}
    incremental: {cursor: at, start: "2024-05-01", window: 10d}
    pagination: none
    key: id
    fields: {id: id, at: {path: at, type: timestamp}}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def refuse(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.method} {request.url} was sent")


def explained(lab: Lab, sync: str | None = None, **config: Any) -> Explanation:
    name = sync or next(iter(lab.connector.syncs))
    job = Job(SyncId("acme", "lab", name), lab.connector, config, folder=lab.folder)
    runtime = Runtime(
        lab.store,
        lab.database,
        now=lab.clock.now,
        transport=httpx.MockTransport(refuse),
        sleep=lab.clock.sleep,
        environ={},
    )
    before = sorted(lab.folder.rglob("*"))
    told = explain(job, Options(), runtime)
    assert sorted(lab.folder.rglob("*")) == before
    return told


@pytest.mark.parametrize(
    ("auth", "kind", "shown"),
    [
        ("{type: bearer, token: '${config.token}'}", "bearer", "-H 'Authorization: Bearer ***'"),
        ("{type: basic, username: me, password: '${config.token}'}", "basic", "-u '***:***'"),
        ("{type: api_key, name: X-Key, prefix: 'Key ', key: '${config.token}'}", "api_key", "-H 'X-Key: Key ***'"),
        ("{type: api_key, in: cookie, name: sid, key: '${config.token}'}", "api_key", "-H 'Cookie: sid=***'"),
        ("{type: oauth2, grant: client_credentials, token_url: 'https://id.test', client_id: a, client_secret: '${config.token}'}", "oauth2 client_credentials", "-H 'Authorization: Bearer ***'"),
    ],
)  # fmt: skip
def test_r23_requests_are_curl_with_the_secrets_masked(lab: Lab, auth: str, kind: str, shown: str) -> None:
    lab.write(f"{SECRET}auth: {auth}\nheaders: {{X-Trace: '${{config.token}}'}}\n{ITEMS}")

    told = explained(lab, token="hidden-token")

    assert told.auth == kind
    [request] = told.requests
    assert request.curl == (
        "curl 'https://api.test/items?q=a%20b' \\\n"
        "  -H 'Accept: application/json' \\\n"
        "  -H 'X-Trace: ***' \\\n"
        f"  {shown}"
    )
    assert "hidden" not in str(told)


def test_a_key_in_the_query_and_a_body_are_shown_where_they_go(lab: Lab) -> None:
    lab.write(
        SECRET
        + "auth: {type: api_key, in: query, name: key, key: '${config.token}'}\n"
        + "syncs: {items: {request: {method: POST, path: /q, json: {query: 'it''s', token: '${config.token}'}}, pagination: none, key: id, fields: [id]}}"
    )

    [request] = explained(lab, token="hidden-token").requests

    assert request.curl == (
        "curl -X POST 'https://api.test/q?key=***' \\\n"
        "  -H 'Accept: application/json' \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        """  --data-raw '{"query":"it'"'"'s","token":"***"}'"""
    )


def test_partitions_come_from_the_stored_parents_and_start_where_they_stand(lab: Lab) -> None:
    lab.write(PARENTS)
    assert (explained(lab, "notes").partitions, explained(lab, "notes").requests) == (0, ())
    note = {"id": 1, "at": "2024-05-01T00:00:00Z"}
    lab.api = lambda request: (
        [{"id": n} for n in range(1, 6)]
        if request.url.path == "/items"
        else [note][: request.url.params["page"] == "1"]
    )
    lab.run("items")
    first = explained(lab, "notes")
    assert (first.mode, first.why) == ("full", "no cursor is saved yet")

    lab.run("notes")
    told = explained(lab, "notes")

    assert (told.mode, told.why) == ("incremental", "a cursor is saved")
    assert (told.partitions, told.source) == (5, "the stored records of items")
    assert [request.partition for request in told.requests] == ["[1]", "[2]", "[3]"]
    assert "'https://api.test/items/1/notes?since=2024-05-01T00:00:00Z&page=1'" in told.requests[0].curl
    assert told.pagination == "pagination:\n  type: page\n  size: 10"
    assert told.deletes == (
        "every 7d a complete read deletes what it did not see;"
        " refused when it would be all of them or more than 50% of 20 or more records"
    )
    lab.clock.advance(days=8)
    assert explained(lab, "notes").why == "it is time to find what vanished"


def test_windows_of_time_are_counted(lab: Lab) -> None:
    lab.write(WINDOWS)

    [request] = explained(lab).requests

    assert request.windows == 4  # from the first of May to the first of June
    assert "/orders?from=2024-05-01T00:00:00Z" in request.curl


def test_what_setup_would_ask_for_is_shown_by_its_name(lab: Lab) -> None:
    lab.write(
        "setup: {site: {request: /site, value: id}}\n"
        + ITEMS.replace("/items", '"/sites/${vars.site}/items"')
    )

    told = explained(lab)

    assert told.setup == ("site",)
    assert "https://api.test/sites/VARS.site/items" in told.requests[0].curl


def test_people_read_it_and_programs_get_one_event(project: ProjectFolder, api: Api) -> None:
    done = project.syncrun("explain", "acme/items")
    assert done.exit_code == 0
    assert done.stdout == (
        "acme/items: the next run is full: the sync is not incremental\n"
        "auth: none\n"
        "first request:\n"
        f"  curl {api.url}/items \\\n"
        "    -H 'Accept: application/json'\n"
        "pagination: none\n"
        "cursor: none\n"
        "deletes: a complete read deletes what it did not see; refused when it would be all of them"
        " or more than 50% of 20 or more records\n"
        'CREATE TABLE "store"."items__records" (\n'
        '  "id" BIGINT,\n'
        '  "name" VARCHAR,\n'
        "  _connection VARCHAR,\n"
        "  _id VARCHAR,\n"
        "  _partition VARCHAR,\n"
        "  _hash VARCHAR,\n"
        "  _seq BIGINT,\n"
        "  _action VARCHAR,\n"
        "  _first_seen_at TIMESTAMP WITH TIME ZONE,\n"
        "  _last_modified_at TIMESTAMP WITH TIME ZONE,\n"
        "  _deleted_at TIMESTAMP WITH TIME ZONE,\n"
        "  _pruned_at TIMESTAMP WITH TIME ZONE,\n"
        "  _run_id VARCHAR\n"
        ")\n"
    )
    assert api.requests == []

    told = project.syncrun("explain", "acme/items", "--json")

    assert [event["event"] for event in told.events] == ["explanation", "finished"]
    for event in told.events:
        check(event)
