"""Syncs from a real Datasette server, compared with what the server itself answers."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.shop_database import ITEMS, LINES
from tests.project_folder import ProjectFolder

ALL_ITEMS = """
    SELECT json_group_array(json_object('id', id, 'name', name, 'price', price, 'stock', stock,
        'tags', json(tags), 'changed_at', changed_at, 'note', note)) AS everything
    FROM (SELECT * FROM items ORDER BY id)
"""
ALL_LINES = """
    SELECT json_group_array(json_object('order_no', order_no, 'line', line, 'quantity', qty)) AS everything
    FROM (SELECT * FROM lines ORDER BY order_no, line)
"""


@pytest.fixture
def ask(datasette: tuple[str, Path]) -> Any:
    """Ask the server with SQL for a whole table as one JSON document: not the way of the sync."""

    def answer(sql: str) -> Any:
        parameters = {"sql": sql, "_shape": "array"}
        response = httpx.get(f"{datasette[0]}/shop.json", params=parameters, trust_env=False)
        return json.loads(response.raise_for_status().json()[0]["everything"])

    return answer


def items_of(project: ProjectFolder) -> list[dict[str, Any]]:
    """Return the items in the database in the shape in which the server gives them."""
    items = project.records("datasette.items", order="id")
    for item in items:
        item["tags"] = None if item["tags"] is None else json.loads(item["tags"])
        moment = item["changed_at"]
        item["changed_at"] = None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return items


def test_every_row_arrives_with_the_values_that_the_server_has(
    datasette_project: ProjectFolder, ask: Any
) -> None:
    outcome = datasette_project.run("shop")

    assert outcome.counts("items") == (ITEMS, 0, 0, 0)
    assert outcome.counts("lines") == (LINES, 0, 0, 0)
    assert {sync: report["pages"] for sync, report in outcome.reports.items()} == {
        "items": 4,
        "lines": 3,
        "lines_as_they_are": 3,
    }
    assert items_of(datasette_project) == ask(ALL_ITEMS)
    assert datasette_project.records("datasette.lines", order="order_no, line") == ask(ALL_LINES)


def test_values_have_the_types_that_the_connector_declares(datasette_project: ProjectFolder) -> None:
    datasette_project.run("shop/items")

    assert datasette_project.query("SELECT stock FROM datasette.items WHERE id IN (3, 4, 5) ORDER BY id") == [
        (2**53 + 1,),
        (2**63 - 1,),
        (-(2**63),),
    ]
    assert datasette_project.query("SELECT changed_at FROM datasette.items WHERE id = 28") == [
        (datetime(2024, 5, 1, 10, 30, tzinfo=UTC),)
    ]
    assert datasette_project.query(
        "SELECT tags->>'$.colours[1]', price FROM datasette.items WHERE id = 77"
    ) == [("grün", None)]
    described = {name: kind for name, kind, *_ in datasette_project.query("DESCRIBE datasette.items")}
    assert described["id"] == "BIGINT"
    assert described["price"] == "DOUBLE"
    assert described["tags"] == "JSON"
    assert described["changed_at"] == "TIMESTAMP WITH TIME ZONE"


def test_pagination_and_members_that_are_not_declared_are_found(
    datasette_project: ProjectFolder, ask: Any
) -> None:
    outcome = datasette_project.run("shop/lines_as_they_are")

    found = datasette_project.records("datasette.lines_as_they_are", order="order_no, line")
    for line in found:
        line["quantity"] = line.pop("qty")
    assert found == ask(ALL_LINES)
    assert any("link_header" in note for note in outcome.reports["lines_as_they_are"]["notes"])


def test_changes_in_the_source_are_the_changes_of_the_next_run(
    datasette_project: ProjectFolder, shop: sqlite3.Connection, ask: Any
) -> None:
    datasette_project.run("shop")
    first_seen = datasette_project.query("SELECT max(_seq) FROM datasette.items__records")[0][0]

    shop.execute(
        "UPDATE items SET price = price + 1, note = 'dearer' WHERE id BETWEEN 95 AND 104 AND id % 7 <> 0"
    )
    shop.execute("DELETE FROM items WHERE id % 50 = 0")
    shop.execute("INSERT INTO items (id, name) VALUES (1000, 'new'), (0, 'before all others'), (-5, NULL)")
    shop.execute("DELETE FROM lines WHERE line = 2 AND qty < 30")
    shop.execute("UPDATE lines SET line = 7 WHERE qty = 100")
    outcome = datasette_project.run("shop")

    changed = [number for number in range(95, 105) if number % 7 and number % 50]
    # two were added: the one without a name is not what the connector describes, and waits in quarantine
    assert outcome.counts("items") == (2, len(changed), 7, ITEMS - 7 - len(changed))
    assert outcome.reports["items"]["quarantined"] == 1
    assert outcome.counts("lines") == (1, 0, 11, LINES - 11)
    assert items_of(datasette_project) == [item for item in ask(ALL_ITEMS) if item["name"] is not None]
    assert datasette_project.records("datasette.lines", order="order_no, line") == ask(ALL_LINES)
    actions = datasette_project.query(
        "SELECT _action, list(id ORDER BY id) FROM datasette.items__records WHERE _seq > ? GROUP BY ALL",
        first_seen,
    )
    assert sorted(actions) == [
        ("ADDED", [0, 1000]),
        ("DELETED", [50, 100, 150, 200, 250, 300, 350]),
        ("UPDATED", changed),
    ]


def test_a_run_without_changes_writes_nothing_new(datasette_project: ProjectFolder) -> None:
    sql = "SELECT max(_seq), max(_last_modified_at), count(*) FROM datasette.items__records"
    datasette_project.run("shop/items")
    before = datasette_project.query(sql)

    outcome = datasette_project.run("shop/items")

    assert outcome.counts("items") == (0, 0, 0, ITEMS)
    assert datasette_project.query(sql) == before


def test_r10_an_emptied_table_deletes_nothing_until_a_person_agrees(
    datasette_project: ProjectFolder, shop: sqlite3.Connection
) -> None:
    datasette_project.run("shop/lines")
    shop.execute("DELETE FROM lines")

    refused = datasette_project.run("shop/lines", exit_code=3)
    assert refused.counts("lines") == (0, 0, 0, 0)
    assert refused.reports["lines"]["status"] == "incomplete"
    assert datasette_project.query("SELECT count(*) FROM datasette.lines") == [(LINES,)]

    accepted = datasette_project.run("shop/lines", "--accept-deletes")
    assert accepted.counts("lines") == (0, 0, LINES, 0)
    assert datasette_project.query("SELECT count(*) FROM datasette.lines") == [(0,)]


def test_r07_a_table_that_is_gone_fails_the_run_and_deletes_nothing(
    datasette_project: ProjectFolder, shop: sqlite3.Connection
) -> None:
    datasette_project.run("shop/lines")
    shop.execute("ALTER TABLE lines RENAME TO old_lines")
    try:
        failed = datasette_project.run("shop/lines", exit_code=1)
    finally:
        shop.execute("DROP TABLE old_lines")

    assert failed.reports["lines"]["status"] == "failed"
    assert "404" in failed.reports["lines"]["message"]
    assert "/shop/lines.json" in failed.reports["lines"]["message"]
    assert datasette_project.query("SELECT count(*) FROM datasette.lines") == [(LINES,)]


def test_a_limited_run_deletes_nothing(datasette_project: ProjectFolder, shop: sqlite3.Connection) -> None:
    datasette_project.run("shop/items")
    shop.execute("DELETE FROM items WHERE id = 350")

    limited = datasette_project.run("shop/items", "--limit", "100")

    assert limited.reports["items"]["deleted"] == 0
    assert datasette_project.query("SELECT count(*) FROM datasette.items") == [(ITEMS,)]
