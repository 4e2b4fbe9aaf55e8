"""The Google Calendar connector, against answers of the documented shape."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.connectors.replay import Answer, Replay, counts

TOKEN = Answer("POST https://oauth2.googleapis.com/token", {"access_token": "ya29-1", "expires_in": 3599})
CALENDARS = Answer("/users/me/calendarList?maxResults=250&showHidden=true", "calendars.1.json")
MINE = "/calendars/wile@acme.example/events?maxResults=2500"
HOLIDAYS = "/calendars/en.desert#holiday@group.v.calendar.google.com/events?maxResults=2500"
NOTHING = {"kind": "calendar#events", "items": [], "nextSyncToken": "h-1"}


def calendar(folder: Path) -> Replay:
    api = Replay("google_calendar", folder, client_email="sync@acme.example", private_key=private_key())
    api.run("calendars", TOKEN, CALENDARS)
    return api


def first_read(api: Replay) -> None:
    report = api.run(
        "events",
        TOKEN,
        Answer(MINE, "events.1.json"),
        Answer(f"{MINE}&pageToken=p2", "events.2.json"),
        Answer(HOLIDAYS, NOTHING),
        in_order=False,
    )
    assert counts(report) == (3, 0, 0, 0)


@cache
def private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def test_events_are_read_for_each_calendar(tmp_path: Path) -> None:
    api = calendar(tmp_path)
    first_read(api)

    assert api.rows("SELECT id, summary, is_primary FROM google_calendar.calendars ORDER BY summary") == [
        {
            "id": "en.desert#holiday@group.v.calendar.google.com",
            "summary": "Holidays in the desert",
            "is_primary": False,
        },
        {"id": "wile@acme.example", "summary": "Mine", "is_primary": True},
    ]
    assert api.rows(
        "SELECT id, is_all_day, recurrence, starts_at::VARCHAR AS starts FROM google_calendar.events ORDER BY id"
    ) == [
        {
            "id": "ev1",
            "is_all_day": False,
            "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO"],
            "starts": "2024-04-01 16:00:00+00",
        },
        {"id": "ev2", "is_all_day": False, "recurrence": None, "starts": "2024-04-01 16:00:00+00"},
        {"id": "ev3", "is_all_day": True, "recurrence": None, "starts": "2024-04-05 00:00:00+00"},
    ]


def test_a_sync_token_lists_what_changed_and_cancelled_events_are_deleted(tmp_path: Path) -> None:
    api = calendar(tmp_path)
    first_read(api)

    report = api.run(
        "events",
        TOKEN,
        Answer(f"{MINE}&syncToken=s-1", "events.3.json"),
        Answer(f"{HOLIDAYS}&syncToken=h-1", NOTHING),
        in_order=False,
    )

    # a cancelled occurrence stays: it says that the recurring event does not take place then
    assert (report.mode, counts(report)) == ("incremental", (1, 1, 1, 0))
    assert api.rows(
        "SELECT id, status, recurring_event FROM google_calendar.events WHERE status <> 'confirmed'"
    ) == [{"id": "ev1_20240408T160000Z", "status": "cancelled", "recurring_event": "ev1"}]


def test_r16_an_expired_sync_token_reads_everything_again(tmp_path: Path) -> None:
    api = calendar(tmp_path)
    api.run(
        "calendars", TOKEN, Answer(CALENDARS.url, {"items": [{"id": "wile@acme.example", "summary": "Mine"}]})
    )
    api.run("events", TOKEN, Answer(MINE, "events.1.json"), Answer(f"{MINE}&pageToken=p2", "events.2.json"))
    gone = {"error": {"code": 410, "message": "Sync token is no longer valid, a full sync is required."}}

    report = api.run(
        "events",
        TOKEN,
        Answer(f"{MINE}&syncToken=s-1", gone, status=410),
        Answer(MINE, "events.4.json"),
    )

    assert (report.status, report.mode, counts(report)) == ("ok", "full", (0, 0, 2, 1))
    assert report.notes[0].startswith("the cursor has expired, everything is read again: GET ")


def test_a_refresh_token_or_a_person_signs_in_as_well(tmp_path: Path) -> None:
    client = {"client_id": "app-1", "client_secret": "shh-secret"}
    (tmp_path / "refresh").mkdir()
    (tmp_path / "person").mkdir()

    api = Replay("google_calendar", tmp_path / "refresh", **client, refresh_token="1//refresh")
    api.keep_secrets()
    sent = {"grant_type": "refresh_token", "refresh_token": "1//refresh", **client}
    assert api.run("calendars", Answer(TOKEN.url, TOKEN.body, sent=sent), CALENDARS).status == "ok"

    api = Replay("google_calendar", tmp_path / "person", **client)
    api.keep_secrets()
    assert api.run("calendars").hint == "sign in with `syncrun auth login acme`"
    api.sign_in("ya29-2")
    assert api.run("calendars", CALENDARS).status == "ok"
    assert api.requests[0].headers["authorization"] == "Bearer ya29-2"


def test_rate_limits_come_with_status_403(tmp_path: Path) -> None:
    api = Replay("google_calendar", tmp_path, client_email="sync@acme.example", private_key=private_key())
    limited = {
        "error": {"code": 403, "message": "Rate Limit Exceeded", "errors": [{"reason": "rateLimitExceeded"}]}
    }
    forbidden = {
        "error": {
            "code": 403,
            "message": "Insufficient Permission",
            "errors": [{"reason": "insufficientPermissions"}],
        }
    }

    report = api.run("calendars", TOKEN, Answer(CALENDARS.url, limited, status=403), CALENDARS)
    assert (report.status, len(api.slept)) == ("ok", 1)

    report = api.run("calendars", TOKEN, Answer(CALENDARS.url, forbidden, status=403))
    assert (report.status, report.message) == (
        "failed",
        "GET https://www.googleapis.com/calendar/v3/users/me/calendarList?maxResults=250&showHidden=true: 403: Insufficient Permission",
    )
