"""The Jira connector, against answers of the documented shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.connectors.replay import Answer, Replay, counts

SITE = "https://acme.atlassian.net/rest/api/3"
LISTED = "/project/search?expand=description,lead&maxResults=100&startAt="


def jira(folder: Path) -> Replay:
    return Replay("jira", folder, site="acme", email="wile@acme.example", api_token="tok-1")


def search(body: Any, since: str, token: str | None = None) -> Answer:
    """Return the answer to a search for what changed *since*, at a page *token*."""
    return Answer(f"POST {SITE}/search/jql", body, sent=asked(since, token))


def asked(since: str, token: str | None) -> dict[str, Any]:
    sent: dict[str, Any] = {"jql": f'updated >= "{since}" ORDER BY updated ASC', "maxResults": 100}
    names = (
        "summary description project issuetype status priority resolution labels components assignee reporter"
        " parent duedate created updated resolutiondate"
    )
    return {**sent, "fields": names.split(), **({"nextPageToken": token} if token else {})}


ISSUES = (
    search("issues.1.json", "2000-01-01 00:00"),
    search("issues.2.json", "2000-01-01 00:00", "Ch0j"),
)


def test_with_an_api_token_projects_are_read_from_the_site(tmp_path: Path) -> None:
    api = jira(tmp_path)

    report = api.run(
        "projects",
        Answer(f"{SITE}{LISTED}0", "projects.1.json"),
        Answer(f"{SITE}{LISTED}2", "projects.2.json"),
    )

    assert counts(report) == (3, 0, 0, 0)
    assert api.requests[0].headers["authorization"].startswith("Basic ")
    assert api.rows("SELECT key, lead, description FROM jira.projects ORDER BY id LIMIT 1") == [
        {"key": "ANV1", "lead": "acc-1", "description": "Heavy things"}
    ]


def test_signed_in_the_site_is_asked_for_first(tmp_path: Path) -> None:
    api = Replay("jira", tmp_path, client_id="app-1", client_secret="shh-secret")
    api.sign_in("at-1")
    sites = [
        {"id": "cloud-1", "url": "https://acme.atlassian.net", "name": "acme", "scopes": ["read:jira-work"]}
    ]
    cloud = "https://api.atlassian.com/ex/jira/cloud-1/rest/api/3"

    report = api.run(
        "projects",
        Answer("https://api.atlassian.com/oauth/token/accessible-resources", sites),
        Answer(f"{cloud}{LISTED}0", "projects.1.json"),
        Answer(f"{cloud}{LISTED}2", "projects.2.json"),
    )

    assert (report.status, counts(report)) == ("ok", (3, 0, 0, 0))
    assert {request.headers["authorization"] for request in api.requests} == {"Bearer at-1"}


def test_issues_are_searched_for_and_the_last_day_again(tmp_path: Path) -> None:
    api = jira(tmp_path)
    assert counts(api.run("issues", *ISSUES)) == (3, 0, 0, 0)
    assert api.rows(
        "SELECT key, labels, components, assignee, updated_at::VARCHAR AS at FROM jira.issues WHERE due_on NOTNULL"
    ) == [
        {
            "key": "ANV1-1",
            "labels": ["physics"],
            "components": ["Cliff"],
            "assignee": "acc-2",
            "at": "2024-03-02 17:00:00+00",
        }
    ]

    report = api.run("issues", search("issues.3.json", "2024-03-04 12:00"))

    assert (report.mode, counts(report)) == ("incremental", (0, 1, 0, 1))
    assert api.rows("SELECT key, parent, resolution FROM jira.issues WHERE status_category = 'done'") == [
        {"key": "ANV1-2", "parent": "ANV1-1", "resolution": "Done"}
    ]


def test_deleted_issues_are_found_by_the_weekly_read(tmp_path: Path) -> None:
    api = jira(tmp_path)
    api.run("issues", *ISSUES)
    api.clock.advance(days=8)

    report = api.run("issues", search("issues.2.json", "2000-01-01 00:00"))

    assert (report.mode, counts(report)) == ("full", (0, 0, 1, 2))


def test_a_limit_is_waited_for_and_a_refusal_is_told(tmp_path: Path) -> None:
    api = jira(tmp_path)
    refused = {"errorMessages": ["The value 'ANV9' does not exist for the field 'project'."], "errors": {}}
    url = f"POST {SITE}/search/jql"

    report = api.run(
        "issues", Answer(url, status=429, headers={"Retry-After": "7"}), Answer(url, refused, status=400)
    )

    assert api.slept == [7.0]
    assert (report.status, report.message) == (
        "failed",
        f"{url}: 400 after 2 attempts: The value 'ANV9' does not exist for the field 'project'.",
    )
