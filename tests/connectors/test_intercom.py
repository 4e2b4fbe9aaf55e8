"""The Intercom connector, against answers of the documented shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.connectors.replay import Answer, Replay, counts


def intercom(folder: Path) -> Replay:
    return Replay("intercom", folder, token="tok-1")


def search(kind: str, body: Any, since: int, after: str | None = None) -> Answer:
    """Return the answer to a search for what changed, on its first page or *after* a cursor."""
    page = {"per_page": 150, **({"starting_after": after} if after else {})}
    sent = {"query": {"field": "updated_at", "operator": ">", "value": since}, "pagination": page}
    return Answer(f"POST /{kind}/search", body, sent=sent)


CONTACTS = (
    search("contacts", "contacts.1.json", 0),
    search("contacts", "contacts.2.json", 0, "WzE3MTcsMl0="),
)


def test_contacts_are_searched_for_page_by_page_and_from_the_day_before(tmp_path: Path) -> None:
    api = intercom(tmp_path)

    assert counts(api.run("contacts", *CONTACTS)) == (2, 0, 0, 0)
    assert {request.headers["intercom-version"] for request in api.requests} == {"2.11"}
    [row] = api.rows(
        "SELECT name, owner, country, companies, tags, attributes FROM intercom.contacts WHERE id = 'c1'"
    )
    assert json.loads(row.pop("attributes")) == {"plan": "gold"}
    assert row == {
        "name": "User 1",
        "owner": "274",
        "country": "Germany",
        "companies": ["co1"],
        "tags": ["9"],
    }

    report = api.run("contacts", search("contacts", "contacts.3.json", 1717100000 - 24 * 3600))
    assert (report.mode, counts(report)) == ("incremental", (1, 1, 0, 0))


def test_deleted_contacts_are_found_by_the_weekly_read(tmp_path: Path) -> None:
    api = intercom(tmp_path)
    api.run("contacts", *CONTACTS)
    api.clock.advance(days=8)

    report = api.run("contacts", search("contacts", "contacts.2.json", 0))

    assert (report.mode, counts(report)) == ("full", (0, 0, 1, 1))


def test_each_conversation_is_fetched_with_its_parts(tmp_path: Path) -> None:
    api = intercom(tmp_path)

    report = api.run(
        "conversations",
        search("conversations", "conversations.1.json", 0),
        Answer("/conversations/11?display_as=plaintext", "conversations.2.json"),
    )

    assert counts(report) == (1, 0, 0, 0)
    [row] = api.rows("SELECT state, contacts, rating, tags, parts FROM intercom.conversations")
    assert json.loads(row.pop("parts")) == [
        {"id": "p1", "type": "comment", "body": "On whom?", "author": "274", "created_at": 1717000000}
    ]
    assert row == {"state": "open", "contacts": ["c1"], "rating": 4, "tags": ["gravity"]}


def test_when_no_requests_are_left_the_reset_is_waited_for(tmp_path: Path) -> None:
    api = intercom(tmp_path)
    limited = {
        "type": "error.list",
        "errors": [{"code": "rate_limit_exceeded", "message": "Exceeded rate limit"}],
    }
    reset = str(int(api.clock.time.timestamp()) + 40)
    headers = {"X-RateLimit-Limit": "166", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}

    report = api.run(
        "admins", Answer("/admins", limited, status=429, headers=headers), Answer("/admins", "admins.1.json")
    )

    assert report.status == "ok"
    assert 20 < sum(api.slept) <= 45
    assert api.rows("SELECT name, is_away, teams FROM intercom.admins") == [
        {"name": "Road Runner", "is_away": False, "teams": [31]}
    ]


def test_errors_are_told(tmp_path: Path) -> None:
    api = intercom(tmp_path)
    refused = {"type": "error.list", "errors": [{"code": "unauthorized", "message": "Access Token Invalid"}]}

    report = api.run("admins", Answer("/admins", refused, status=401))

    assert (report.status, report.message) == (
        "failed",
        "GET https://api.intercom.io/admins: 401: unauthorized: Access Token Invalid",
    )
