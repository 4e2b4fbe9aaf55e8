"""Dry runs: nothing is written, and what they say is what the next run does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncrun.engine.dryrun import DryRun
from tests.lab import ITEMS, Lab, items

FLAGGED = """
    syncs:
      items:
        request: {path: /items, params: {since: "${cursor}"}}
        pagination: none
        incremental: {cursor: at}
        deletes: {flag: gone}
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: timestamp}}
"""
KEYLESS = """
    syncs:
      items:
        request: /items
        pagination: none
        fields: {name: name}
"""
PARTITIONS = """
    syncs:
      items:
        for_each: {values: [a, b], as: place}
        request: /items/${place}
        pagination: none
        key: id
        fields: {id: {path: id, type: integer}, name: name}
"""
EXPLODED = """
    syncs:
      items:
        request: /items
        pagination: none
        explode: {path: parts, as: part}
        key: [id, no]
        fields: {id: id, no: part.no, size: part.size}
"""


def places(**records: list[dict[str, Any]] | int) -> Any:
    def api(request: httpx.Request) -> Any:
        found = records[request.url.path.rpartition("/")[2]]
        return httpx.Response(found) if isinstance(found, int) else found

    return api


def at(day: int, number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "at": f"2024-05-{day:02}T00:00:00Z", **more}


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below *folder*, with when it was changed and what is in it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


SCENARIOS: dict[str, tuple[str, list[Any], dict[str, Any]]] = {
    "full reads": (ITEMS, [items("a", "b", "c"), items("a", "B"), items("a", "B"), []], {}),
    "a guard that refuses": (ITEMS, [items(*"abcdefghijklmnopqrstuvwxyz"), items("a", "b")], {}),
    "deletes that are accepted": (ITEMS, [items("a", "b"), []], {"accept_deletes": True}),
    "a record that comes back": (ITEMS, [items("a", "b"), items("a"), items("a", "b")], {}),
    "duplicates": (ITEMS, [[*items("a", "b"), *items("A")], [*items("x"), *items("A")]], {}),
    "quarantine": (ITEMS, [[*items("a"), {"id": "no"}], [{"id": None}, *items("a", "b")]], {}),
    "limited": (ITEMS, [items("a", "b"), items("a")], {"limit": 1}),
    "flagged": (
        FLAGGED,
        [[at(1, 1), at(2, 2)], [at(3, 1), at(3, 2, gone=True), at(3, 9, gone=True)], [at(3, 2)]],
        {},
    ),
    "no key": (KEYLESS, [items("a", "a", "b"), items("b", "a", "c")], {}),
    "partitions": (
        PARTITIONS,
        [
            places(a=items("a", "b"), b=[{"id": 7, "name": "x"}]),
            places(a=items("a"), b=500),
            places(a=[{"id": 7, "name": "x"}, *items("a")], b=[]),
        ],
        {},
    ),
    "rows of elements": (
        EXPLODED,
        [
            [{"id": 1, "parts": [{"no": 1, "size": 2}, {"no": 2}]}],
            [{"id": 1, "parts": [{"no": 1, "size": 2.5}]}],
        ],
        {},
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_dry_run_counts_what_the_next_run_counts(lab: Lab, name: str) -> None:
    yaml, answers, options = SCENARIOS[name]
    lab.write(
        "retry: {attempts: 1}\n"
        + "".join(line.removeprefix("    ") for line in yaml.splitlines(keepends=True))
    )
    for answer in answers:
        lab.api = answer if callable(answer) else lambda _, answer=answer: answer
        before = contents(lab.folder)

        dry = lab.dry_run(**options)

        assert contents(lab.folder) == before, "a dry run wrote something"
        real = lab.run(**options)
        assert (dry.report.counts, dry.report.status) == (real.counts, real.status)
        assert dry.preview.changes == real.changes
        assert dry.report.message == real.message


def shown(dry: DryRun) -> list[tuple[str, Any, dict[str, Any], dict[str, Any]]]:
    return [(r.action, json.loads(r.id)[0], dict(r.values), dict(r.before)) for r in dry.preview.records]


def test_it_shows_each_change_with_the_fields_before_and_after(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a", "b", "c")
    lab.run()
    lab.api = lambda _: [{"id": 1, "name": "a"}, {"id": 2, "name": "B"}, {"id": 4, "name": "d"}]

    dry = lab.dry_run()

    assert shown(dry) == [
        ("UPDATED", 2, {"id": 2, "name": "B"}, {"name": "b"}),
        ("ADDED", 4, {"id": 4, "name": "d"}, {}),
        ("DELETED", 3, {"id": 3, "name": "c"}, {}),
    ]
    assert dry.deletes == "what the complete read did not see"
    assert dry.preview.table == ()


def test_before_the_first_run_there_is_no_database_and_none_afterwards(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a", "b")

    dry = lab.dry_run()

    assert (dry.report.changes.added, dry.preview.table) == (2, ("the table would be made",))
    assert sorted(path.name for path in lab.folder.iterdir()) == ["connectors"]


def test_a_limited_dry_run_deletes_nothing_and_says_so(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a", "b")
    lab.run()
    lab.api = lambda _: items("a")

    dry = lab.dry_run(limit=100)

    assert dry.report.changes.deleted == 0
    assert dry.deletes == "none for what was not seen: a limited read deletes nothing"


def test_r07_an_incomplete_read_deletes_nothing_and_says_so(lab: Lab) -> None:
    lab.write(
        "retry: {attempts: 1}\nsyncs: {items: {request: /items, pagination: {type: page, size: 1}, key: id, fields: [id]}}"
    )
    lab.api = lambda request: items("a") if request.url.params["page"] == "1" else httpx.Response(500)

    dry = lab.dry_run()

    assert (dry.report.status, dry.deletes) == ("failed", "none: the read did not come to its end")
    assert dry.preview.changes.added == 1  # what a run would have kept


def test_r10_the_guard_that_would_refuse_is_shown(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a")
    lab.run()
    lab.api = lambda _: []

    dry = lab.dry_run()

    assert dry.report.status == "incomplete"
    assert dry.deletes == "none: the result was empty, which would delete 1 live record: nothing was deleted"


def test_it_starts_from_another_cursor_when_told(lab: Lab) -> None:
    lab.write(FLAGGED)
    lab.api = lambda _: [at(1, 1)]

    first = lab.dry_run(cursor="2024-05-02T00:00:00.000000Z")
    lab.run()
    second = lab.dry_run(cursor="2024-04-01T00:00:00.000000Z")

    assert (first.report.mode, second.report.mode) == ("incremental", "incremental")
    assert lab.requests == [
        "GET /items?since=2024-05-02T00:00:00Z",
        "GET /items",
        "GET /items?since=2024-04-01T00:00:00Z",
    ]
    assert lab.checkpoint()["cursor"] == "2024-05-01T00:00:00.000000Z"


def test_detected_pagination_is_yaml_to_paste(lab: Lab) -> None:
    lab.write("syncs: {items: {request: /items, records: items, key: id, fields: [id]}}")
    lab.api = lambda _: {"items": [{"id": 1}], "next_cursor": None}

    assert (
        lab.dry_run().pagination
        == "pagination:\n  type: cursor\n  into: params.cursor\n  token: next_cursor\n"
    )


def test_quarantined_and_repeated_records_are_shown(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: [*items("a"), {"id": "no", "name": "x"}, *items("b")]

    dry = lab.dry_run()

    assert [(bad.path, bad.raw) for bad in dry.preview.rejected] == [("id", '{"id":"no","name":"x"}')]
    assert dry.preview.repeated == ("[1]",)
    assert shown(dry) == [("ADDED", 1, {"id": 1, "name": "b"}, {})]


def test_what_would_change_about_the_table_is_said_and_lossy_changes_fail_as_a_run_would(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a")
    lab.run()
    lab.write(ITEMS.replace("name: name}", "name: name, size: {path: size, type: integer}}"))
    assert lab.dry_run().preview.table == ("column size (integer) would be added",)

    lab.write(ITEMS.replace("name: name}", "name: {path: id, type: integer}}"))
    dry, real = lab.dry_run(), lab.run()

    assert (dry.report.status, dry.report.message) == ("failed", real.message)


def test_r23_secrets_that_an_api_echoes_are_not_shown(lab: Lab) -> None:
    lab.write(
        "config: {token: {secret: true}}\n" + "".join(line[4:] for line in ITEMS.splitlines(keepends=True))
    )
    lab.api = lambda _: items("a hidden-token of mine")

    dry = lab.dry_run(config={"token": "hidden-token"}, record=True)

    assert dry.preview.records[0].values == {"id": 1, "name": "a *** of mine"}
    assert dry.recording is not None
    assert dry.recording.exchanges == [
        {
            "request": {"method": "GET", "url": "https://api.test/items"},
            "response": {
                "status": 200,
                "headers": {"content-type": "application/json"},
                "json": [{"id": 1, "name": "a *** of mine"}],
            },
        }
    ]


def test_diagnostics_measure_the_process_and_the_stages(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a")

    cost = lab.dry_run(measure=True).diagnostics

    assert cost is not None
    assert 0 < cost.memory_average <= cost.memory_peak
    assert (cost.requests, cost.bytes) == (1, len('[{"id":1,"name":"a"}]'))
    assert set(cost.stages) == {"requests", "waiting", "mapping", "comparing"}
    assert cost.stages["requests"] == 2.0  # the clock moves a second a look
