"""The Linear connector, against answers of the documented shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.connectors.replay import Answer, Replay, counts

ISSUES = (Answer("POST /graphql", "issues.1.json"), Answer("POST /graphql", "issues.2.json"))


def linear(folder: Path) -> Replay:
    return Replay("linear", folder, key="lin_api_1")


def variables(api: Replay) -> list[Any]:
    import json

    return [json.loads(request.content).get("variables") for request in api.requests]


def test_issues_are_read_with_a_cursor_in_the_variables(tmp_path: Path) -> None:
    api = linear(tmp_path)

    assert counts(api.run("issues", *ISSUES)) == (3, 0, 0, 0)
    assert variables(api) == [{}, {"after": "c-2"}]
    assert {request.headers["authorization"] for request in api.requests} == {"lin_api_1"}
    assert api.rows(
        "SELECT identifier, state, labels, estimate FROM linear.issues WHERE project NOTNULL"
    ) == [{"identifier": "ANV-1", "state": "Todo", "labels": ["bug", "physics"], "estimate": 3.0}]
    assert api.column("SELECT identifier FROM linear.issues WHERE archived_at NOTNULL") == ["ANV-2"]


def test_what_changed_since_is_asked_for_and_the_trash_deletes(tmp_path: Path) -> None:
    api = linear(tmp_path)
    api.run("issues", *ISSUES)

    report = api.run("issues", Answer("POST /graphql", "issues.3.json"))

    assert (report.mode, counts(report)) == ("incremental", (0, 1, 1, 0))
    assert variables(api) == [{"filter": {"updatedAt": {"gte": "2024-04-03T09:00:00Z"}}}]
    assert api.column("SELECT state FROM linear.issues ORDER BY identifier") == ["Canceled", "Done"]


def test_projects_and_teams(tmp_path: Path) -> None:
    api = linear(tmp_path)

    assert counts(api.run("teams", Answer("POST /graphql", "teams.1.json"))) == (1, 0, 0, 0)
    assert counts(api.run("projects", Answer("POST /graphql", "projects.1.json"))) == (1, 0, 0, 0)
    assert api.rows("SELECT name, status, progress, ends_on::VARCHAR AS ends FROM linear.projects") == [
        {"name": "Tunnel", "status": "Started", "progress": 0.25, "ends": "2024-06-01"}
    ]


def test_a_rate_limit_comes_with_status_400_and_is_waited_for(tmp_path: Path) -> None:
    api = linear(tmp_path)
    limited = {"errors": [{"message": "Rate limit exceeded", "extensions": {"code": "RATELIMITED"}}]}
    reset = str(int(api.clock.time.timestamp() + 100) * 1000)

    report = api.run(
        "teams",
        Answer("POST /graphql", limited, status=400, headers={"X-RateLimit-Requests-Reset": reset}),
        Answer("POST /graphql", "teams.1.json"),
    )

    assert report.status == "ok"
    assert 80 < sum(api.slept) <= 100


def test_graphql_errors_are_told(tmp_path: Path) -> None:
    api = linear(tmp_path)
    refused = {
        "errors": [
            {
                "message": "Authentication required, not authenticated",
                "extensions": {
                    "code": "AUTHENTICATION_ERROR",
                    "userPresentableMessage": "You need to authenticate.",
                },
            }
        ]
    }

    report = api.run("teams", Answer("POST /graphql", refused, status=401))

    assert (report.status, report.message) == (
        "failed",
        "POST https://api.linear.app/graphql: 401: You need to authenticate.",
    )
