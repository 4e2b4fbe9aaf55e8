"""The Metabase connector, against answers of the documented shape."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.replay import Answer, Replay, counts

LOGIN = Answer(
    "POST /session", {"id": "38f4-1"}, sent={"username": "wile@acme.example", "password": "beep-beep"}
)
QUESTIONS = "/card?f=all"


def metabase(folder: Path) -> Replay:
    config = {
        "url": "https://metabase.acme.example",
        "username": "wile@acme.example",
        "password": "beep-beep",
    }
    return Replay("metabase", folder, **config)


def test_users_are_counted_through_and_a_session_is_sent(tmp_path: Path) -> None:
    api = metabase(tmp_path)

    report = api.run(
        "users",
        LOGIN,
        Answer("/user?limit=100&offset=0", "users.1.json"),
        Answer("/user?limit=100&offset=2", "users.2.json"),
    )

    assert counts(report) == (3, 0, 0, 0)
    assert [request.headers.get("x-metabase-session") for request in api.requests] == [
        None,
        "38f4-1",
        "38f4-1",
    ]
    assert api.column("SELECT email FROM metabase.users WHERE is_admin") == ["user1@acme.example"]


def test_an_api_key_needs_no_session(tmp_path: Path) -> None:
    api = Replay("metabase", tmp_path, url="https://metabase.acme.example", api_key="mb_1")

    assert counts(api.run("dashboards", Answer("/dashboard", "dashboards.1.json"))) == (1, 0, 0, 0)
    assert api.requests[0].headers["x-api-key"] == "mb_1"


def test_questions_that_did_not_change_are_left_out_and_the_daily_read_finds_missing_ones(
    tmp_path: Path,
) -> None:
    api = metabase(tmp_path)
    assert counts(api.run("questions", LOGIN, Answer(QUESTIONS, "questions.1.json"))) == (3, 0, 0, 0)

    report = api.run("questions", LOGIN, Answer(QUESTIONS, "questions.2.json"))

    assert (report.mode, counts(report)) == ("incremental", (0, 1, 0, 1))
    api.clock.advance(days=1)
    report = api.run("questions", LOGIN, Answer(QUESTIONS, "questions.2.json"))
    assert (report.mode, counts(report)) == ("full", (0, 0, 1, 2))
    assert api.column("SELECT name FROM metabase.questions ORDER BY id") == ["Question one", "Question 2"]


def test_a_wrong_password_is_told_without_showing_it(tmp_path: Path) -> None:
    refused = {"errors": {"password": "did not match stored password"}}

    report = metabase(tmp_path).run("dashboards", Answer("POST /session", refused, status=401))

    assert report.status == "failed"
    assert report.message == (
        "no session for acme: POST https://metabase.acme.example/api/session: 401:"
        ' {"errors":{"password":"***"}}'
    )
