"""The two GitHub connectors, against answers of the documented shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.connectors.replay import Answer, Replay, counts

URL = "https://api.github.com"
USER = f"{URL}/users/acme-labs"
REPO = f"{URL}/repos/acme-labs/anvil"


def pages(first: str, second: str, sync: str) -> tuple[Answer, Answer]:
    """Two pages: GitHub's next links name users and repositories by their number."""
    return Answer(first, f"{sync}.1.json", second), Answer(second, f"{sync}.2.json")


REPOS = pages(
    f"{USER}/repos?per_page=100&type=owner&sort=full_name",
    f"{URL}/user/501/repos?per_page=100&type=owner&sort=full_name&page=2",
    "repos",
)
EVENTS = pages(
    f"{USER}/events/public?per_page=100", f"{URL}/user/501/events/public?per_page=100&page=2", "events"
)
BY_CREATION = "sort=created&direction=asc"
ISSUES = pages(
    f"{REPO}/issues?per_page=100&state=all&{BY_CREATION}",
    f"{URL}/repositories/9001/issues?per_page=100&state=all&{BY_CREATION}&page=2",
    "issues",
)
NEWER_ISSUES = Answer(
    f"{REPO}/issues?per_page=100&state=all&{BY_CREATION}&since=2024-03-05T06:07:08Z", "issues.3.json"
)
COMMENTS = pages(
    f"{REPO}/issues/comments?per_page=100&{BY_CREATION}",
    f"{URL}/repositories/9001/issues/comments?per_page=100&{BY_CREATION}&page=2",
    "comments",
)
RELEASES = pages(
    f"{REPO}/releases?per_page=100", f"{URL}/repositories/9001/releases?per_page=100&page=2", "releases"
)


def test_repositories_follow_the_link_header(tmp_path: Path) -> None:
    api = Replay("github", tmp_path, owner="acme-labs")

    report = api.run("repos", *REPOS)

    assert (report.status, report.pages, report.changes.added) == ("ok", 2, 3)
    assert api.rows(
        "SELECT * EXCLUDE (_connection, _first_seen_at, _last_modified_at) FROM github.repos LIMIT 1"
    ) == [
        {
            "id": 9001,
            "name": "anvil",
            "full_name": "acme-labs/anvil",
            "description": "Drops with précision ⚒",
            "url": "https://github.com/acme-labs/anvil",
            "homepage": "https://anvil.example",
            "language": "Rust",
            "topics": ["physics", "tools"],
            "license": "MIT",
            "default_branch": "main",
            "stars": 1207,
            "forks": 88,
            "open_issues": 14,
            "size_kb": 108,
            "is_fork": False,
            "is_archived": False,
            "created_at": datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC),
            "updated_at": datetime(2024, 4, 30, 22, 15, tzinfo=UTC),
            "pushed_at": datetime(2024, 4, 29, 8, 0, 59, tzinfo=UTC),
        }
    ]
    assert api.rows(
        "SELECT name, license, topics FROM github.repos WHERE is_fork OR is_archived ORDER BY id"
    ) == [
        {"name": "dotfiles", "license": None, "topics": []},
        {"name": "magnet", "license": None, "topics": []},
    ]


def test_events_that_left_the_list_stay_in_the_table(tmp_path: Path) -> None:
    api = Replay("github", tmp_path, owner="acme-labs")

    assert api.run("events", *EVENTS).changes.added == 3

    assert api.connector.syncs["events"].delete_rule is None
    [row] = api.rows("SELECT id, type, actor, repo, payload FROM github.events WHERE type = 'PushEvent'")
    assert json.loads(row.pop("payload"))["ref"] == "refs/heads/main"
    assert row == {"id": "38900000003", "type": "PushEvent", "actor": "wile", "repo": "acme-labs/anvil"}


def test_issues_leave_out_pull_requests_and_go_on_where_they_ended(tmp_path: Path) -> None:
    api = Replay("github_repo", tmp_path, owner="acme-labs", repo="anvil")
    listed = "SELECT number, title, state, state_reason, labels, assignees, milestone FROM github_repo.issues"

    first = api.run("issues", *ISSUES)
    assert (first.status, first.mode, first.changes.added) == ("ok", "full", 2)
    assert api.rows(f"{listed} ORDER BY number") == [
        {
            "number": 1,
            "title": "Falls too late",
            "state": "open",
            "state_reason": None,
            "labels": ["bug", "physics"],
            "assignees": ["road-runner"],
            "milestone": None,
        },
        {
            "number": 3,
            "title": "Painted tunnels: works for others 🚇",
            "state": "closed",
            "state_reason": "completed",
            "labels": [],
            "assignees": [],
            "milestone": "v2",
        },
    ]

    # the next read asks for what was updated since the last change seen, that one included
    second = api.run("issues", NEWER_ISSUES)
    changes = second.changes
    assert second.mode == "incremental"
    assert (changes.added, changes.updated, changes.deleted, changes.unchanged) == (1, 1, 0, 1)
    assert api.rows("SELECT number, state FROM github_repo.issues ORDER BY number") == [
        {"number": 1, "state": "closed"},
        {"number": 3, "state": "closed"},
        {"number": 4, "state": "open"},
    ]


def test_comments_know_their_issue(tmp_path: Path) -> None:
    api = Replay("github_repo", tmp_path, owner="acme-labs", repo="anvil")

    api.run("comments", *COMMENTS)

    assert api.rows("SELECT id, issue_number, author, body FROM github_repo.comments ORDER BY id") == [
        {"id": 8001, "issue_number": 1, "author": "road-runner", "body": "Beep beep."},
        {"id": 8002, "issue_number": 1, "author": "road-runner", "body": "Meep."},
    ]


def test_releases_count_downloads_which_are_no_change(tmp_path: Path) -> None:
    api = Replay("github_repo", tmp_path, owner="acme-labs", repo="anvil")

    api.run("releases", *RELEASES)

    rows = api.rows(
        "SELECT tag, name, is_prerelease, downloads, assets FROM github_repo.releases ORDER BY id"
    )
    assets = [json.loads(row.pop("assets")) for row in rows]
    assert rows == [
        {"tag": "v0.1.0", "name": "v0.1.0", "is_prerelease": False, "downloads": 0},
        {"tag": "v1.0.0", "name": "v1.0.0", "is_prerelease": False, "downloads": 49},
        {"tag": "v2.0.0-rc1", "name": None, "is_prerelease": True, "downloads": 0},
    ]
    assert assets[1] == [
        {"name": "anvil.zip", "bytes": 1048576},
        {"name": "anvil.zip.sig", "bytes": 96},
    ]
    assert api.connector.syncs["releases"].field_specs["downloads"].hash is False


ALL = f"per_page=100&state=all&{BY_CREATION}"


def issues_of(repo: str, body: Any, status: int = 200, *, since: str = "") -> Answer:
    return Answer(f"/repos/acme-labs/{repo}/issues?{ALL}{since}", body, status=status)


def test_issues_of_all_repositories_go_on_by_themselves(tmp_path: Path) -> None:
    api = Replay("github", tmp_path, owner="acme-labs", token="ghp_acme")
    api.run("repos", *REPOS)
    assert {request.headers["Authorization"] for request in api.requests} == {"Bearer ghp_acme"}

    disabled = {"message": "Issues are disabled for this repo"}
    first = [
        issues_of("anvil", "issues.1.json"),
        issues_of("dotfiles", disabled, 410),
        issues_of("magnet", []),
    ]
    report = api.run("issues", *first, in_order=False)
    assert (report.status, counts(report)) == ("ok", (1, 0, 0, 0))
    assert api.rows("SELECT repo, number, title, labels, assignees FROM github.issues") == [
        {
            "repo": "anvil",
            "number": 1,
            "title": "Falls too late",
            "labels": ["bug"],
            "assignees": ["road-runner"],
        }
    ]

    # a second before the last change, which was a pull request's; repositories without records are read whole
    since = "&since=2024-02-02T09:59:59Z"
    later = [issues_of("anvil", [], since=since), issues_of("dotfiles", [], 410), issues_of("magnet", [])]
    assert counts(api.run("issues", *later, in_order=False)) == (0, 0, 0, 0)

    # once a week all is read, and what has gone is found
    api.clock.advance(days=8)
    weekly = [issues_of("anvil", "issues.2.json"), issues_of("dotfiles", [], 410), issues_of("magnet", [])]
    report = api.run("issues", *weekly, in_order=False)
    assert (report.mode, counts(report)) == ("full", (1, 0, 1, 0))


def test_only_organisations_have_members(tmp_path: Path) -> None:
    api = Replay("github", tmp_path, owner="acme-labs")
    members = "/orgs/acme-labs/members?per_page=100"
    assert counts(api.run("members", Answer(members, "members.1.json"))) == (1, 0, 0, 0)
    assert "Authorization" not in api.requests[0].headers

    report = api.run("members", Answer(members, {"message": "Not Found"}, status=404))
    assert (report.status, counts(report)) == ("ok", (0, 0, 0, 0))
    assert report.notes[0].startswith(f"skipped: GET {URL}/orgs/acme-labs/members")


def test_rate_limits_are_waited_for(tmp_path: Path) -> None:
    api = Replay("github", tmp_path, owner="acme-labs")
    members = "/orgs/acme-labs/members?per_page=100"
    reset = int(api.clock.now().timestamp()) + 1200
    primary = Answer(
        members,
        {"message": "API rate limit exceeded for 203.0.113.7."},
        status=403,
        headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)},
    )
    secondary = Answer(
        members,
        {"message": "You have exceeded a secondary rate limit."},
        status=403,
        headers={"Retry-After": "60"},
    )

    assert api.run("members", secondary, primary, Answer(members, "members.1.json")).status == "ok"

    assert 60 in api.slept
    assert api.clock.now().timestamp() > reset


def test_other_refusals_end_the_run(tmp_path: Path) -> None:
    api = Replay("github", tmp_path, owner="acme-labs", token="ghp_acme")
    report = api.run("repos", Answer(REPOS[0].url, {"message": "Resource protected"}, status=403))
    assert report.message == f'GET {REPOS[0].url}: 403: {{"message":"Resource protected"}}'
