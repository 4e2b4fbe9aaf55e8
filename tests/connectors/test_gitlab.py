"""The GitLab connector, against answers of the documented shape."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.connectors.replay import Answer, Replay, counts

URL = "https://gitlab.example/api/v4"
PROJECTS = (
    "/groups/acme/tools/projects?per_page=100&include_subgroups=true&with_shared=false&order_by=id&sort=asc"
)
ISSUES = "/groups/acme/tools/issues?per_page=100&scope=all&state=all&order_by=created_at&sort=asc"


@pytest.fixture
def api(tmp_path: Path) -> Replay:
    return Replay("gitlab", tmp_path, url="https://gitlab.example", group="acme/tools", token="glpat-1")


def test_a_group_in_a_group_is_one_segment_of_the_path(api: Replay) -> None:
    second = f"{URL}/groups/7/projects?page=2&per_page=100"

    report = api.run(
        "projects", Answer(PROJECTS, "projects.1.json", second), Answer(second, "projects.2.json")
    )

    assert counts(report) == (2, 0, 0, 0)
    assert str(api.requests[0].url).startswith(f"{URL}/groups/acme%2Ftools/projects?")
    assert {request.headers["PRIVATE-TOKEN"] for request in api.requests} == {"glpat-1"}
    assert api.rows("SELECT id, path, topics, is_archived FROM gitlab.projects ORDER BY id") == [
        {"id": 41, "path": "acme/tools/anvil", "topics": ["physics"], "is_archived": False},
        {"id": 42, "path": "acme/magnet", "topics": [], "is_archived": True},
    ]


def test_issues_are_counted_pages_of_what_was_updated(api: Replay) -> None:
    pages = (Answer(f"{ISSUES}&page=1", "issues.1.json"), Answer(f"{ISSUES}&page=2", []))
    assert counts(api.run("issues", *pages)) == (2, 0, 0, 0)
    [row] = api.rows(
        "SELECT number, author, assignees, milestone, due_date FROM gitlab.issues WHERE id = 501"
    )
    assert row == {
        "number": 1,
        "author": "wile",
        "assignees": ["beep"],
        "milestone": "v2",
        "due_date": date(2024, 6, 30),
    }

    since = f"{ISSUES}&updated_after=2024-05-01T09:59:00.500000Z"
    changed = (Answer(f"{since}&page=1", "issues.2.json"), Answer(f"{since}&page=2", []))
    assert counts(api.run("issues", *changed)) == (0, 1, 0, 0)

    api.clock.advance(days=8)  # an issue that was deleted is missing in the weekly read
    weekly = (Answer(f"{ISSUES}&page=1", "issues.2.json"), Answer(f"{ISSUES}&page=2", []))
    assert counts(api.run("issues", *weekly)) == (0, 0, 1, 1)


def test_merge_requests_know_their_reviewers(api: Replay) -> None:
    api.run("merge_requests", Answer(ISSUES.replace("/issues?", "/merge_requests?"), "merge_requests.1.json"))

    assert api.rows("SELECT title, state, reviewers FROM gitlab.merge_requests") == [
        {"title": "Fall sooner", "state": "merged", "reviewers": ["wile"]}
    ]


def test_projects_without_pipelines_are_skipped(api: Replay) -> None:
    second = f"{URL}/groups/7/projects?page=2&per_page=100"
    api.run("projects", Answer(PROJECTS, "projects.1.json", second), Answer(second, "projects.2.json"))

    def pipelines(project: int, body: object, status: int = 200) -> Answer:
        return Answer(f"/projects/{project}/pipelines?per_page=100&order_by=id&sort=asc", body, status=status)

    forbidden = pipelines(42, {"message": "403 Forbidden"}, 403)
    report = api.run("pipelines", pipelines(41, "pipelines.1.json"), forbidden, in_order=False)

    assert (report.status, counts(report)) == ("ok", (1, 0, 0, 0))
    assert api.rows("SELECT id, project_id, status FROM gitlab.pipelines") == [
        {"id": 701, "project_id": 41, "status": "success"}
    ]


def test_limits_are_waited_for_and_refusals_told(api: Replay) -> None:
    limited = Answer(PROJECTS, b"Retry later\n", status=429, headers={"Retry-After": "17"})
    missing = Answer(PROJECTS, {"message": "404 Group Not Found"}, status=404)

    report = api.run("projects", limited, missing)

    assert api.slept == [17]
    assert report.message == (
        f"GET {URL}/groups/acme%2Ftools/projects?per_page=100&include_subgroups=true&with_shared=false"
        "&order_by=id&sort=asc: 404 after 2 attempts: 404 Group Not Found"
    )
