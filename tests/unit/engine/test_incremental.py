"""Incremental syncs: what a run starts from, what it keeps, and how deletes are found in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.lab import Lab

EVENTS = """
    syncs:
      events:
        request: {path: /events, params: {since: "${cursor}"}}
        pagination: none
        key: id
        fields: {id: id, at: {path: at, type: timestamp}, n: n}
        incremental: {cursor: at}
"""


def event(number: int, at: str | None, **more: Any) -> dict[str, Any]:
    return {"id": number, "at": at, **more}


def day(number: int) -> str:
    return f"2024-05-{number:02d}T00:00:00Z"


def since(records: list[dict[str, Any]]) -> Callable[[httpx.Request], Any]:
    """An API that gives what was changed at or after `since`."""

    def api(request: httpx.Request) -> Any:
        start = request.url.params.get("since", "")
        return [record for record in records if (record["at"] or "~") >= start]

    return api


def test_the_second_run_asks_for_what_changed_since_the_first(lab: Lab) -> None:
    lab.write(EVENTS)
    lab.api = since([event(1, day(1)), event(2, day(2))])
    assert lab.run().mode == "full"
    lab.api = since([event(1, day(1)), event(2, day(2)), event(3, day(3))])
    report = lab.run()
    assert lab.requests == ["GET /events", "GET /events?since=2024-05-02T00:00:00Z"]
    assert (report.mode, report.changes.added, report.changes.unchanged) == ("incremental", 1, 1)
    assert lab.checkpoint()["cursor"] == "2024-05-03T00:00:00.000000Z"


def test_an_incremental_run_deletes_nothing(lab: Lab) -> None:
    lab.write(EVENTS)
    lab.api = since([event(1, day(1)), event(2, day(2))])
    lab.run()
    lab.api = lambda _: []
    assert lab.run().changes.deleted == 0
    assert len(lab.live()) == 2


def test_start_is_where_the_first_run_begins(lab: Lab) -> None:
    lab.write(
        EVENTS.replace("{cursor: at}", "{cursor: at, start: '2024-01-01'}").replace(
            "syncs:", "config: {}\n    syncs:"
        )
    )
    lab.api = lambda _: []
    lab.run()
    assert lab.requests == ["GET /events?since=2024-01-01"]


@pytest.mark.parametrize(
    ("incremental", "shown"),
    [
        ("{cursor: at, lookback: 1h}", "2024-05-02T11:30:00.250000Z"),
        ("{cursor: at, format: epoch}", "1714653000"),
        ("{cursor: at, format: epoch_ms}", "1714653000250"),
        ("{cursor: at, format: '%Y-%m-%d'}", "2024-05-02"),
        ("{cursor: at}", "2024-05-02T12:30:00.250000Z"),
    ],
)
def test_the_cursor_is_written_as_the_api_wants_it(lab: Lab, incremental: str, shown: str) -> None:
    lab.write(EVENTS.replace("{cursor: at}", incremental))
    lab.api = lambda _: [event(1, "2024-05-02T14:30:00.25+02:00")]
    lab.run()
    lab.run()
    assert lab.requests[-1] == f"GET /events?since={shown}"


@pytest.mark.parametrize(
    ("values", "kind", "kept"),
    [
        ([3, 10, 7], "integer", 10),
        (["3", "10", "7"], "integer", 10),
        (["b", "a"], "string", "b"),
        (["2024-05-02", "2024-05-11"], "date", "2024-05-11"),
        ([1714653000, 1714653001], "timestamp, format: epoch", "2024-05-02T12:30:01.000000Z"),
        (["2024-05-02T12:00:00", "2024-05-02T13:00:00+02:00"], "timestamp", "2024-05-02T12:00:00.000000Z"),
    ],
)
def test_r13_the_greatest_value_is_kept_in_its_own_order(
    lab: Lab, values: list[Any], kind: str, kept: Any
) -> None:
    lab.write(f"""
        syncs:
          events:
            request: {{path: /events, params: {{since: "${{cursor}}"}}}}
            pagination: none
            key: id
            fields: {{id: id, at: {{path: at, type: {kind}}}}}
            incremental: {{cursor: at}}
    """)
    lab.api = lambda _: [{"id": number, "at": value} for number, value in enumerate(values)]
    lab.run()
    assert lab.checkpoint()["cursor"] == kept


def test_r13_null_and_missing_values_say_nothing(lab: Lab) -> None:
    lab.write(EVENTS)
    lab.api = lambda _: [event(1, None), event(2, day(2)), {"id": 3}]
    report = lab.run()
    assert report.changes.added == 3
    assert lab.checkpoint()["cursor"] == "2024-05-02T00:00:00.000000Z"


def test_r13_a_value_that_cannot_be_compared_is_quarantined_with_its_record(lab: Lab) -> None:
    lab.write(EVENTS)
    lab.api = lambda _: [event(1, "soon"), event(2, day(2))]
    report = lab.run()
    assert (report.changes.added, report.changes.quarantined) == (1, 1)


def test_r22_the_cursor_does_not_pass_records_of_which_none_is_good(lab: Lab) -> None:
    lab.write(EVENTS)
    events = [event(1, day(1))]
    lab.api = since(events)
    lab.run()
    before = lab.checkpoint()
    events.append({"ident": 2, "at": day(2)})
    events.remove(events[0])
    assert (lab.run().status, lab.checkpoint()) == ("incomplete", before)
    events.append(event(3, day(3)))  # not all are bad: what is in quarantine is not asked for again
    assert (lab.run().status, lab.checkpoint()["cursor"]) == ("ok", "2024-05-03T00:00:00.000000Z")
    events[:] = [{"ident": 3, "at": day(3)}]  # given because of the cursor's own value
    report = lab.run()
    assert (report.status, report.notes) == (
        "ok",
        ("1 of 1 record went into quarantine, the first: key id is null",),
    )


def test_r14_records_that_where_drops_move_the_cursor(lab: Lab) -> None:
    lab.write(EVENTS.replace("key: id", 'key: id\n        where: "n == `1`"'))
    lab.api = lambda _: [event(1, day(1), n=1), event(2, day(9), n=2)]
    lab.run()
    assert lab.checkpoint()["cursor"] == "2024-05-09T00:00:00.000000Z"


def test_r13_ties_at_a_page_boundary_lose_nothing(lab: Lab) -> None:
    lab.write(EVENTS)
    lab.api = since([event(1, day(1)), event(2, day(2))])
    lab.run()
    lab.api = since([event(1, day(1)), event(2, day(2)), event(3, day(2))])
    assert lab.run().changes.added == 1


def test_r13_unordered_pages_move_the_cursor_only_at_the_end(lab: Lab) -> None:
    lab.write(EVENTS.replace("pagination: none", "pagination: {type: page, size: 1}"))

    def api(request: httpx.Request) -> Any:
        return [event(9, day(9))] if request.url.params["page"] == "1" else httpx.Response(400)

    lab.api = api
    assert lab.run().status == "failed"
    assert lab.checkpoint()["cursor"] is None
    assert lab.checkpoint()["resume"]["watermark"] == "2024-05-09T00:00:00.000000Z"


def test_r13_ascending_pages_move_the_cursor_at_once(lab: Lab) -> None:
    yaml = EVENTS.replace("pagination: none", "pagination: {type: page, size: 1}")
    lab.write(yaml.replace("{cursor: at}", "{cursor: at, order: ascending}"))

    def api(request: httpx.Request) -> Any:
        return [event(2, day(2))] if request.url.params["page"] == "1" else httpx.Response(400)

    lab.api = api
    assert lab.run().status == "failed"
    assert lab.checkpoint()["cursor"] == "2024-05-02T00:00:00.000000Z"


def test_filter_client_reads_everything_and_writes_what_moved(lab: Lab) -> None:
    lab.write("""
        syncs:
          events:
            request: /events
            pagination: none
            key: id
            fields: {id: id, at: {path: at, type: timestamp}, n: n}
            incremental: {cursor: at, filter: client}
    """)
    lab.api = lambda _: [event(1, day(1), n=1), event(2, day(2), n=1)]
    lab.run()
    lab.api = lambda _: [event(1, day(1), n=2), event(2, day(2), n=1), event(3, day(3), n=1)]
    report = lab.run()
    assert (report.changes.added, report.changes.updated) == (1, 0)


def test_a_token_of_the_last_page_is_kept_and_sent(lab: Lab) -> None:
    lab.write("""
        syncs:
          events:
            request: {path: /events, params: {sync: "${cursor}"}}
            records: items
            pagination: {type: cursor, token: next}
            key: id
            fields: [id]
            incremental: {token: sync_token, expired: {status: 410}}
    """)

    def api(request: httpx.Request) -> Any:
        if request.url.params.get("sync") == "t1":
            return {"items": [{"id": 3}], "sync_token": "t2"}
        if request.url.params.get("sync"):
            return httpx.Response(410)
        if request.url.params.get("cursor"):
            return {"items": [{"id": 2}], "sync_token": "t1"}
        return {"items": [{"id": 1}], "next": "p2"}

    lab.api = api
    lab.run()
    assert lab.checkpoint()["cursor"] == "t1"
    lab.run()
    assert lab.checkpoint()["cursor"] == "t2"

    report = lab.run()  # t2 has expired
    assert (report.status, report.mode, lab.checkpoint()["cursor"]) == ("ok", "full", "t1")
    assert len(lab.live()) == 3
    assert report.notes[0].startswith(
        "the cursor has expired, everything is read again: GET https://api.test/events"
    )


def test_the_request_for_changes_may_differ(lab: Lab) -> None:
    lab.write("""
        syncs:
          events:
            request: {path: /events, params: {limit: 5}}
            pagination: none
            key: id
            fields: {id: id, at: {path: at, type: timestamp}}
            incremental:
              cursor: at
              request: {path: /changes, params: {since: "${cursor}"}}
    """)
    lab.api = lambda _: [event(1, day(1))]
    lab.run()
    lab.run()
    assert lab.requests == ["GET /events?limit=5", "GET /changes?limit=5&since=2024-05-01T00:00:00Z"]


def test_full_reads_everything_and_keeps_records(lab: Lab) -> None:
    lab.write(EVENTS)
    lab.api = since([event(1, day(1)), event(2, day(2))])
    lab.run()
    report = lab.run(full=True)
    assert (report.mode, report.changes.unchanged) == ("full", 2)
    assert lab.requests[-1] == "GET /events"


def test_reset_forgets_the_cursor_and_keeps_records(lab: Lab) -> None:
    lab.write(EVENTS)
    lab.api = since([event(1, day(1)), event(2, day(2))])
    lab.run()
    lab.api = since([event(1, day(1))])
    report = lab.run(reset=True)
    assert lab.requests[-1] == "GET /events"
    assert lab.checkpoint()["cursor"] == "2024-05-01T00:00:00.000000Z"
    assert (report.changes.deleted, len(lab.live())) == (0, 2)


def test_r01_a_checkpoint_of_another_cursor_is_an_error(lab: Lab) -> None:
    lab.write(EVENTS)
    lab.api = lambda _: [event(1, day(1))]
    lab.run()
    lab.write(EVENTS.replace("cursor: at", "cursor: n"))
    report = lab.run()
    assert report.status == "failed"
    assert report.message == "the checkpoint was kept for the cursor 'at'; the sync now uses 'n'"
    assert report.hint == "`syncrun run --reset acme/events` starts over and keeps the records"


def test_flagged_records_are_deleted(lab: Lab) -> None:
    lab.write(EVENTS.replace("key: id", "key: id\n        deletes: {flag: gone}"))
    lab.api = since([event(1, day(1)), event(2, day(2))])
    lab.run()
    lab.api = since([event(1, day(3), gone=True), event(9, day(3), gone=True)])
    report = lab.run()
    assert (report.changes.deleted, lab.feed()) == (1, [(2, "ADDED"), (1, "DELETED")])
    assert lab.run().changes.deleted == 0  # R11: already deleted, no event


def test_a_snapshot_each_week_finds_what_vanished(lab: Lab) -> None:
    lab.write(EVENTS.replace("key: id", "key: id\n        deletes: {snapshot: {every: 7d}}"))
    lab.api = since([event(1, day(1)), event(2, day(2))])
    lab.run()
    lab.api = since([event(2, day(2))])
    assert (lab.run().mode, len(lab.live())) == ("incremental", 2)
    lab.clock.advance(days=7)
    report = lab.run()
    assert (report.mode, report.changes.deleted, len(lab.live())) == ("full", 1, 1)
    assert lab.run().mode == "incremental"


class Windows:
    """An API that gives what lies in `[from, to)`."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self.records = list(records)

    def __call__(self, request: httpx.Request) -> Any:
        start, end = request.url.params["from"], request.url.params["to"]
        return [record for record in self.records if start <= record["at"] < end]


WINDOWS = """
    syncs:
      events:
        request: {path: /events, params: {from: "${window.start}", to: "${window.end}"}}
        pagination: none
        key: id
        fields: {id: id, at: {path: at, type: timestamp}}
        incremental: {cursor: at, start: "2024-05-02", window: 10d, format: "%Y-%m-%d"}
"""


def test_windows_cover_the_time_from_start_to_now_without_gap(lab: Lab) -> None:
    lab.write(WINDOWS)
    lab.api = Windows(event(1, day(2)), event(2, day(12)), event(3, "2024-05-31T00:00:00Z"))
    assert lab.run().changes.added == 3
    assert lab.requests == [
        "GET /events?from=2024-05-02&to=2024-05-12",
        "GET /events?from=2024-05-12&to=2024-05-22",
        "GET /events?from=2024-05-22&to=2024-06-01",
        "GET /events?from=2024-06-01&to=2024-06-01",
    ]


def test_the_next_run_reads_from_the_newest_record_on(lab: Lab) -> None:
    lab.write(WINDOWS)
    lab.api = Windows(event(1, day(2)), event(3, "2024-05-31T00:00:00Z"))
    lab.run()
    assert lab.checkpoint()["cursor"] == "2024-05-31T00:00:00.000000Z"
    lab.requests.clear()
    lab.clock.advance(days=3)
    lab.run()
    assert lab.requests == ["GET /events?from=2024-05-31&to=2024-06-04"]


def test_r13_late_records_within_lookback_of_the_newest_are_found_although_empty_windows_follow(
    lab: Lab,
) -> None:
    lab.write(WINDOWS.replace("window: 10d", "window: 1d, lookback: 2d"))
    api = lab.api = Windows(event(1, day(20)))
    lab.run()
    assert lab.checkpoint()["cursor"] == "2024-05-20T00:00:00.000000Z"
    api.records.append(event(2, day(19)))
    lab.requests.clear()
    report = lab.run()
    assert (lab.requests[0], report.changes.added) == ("GET /events?from=2024-05-18&to=2024-05-19", 1)


def test_windows_without_any_record_are_not_read_again(lab: Lab) -> None:
    lab.write(WINDOWS)
    lab.api = Windows()
    lab.run()
    assert lab.checkpoint()["cursor"] == "2024-06-01T00:00:00.000000Z"


def test_a_failed_window_is_where_the_next_run_goes_on(lab: Lab) -> None:
    lab.write(WINDOWS)

    def api(request: httpx.Request) -> Any:
        return httpx.Response(400) if request.url.params["from"] == "2024-05-22" else [event(1, day(2))]

    lab.api = api
    assert lab.run().status == "failed"
    assert lab.checkpoint()["cursor"] == "2024-05-02T00:00:00.000000Z"  # of the newest record
    lab.requests.clear()
    lab.api = Windows(event(1, day(2)), event(2, day(25)))
    assert lab.run().status == "ok"
    assert lab.requests[0] == "GET /events?from=2024-05-22&to=2024-06-01"
    assert len(lab.live()) == 2


def test_r13_a_future_value_does_not_hide_what_changes_before_it(lab: Lab) -> None:
    lab.write(EVENTS)
    records = [event(1, "2031-01-01T00:00:00Z"), event(2, day(2))]
    lab.api = since(records)
    lab.run()
    assert lab.checkpoint()["cursor"] < "2024-06-02"
    lab.clock.advance(days=1)
    records.append(event(3, "2024-06-02T00:00:00Z"))
    assert lab.run().changes.added == 1


@pytest.mark.parametrize("order", ["descending", "unknown"])
def test_r13_pages_that_begin_with_the_newest_lose_nothing_when_they_are_cut_short(
    lab: Lab, order: str
) -> None:
    yaml = EVENTS.replace("pagination: none", "pagination: {type: page, size: 1}")
    lab.write(yaml.replace("{cursor: at}", f"{{cursor: at, order: {order}}}"))
    newest_first = [event(3, day(3)), event(2, day(2)), event(1, day(1))]
    broken = {2}

    def api(request: httpx.Request) -> Any:
        page = int(request.url.params["page"])
        return httpx.Response(400) if page in broken else newest_first[page - 1 : page]

    lab.api = api
    assert lab.run().status == "failed"
    assert lab.checkpoint()["cursor"] is None
    broken.clear()
    assert lab.run().status == "incomplete"
    assert len(lab.live()) == 3
    assert lab.run().mode == "full"  # once more in one go, since pages may have moved meanwhile
    assert lab.checkpoint()["cursor"] == "2024-05-03T00:00:00.000000Z"


CHANGES = """
    syncs:
      items:
        request: /items
        pagination: {type: page, size: 2}
        incremental: {cursor: at, order: descending, request: {path: /log, params: {since: "${cursor}"}}}
        key: id
        fields: {id: {path: id, type: integer}, name: name, at: {path: at, type: timestamp}}
        deletes: {flag: gone}
"""


def test_of_the_versions_of_a_record_in_a_log_that_begins_with_the_newest_the_first_counts(lab: Lab) -> None:
    log = [
        {"id": 1, "name": "third", "at": day(5)},
        {"id": 2, "name": "gone", "at": day(4), "gone": True},
        {"id": 1, "name": "second", "at": day(3)},
        {"id": 2, "name": "renamed", "at": day(2)},
    ]
    listed = [{"id": 1, "name": "first", "at": day(1)}, {"id": 2, "name": "b", "at": day(1)}]
    broken: set[int] = set()

    def api(request: httpx.Request) -> Any:
        page = int(request.url.params["page"])
        found = log if request.url.path == "/log" else listed
        return httpx.Response(400) if page in broken else found[2 * page - 2 : 2 * page]

    lab.write(CHANGES)
    lab.api = api
    assert lab.run().changes.added == 2

    broken.add(2)  # what is newest is stored; the next run begins with it once more
    assert lab.run().status == "failed"
    assert [row["name"] for row in lab.live()] == ["third"]
    broken.clear()
    foreseen = lab.dry_run().preview.changes
    report = lab.run(commit_rows=1)

    assert (report.status, report.changes.duplicates) == ("ok", 2)
    assert report.changes == foreseen
    assert [(row["id"], row["name"]) for row in lab.live()] == [(1, "third")]


def test_a_list_that_begins_with_the_newest_is_left_at_what_is_known(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            request: /items
            pagination: {type: page, size: 1, stop_when: "records[-1].at < cursor"}
            incremental: {cursor: at, filter: client, order: descending}
            key: id
            fields: {id: {path: id, type: integer}, at: {path: at, type: timestamp}}
    """)
    records = [event(3, day(3)), event(2, day(2)), event(1, day(1))]
    lab.api = lambda request: records[int(request.url.params["page"]) - 1 :][:1]
    assert lab.run().records == 3

    records.insert(0, event(4, day(4)))
    report = lab.run()

    # the one that is known to be unchanged says so
    assert (report.records, report.changes.added) == (3, 1)


def test_r16_a_full_read_loses_no_deletion_that_only_the_changes_tell(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            request: {path: /items, params: {since: "${cursor}"}}
            pagination: none
            records: items
            incremental: {token: token}
            deletes: {flag: gone}
            key: id
            fields: [id]
    """)
    gone: list[dict[str, Any]] = []

    def api(request: httpx.Request) -> Any:
        changes = gone if "since" in request.url.params else [{"id": 2}]
        return {"items": [*changes], "token": f"t{len(gone)}"}

    lab.api = lambda _: {"items": [{"id": 1}, {"id": 2}], "token": "t0"}
    lab.run()
    gone.append({"id": 1, "gone": True})
    lab.api = api
    assert lab.run(full=True).changes.deleted == 1  # it is not among all that is there
    assert lab.run().changes.deleted == 0
    assert lab.requests[-1] == "GET /items?since=t0"  # should the guard have refused
    assert lab.checkpoint()["cursor"] == "t1"


# ── time windows, and what vanished ────────────────────────────────────────────────────────────────


class Moving:
    """An API of windows whose records change while they are read: each change moves one behind the last window."""

    def __init__(self, lab: Lab, count: int) -> None:
        self.lab, self.asked, self.size = lab, 0, 50
        self.items = {number: day(2 + number) for number in range(1, count + 1)}
        self.then: dict[int, Callable[[], None]] = {}
        self.latest: str | None = None  # what the API refuses to look beyond

    def touch(self, number: int) -> None:
        self.lab.clock.advance(seconds=1)
        self.items[number] = self.lab.clock.time.strftime("%Y-%m-%dT%H:%M:%SZ")

    def __call__(self, request: httpx.Request) -> Any:
        self.asked += 1
        self.then.get(self.asked, lambda: None)()
        query = request.url.params
        start, end, after = query["from"], query["to"], int(query.get("after", 0))
        if end[:10] > self.lab.clock.time.date().isoformat() and len(end) == 10 and self.latest == "today":
            return httpx.Response(400)
        if self.latest == "now" and end > self.lab.clock.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"):
            return httpx.Response(400)
        found = [(n, at) for n, at in sorted(self.items.items()) if start <= at < end and n > after]
        page = found[: self.size]
        more = page[-1][0] if len(found) > self.size else None
        return {"items": [event(n, at) for n, at in page], "next": more}


COMPARED = """
    syncs:
      events:
        request: {path: /events, params: {from: "${window.start}", to: "${window.end}"}}
        records: items
        pagination: {type: cursor, token: next, into: params.after}
        key: id
        fields: {id: id, at: {path: at, type: timestamp}}
        incremental: {cursor: at, start: "2024-05-02", window: 10d}
        deletes: {snapshot: {every: 7d}}
"""


def ids(lab: Lab) -> list[int]:
    return [record["id"] for record in lab.live()]


@pytest.mark.parametrize("form", ["iso", "%Y-%m-%d"])
@pytest.mark.parametrize("size", [1, 2, 50])
def test_r07_a_record_that_moves_behind_the_last_window_is_not_taken_for_deleted(
    lab: Lab, form: str, size: int
) -> None:
    lab.write(COMPARED.replace("window: 10d", f'window: 10d, format: "{form}"'))
    api = lab.api = Moving(lab, 25)
    lab.run()
    lab.clock.advance(days=8)
    del api.items[3]
    api.asked, api.size = 0, size
    api.then = {1: lambda: [api.touch(n) for n in (20, 21, 22)], 30: lambda: api.touch(21)}  # type: ignore[dict-item, func-returns-value]
    report = lab.run()
    assert (report.mode, report.status, ids(lab)) == ("full", "ok", [n for n in range(1, 26) if n != 3])


def test_r07_where_the_changes_never_end_nothing_is_deleted(lab: Lab) -> None:
    lab.write(COMPARED)
    api = lab.api = Moving(lab, 25)
    lab.run()
    lab.clock.advance(days=8)
    del api.items[3]
    api.asked, api.size = 0, 1
    api.then = {n: lambda: [api.touch(n) for n in (24, 25)] for n in range(1, 100)}  # type: ignore[misc, func-returns-value]
    report = lab.run()
    assert (report.status, ids(lab)) == ("ok", list(range(1, 26)))
    assert any(note.startswith("deletes wait for the next complete read") for note in report.notes)
    api.then = {}
    report = lab.run()
    assert (report.mode, report.changes.deleted) == ("full", 1)


@pytest.mark.parametrize("latest", ["now", None])
def test_r07_an_api_that_refuses_to_look_ahead_is_asked_up_to_now(lab: Lab, latest: str | None) -> None:
    lab.write(COMPARED)
    api = lab.api = Moving(lab, 25)
    lab.run()
    lab.clock.advance(days=8)
    del api.items[3]
    api.asked, api.latest = 0, latest
    report = lab.run()
    assert (report.status, report.changes.deleted) == ("ok", 1)


def test_r07_an_api_that_cannot_be_read_up_to_now_deletes_nothing(lab: Lab) -> None:
    lab.write(COMPARED.replace("window: 10d", 'window: 10d, format: "%Y-%m-%d"'))
    api = lab.api = Moving(lab, 25)
    lab.run()
    lab.clock.advance(days=8)
    del api.items[3]
    api.latest = "today"
    report = lab.run()
    assert (report.status, report.changes.deleted) == ("ok", 0)
    assert "the API refuses a window up to now" in report.notes[0]
