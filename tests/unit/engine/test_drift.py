"""Numbered pages drift: rows that go while they are read make live ones slip past, and nobody is deleted for it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.lab import Lab

ISSUES = """
    syncs:
      issues:
        request: /issues
        records: issues
        pagination: PAGINATION
        key: id
        fields: {id: {path: id, type: integer}}
        DELETES
"""
SIZE = 10


class Tracker:
    """Issues in pages of ten, that can be asked for in every way; *meanwhile* goes on after the first page."""

    def __init__(self, count: int = 131) -> None:
        self.ids = list(range(1, count + 1))
        self.meanwhile: list[int] = []
        self.gone: dict[int, int] = {}

    def __call__(self, request: httpx.Request) -> Any:
        if request.url.path != "/issues":
            number = int(request.url.path.rpartition("/")[2])
            return httpx.Response(self.gone.get(number, 200 if number in self.ids else 404), json={})
        query = request.url.params
        page = int(query.get("page", 1))
        start = int(query.get("offset", query.get("start", (page - 1) * SIZE)))
        after = int(query.get("after", 0))
        rest = [number for number in self.ids if number > after][start:]
        shown = rest[:SIZE]
        body: dict[str, Any] = {"issues": [{"id": number} for number in shown]}
        headers = {}
        if len(rest) > SIZE:
            body["next"] = f"/issues?page={page + 1}"
            body["later"] = shown[-1]
            headers["link"] = f'<{body["next"]}>; rel="next"'
        self.ids = [number for number in self.ids if number not in self.meanwhile]
        self.meanwhile = []
        return httpx.Response(200, json=body, headers=headers)


def lab_of(lab: Lab, pagination: str, deletes: str = "") -> Tracker:
    lab.write(ISSUES.replace("PAGINATION", pagination).replace("DELETES", deletes))
    tracker = lab.api = Tracker()
    assert lab.run().changes.added == 131
    return tracker


def ids(lab: Lab) -> list[int]:
    return [issue["id"] for issue in lab.live()]


COUNTED = [
    "{type: page}",
    "{type: offset}",
    "link_header",
    "{type: next_url, url: next}",
]


@pytest.mark.parametrize("pagination", [*COUNTED, ""])
def test_r32_rows_that_go_in_mid_read_delete_no_live_one(lab: Lab, pagination: str) -> None:
    lab.write(ISSUES.replace("PAGINATION", pagination or "null").replace("DELETES", ""))
    if not pagination:
        lab.write(ISSUES.replace("        pagination: PAGINATION\n", "").replace("DELETES", ""))
    tracker = lab.api = Tracker()
    lab.run()
    tracker.meanwhile = [1, 2, 3, 4, 5, 6]
    report = lab.run()  # 11 to 16 move up to the first page, which was read before
    assert (report.status, report.changes.deleted, report.changes.missing) == ("ok", 0, 6)
    assert ids(lab) == list(range(1, 132))
    report = lab.run()  # it sees 11 to 16 again, and misses 1 to 6
    assert (report.changes.deleted, report.changes.missing) == (0, 6)
    assert ids(lab) == list(range(1, 132))
    report = lab.run()
    assert (report.changes.deleted, report.changes.missing) == (6, 0)
    assert ids(lab) == list(range(7, 132))


def test_r32_a_token_keeps_its_place_and_needs_one_read(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: cursor, token: later, into: params.after}")
    tracker.ids.remove(3)
    assert lab.run().changes.deleted == 1


@pytest.mark.parametrize(
    ("pagination", "count", "at_once"),
    [
        ("link_header", 10, True),
        ("{type: page, size: 10}", 9, True),
        ("{type: offset, size: 50}", 9, True),
        ("{type: page}", 9, False),  # whether a first page of nine is full nobody knows
        ("{type: page, size: 50}", 11, False),  # ten is what the server gives at most
    ],
)
def test_r32_one_page_needs_one_read(lab: Lab, pagination: str, count: int, *, at_once: bool) -> None:
    lab.write(ISSUES.replace("PAGINATION", pagination).replace("DELETES", ""))
    tracker = lab.api = Tracker(count)
    lab.run()
    tracker.ids.remove(3)
    report = lab.run()
    assert (report.changes.deleted, report.changes.missing) == ((1, 0) if at_once else (0, 1))


def test_r32_a_missing_record_that_is_seen_again_begins_anew(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: page}")
    tracker.ids.remove(7)
    assert lab.run().changes.missing == 1
    tracker.ids.insert(6, 7)
    assert lab.run().changes.missing == 0
    tracker.ids.remove(7)
    report = lab.run()
    assert (report.changes.deleted, report.changes.missing) == (0, 1)
    assert lab.rows("SELECT connection, connector, model, id, misses FROM syncrun.missing") == [
        ("acme", "lab", "issues", "[7]", 1)
    ]


def test_r32_the_summary_tells_what_is_missing(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: page}")
    tracker.ids.remove(7)
    report = lab.run()
    assert report.notes == (
        (
            "missing: 1 record, not deleted before the next complete read misses it too;"
            " `run --accept-deletes` deletes it at once"
        ),
    )
    assert report.to_json()["missing"] == 1


def test_r32_an_overlap_of_one_record_proves_that_nothing_moved(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: offset, overlap: 1}")
    assert lab.requests[:3] == ["GET /issues?offset=0", "GET /issues?offset=9", "GET /issues?offset=18"]
    tracker.ids.remove(3)
    report = lab.run()
    assert (report.changes.deleted, report.changes.duplicates, ids(lab)[:3]) == (1, 0, [1, 2, 4])


def test_r32_an_overlap_that_does_not_hold_says_nothing_about_absence(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: offset, overlap: 1}")
    tracker.meanwhile = [1, 2, 3, 4, 5, 6]
    report = lab.run()
    assert (report.status, report.changes.deleted, report.changes.missing) == ("ok", 0, 0)
    assert report.notes == (
        (
            "deletes wait for the next complete read: records moved while it was read, so that a"
            " page does not begin where the one before ended"
        ),
    )
    report = lab.run()
    assert (report.changes.deleted, ids(lab)) == (6, list(range(7, 132)))


@pytest.mark.parametrize("count", [1, 9, 10, 11, 19, 20, 28, 29, 37])
def test_r32_an_overlap_reads_each_record_once(lab: Lab, count: int) -> None:
    lab.write(ISSUES.replace("PAGINATION", "{type: offset, overlap: 1}").replace("DELETES", ""))
    lab.api = Tracker(count)
    report = lab.run()
    assert (report.status, report.changes.added, report.records) == ("ok", count, count)


def test_r32_the_api_confirms_what_is_missing(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: page}", 'deletes: {confirm: {path: "/issues/${record.id}"}}')
    tracker.meanwhile = [1, 2, 3, 4, 5, 6]
    report = lab.run()
    assert report.notes == ("6 records not listed, but there when asked for: not deleted",)
    assert (report.changes.deleted, report.changes.missing, ids(lab)) == (0, 0, list(range(1, 132)))
    lab.requests.clear()
    report = lab.run()
    assert (report.changes.deleted, ids(lab)) == (6, list(range(7, 132)))
    assert lab.requests[-6:] == [f"GET /issues/{number}" for number in range(1, 7)]


@pytest.mark.parametrize(("status", "deleted"), [(404, 1), (410, 1), (200, 0), (403, 0), (500, 0)])
def test_r32_only_an_answer_that_it_is_gone_deletes(lab: Lab, status: int, deleted: int) -> None:
    tracker = lab_of(lab, "{type: page}", 'deletes: {confirm: "/issues/${record.id}"}')
    tracker.ids.remove(5)
    tracker.gone[5] = status
    report = lab.run()
    assert (report.status, report.changes.deleted) == ("ok", deleted)
    if status in (403, 500):
        assert report.notes[0].startswith("1 missing record could not be asked for, and stay: GET")


def test_r32_nobody_is_asked_for_what_the_guard_refuses(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: page}", 'deletes: {confirm: "/issues/${record.id}"}')
    tracker.ids = tracker.ids[:50]
    lab.requests.clear()
    assert lab.run().status == "incomplete"
    assert not [request for request in lab.requests if request.startswith("GET /issues/")]


@pytest.mark.parametrize(("misses", "runs"), [(1, 1), (3, 3)])
def test_r32_the_author_says_how_many_reads_have_to_miss_a_record(lab: Lab, misses: int, runs: int) -> None:
    tracker = lab_of(lab, "{type: page}", f"deletes: {{misses: {misses}}}")
    tracker.ids.remove(5)
    assert [lab.run().changes.deleted for _ in range(runs)] == [0] * (runs - 1) + [1]


def test_r32_misses_can_be_asked_for_where_nothing_moves(lab: Lab) -> None:
    lab.write(ISSUES.replace("PAGINATION", "none").replace("DELETES", "deletes: {misses: 2}"))
    lab.api = lambda _: {"issues": [{"id": number} for number in ids_]}
    ids_ = [1, 2, 3]
    lab.run()
    ids_.remove(2)
    assert [lab.run().changes.deleted for _ in range(2)] == [0, 1]


def test_r32_accepted_deletes_wait_for_no_other_read(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: page}")
    tracker.ids.remove(5)
    assert lab.run().changes.missing == 1
    report = lab.run(accept_deletes=True)
    assert (report.changes.deleted, report.changes.missing) == (1, 0)


def test_r32_reset_forgets_what_is_missing(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: page}")
    tracker.ids.remove(5)
    lab.run()
    report = lab.run(reset=True)
    assert (report.changes.deleted, report.changes.missing) == (0, 1)


def test_r32_a_failed_read_counts_as_no_miss(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: page}")
    tracker.ids.remove(5)
    lab.run()
    lab.api = lambda _: httpx.Response(403)
    assert lab.run().status == "failed"
    lab.api = tracker
    assert lab.rows("SELECT misses FROM syncrun.missing") == [(1,)]
    assert lab.run().changes.deleted == 1


def test_r32_a_dry_run_shows_what_would_be_missing_and_what_deleted(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: page}")
    tracker.ids.remove(5)
    done = lab.dry_run()
    assert [(record.action, record.values["id"]) for record in done.preview.records] == [("MISSING", 5)]
    assert (done.preview.changes.deleted, done.preview.changes.missing) == (0, 1)
    lab.run()
    done = lab.dry_run()
    assert [(record.action, record.values["id"]) for record in done.preview.records] == [("DELETED", 5)]


def test_r32_a_read_that_commits_between_its_pages_misses_what_it_saw_in_none(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: page}")
    tracker.ids.remove(5)
    assert [lab.run(commit_rows=1).changes.deleted for _ in range(2)] == [0, 1]


def test_r10_what_is_missing_is_judged_at_once(lab: Lab) -> None:
    tracker = lab_of(lab, "{type: page}")
    tracker.ids = tracker.ids[:50]
    report = lab.run()
    assert (report.status, report.changes.deleted) == ("incomplete", 0)
    assert report.message.startswith("81 of 131 live records would have been deleted, more than 50%")
    assert lab.run(accept_deletes=True).changes.deleted == 81


WITHIN = """
    syncs:
      messages:
        request: {path: /messages, params: {since: "${add_time(now, '-30d')}"}}
        pagination: none
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: timestamp}}
        deletes: {within: "at >= add_time(now, '-30d')"}
"""


def test_r32_what_is_too_old_for_the_list_is_not_missing(lab: Lab) -> None:
    lab.write(WITHIN)
    messages = {1: "2024-05-05T00:00:00Z", 2: "2024-05-30T00:00:00Z", 3: "2024-05-31T00:00:00Z"}

    def api(request: httpx.Request) -> Any:
        since = request.url.params["since"]
        return [{"id": number, "at": at} for number, at in messages.items() if at >= since]

    lab.api = api
    assert lab.run().changes.added == 3
    lab.clock.advance(days=10)
    del messages[2]
    report = lab.run()
    assert (report.status, report.changes.deleted) == ("ok", 1)
    assert [message["id"] for message in lab.live()] == [1, 3]
