"""The two GitHub connectors, against answers of the documented shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.connectors.replay import Answer, Replay

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
BY_UPDATE = "sort=updated&direction=asc"
ISSUES = pages(
    f"{REPO}/issues?per_page=100&state=all&{BY_UPDATE}",
    f"{URL}/repositories/9001/issues?per_page=100&state=all&{BY_UPDATE}&page=2",
    "issues",
)
NEWER_ISSUES = Answer(
    f"{REPO}/issues?per_page=100&state=all&{BY_UPDATE}&since=2024-03-05T06:07:08Z", "issues.3.json"
)
COMMENTS = pages(
    f"{REPO}/issues/comments?per_page=100&{BY_UPDATE}",
    f"{URL}/repositories/9001/issues/comments?per_page=100&{BY_UPDATE}&page=2",
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
