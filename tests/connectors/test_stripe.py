"""The Stripe connector, against answers of the documented shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.connectors.replay import Answer, Replay, counts

LISTED = (
    Answer("/customers?limit=100", "customers.1.json"),
    Answer("/customers?limit=100&starting_after=cus_B", "customers.2.json"),
)
SINCE = "/events?limit=100&type=customer.*&created[gte]=1717000000"
CHANGED = (
    Answer(SINCE, "customers.3.json"),
    Answer(f"{SINCE}&starting_after=evt_3", "customers.4.json"),
)


@pytest.fixture
def api(tmp_path: Path) -> Replay:
    return Replay("stripe", tmp_path, api_key="sk_test_4242")


def test_lists_go_on_after_their_last_record(api: Replay) -> None:
    assert counts(api.run("customers", *LISTED)) == (2, 0, 0, 0)

    assert api.requests[0].headers["Authorization"] == "Bearer sk_test_4242"
    assert "Stripe-Account" not in api.requests[0].headers
    [row] = api.rows("SELECT * FROM stripe.customers WHERE id = 'cus_B'")
    assert json.loads(row["address"]) == {"city": "Gulch", "country": "US"}
    assert (row["name"], row["balance"], row["is_delinquent"]) == ("Wile", -250, False)
    assert row["created_at"] == row["seen_at"] == datetime(2024, 5, 29, 16, 26, 40, tzinfo=UTC)


def test_later_runs_read_events_of_which_the_newest_counts(api: Replay) -> None:
    api.run("customers", *LISTED)

    report = api.run("customers", *CHANGED)

    assert (report.mode, counts(report)) == ("incremental", (0, 1, 1, 0))
    assert api.rows("SELECT id, name, is_delinquent, created_at FROM stripe.customers") == [
        {
            "id": "cus_B",
            "name": "Wile E.",
            "is_delinquent": True,
            "created_at": datetime(2024, 5, 29, 16, 26, 40, tzinfo=UTC),
        }
    ]
    # a later event of nobody's customer: the mark moved on
    newer = Answer(
        "/events?limit=100&type=customer.*&created[gte]=1717200400", {"data": [], "has_more": False}
    )
    assert counts(api.run("customers", newer)) == (0, 0, 0, 0)


def test_once_a_week_the_lists_are_read_again(api: Replay) -> None:
    api.run("customers", *LISTED)
    api.clock.advance(days=8)

    report = api.run("customers", Answer("/customers?limit=100", "customers.2.json"))

    assert (report.mode, counts(report)) == ("full", (0, 0, 1, 1))


def test_ended_subscriptions_stay(api: Replay) -> None:
    api.run("subscriptions", Answer("/subscriptions?limit=100&status=all", "subscriptions.1.json"))

    [row] = api.rows("SELECT customer, status, items FROM stripe.subscriptions")
    assert json.loads(row.pop("items")) == [{"price": "price_1", "quantity": 3}]
    assert row == {"customer": "cus_B", "status": "canceled"}
    query = "/events?limit=100&type=customer.subscription.*&created[gte]=1717200200"
    assert api.run("subscriptions", Answer(query, {"data": [], "has_more": False})).status == "ok"


def test_events_stay_when_stripe_forgets_them(api: Replay) -> None:
    api.run("events", Answer("/events?limit=100", "events.1.json"))

    assert counts(api.run("events", Answer("/events?limit=100&created[gte]=1717200100", {"data": []}))) == (
        0,
        0,
        0,
        0,
    )
    assert api.rows("SELECT id, type, object_id, request_id FROM stripe.events") == [
        {"id": "evt_1", "type": "customer.updated", "object_id": "cus_B", "request_id": "req_1"}
    ]


def test_stripe_says_whether_to_try_again(api: Replay) -> None:
    def refused(status: int, code: str, message: str, again: str) -> Answer:
        body = {"error": {"type": "invalid_request_error", "code": code, "message": message}}
        return Answer("/customers?limit=100", body, status=status, headers={"Stripe-Should-Retry": again})

    limited = refused(429, "rate_limit", "Too many requests.", "true")
    locked = refused(409, "lock_timeout", "Another request holds the object.", "true")
    wrong = refused(400, "parameter_unknown", "Received unknown parameter: limit", "false")

    report = api.run("customers", limited, locked, wrong)

    assert report.status == "failed"
    assert report.message == (
        "GET https://api.stripe.com/v1/customers?limit=100: 400 after 3 attempts:"
        " Received unknown parameter: limit"
    )
