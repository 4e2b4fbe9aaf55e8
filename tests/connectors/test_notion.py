"""The Notion connector, against answers of the documented shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.replay import Answer, Replay, counts

ANVIL, MAGNET = "b55c9c91-384d-452b-81db-d1ef79372b76", "c66d0da2-495e-463c-92ec-e2f08a483c87"


@pytest.fixture
def api(tmp_path: Path) -> Replay:
    return Replay("notion", tmp_path, token="secret_1")


def search(body: Any, **start: str) -> Answer:
    sent = {
        "filter": {"property": "object", "value": "page"},
        "sort": {"timestamp": "last_edited_time", "direction": "descending"},
        "page_size": 100,
        **start,
    }
    return Answer("POST /search", body, sent=sent)


PAGES = (search("pages.1.json"), search("pages.2.json", start_cursor="fe2cc560-036c-44cd-90e8-294d5a74cebc"))


def found(identity: str, edited: str, **more: Any) -> dict[str, Any]:
    return {"object": "page", "id": identity, "last_edited_time": edited, "properties": {}, **more}


def results(*pages: dict[str, Any], after: str | None = None) -> dict[str, Any]:
    return {"object": "list", "results": list(pages), "next_cursor": after, "has_more": after is not None}


def test_a_search_lists_the_pages(api: Replay) -> None:
    assert counts(api.run("pages", *PAGES)) == (2, 0, 0, 0)

    assert api.requests[0].headers["Notion-Version"] == "2022-06-28"
    assert api.rows("SELECT id, title, parent_type, parent_id FROM notion.pages ORDER BY id") == [
        {
            "id": ANVIL,
            "title": "Heavy anvil",
            "parent_type": "database_id",
            "parent_id": "d9824bdc-8445-4327-be8b-5b47500af6ce",
        },
        {"id": MAGNET, "title": "", "parent_type": "workspace", "parent_id": None},
    ]


def test_later_searches_are_left_where_all_is_known(api: Replay) -> None:
    api.run("pages", *PAGES)
    api.clock.advance(hours=2)

    # one of the same minute as the last is read again: it may have been edited in that minute, once more
    first = results(
        found("e1", "2024-05-03T08:00:00.000Z"), found(ANVIL, "2024-05-02T09:30:00.000Z"), after="c-2"
    )
    second = results(found(MAGNET, "2024-04-01T09:30:00.000Z"), after="c-3")
    report = api.run("pages", search(first), search(second, start_cursor="c-2"))

    assert (report.mode, report.changes.added, report.changes.updated) == ("incremental", 1, 1)


def test_pages_in_the_trash_are_deleted_and_once_a_day_those_that_are_gone(api: Replay) -> None:
    api.run("pages", *PAGES)
    binned = results(found(ANVIL, "2024-05-04T00:00:00.000Z", in_trash=True))
    assert counts(api.run("pages", search(binned))) == (0, 0, 1, 0)

    api.clock.advance(days=2)
    report = api.run("pages", search(results(found("e1", "2024-05-05T00:00:00.000Z"))))
    assert (report.mode, counts(report)) == ("full", (1, 0, 1, 0))


def test_only_the_blocks_of_changed_pages_are_read(api: Replay) -> None:
    api.run("pages", *PAGES)

    def blocks(page: str, body: Any) -> Answer:
        return Answer(f"/blocks/{page}/children?page_size=100", body)

    first = api.run("blocks", blocks(ANVIL, "blocks.1.json"), blocks(MAGNET, results()), in_order=False)
    assert counts(first) == (1, 0, 0, 0)
    [row] = api.rows("SELECT page_id, type, content FROM notion.blocks")
    assert json.loads(row.pop("content"))["rich_text"][0]["plain_text"] == "Weight"
    assert row == {"page_id": ANVIL, "type": "heading_2"}

    api.run("pages", search(results(found(MAGNET, "2024-05-06T00:00:00.000Z"))))
    assert counts(api.run("blocks", blocks(MAGNET, results()))) == (0, 0, 0, 0)


def test_users_are_people_and_bots(api: Replay) -> None:
    api.run("users", Answer("/users?page_size=100", "users.1.json"))

    assert api.rows("SELECT type, name, email FROM notion.users") == [
        {"type": "person", "name": "Wile", "email": "wile@acme.example"}
    ]


def test_a_limit_is_waited_for_and_a_refusal_told(api: Replay) -> None:
    def refused(status: int, code: str, message: str, **headers: str) -> Answer:
        body = {"object": "error", "status": status, "code": code, "message": message}
        return Answer("/users?page_size=100", body, status=status, headers=headers)

    limited = refused(429, "rate_limited", "You have been rate limited.", **{"Retry-After": "5"})
    report = api.run("users", limited, refused(403, "restricted_resource", "Insufficient permissions."))

    assert 5 in api.slept
    assert report.message == (
        "GET https://api.notion.com/v1/users?page_size=100: 403 after 2 attempts:"
        " restricted_resource: Insufficient permissions."
    )
