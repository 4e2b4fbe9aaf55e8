"""The Zendesk connector, against answers of the documented shape."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from tests.connectors.replay import Answer, Replay, counts

TICKETS = "/incremental/tickets/cursor.json"
FIRST = (
    Answer(f"{TICKETS}?start_time=0", "tickets.1.json"),
    Answer(f"{TICKETS}?cursor=MTcxNDYzNjgwMC4wfHwxMQ==", "tickets.2.json"),
)


@pytest.fixture
def api(tmp_path: Path) -> Replay:
    return Replay("zendesk", tmp_path, subdomain="acme", email="wile@acme.example", api_token="zt-1")


def test_an_export_goes_on_from_its_cursor_until_the_end_of_the_stream(api: Replay) -> None:
    report = api.run("tickets", *FIRST)

    assert (report.status, counts(report)) == ("ok", (2, 0, 0, 0))
    login = b64encode(b"wile@acme.example/token:zt-1").decode()
    assert {request.headers["Authorization"] for request in api.requests} == {f"Basic {login}"}
    assert api.rows("SELECT id, subject, status, channel, tags FROM zendesk.tickets ORDER BY id") == [
        {"id": 11, "subject": "Anvil is late", "status": "open", "channel": "email", "tags": ["anvil"]},
        {"id": 12, "subject": "Magnet", "status": "closed", "channel": "web", "tags": []},
    ]


def test_the_next_run_sends_the_last_cursor_and_gets_the_deleted(api: Replay) -> None:
    api.run("tickets", *FIRST)

    report = api.run("tickets", Answer(f"{TICKETS}?cursor=Mi4wfHwxMg==", "tickets.3.json"))

    assert (report.mode, counts(report)) == ("incremental", (0, 1, 1, 0))
    assert api.rows("SELECT id, status FROM zendesk.tickets") == [{"id": 11, "status": "solved"}]


def test_organizations_have_a_time_for_a_cursor(tmp_path: Path) -> None:
    api = Replay("zendesk", tmp_path, subdomain="acme", oauth_token="zo-1")
    export = "/incremental/organizations.json?start_time="
    api.run("organizations", Answer(f"{export}0", "organizations.1.json"))
    assert api.requests[0].headers["Authorization"] == "Bearer zo-1"

    gone = {
        "id": 31,
        "name": "Acme",
        "updated_at": "2024-05-02T00:00:00Z",
        "deleted_at": "2024-05-02T00:00:00Z",
    }
    later = Answer(f"{export}1714521480", {"organizations": [gone], "end_of_stream": True})
    assert counts(api.run("organizations", later)) == (0, 0, 1, 0)


def test_a_limit_is_waited_for_as_told(api: Replay) -> None:
    limited = Answer(f"{TICKETS}?start_time=0", status=429, headers={"Retry-After": "37"})

    assert api.run("tickets", limited, *FIRST).status == "ok"
    assert api.slept == [37]


def test_a_refusal_is_told_in_its_own_words(api: Replay) -> None:
    api.run("tickets", *FIRST)
    body = {"error": "InvalidCursor", "description": "The cursor is invalid"}

    report = api.run("tickets", Answer(f"{TICKETS}?cursor=Mi4wfHwxMg==", body, status=400))

    assert report.message == (
        "GET https://acme.zendesk.com/api/v2/incremental/tickets/cursor.json?cursor=Mi4wfHwxMg%3D%3D: 400:"
        " The cursor is invalid"
    )


def test_some_way_to_sign_in_is_needed(tmp_path: Path) -> None:
    report = Replay("zendesk", tmp_path, subdomain="acme").run("tickets")

    assert report.message == "no entry of auth fits the config of the connection acme"
