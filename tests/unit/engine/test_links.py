"""Links that lead to other servers: they are not followed, and the run says what it lacks."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.lab import Lab

PAGED = """
    syncs:
      items:
        request: /items
        records: items
        pagination: {type: next_url, url: next}
        key: id
        fields: {id: {path: id, type: integer}}
"""


def pages(second: str) -> Any:
    """Return an API of two pages, the second of which is at the URL *second*."""

    def api(request: httpx.Request) -> Any:
        if request.url.query:
            return {"items": [{"id": 3}], "next": None}
        return {"items": [{"id": 1}, {"id": 2}], "next": second}

    return api


@pytest.mark.parametrize(
    ("second", "named"),
    [
        ("https://cdn.test/items?page=2", '"cdn.test"'),
        ("https://api.test:8443/items?page=2", '"api.test:8443"'),
        ("http://api.test/items?page=2", '"http://api.test"'),
    ],
)
def test_r19_a_next_link_to_another_server_makes_the_run_incomplete(
    lab: Lab, second: str, named: str
) -> None:
    lab.write(PAGED)
    lab.api = pages("/items?page=2")
    assert lab.run().changes.added == 3
    lab.api = pages(second)
    before = len(lab.requests)
    report = lab.run()
    assert (report.status, report.exit_code, report.changes.deleted) == ("incomplete", 3, 0)
    assert "which is neither the server of base_url nor one of allow_hosts" in report.message
    assert f"allow_hosts: [{named}]" in report.hint
    assert lab.requests[before:] == ["GET /items"]
    assert len(lab.live()) == 3


def test_r19_a_host_of_allow_hosts_is_followed(lab: Lab) -> None:
    lab.write("allow_hosts: [cdn.test]\n" + PAGED.replace("\n    ", "\n"))
    lab.api = pages("https://cdn.test/items?page=2")
    assert (lab.run().status, len(lab.live())) == ("ok", 3)


def test_r19_a_redirect_of_the_list_to_another_server_makes_the_run_incomplete(lab: Lab) -> None:
    lab.write(PAGED)
    lab.api = lambda _: httpx.Response(302, headers={"Location": "https://login.test/?back=items"})
    report = lab.run()
    assert (report.status, report.exit_code) == ("incomplete", 3)
    assert report.message.startswith("GET https://login.test/?back=items: not followed to https://login.test")


@pytest.mark.parametrize(("on_error", "kept"), [("fail", [2]), ("skip", [2]), ("keep", [1, 2])])
def test_r19_a_detail_at_another_server_is_not_asked_for(lab: Lab, on_error: str, kept: list[int]) -> None:
    lab.write(f"""
        syncs:
          items:
            request: /items
            pagination: none
            detail: {{path: "${{record.url}}", on_error: {on_error}}}
            key: id
            fields: {{id: {{path: id, type: integer}}}}
    """)

    def api(request: httpx.Request) -> Any:
        if request.url.path == "/items":
            urls = ["https://cdn.test/1", "https://api.test/2"]
            return [{"id": number, "url": url} for number, url in enumerate(urls, 1)]
        return {"id": int(request.url.path[1:])}

    lab.api = api
    report = lab.run()
    assert (report.status, report.exit_code) == ("incomplete", 3)
    assert "not followed to https://cdn.test" in report.message
    assert [row["id"] for row in lab.live()] == kept
    assert lab.requests == ["GET /items", "GET /2"]


def test_a_server_that_the_connector_names_in_a_url_is_asked(lab: Lab) -> None:
    lab.write("""
        config: {files: {type: string}}
        syncs:
          items:
            request: {url: "${config.files}/items"}
            pagination: none
            key: id
    """)
    lab.api = lambda request: [{"id": 1}] if request.url.host == "files.test" else []
    assert lab.run(config={"files": "https://files.test"}).changes.added == 1
