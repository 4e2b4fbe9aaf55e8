"""GraphQL: a query as the body of a POST, cursors in its variables, errors and waits in good answers."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.lab import Lab

ORDERS = """
    errors:
      - {when: "body.errors[?extensions.code == 'THROTTLED']", then: retry}
      - {when: body.errors, then: fail, message: "${body.errors[0].message}"}
    retry: {wait_body: extensions.cost.waitSeconds}
    syncs:
      orders:
        request:
          method: POST
          path: /graphql
          retry_safe: true
          json:
            query: "query ($after: String, $since: String) { orders(after: $after, since: $since) { nodes pageInfo } }"
            variables: {since: "${cursor}"}
        records: data.orders.nodes
        pagination: {type: cursor, token: data.orders.pageInfo.endCursor, has_more: data.orders.pageInfo.hasNextPage, into: body.variables.after}
        incremental: {cursor: at}
        key: id
        fields: {id: id, at: {path: at, type: timestamp}}
"""


class Graph:
    """Two orders a page of a list of three; it keeps the variables that it was sent."""

    def __init__(self) -> None:
        self.variables: list[dict[str, Any]] = []
        self.throttled = 0

    def __call__(self, request: httpx.Request) -> Any:
        variables = json.loads(request.read())["variables"]
        self.variables.append(variables)
        if self.throttled:
            self.throttled -= 1
            return {
                "errors": [{"message": "too much", "extensions": {"code": "THROTTLED"}}],
                "extensions": {"cost": {"waitSeconds": 7}},
            }
        first = int(variables.get("after", 0))
        nodes = [{"id": n, "at": f"2024-05-0{n}T00:00:00Z"} for n in (1, 2, 3)][first : first + 2]
        info = {"endCursor": str(first + 2), "hasNextPage": first == 0}
        return {"data": {"orders": {"nodes": nodes, "pageInfo": info}}}


def test_pages_and_changes_are_asked_for_by_variables(lab: Lab) -> None:
    lab.write(ORDERS)
    lab.api = graph = Graph()
    assert lab.run().changes.added == 3
    assert graph.variables == [{}, {"after": "2"}]
    graph.variables.clear()
    assert lab.run().status == "ok"
    since = "2024-05-03T00:00:00Z"
    assert graph.variables == [{"since": since}, {"since": since, "after": "2"}]


def test_page_info_is_detected(lab: Lab) -> None:
    lines = [line for line in ORDERS.splitlines() if "pagination:" not in line]
    lab.write("\n".join(lines))
    lab.api = graph = Graph()
    report = lab.run()
    assert (report.changes.added, graph.variables[1]) == (3, {"after": "2"})
    assert [note.partition(" (")[0] for note in report.notes] == ["pagination detected: cursor"]


def test_a_query_that_costs_too_much_waits_as_long_as_its_answer_says(lab: Lab) -> None:
    lab.write(ORDERS)
    lab.api = graph = Graph()
    graph.throttled = 2
    assert lab.run().changes.added == 3
    assert lab.clock.slept == [7.0, 7.0]


def test_r07_errors_with_status_200_fail_the_run_and_delete_nothing(lab: Lab) -> None:
    lab.write(ORDERS + "        deletes: {snapshot: {every: 1s}}\n")
    lab.api = Graph()
    lab.run()
    lab.clock.advance(days=1)
    lab.api = lambda _: {"data": None, "errors": [{"message": "Field 'orders' doesn't exist"}]}
    report = lab.run()
    assert (report.status, report.message, report.hint) == (
        "failed",
        "POST https://api.test/graphql: 200: Field 'orders' doesn't exist",
        "errors[1] takes this answer for an error",
    )
    assert len(lab.live()) == 3
