"""The Airtable connector, against answers of the documented shape."""

from __future__ import annotations

import json
from pathlib import Path

from tests.connectors.replay import Answer, Replay, counts

BASES = (Answer("/meta/bases", "bases.1.json"), Answer("/meta/bases?offset=itr1/app2", "bases.2.json"))
TABLES = (
    Answer("/meta/bases/appAnvil/tables", "tables.1.json"),
    Answer("/meta/bases/appRocket/tables", {"tables": []}),
)
RECORDS = (
    Answer("/appAnvil/tblOrders?pageSize=100", "records.1.json"),
    Answer("/appAnvil/tblOrders?pageSize=100&offset=itrAbc/rec2", "records.2.json"),
)


def with_tables(folder: Path) -> Replay:
    api = Replay("airtable", folder, token="pat-1")
    assert counts(api.run("bases", *BASES)) == (2, 0, 0, 0)
    assert counts(api.run("tables", *TABLES)) == (1, 0, 0, 0)
    return api


def test_records_are_read_for_each_table_of_each_base(tmp_path: Path) -> None:
    api = with_tables(tmp_path)

    assert counts(api.run("records", *RECORDS)) == (3, 0, 0, 0)
    [table] = api.rows("SELECT base, name, fields->>'$[1].name' AS second FROM airtable.tables")
    assert table == {"base": "appAnvil", "name": "Orders", "second": "Item"}
    rows = api.rows('SELECT base, "table", id, cells FROM airtable.records ORDER BY id LIMIT 1')
    assert json.loads(rows[0].pop("cells")) == {"No": 1, "Item": "Anvil"}
    assert rows == [{"base": "appAnvil", "table": "tblOrders", "id": "rec1"}]


def test_a_second_read_finds_what_changed_and_what_is_gone(tmp_path: Path) -> None:
    api = with_tables(tmp_path)
    api.run("records", *RECORDS)

    assert counts(api.run("records", Answer(RECORDS[0].url, "records.3.json"))) == (0, 1, 1, 1)
    assert api.column("SELECT cells->>'Item' FROM airtable.records WHERE id = 'rec1'") == ["Anvil, large"]


def test_too_many_requests_wait_half_a_minute(tmp_path: Path) -> None:
    api = Replay("airtable", tmp_path, token="pat-1")
    limited = {
        "errors": [{"error": "RATE_LIMIT_REACHED", "message": "Rate limit exceeded. Please try again later"}]
    }

    report = api.run("bases", Answer("/meta/bases", limited, status=429), *BASES)

    assert (report.status, api.slept) == ("ok", [30.0])


def test_what_airtable_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    api = Replay("airtable", tmp_path, token="pat-1")
    refused = {"error": {"type": "AUTHENTICATION_REQUIRED", "message": "Authentication required"}}

    report = api.run("bases", Answer("/meta/bases", refused, status=401))

    assert (report.status, report.message) == (
        "failed",
        "GET https://api.airtable.com/v0/meta/bases: 401: Authentication required",
    )
