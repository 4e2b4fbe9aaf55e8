"""The Slack connector, against answers of the documented shape."""

from __future__ import annotations

import json
from pathlib import Path

from tests.connectors.replay import Answer, Replay, counts

CHANNELS = (
    Answer("/conversations.list?limit=200&types=public_channel,private_channel", "channels.1.json"),
    Answer(
        "/conversations.list?limit=200&types=public_channel,private_channel&cursor=dGVhbTpDMDI=",
        "channels.2.json",
    ),
)
FIRST = "oldest=946684800&inclusive=true"
GENERAL = (
    Answer(f"/conversations.history?limit=200&channel=C01&{FIRST}", "messages.1.json"),
    Answer(
        f"/conversations.history?limit=200&channel=C01&{FIRST}&cursor=bmV4dF90czoxNzE3", "messages.2.json"
    ),
)
EMPTY = {"ok": True, "messages": [], "has_more": False, "response_metadata": {"next_cursor": ""}}
ANVILS = Answer(f"/conversations.history?limit=200&channel=C02&{FIRST}", EMPTY)
REPLIES = "/conversations.replies?limit=200&channel=C01&ts=1717151000.000200"


def slack(folder: Path) -> Replay:
    return Replay("slack", folder, token="xoxb-1")


def test_channels_are_read_page_by_page(tmp_path: Path) -> None:
    api = slack(tmp_path)

    assert counts(api.run("channels", *CHANNELS)) == (3, 0, 0, 0)
    assert {request.headers["authorization"] for request in api.requests} == {"Bearer xoxb-1"}
    assert api.rows("SELECT id, name, topic, members, is_member FROM slack.channels WHERE is_archived") == [
        {"id": "C03", "name": "elsewhere", "topic": "", "members": 0, "is_member": False}
    ]


def test_messages_are_read_for_each_channel_that_the_bot_is_in_and_the_last_week_again(
    tmp_path: Path,
) -> None:
    api = slack(tmp_path)
    api.run("channels", *CHANNELS)

    report = api.run("messages", *GENERAL, ANVILS)
    assert counts(report) == (3, 0, 0, 0)
    [row] = api.rows(
        "SELECT channel, text, replies, bot, files, last_reply_at::VARCHAR AS last FROM slack.messages WHERE bot NOTNULL"
    )
    assert json.loads(row.pop("files")) == [{"id": "F01", "name": "receipt.pdf", "type": "pdf"}]
    assert row == {"channel": "C01", "text": "Anvil 9 delivered", "replies": None, "bot": "B01", "last": None}

    # an edited message has its old time: it is among those of the last seven days
    week_before = 1717152000 - 7 * 24 * 3600
    second = api.run(
        "messages",
        Answer(
            f"/conversations.history?limit=200&channel=C01&oldest={week_before}&inclusive=true",
            "messages.3.json",
        ),
        ANVILS,
    )
    assert (second.mode, counts(second)) == ("incremental", (1, 1, 0, 2))
    assert api.column("SELECT text FROM slack.messages WHERE edited_at NOTNULL") == [
        "Tunnel is painted, twice"
    ]


def test_deleted_messages_are_found_by_the_monthly_read(tmp_path: Path) -> None:
    api = slack(tmp_path)
    api.run("channels", *CHANNELS)
    api.run("messages", *GENERAL, ANVILS)
    api.clock.advance(days=31)

    report = api.run("messages", GENERAL[0], Answer(GENERAL[1].url, EMPTY), ANVILS)

    assert (report.mode, counts(report)) == ("full", (0, 0, 1, 2))


def test_threads_are_read_again_when_their_first_message_has_changed(tmp_path: Path) -> None:
    api = slack(tmp_path)
    api.run("channels", *CHANNELS)
    api.run("messages", *GENERAL, ANVILS)

    assert counts(api.run("replies", Answer(REPLIES, "replies.1.json"))) == (2, 0, 0, 0)
    assert api.column("SELECT text FROM slack.replies ORDER BY sent_at") == ["Me", "Fine"]
    assert counts(api.run("replies")) == (0, 0, 0, 0)  # nothing is asked


def test_a_rate_limit_is_waited_for(tmp_path: Path) -> None:
    api = slack(tmp_path)
    limited = {"ok": False, "error": "ratelimited"}

    report = api.run(
        "users",
        Answer("/users.list?limit=200", limited, status=429, headers={"Retry-After": "30"}),
        Answer("/users.list?limit=200", limited),
        Answer("/users.list?limit=200", "users.1.json"),
    )

    assert counts(report) == (2, 0, 0, 0)
    assert api.slept[0] == 30
    assert api.rows("SELECT id, real_name FROM slack.users WHERE is_deactivated") == [
        {"id": "U02", "real_name": "Road"}
    ]


def test_errors_come_with_status_200(tmp_path: Path) -> None:
    api = slack(tmp_path)
    lacking = {"ok": False, "error": "missing_scope", "needed": "users:read", "provided": "channels:read"}

    report = api.run("users", Answer("/users.list?limit=200", lacking))
    assert (report.status, report.message) == (
        "failed",
        "GET https://slack.com/api/users.list?limit=200: 200: the token lacks the scope users:read",
    )
    report = api.run("users", Answer("/users.list?limit=200", {"ok": False, "error": "token_revoked"}))
    assert report.message == "GET https://slack.com/api/users.list?limit=200: 200: token_revoked"


def test_a_channel_that_the_bot_had_to_leave_keeps_its_messages(tmp_path: Path) -> None:
    api = slack(tmp_path)
    api.run("channels", *CHANNELS)
    api.run("messages", *GENERAL, ANVILS)

    report = api.run(
        "messages", Answer(GENERAL[0].url, {"ok": False, "error": "not_in_channel"}), ANVILS, full=True
    )

    assert (report.status, counts(report)) == ("ok", (0, 0, 0, 0))
    assert report.notes == (f"skipped: GET https://slack.com/api{GENERAL[0].url}: 200: not_in_channel",)
