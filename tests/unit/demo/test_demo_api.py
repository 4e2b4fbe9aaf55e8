"""The demo's API, and its connector run against it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from syncrun.demo import DemoApi
from tests.project_folder import ProjectFolder


@pytest.fixture
def api():
    with DemoApi() as running:
        yield running


@pytest.fixture
def project(api: DemoApi, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path)
    project.write("connectors/shop.yaml", api.connector)
    project.write_project(demo={"connector": "shop", "config": {"url": api.url}})
    return project


def get(api: DemoApi, target: str) -> httpx.Response:
    return httpx.get(api.url + target, trust_env=False)


def test_customers_come_one_after_the_other_in_pages_shorter_than_asked(api: DemoApi) -> None:
    pages = [get(api, f"/customers?per_page=25&after={last}").json() for last in (0, 20, 40, 45)]

    assert [len(page["customers"]) for page in pages] == [20, 20, 5, 0]
    assert [page["next"] for page in pages] == [20, 40, None, None]


def test_orders_are_linked_and_neighbouring_pages_share_a_record(api: DemoApi) -> None:
    first = get(api, "/orders?limit=50").json()
    second = get(api, first["links"]["next"]).json()
    last = get(api, second["links"]["next"]).json()

    assert [len(page["data"]) for page in (first, second, last)] == [50, 51, 21]
    assert first["data"][-1] == second["data"][0]
    assert last["links"]["next"] is None


def test_tombstones_are_for_those_who_ask_for_changes(api: DemoApi) -> None:
    api.mutate()
    everything = [
        get(api, f"/orders?limit=500{since}").json()["data"] for since in ("", "&updated_since=2026-02-01")
    ]

    assert not any(order.get("deleted") for order in everything[0])
    assert len(everything[0]) == 122
    assert [order["id"] for order in everything[1] if order.get("deleted")] == [3]
    assert len(everything[1]) == 9


def test_unknown_paths_and_odd_parameters_are_answered_with_a_reason(api: DemoApi) -> None:
    assert get(api, "/refunds").json() == {
        "error": "there is nothing at /refunds",
        "paths": ["/customers", "/orders", "/products"],
    }
    assert get(api, "/customers?after=two").status_code == 400


def test_a_day_can_pass_many_times(api: DemoApi) -> None:
    for _ in range(60):
        api.mutate()
    assert get(api, "/customers?page=1").status_code == 200


def test_the_connector_syncs_adds_changes_and_deletes(api: DemoApi, project: ProjectFolder) -> None:
    first = project.run("demo")
    assert first.counts("customers") == (45, 0, 0, 0)
    assert first.counts("orders") == (119, 0, 0, 0)
    assert first.counts("products") == (12, 0, 0, 0)
    assert first.reports["orders"]["duplicates"] == 2
    assert first.reports["orders"]["quarantined"] == 1
    [(reason, raw)] = project.query("SELECT reason, raw->>'$.total' FROM syncrun.quarantine")
    assert raw == "n/a"
    assert "total" in reason

    api.mutate()
    second = project.run("demo")
    assert second.counts("customers") == (1, 1, 1, 43)
    assert second.counts("orders") == (3, 5, 1, 1)
    assert second.counts("products") == (0, 1, 0, 11)

    third = project.run("demo")
    assert {sync: third.counts(sync)[:3] for sync in third.reports} == {
        "customers": (0, 0, 0),
        "orders": (0, 0, 0),
        "products": (0, 0, 0),
    }
    assert project.query("SELECT typeof(total), sum(total) > 0 FROM shop.orders GROUP BY 1") == [
        ("DECIMAL(10,2)", True)
    ]
    assert project.query("SELECT price FROM shop.products WHERE sku = 'lamp'") == [(8.25,)]
    assert project.query("SELECT total FROM shop.orders WHERE id = 1") == [(Decimal("46.10"),)]
