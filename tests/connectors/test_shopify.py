"""The Shopify connector, against answers of the documented shape."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.connectors.replay import Answer, Replay, counts

URL = "POST https://acme.myshopify.com/admin/api/2025-10/graphql.json"
PRODUCTS = (Answer(URL, "products.1.json"), Answer(URL, "products.2.json"))


def shopify(folder: Path) -> Replay:
    return Replay("shopify", folder, shop="acme", token="shpat_1")


def variables(api: Replay) -> list[Any]:
    return [json.loads(request.content).get("variables") for request in api.requests]


def events(*nodes: dict[str, str]) -> dict[str, Any]:
    return {"data": {"events": {"nodes": list(nodes), "pageInfo": {"hasNextPage": False, "endCursor": None}}}}


def test_products_follow_the_page_info_and_the_token_has_a_header_of_its_own(tmp_path: Path) -> None:
    api = shopify(tmp_path)

    assert counts(api.run("products", *PRODUCTS)) == (3, 0, 0, 0)
    assert variables(api) == [{}, {"after": "after2"}]
    assert {request.headers["x-shopify-access-token"] for request in api.requests} == {"shpat_1"}
    [row] = api.rows(
        "SELECT number, title, tags, inventory, variants FROM shopify.products WHERE published_at NOTNULL"
    )
    assert json.loads(row.pop("variants"))[0]["sku"] == "ANV-1"
    assert row == {"number": 1, "title": "Anvil 1", "tags": ["heavy"], "inventory": 4}


def test_changes_are_asked_for_and_deletions_come_from_the_events(tmp_path: Path) -> None:
    api = shopify(tmp_path)
    api.run("products", *PRODUCTS)
    destroyed = events(
        {
            "id": "gid://shopify/BasicEvent/9",
            "createdAt": "2024-03-05T10:00:00Z",
            "subjectId": "gid://shopify/Product/2",
        }
    )

    report = api.run("products", Answer(URL, destroyed), Answer(URL, "products.3.json"))

    assert (report.mode, counts(report)) == ("incremental", (0, 1, 1, 1))
    assert variables(api) == [
        {"query": "action:destroy AND subject_type:PRODUCT AND created_at:>='2024-03-03T10:00:00Z'"},
        {"query": "updated_at:>='2024-03-03T10:00:00Z'"},
    ]
    assert api.column("SELECT number FROM shopify.products ORDER BY number") == [1, 3]


def test_money_is_exact(tmp_path: Path) -> None:
    api = shopify(tmp_path)

    assert counts(api.run("orders", Answer(URL, "orders.1.json"))) == (2, 0, 0, 0)
    assert api.rows("SELECT name, total, refunded, cancel_reason FROM shopify.orders ORDER BY name") == [
        {"name": "#1001", "total": Decimal("49.90"), "refunded": Decimal("0.00"), "cancel_reason": None},
        {
            "name": "#1002",
            "total": Decimal("49.90"),
            "refunded": Decimal("49.90"),
            "cancel_reason": "CUSTOMER",
        },
    ]


def test_throttled_requests_wait_until_the_bucket_holds_their_cost(tmp_path: Path) -> None:
    api = shopify(tmp_path)
    status = {"maximumAvailable": 1000.0, "currentlyAvailable": 66, "restoreRate": 50.0}
    throttled = {
        "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": {
            "cost": {"requestedQueryCost": 466, "actualQueryCost": None, "throttleStatus": status}
        },
    }

    report = api.run("orders", Answer(URL, throttled), Answer(URL, "orders.1.json"))

    assert (report.status, api.slept) == ("ok", [8.0])


def test_what_the_token_may_not_do_is_told(tmp_path: Path) -> None:
    api = shopify(tmp_path)
    denied = {
        "errors": [{"message": "Access denied for orders field.", "extensions": {"code": "ACCESS_DENIED"}}]
    }
    invalid = {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}

    report = api.run("orders", Answer(URL, denied))
    assert (report.status, report.message) == ("failed", f"{URL}: 200: Access denied for orders field.")
    report = api.run("orders", Answer(URL, invalid, status=401))
    assert report.message == f"{URL}: 401: {invalid['errors']}"
