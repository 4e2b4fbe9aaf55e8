"""`syncrun test`: recorded answers through a connector, compared with what its `tests` expect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api import Api
from tests.cli.test_events import check
from tests.project_folder import ProjectFolder

CONNECTOR = """
connector: shop
base_url: {url}
config: {{shop: {{}}, token: {{secret: true, env: SHOP_TOKEN}}}}
auth: {{type: oauth2, grant: client_credentials, token_url: "{url}/token", client_id: me, client_secret: "${{config.token}}"}}
headers: {{X-Shop: "${{config.shop}}"}}
syncs:
  items:
    request: {{path: /items, params: {{since: "${{cursor}}", key: "${{config.token}}"}}}}
    pagination: {{type: cursor, token: next, into: params.after}}
    records: items
    incremental: {{cursor: at}}
    key: id
    fields: {{id: {{path: id, type: integer}}, at: {{path: at, type: timestamp}}}}
  notes:
    for_each: {{sync: items, as: item}}
    request: {{path: "/items/${{item.id}}/notes", method: POST, json: {{q: x}}}}
    pagination: none
    key: id
    fields: {{id: id, text: text}}
"""
TESTS = """
tests:
  - sync: items
    responses: tests/items.json
    config: {shop: anvils}    # whose
    expect:
      records: 2              # two of them
      cursor: "2024-05-02"
      requests: 2
  - sync: notes
    responses: tests/notes.json
    config: {shop: anvils}
    expect: {records: [{id: 10, text: x}]}
"""
URL = "https://shop.test"


def exchange(url: str, answer: Any, method: str = "GET", **request: Any) -> dict[str, Any]:
    return {"request": {"method": method, "url": url, **request}, "response": {"status": 200, "json": answer}}


FIRST = exchange(f"{URL}/items", {"items": [{"id": 1, "at": "2024-05-01T00:00:00Z"}], "next": "b"})
SECOND = exchange(f"{URL}/items?after=b", {"items": [{"id": 2, "at": "2024-05-02T00:00:00Z"}]})
NOTES = [
    exchange(f"{URL}/items/{n}/notes", [{"id": 10 * n, "text": "x"}], "POST", json={"q": "x"}) for n in (1, 2)
]


@pytest.fixture
def shop(tmp_path: Path) -> ProjectFolder:
    folder = ProjectFolder(tmp_path)
    folder.write("connectors/shop.yaml", CONNECTOR.format(url=URL) + TESTS)
    record(folder, "items", FIRST, SECOND)
    record(folder, "notes", FIRST, SECOND, *NOTES)
    folder.write("syncrun.yaml", "database: data.duckdb\n")
    return folder


def record(folder: ProjectFolder, name: str, *exchanges: dict[str, Any]) -> None:
    folder.write(f"tests/{name}.json", json.dumps(exchanges))


def test_recorded_answers_go_through_the_connector_without_network_or_credentials(
    shop: ProjectFolder,
) -> None:
    before = sorted(shop.folder.rglob("*"))

    done = shop.syncrun("test")

    assert (done.exit_code, done.stderr) == (0, "2 tests, 0 failed\n")
    assert done.stdout == (
        "✓ shop/items (tests/items.json)  2 records, 2 requests\n"
        "✓ shop/notes (tests/notes.json)  2 records, 2 requests\n"
    )
    assert sorted(shop.folder.rglob("*")) == before


def test_r34_the_check_of_who_is_asking_is_replayed_where_it_is_recorded(shop: ProjectFolder) -> None:
    check = "check: {request: /me, expect: id}\n"
    shop.write("connectors/shop.yaml", CONNECTOR.format(url=URL) + check + TESTS)
    assert shop.syncrun("test").exit_code == 0  # it is in no recording yet

    record(shop, "items", exchange(f"{URL}/me", {"id": 7}), FIRST, SECOND)
    assert "items (tests/items.json)  2 records, 3 requests\n" in shop.syncrun("test").stdout

    record(shop, "items", exchange(f"{URL}/me", {"message": "hello, stranger"}), FIRST, SECOND)
    assert "status: expected ok, got failed: who is asking is not proven" in shop.syncrun("test").stdout


def test_a_difference_is_a_sentence_and_exit_code_1(shop: ProjectFolder) -> None:
    changed = exchange(
        f"{URL}/items?after=b", {"items": [{"id": 2, "at": "2024-05-03T00:00:00Z"}, {"id": 3}]}
    )
    record(shop, "items", FIRST, changed)
    record(
        shop,
        "notes",
        FIRST,
        SECOND,
        exchange(f"{URL}/items/1/notes", [{"id": 10}], "POST", json={"q": "x"}),
        NOTES[1],
    )

    done = shop.syncrun("test")

    assert (done.exit_code, done.stderr) == (1, "2 tests, 2 failed\n")
    assert done.stdout == (
        "✗ shop/items (tests/items.json)  3 records, 2 requests\n"
        '  cursor: expected "2024-05-02", got "2024-05-03T00:00:00.000000Z"\n'
        "  records: expected 2, got 3\n"
        "✗ shop/notes (tests/notes.json)  2 records, 2 requests\n"
        '  record 1, text: expected "x", got null\n'
    )


def test_a_request_without_an_answer_is_told_with_the_nearest(shop: ProjectFolder) -> None:
    record(shop, "items", FIRST, exchange(f"{URL}/items?after=c", {}))

    told = shop.syncrun("test", "shop").stdout

    assert f"  GET {URL}/items?key=***&after=b: no answer in tests/items.json\n" in told
    assert f"    hint: the nearest recorded request is GET {URL}/items?after=c\n" in told


def test_answers_that_nobody_asks_for_and_questions_asked_twice_are_told(shop: ProjectFolder) -> None:
    record(shop, "items", FIRST, SECOND, SECOND)
    assert "  1 of the answers in tests/items.json were not asked for\n" in shop.syncrun("test").stdout

    again = exchange(f"{URL}/items", {"items": [], "next": "b"})
    record(shop, "items", again, exchange(f"{URL}/items?after=b", {"items": [], "next": "b"}))
    assert "status: expected ok, got incomplete" in shop.syncrun("test").stdout


def test_update_writes_the_new_values_and_keeps_everything_else(shop: ProjectFolder) -> None:
    changed = exchange(
        f"{URL}/items?after=b", {"items": [{"id": 2, "at": "2024-05-03T00:00:00Z"}, {"id": 3}]}
    )
    record(shop, "items", FIRST, changed)
    file = shop.folder / "connectors" / "shop.yaml"
    before = file.read_text(encoding="utf-8")

    done = shop.syncrun("test", "--update")

    assert (done.exit_code, done.stderr) == (0, "2 tests, 0 failed\n")
    assert file.read_text(encoding="utf-8") == before.replace("records: 2  ", "records: 3  ").replace(
        '"2024-05-02"', '"2024-05-03T00:00:00.000000Z"'
    )
    assert shop.syncrun("test").exit_code == 0


def test_a_list_of_recordings_is_a_list_of_runs(shop: ProjectFolder) -> None:
    later = exchange(
        f"{URL}/items?since=2024-05-02T00:00:00Z", {"items": [{"id": 2, "at": "2024-05-04T00:00:00Z"}]}
    )
    record(shop, "later", later)
    file = shop.folder / "connectors" / "shop.yaml"
    text = file.read_text(encoding="utf-8").replace(
        "responses: tests/items.json", "responses: [tests/items.json, tests/later.json]"
    )
    file.write_text(
        text.replace("requests: 2", "requests: 1\n      updated: 1\n      added: 0").replace(
            "2024-05-02", "2024-05-04"
        ),
        encoding="utf-8",
    )

    assert shop.syncrun("test").exit_code == 0


def test_r23_recording_asks_the_api_and_keeps_no_secret(tmp_path: Path, api: Api) -> None:
    folder = ProjectFolder(tmp_path, env={"SHOP_TOKEN": "very-secret-token"})
    folder.write(
        "connectors/shop.yaml", CONNECTOR.format(url=api.url) + TESTS.split("  - sync: notes", maxsplit=1)[0]
    )
    folder.write("syncrun.yaml", "database: data.duckdb\n")
    api.clear()
    api.on("POST /token", json={"access_token": "issued-token", "token_type": "Bearer", "expires_in": 3600})
    first = {
        "items": [{"id": 1, "at": "2024-05-01T00:00:00Z"}],
        "next": "b",
        "access_token": "another",
        "echo": "issued-token",
    }
    api.on("GET /items", json=first)
    api.on("GET /items?after=b", json={"items": [{"id": 2, "at": "2024-05-02T00:00:00Z"}]})

    done = folder.syncrun("test", "shop", "--record")

    assert done.exit_code == 0, done.stdout + done.stderr
    text = (tmp_path / "tests" / "items.json").read_text(encoding="utf-8")
    assert "secret" not in text
    assert "issued" not in text
    assert "another" not in text
    saved = json.loads(text)
    assert [each["request"]["url"] for each in saved] == [
        f"{api.url}/items?key=***",
        f"{api.url}/items?key=***&after=b",
    ]
    assert saved[0]["response"]["json"]["echo"] == "***"


def test_a_connector_without_tests_is_told_what_to_write(project: ProjectFolder, api: Api) -> None:
    done = project.syncrun("test", "store", "--record")
    first, *lines = done.stderr.splitlines()
    assert (done.exit_code, first) == (2, "error: store has no tests to record")
    assert lines == [
        "  hint: write into connectors/store.yaml, then run `syncrun test store --record --update`:",
        "  tests:",
        "    - {sync: items, responses: tests/store/items.json, config: {url: …}, expect: {records: 0}}",
        "    - {sync: notes, responses: tests/store/notes.json, config: {url: …}, expect: {records: 0}}",
        "    - {sync: events, responses: tests/store/events.json, config: {url: …}, expect: {records: 0}}",
    ]
    file = project.folder / "connectors" / "store.yaml"
    paste = "\n".join(line.removeprefix("  ") for line in lines[1:]).replace("…", f"'{api.url}'")
    file.write_text(f"{file.read_text()}\n{paste}\n", encoding="utf-8")
    assert project.syncrun("test", "store", "--record", "--update").exit_code == 0
    assert "responses: tests/store/items.json, config: {url: '" in file.read_text()
    assert "expect: {records: 2}}\n" in file.read_text()
    assert project.syncrun("test").stderr == "3 tests, 0 failed\n"


def test_tests_that_cannot_be_used_are_refused_with_their_place(shop: ProjectFolder) -> None:
    file = shop.folder / "connectors" / "shop.yaml"
    good = file.read_text(encoding="utf-8")
    for before, after, message in (
        ("- sync: items", "- sync: item", "unknown sync 'item'"),
        ("{shop: anvils}    #", "{shap: anvils}    #", "unknown config value 'shap'"),
        ("tests/items.json", "../items.json", "'../items.json' is outside the project folder"),
        ("      requests: 2", "      requests: 2\n    now: soon", "'soon' is no time"),
    ):
        file.write_text(good.replace(before, after, 1), encoding="utf-8")
        done = shop.syncrun("test")
        assert done.exit_code == 2
        assert message in done.stderr
    file.write_text(good, encoding="utf-8")
    shop.write("tests/items.json", "{}")
    assert shop.syncrun("test").stderr == "tests/items.json: expected a list of exchanges\n"
    shop.write("tests/items.json", '[{"request": 1}]')
    assert "exchange 1 needs request: {method, url} and response: {status}" in shop.syncrun("test").stderr
    (shop.folder / "tests" / "items.json").unlink()
    assert "tests/items.json: cannot be read: No such file or directory" in shop.syncrun("test").stderr


def test_programs_get_documented_events(shop: ProjectFolder) -> None:
    done = shop.syncrun("test", "--json")

    assert [event["event"] for event in done.events] == ["test", "test", "finished"]
    for event in done.events:
        check(event)
    assert done.events[-1] == {"event": "finished", "exit_code": 0, "tests": 2, "failed": 0}


def test_the_tests_of_built_in_connectors_pass(tmp_path: Path) -> None:
    done = ProjectFolder(tmp_path).syncrun("test", "github", "pokeapi")

    assert (done.exit_code, done.stderr) == (0, "2 tests, 0 failed\n")
