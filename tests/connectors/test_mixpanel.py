"""The Mixpanel connector, against answers of the documented shape."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.replay import CONNECTORS, Answer, Replay, counts

EXPORT = "/export?project_id=77&from_date={}&to_date={}"


def mixpanel(folder: Path) -> Replay:
    return Replay("mixpanel", folder, username="sync.77", secret="shh-secret", project=77, start="2024-05-20")


def test_events_are_exported_in_slices_of_a_week_and_late_ones_are_found(tmp_path: Path) -> None:
    api = mixpanel(tmp_path)
    lines = (CONNECTORS / "mixpanel" / "events.1.jsonl").read_bytes()

    report = api.run(
        "events",
        Answer(EXPORT.format("2024-05-20", "2024-05-27"), b""),
        Answer(EXPORT.format("2024-05-27", "2024-06-01"), lines),
    )

    assert (report.status, counts(report)) == ("ok", (2, 0, 0, 0))
    assert api.requests[0].headers["authorization"].startswith("Basic ")
    assert api.rows(
        "SELECT event, insert_id, city, properties->>'height' AS height, sent_at::VARCHAR AS sent FROM mixpanel.events ORDER BY sent_at LIMIT 1"
    ) == [
        {
            "event": "Drop",
            "insert_id": "a1",
            "city": "Phoenix",
            "height": "12",
            "sent": "2024-05-29 12:00:00+00",
        }
    ]

    late = (
        lines
        + b'{"event": "Splat", "properties": {"time": 1716940000, "distinct_id": "u-2", "$insert_id": "b1"}}\n'
    )
    again = api.run(
        "events",
        Answer(EXPORT.format("2024-05-24", "2024-05-31"), late),
        Answer(EXPORT.format("2024-05-31", "2024-06-01"), b""),
    )
    assert counts(again) == (1, 0, 0, 2)


def test_a_refusal_is_told(tmp_path: Path) -> None:
    refused = Answer(
        EXPORT.format("2024-05-20", "2024-05-27"), {"error": "Invalid service account"}, status=401
    )

    report = mixpanel(tmp_path).run("events", refused)

    assert (report.status, report.message) == (
        "failed",
        "GET https://data.mixpanel.com/api/2.0/export?project_id=77&from_date=2024-05-20&to_date=2024-05-27: 401: Invalid service account",
    )
