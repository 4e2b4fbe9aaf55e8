"""The HubSpot connector, against answers of the documented shape."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.replay import Answer, Replay, counts

PROPERTIES = "firstname,lastname,email,phone,company,lifecyclestage,hubspot_owner_id"
ARCHIVED = "/crm/v3/objects/contacts?limit=100&archived=true"
PAGES = (
    Answer(f"/crm/v3/objects/contacts?limit=100&properties={PROPERTIES}", "contacts.1.json"),
    Answer(f"/crm/v3/objects/contacts?limit=100&after=102&properties={PROPERTIES}", "contacts.2.json"),
)


@pytest.fixture
def api(tmp_path: Path) -> Replay:
    return Replay("hubspot", tmp_path, token="pat-eu1-1")


def search(since: int, body: Any, **after: str) -> Answer:
    """A search for what changed *since*, in milliseconds."""
    sent = {
        "filterGroups": [
            {"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": since}]}
        ],
        "sorts": [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
        "properties": PROPERTIES.split(","),
        "limit": 100,
        **after,
    }
    return Answer("POST /crm/v3/objects/contacts/search", body, sent=sent)


def test_the_first_read_is_a_list_and_later_ones_search(api: Replay) -> None:
    assert counts(api.run("contacts", *PAGES)) == (2, 0, 0, 0)
    assert api.requests[0].headers["Authorization"] == "Bearer pat-eu1-1"

    archived = Answer(
        ARCHIVED, {"results": [{"id": "102", "archived": True, "archivedAt": "2024-05-03T10:00:00Z"}]}
    )
    report = api.run("contacts", archived, search(1714557540250, "contacts.3.json"))

    assert (report.mode, counts(report)) == ("incremental", (0, 1, 1, 0))
    assert api.rows("SELECT id, first_name, owner_id, lifecycle_stage FROM hubspot.contacts") == [
        {"id": "101", "first_name": "Wile E.", "owner_id": "9", "lifecycle_stage": "customer"}
    ]


def test_a_search_ends_at_ten_thousand_and_the_next_run_goes_on(api: Replay) -> None:
    api.run("contacts", *PAGES)

    def changed(day: int) -> dict[str, Any]:
        at = f"2024-05-0{day}T10:00:00Z"
        return {"id": "101", "properties": {"firstname": str(day)}, "createdAt": at, "updatedAt": at}

    def page(day: int, after: str) -> dict[str, Any]:
        return {"total": 12000, "results": [changed(day)], "paging": {"next": {"after": after}}}

    since, none = 1714557540250, Answer(ARCHIVED, {"results": []})
    report = api.run(
        "contacts", none, search(since, page(2, "9900")), search(since, page(3, "10000"), after="9900")
    )
    assert report.status == "ok"

    later = search(
        1714730340000, {"total": 0, "results": []}
    )  # a minute before the last change that was seen
    assert counts(api.run("contacts", none, later)) == (0, 0, 0, 0)


def test_amounts_are_exact_and_empty_ones_null(api: Replay) -> None:
    wanted = "dealname,amount,deal_currency_code,dealstage,pipeline,closedate,hubspot_owner_id"
    api.run("deals", Answer(f"/crm/v3/objects/deals?limit=100&properties={wanted}", "deals.1.json"))

    assert api.rows("SELECT name, amount, currency FROM hubspot.deals ORDER BY id") == [
        {"name": "Anvils", "amount": Decimal("1500.50"), "currency": "EUR"},
        {"name": "Magnets", "amount": None, "currency": None},
    ]


def test_owners_are_read_whole(api: Replay) -> None:
    api.run("owners", Answer("/crm/v3/owners?limit=100", "owners.1.json"))

    assert api.rows("SELECT id, user_id, teams FROM hubspot.owners") == [
        {"id": "9", "user_id": 900, "teams": ["Desert"]}
    ]


def test_a_limit_of_seconds_is_waited_for_and_that_of_the_day_is_not(api: Replay) -> None:
    def limited(policy: str, message: str) -> Answer:
        body = {"status": "error", "message": message, "errorType": "RATE_LIMIT", "policyName": policy}
        return Answer("/crm/v3/owners?limit=100", body, status=429)

    report = api.run(
        "owners",
        limited("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit."),
        limited("DAILY", "You have reached your daily limit."),
    )

    assert len(api.slept) == 1
    assert report.message == (
        "GET https://api.hubapi.com/crm/v3/owners?limit=100: 429 after 2 attempts:"
        " You have reached your daily limit."
    )
