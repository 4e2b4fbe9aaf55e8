"""`setup`: values that are asked for once a run, and that requests, addresses and headers then use."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.lab import Lab

SITES = """
    setup:
      cloud_id: {request: /resources, value: "[?name=='acme'] | [0].id"}
      board: {request: "/${vars.cloud_id}/boards", value: "boards[0]"}
      unused: {request: /never, value: id}
    syncs:
      issues:
        request: "/${vars.cloud_id}/issues"
        pagination: {type: page, size: 1}
        key: id
        fields: {id: id, site: "${vars.cloud_id}"}
      cards:
        for_each: {values: "${vars.board.lanes}", as: lane}
        request: {path: "/cards/${lane}", headers: {X-Site: "${vars.cloud_id}"}}
        key: id
"""


def sites(request: httpx.Request) -> Any:
    path = request.url.path
    if path == "/resources":
        return [{"id": 1, "name": "other"}, {"id": 7, "name": "acme"}]
    if path == "/7/boards":
        return {"boards": [{"lanes": ["todo", "done"]}]}
    if path.startswith("/cards/"):
        return [{"id": path, "site": request.headers["x-site"]}]
    return [{"id": 5}] if request.url.params["page"] == "1" else []


def test_a_value_is_asked_for_once_a_run_and_only_if_it_is_read(lab: Lab) -> None:
    lab.write(SITES)
    lab.api = sites
    assert lab.run("issues").status == "ok"
    assert lab.requests == ["GET /resources", "GET /7/issues?page=1", "GET /7/issues?page=2"]
    assert lab.live("issues") == [{"id": 5, "site": 7}]


def test_a_value_is_not_asked_for_where_its_condition_is_false(lab: Lab) -> None:
    lab.write("""
        config: {site: {optional: true}}
        setup: {cloud_id: {request: /resources, value: "[0].id", when: "!(config.site)"}}
        syncs: {issues: {request: "/${config.site || vars.cloud_id}/issues", key: id, pagination: none}}
        """)
    lab.api = lambda request: [{"id": 7}]
    lab.run(config={"site": "acme"})
    assert lab.requests == ["GET /acme/issues"]
    lab.run(config={})
    assert lab.requests == ["GET /acme/issues", "GET /resources", "GET /7/issues"]


def test_a_later_value_is_found_by_means_of_an_earlier_one(lab: Lab) -> None:
    lab.write(SITES)
    lab.api = sites
    report = lab.run("cards")
    assert (report.status, report.requests) == ("ok", 4)
    assert lab.requests == ["GET /resources", "GET /7/boards", "GET /cards/todo", "GET /cards/done"]
    assert [record["site"] for record in lab.live("cards")] == ["7", "7"]


def test_a_value_may_be_part_of_the_address_of_the_api(lab: Lab) -> None:
    lab.write("""
        connector: lab
        base_url: https://${vars.dc}.api.test/v1
        auth: {type: bearer, token: "${config.token}"}
        config: {token: {secret: true}}
        headers: {X-Team: "${vars.team}"}
        setup:
          dc: {request: {url: "https://login.test/metadata"}, value: dc}
          team: {request: /team, value: id}
        syncs:
          lists: {request: /lists, key: id}
    """)
    seen: list[tuple[str, str | None, str | None]] = []

    def api(request: httpx.Request) -> Any:
        headers = request.headers
        seen.append((str(request.url), headers.get("authorization"), headers.get("x-team")))
        return {"/metadata": {"dc": "us7"}, "/v1/team": {"id": "t"}}.get(request.url.path, [])

    lab.api = api
    assert lab.run(config={"token": "secret"}).status == "ok"
    assert seen == [
        ("https://login.test/metadata", "Bearer secret", None),
        ("https://us7.api.test/v1/team", "Bearer secret", None),
        ("https://us7.api.test/v1/lists", "Bearer secret", "t"),
    ]


def test_r23_a_value_that_is_missing_fails_the_run_and_shows_no_secret(lab: Lab) -> None:
    lab.write("""
        config: {key: {secret: true}}
        setup: {site: {request: {path: /sites, params: {key: "${config.key}"}}, value: "[0].id"}}
        syncs: {issues: {request: "/${vars.site}/issues", key: id}}
    """)
    lab.api = lambda _: {"error": "nothing for hush-hush"}
    report = lab.run(config={"key": "hush-hush"})
    assert (report.status, report.message, report.hint) == (
        "failed",
        'setup.site: GET https://api.test/sites?key=***: value ([0].id) selects nothing in the answer {"error":"nothing for ***"}',
        "check value, and what these credentials may see there",
    )


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            httpx.Response(403, text="no scope"),
            "setup.site: GET https://api.test/sites: 403: no scope",
        ),
        (
            httpx.Response(200, text="<html>"),
            "setup.site: GET https://api.test/sites: the answer is no JSON (content type text/plain); it starts with '<html>'",
        ),
    ],
)
def test_r07_a_request_that_fails_is_told_by_its_name_and_deletes_nothing(
    lab: Lab, answer: httpx.Response, message: str
) -> None:
    lab.write("""
        setup: {site: {request: /sites, value: id}}
        syncs: {issues: {request: "/${vars.site}/issues", key: id, decode: csv}}
    """)
    lab.api = lambda request: (
        {"id": 1} if request.url.path == "/sites" else httpx.Response(200, text="id\n4\n")
    )
    assert lab.run().changes.added == 1
    lab.api = lambda _: answer
    report = lab.run()
    assert (report.status, report.message) == ("failed", message)
    assert lab.live() == [{"id": "4"}]


def test_an_expired_cursor_does_not_ask_again(lab: Lab) -> None:
    lab.write("""
        setup: {site: {request: /sites, value: id}}
        syncs:
          issues:
            request: {path: "/${vars.site}/issues", params: {since: "${cursor}"}}
            records: items
            key: id
            incremental: {token: next, expired: {status: 410}}
    """)

    def api(request: httpx.Request) -> Any:
        if request.url.path == "/sites":
            return {"id": 3}
        return httpx.Response(410) if "since" in request.url.params else {"items": [{"id": 1}], "next": "t"}

    lab.api = api
    lab.run()
    assert lab.run().status == "ok"
    assert lab.requests[-3:] == ["GET /sites", "GET /3/issues?since=t", "GET /3/issues"]
