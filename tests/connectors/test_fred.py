"""The FRED connector, against answers of the documented shape."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.replay import Answer, Replay, counts

SERIES = "/series?series_id=ANVILS&file_type=json&api_key=k-123456"
VALUES = "/series/observations?series_id=ANVILS&file_type=json&limit=100000&offset={}&api_key=k-123456"


def fred(folder: Path) -> Replay:
    return Replay("fred", folder, key="k-123456", series=["ANVILS"])


def test_series_are_those_that_the_config_lists(tmp_path: Path) -> None:
    api = fred(tmp_path)

    assert counts(api.run("series", Answer(SERIES, "series.1.json"))) == (1, 0, 0, 0)
    assert api.rows("SELECT id, frequency, updated_at::VARCHAR AS updated FROM fred.series") == [
        {"id": "ANVILS", "frequency": "M", "updated": "2024-04-05 12:46:03+00"}
    ]


def test_observations_are_counted_through_and_a_point_is_no_value(tmp_path: Path) -> None:
    api = fred(tmp_path)
    pages = (Answer(VALUES.format(0), "observations.1.json"), Answer(VALUES.format(2), "observations.2.json"))

    assert counts(api.run("observations", *pages)) == (3, 0, 0, 0)
    assert api.rows("SELECT series, day::VARCHAR AS day, value FROM fred.observations ORDER BY day") == [
        {"series": "ANVILS", "day": "2024-01-01", "value": 3.7},
        {"series": "ANVILS", "day": "2024-02-01", "value": None},
        {"series": "ANVILS", "day": "2024-03-01", "value": 3.8},
    ]


def test_r23_a_refusal_is_told_without_the_key(tmp_path: Path) -> None:
    refused = {"error_code": 400, "error_message": "Bad Request.  The series does not exist."}

    report = fred(tmp_path).run("series", Answer(SERIES, refused, status=400))

    assert (report.status, report.message) == (
        "failed",
        "GET https://api.stlouisfed.org/fred/series?series_id=ANVILS&file_type=json: 400: Bad Request. The series does not exist.",
    )
