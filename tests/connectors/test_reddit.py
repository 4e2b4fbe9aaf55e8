"""The Reddit connector, against answers of the documented shape."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.replay import Answer, Replay, counts

TOKEN = Answer(
    "POST https://www.reddit.com/api/v1/access_token",
    {"access_token": "tok-1", "token_type": "bearer", "expires_in": 86400, "scope": "*"},
    sent={"grant_type": "password", "username": "wile", "password": "beep-beep"},
)
POSTS = (
    Answer("/r/anvils/new?limit=100&raw_json=1", "posts.1.json"),
    Answer("/r/anvils/new?limit=100&raw_json=1&after=t3_b", "posts.2.json"),
)


def reddit(folder: Path) -> Replay:
    config = {
        "client_id": "app-1",
        "client_secret": "shh-secret",
        "username": "wile",
        "password": "beep-beep",
    }
    return Replay("reddit", folder, subreddits=["anvils"], **config)


def test_posts_are_read_for_each_subreddit_and_stay(tmp_path: Path) -> None:
    api = reddit(tmp_path)

    assert counts(api.run("posts", TOKEN, *POSTS)) == (3, 0, 0, 0)
    assert {request.headers["user-agent"] for request in api.requests} == {
        "python:syncrun:v1.0.0 (by /u/wile)"
    }
    assert api.rows("SELECT title, score, comments FROM reddit.posts WHERE flair = 'Help'") == [
        {"title": "Post c", "score": 9, "comments": 4}
    ]

    # Reddit's list ends after a thousand posts: what is no longer in it is not deleted
    assert counts(
        api.run("posts", TOKEN, Answer(POSTS[0].url, {"data": {"children": [], "after": None}}))
    ) == (0, 0, 0, 0)
    assert len(api.column("SELECT id FROM reddit.posts")) == 3


def test_a_private_subreddit_is_done_without(tmp_path: Path) -> None:
    api = reddit(tmp_path)
    private = {"reason": "private", "message": "Forbidden", "error": 403}

    report = api.run("posts", TOKEN, Answer(POSTS[0].url, private, status=403))

    assert (report.status, report.notes) == (
        "ok",
        ("skipped: GET https://oauth.reddit.com/r/anvils/new?limit=100&raw_json=1: 403: private",),
    )


def test_a_wrong_password_comes_with_status_200(tmp_path: Path) -> None:
    report = reddit(tmp_path).run("posts", Answer(TOKEN.url, {"error": "invalid_grant"}))

    assert (report.status, report.message) == (
        "failed",
        "no token for acme: the API refuses: invalid_grant",
    )
