"""Whole runs: YAML and an API in, rows and a report out."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from syncrun.errors import ExitCode
from tests.lab import ITEMS, Lab, items

PAGES = """
    syncs:
      items:
        request: /items
        pagination: {type: page, size: 2, size_param: size}
        key: id
        fields: {id: {path: id, type: integer}, name: name}
"""


def counts(report: object) -> tuple[int, int, int, int]:
    changes = report.changes  # type: ignore[attr-defined]
    return changes.added, changes.updated, changes.deleted, changes.unchanged


def paged(records: list[dict[str, object]], size: int = 2) -> object:
    def api(request: httpx.Request) -> object:
        page = int(request.url.params.get("page", 1))
        return records[(page - 1) * size : page * size]

    return api


def test_first_run_adds_second_run_finds_what_changed_third_finds_nothing(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a", "b", "c")
    assert counts(lab.run()) == (3, 0, 0, 0)

    lab.api = lambda _: [{"id": 1, "name": "a"}, {"id": 2, "name": "B"}, {"id": 4, "name": "d"}]
    assert counts(lab.run()) == (1, 1, 1, 1)
    assert lab.live() == [{"id": 1, "name": "a"}, {"id": 2, "name": "B"}, {"id": 4, "name": "d"}]
    assert lab.feed() == [(1, "ADDED"), (2, "UPDATED"), (4, "ADDED"), (3, "DELETED")]

    assert counts(lab.run()) == (0, 0, 0, 3)


def test_r06_a_deleted_record_that_returns_is_added_again(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a", "b", "c")
    lab.run()
    lab.api = lambda _: items("a", "b")
    assert counts(lab.run()) == (0, 0, 1, 2)
    lab.api = lambda _: items("a", "b", "c")
    assert counts(lab.run()) == (1, 0, 0, 2)
    assert lab.feed() == [(1, "ADDED"), (2, "ADDED"), (3, "ADDED")]


def test_r07_failed_run_deletes_nothing(lab: Lab) -> None:
    lab.write(PAGES)
    lab.api = paged(items("a", "b", "c", "d"))
    lab.run()
    lab.api = lambda request: (
        items("a", "B") if request.url.params["page"] == "1" else httpx.Response(400, json={"error": "no"})
    )
    report = lab.run()
    assert report.status == "failed"
    assert report.message == 'GET https://api.test/items?size=2&page=2: 400: {"error":"no"}'
    assert counts(report) == (0, 1, 0, 1)
    assert [row["name"] for row in lab.live()] == ["a", "B", "c", "d"]


def test_r07_limited_run_deletes_nothing_and_keeps_no_progress(lab: Lab) -> None:
    lab.write(PAGES)
    lab.api = paged(items("a", "b", "c", "d"))
    lab.run()
    lab.api = paged(items("x"))
    report = lab.run(limit=1)
    assert (report.status, report.exit_code) == ("ok", ExitCode.OK)
    assert counts(report) == (0, 1, 0, 0)
    assert len(lab.live()) == 4
    assert lab.checkpoint() == {}


def test_r10_an_empty_answer_deletes_nothing_and_says_how_to_accept(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a", "b")
    lab.run()
    lab.api = lambda _: []
    report = lab.run()
    assert (report.status, report.exit_code) == ("incomplete", ExitCode.INCOMPLETE)
    assert "2" in report.message
    assert report.hint == "`run --accept-deletes` deletes them all the same"
    assert len(lab.live()) == 2

    report = lab.run(accept_deletes=True)
    assert (report.status, counts(report)) == ("ok", (0, 0, 2, 0))
    assert lab.live() == []


def test_r10_more_than_half_gone_deletes_nothing(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items(*"abcdefghijklmnopqrst")
    lab.run()
    lab.api = lambda _: items("a", "b")
    assert lab.run().status == "incomplete"
    assert len(lab.live()) == 20


def test_r09_connections_never_touch_each_other(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a", "b")
    lab.run(connection="acme")
    lab.api = lambda _: items("z")
    lab.run(connection="zeta")
    rows = lab.rows("SELECT _connection, id, name FROM lab.items ORDER BY ALL")
    assert rows == [("acme", 1, "a"), ("acme", 2, "b"), ("zeta", 1, "z")]


def test_r17_a_repeated_page_ends_the_run_incomplete(lab: Lab) -> None:
    lab.write(PAGES)
    lab.api = paged(items("a", "b", "c"))
    lab.run()
    lab.api = lambda _: items("a", "b")
    report = lab.run()
    assert report.status == "incomplete"
    assert len(lab.live()) == 3


def test_r22_a_bad_record_is_quarantined_and_the_others_are_kept(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: [{"id": 1, "name": "a"}, {"id": "x", "name": "b"}, {"name": "c"}]
    report = lab.run()
    assert (report.status, counts(report), report.changes.quarantined) == ("ok", (1, 0, 0, 0), 2)
    rows = lab.rows("SELECT path, raw->>'name' FROM syncrun.quarantine ORDER BY 2")
    assert rows == [("id", "b"), ("id", "c")]


def test_r22_a_quarantined_record_with_a_key_counts_as_seen(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            request: /items
            pagination: none
            key: id
            fields: {id: {path: id, type: integer}, size: {path: size, type: integer}}
    """)
    lab.api = lambda _: [{"id": 1, "size": 5}, {"id": 2, "size": 6}, {"id": 3, "size": 7}]
    lab.run()
    lab.api = lambda _: [{"id": 1, "size": 5}, {"id": 2, "size": "big"}, {"id": 3, "size": 7}]
    report = lab.run()
    assert (report.status, counts(report)) == ("ok", (0, 0, 0, 2))
    assert lab.live() == [{"id": 1, "size": 5}, {"id": 2, "size": 6}, {"id": 3, "size": 7}]


def test_r22_too_many_bad_records_make_the_run_incomplete(lab: Lab) -> None:
    lab.write(ITEMS.replace("key: id", "key: id\n        max_quarantined: 1"))
    lab.api = lambda _: [{"id": 1, "name": "a"}, {"name": "b"}, {"name": "c"}]
    report = lab.run()
    assert report.status == "incomplete"
    assert report.message == "2 of 3 records went into quarantine, the first: key id is null"
    assert report.hint == "see syncrun.quarantine; `max_quarantined` raises the limit"
    assert report.notes == ()


@pytest.mark.parametrize(
    ("bad", "all_in_all", "status"),
    [
        (10, 40, "ok"),
        (11, 40, "incomplete"),
        (30, 40, "incomplete"),
        (12, 1200, "ok"),
        (13, 1200, "incomplete"),
    ],
)
def test_r22_more_than_a_hundredth_of_the_records_and_than_ten_makes_a_run_incomplete(
    lab: Lab, bad: int, all_in_all: int, status: str
) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: [{"id": n if n >= bad else f"x{n}", "name": "a"} for n in range(all_in_all)]
    assert lab.run().status == status


def test_r22_a_few_bad_records_are_told_with_the_reason_of_the_first(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: [{"id": 1, "name": "a"}, {"id": "x"}, {"id": None}]
    report = lab.run()
    told = "2 of 3 records went into quarantine, the first: id: expected an integer, got text 'x'"
    assert (report.status, report.notes) == ("ok", (told,))
    assert lab.dry_run().report.notes == (told,)


def test_r22_records_of_which_none_is_good_make_the_run_incomplete_and_delete_nothing(lab: Lab) -> None:
    lab.write(
        ITEMS.replace(
            "key: id", "key: id\n        deletes: {snapshot: true, max_ratio: 1, allow_empty: true}"
        )
    )
    lab.api = lambda _: [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    lab.run()
    lab.api = lambda _: [{"ident": 1}]
    report = lab.run()
    assert (report.status, report.message, report.notes) == (
        "incomplete",
        "1 of 1 record went into quarantine, the first: key id is null",
        (),
    )
    assert report.hint == "see syncrun.quarantine; nothing was deleted, and the next run reads them again"
    assert len(lab.live()) == 2
    lab.write(ITEMS.replace("key: id", "key: id\n        deletes: none\n        max_quarantined: 5"))
    assert lab.run().status == "ok"  # the connector says that so many may be bad


def test_duplicates_of_a_key_make_one_record_and_the_last_wins(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]
    report = lab.run()
    assert (counts(report), report.changes.duplicates) == ((1, 0, 0, 0), 1)
    assert lab.live() == [{"id": 1, "name": "b"}]


def test_a_record_that_no_longer_passes_where_has_left_the_model(lab: Lab) -> None:
    lab.write(ITEMS.replace("key: id", 'key: id\n        where: "open"'))
    lab.api = lambda _: [{"id": 1, "name": "a", "open": True}, {"id": 2, "name": "b", "open": True}]
    lab.run()
    lab.api = lambda _: [{"id": 1, "name": "a", "open": True}, {"id": 2, "name": "b", "open": False}]
    assert counts(lab.run()) == (0, 0, 1, 1)


def test_a_keyless_sync_is_its_content(lab: Lab) -> None:
    lab.write("""
        syncs:
          lines:
            request: /lines
            pagination: none
            fields: {text: text}
    """)
    lab.api = lambda _: [{"text": "a"}, {"text": "a"}, {"text": "b"}]
    assert counts(lab.run()) == (3, 0, 0, 0)
    lab.api = lambda _: [{"text": "b"}, {"text": "a"}]
    assert counts(lab.run()) == (0, 0, 1, 2)
    assert lab.live() == [{"text": "a"}, {"text": "b"}]


def test_explode_makes_one_row_an_element_and_sees_the_outer_record(lab: Lab) -> None:
    lab.write("""
        syncs:
          calls:
            request: /days
            pagination: none
            explode: {path: calls, as: call}
            key: [day, nr]
            fields: {day: date, nr: call.nr}
    """)
    lab.api = lambda _: [{"date": "mon", "calls": [{"nr": 1}, {"nr": 2}]}, {"date": "tue", "calls": []}]
    lab.run()
    assert lab.rows("SELECT day, nr FROM lab.calls ORDER BY ALL") == [("mon", 1), ("mon", 2)]


def test_no_fields_keeps_every_member_and_columns_grow_and_widen(lab: Lab) -> None:
    lab.write("""
        syncs:
          things:
            request: /things
            pagination: none
            key: id
    """)
    lab.api = lambda _: [{"id": 1, "n": 1}, {"id": 2, "n": 2}]
    lab.run()
    lab.api = lambda _: [{"id": 1, "n": 1}, {"id": 2, "n": 2.5, "more": {"a": [1]}}]
    report = lab.run()
    assert counts(report) == (0, 1, 0, 1)
    assert lab.live() == [{"id": 1, "n": 1.0, "more": None}, {"id": 2, "n": 2.5, "more": '{"a":[1]}'}]


def test_raw_keeps_the_record_as_received(lab: Lab) -> None:
    lab.write(ITEMS.replace("key: id", "key: id\n        raw: true"))
    lab.api = lambda _: [{"id": 1, "name": "a", "extra": [1, 2]}]
    lab.run()
    assert lab.rows("SELECT _raw->>'$.extra[1]' FROM lab.items__records") == [("2",)]


def test_an_empty_first_run_leaves_a_table_to_query(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: {"items": []}
    assert lab.run().status == "ok"
    assert lab.live() == []


def test_the_run_is_kept_in_the_run_history(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a", "b")
    report = lab.run()
    rows = lab.rows("SELECT id, connection, sync, status, message FROM syncrun.runs")
    assert rows == [(report.run_id, "acme", "items", "ok", "")]
    (run,) = lab.store.last_runs()
    assert run.counts["added"] == 2
    assert run.counts["records"] == 2


def test_a_run_that_reads_nothing_is_kept_too_and_creates_no_table(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: httpx.Response(404)
    report = lab.run()
    assert report.status == "failed"
    assert lab.rows("SELECT status FROM syncrun.runs") == [("failed",)]
    assert lab.rows("SELECT count(*) FROM duckdb_schemas() WHERE schema_name = 'lab'") == [(0,)]


def test_r23_a_secret_in_an_answer_is_not_repeated(lab: Lab) -> None:
    lab.write("""
        connector: lab
        base_url: https://api.test
        config: {token: {type: string, secret: true}}
        auth: {type: bearer, token: "${config.token}"}
        syncs:
          items: {request: /items, key: id, fields: [id]}
    """)
    lab.api = lambda request: httpx.Response(403, text="bad token s3cr3t-value")
    report = lab.run(config={"token": "s3cr3t-value"})
    assert report.message == "GET https://api.test/items: 403: bad token ***"
    assert lab.rows("SELECT message FROM syncrun.runs") == [(report.message,)]


def test_the_staging_folder_is_gone_after_a_run(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a")
    lab.run()
    left = sorted(path.name for path in lab.folder.iterdir())
    assert left == ["connectors", "lab.duckdb", "lab.duckdb.locks"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again(lab: Lab, status: int) -> None:
    lab.write(ITEMS)
    answers = iter([httpx.Response(status, headers={"Retry-After": "7"}), items("a")])
    lab.api = lambda _: next(answers)
    assert lab.run().status == "ok"
    assert lab.clock.slept == [7.0]


def test_a_slow_list_may_take_longer_than_the_others(lab: Lab) -> None:
    lab.write("""
        connector: lab
        base_url: https://api.test
        timeout: 10s
        defaults: {pagination: none, key: id, fields: [id]}
        syncs:
          items: {request: /items}
          report: {request: /report, timeout: 5m}
    """)
    patience: list[float] = []

    def api(request: httpx.Request) -> object:
        patience.append(request.extensions["timeout"]["read"])
        return items("a")

    lab.api = api
    lab.run("items")
    lab.run("report")
    assert patience == [10.0, 300.0]


def test_records_that_are_looked_for_in_the_wrong_place_are_an_error(lab: Lab) -> None:
    lab.write(ITEMS.replace("key: id", "records: itms\n        key: id"))
    lab.api = lambda _: {"items": items("a"), "total": 1}
    report = lab.run()
    assert (report.status, report.exit_code) == ("failed", 1)
    assert report.message == "records (itms) finds nothing in the answer, which has the lists items (1)"
    assert report.hint == "set records: to one of them, such as items"


def test_a_long_wait_before_the_api_is_asked_again_is_told(lab: Lab) -> None:
    lab.write(ITEMS)
    answers = iter([httpx.Response(503, headers={"Retry-After": "7"}), *[httpx.Response(200, json=[])] * 2])
    lab.api = lambda _: next(answers)
    lab.run()
    waits = [event.details["reason"] for event in lab.events if event.name == "waiting"]
    assert waits == ["GET https://api.test/items: 503, again in 7 s"]


def test_a_limit_is_how_many_records_are_stored_also_in_the_middle_of_a_page(tmp_path: Path) -> None:
    lab = Lab(tmp_path, ITEMS, lambda _request: items("ann", "bob", "cid", "dan"))
    report = lab.run(limit=3)
    assert report.message == "stopped at 3 records, as asked; nothing was deleted"
    assert [row["name"] for row in lab.live()] == ["ann", "bob", "cid"]
    lab.run()
    assert (lab.run(limit=1).changes.deleted, len(lab.live())) == (0, 4)


def test_a_limit_is_that_of_the_whole_run_also_with_partitions(tmp_path: Path) -> None:
    lab = Lab(
        tmp_path,
        """
        syncs:
          items:
            for_each: {values: [a, b, c], as: part}
            request: "/${part}"
            pagination: none
            key: [part, id]
            fields: {part: part, id: {path: id, type: integer}}
        """,
        lambda request: [{"part": request.url.path[1:], "id": n} for n in range(4)],
    )
    lab.run(limit=6)
    assert [(row["part"], row["id"]) for row in lab.live()] == [
        ("a", 0),
        ("a", 1),
        ("a", 2),
        ("a", 3),
        ("b", 0),
        ("b", 1),
    ]
