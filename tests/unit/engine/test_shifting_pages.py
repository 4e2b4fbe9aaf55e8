"""Complete reads that go on at a numbered page: live records may have moved up, and are not taken for deleted."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.lab import Lab

SYNC = """
    syncs:
      items:
        request: /items
        records: items
        pagination: PAGINATION
        key: id
        fields: {id: {path: id, type: integer}}
"""
WEEKLY = """
    syncs:
      items:
        request: {path: /items, params: {since: "${cursor}"}}
        records: items
        pagination: {type: page, size: 3}
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
        incremental: {cursor: at}
        deletes: {snapshot: {every: 7d}}
"""
PLACES = """
    syncs:
      items:
        for_each: {values: [a, b, c], as: place}
        request: "/${place}"
        records: items
        pagination: {type: page, size: 3}
        key: [place, id]
        fields: {place: "${place}", id: {path: id, type: integer}}
"""
MISSING = "records may be missing: this one went on at page 3, and numbered pages shift when records go"
NUMBERED = "{type: page, size: 3}"
UNSURE = (
    "deletes wait for the next complete read: this one went on at page 3, and numbered pages "
    "shift when records go"
)


class Killed(BaseException):
    """The process is gone."""


class Shelf:
    """An API with pages of three that says in every way what follows; *broken* pages answer with a status."""

    def __init__(self, *ids: int) -> None:
        self.ids = list(ids)
        self.broken: dict[int, int] = {}

    def __call__(self, request: httpx.Request) -> Any:
        query = request.url.params
        page = int(query.get("page", 1)) if "offset" not in query else int(query["offset"]) // 3 + 1
        rest, after = self.ids[(page - 1) * 3 :], int(query.get("after", 0))
        if "after" in query:
            rest = [number for number in self.ids if number > after]
            page = after // 3 + 1
        if page in self.broken:
            return httpx.Response(self.broken[page])
        more, last = len(rest) > 3, rest[2] if len(rest) > 3 else 0
        body = {"items": [{"id": number, "at": number} for number in rest[:3]]}
        if not more:
            return body
        urls = {"next": f"/items?page={page + 1}", "later": f"/items?after={last}"}
        link = f'<{urls["next"]}>; rel="next", <{urls["later"]}>; rel="later"'
        return httpx.Response(200, json={**body, **urls, "next_page": page + 1}, headers={"link": link})


def ids(lab: Lab) -> list[int]:
    return [record["id"] for record in lab.live()]


def cut_short(lab: Lab, sync: str, *, page: int = 3, **options: Any) -> Shelf:
    """Sync 1 to 12, and let the next run fail at a page."""
    lab.write(sync)
    api = lab.api = Shelf(*range(1, 13))
    assert lab.run().status == "ok"
    api.broken = {page: 403}
    lab.clock.advance(days=7)
    assert lab.run(**options).status == "failed"
    api.broken = {}
    lab.requests.clear()
    return api


def die_at_page(number: int, lab: Lab, step: str = "page") -> None:
    """Kill a run that commits each page when so many are read, at the *step* that comes then."""
    pages: list[int] = []

    def fault(reached: str) -> None:
        pages.extend([1] if reached == "page" else [])
        if len(pages) == number and reached == step:
            raise Killed

    with pytest.raises(Killed):
        lab.run(commit_rows=1, fault=fault)


@pytest.mark.parametrize(
    "pagination",
    [
        NUMBERED,
        "{type: offset, size: 3}",
        "link_header",
        "{type: next_url, url: next}",
        "{type: cursor, token: next_page, into: params.page}",
        "",
    ],
)
def test_r07_a_read_that_goes_on_at_a_numbered_page_deletes_nothing(lab: Lab, pagination: str) -> None:
    sync = SYNC.replace("PAGINATION", pagination)
    api = cut_short(lab, sync if pagination else SYNC.replace("        pagination: PAGINATION\n", ""))
    api.ids.remove(1)  # 7 moves up to page 2
    report = lab.run()
    assert (report.status, report.changes.deleted, UNSURE in report.notes) == ("incomplete", 0, True)
    assert report.message == MISSING
    assert ("page=1" in lab.requests[0], len(lab.requests)) == (False, 2)
    assert ids(lab) == list(range(1, 13))
    assert lab.rows("SELECT count(*) FROM syncrun.snapshots") == [(0,)]
    report = lab.run()
    assert (report.changes.missing, UNSURE in report.notes, ids(lab)) == (1, False, list(range(1, 13)))
    assert (lab.run().changes.deleted, ids(lab)) == (1, list(range(2, 13)))


@pytest.mark.parametrize(
    "pagination",
    [
        "{type: next_url, url: later}",
        "{type: link_header, rel: later}",
        "{type: last_record, token: id, into: params.after}",
    ],
)
def test_r08_a_read_that_goes_on_at_a_token_deletes(lab: Lab, pagination: str) -> None:
    api = cut_short(lab, SYNC.replace("PAGINATION", pagination))
    api.ids.remove(11)
    report = lab.run()
    assert (report.changes.deleted, UNSURE in report.notes, len(lab.requests) <= 3) == (1, False, True)


def test_r07_that_it_went_on_is_known_when_it_is_cut_short_once_more(lab: Lab) -> None:
    api = cut_short(lab, SYNC.replace("PAGINATION", NUMBERED))
    api.ids.remove(1)
    api.broken = {4: 403}
    lab.run()
    api.broken = {}
    report = lab.run()
    assert (lab.requests[-1], report.notes, ids(lab)) == ("GET /items?page=4", (UNSURE,), list(range(1, 13)))


@pytest.mark.parametrize("step", ["committed", "staged"])
def test_r07_that_it_went_on_is_known_when_the_run_dies_at_its_last_page(lab: Lab, step: str) -> None:
    api = cut_short(lab, SYNC.replace("PAGINATION", NUMBERED))
    api.ids.remove(1)

    die_at_page(2, lab, step)
    report = lab.run()
    assert (report.status, report.notes[-1], ids(lab)) == ("incomplete", UNSURE, list(range(1, 13)))


def test_r08_a_page_that_is_gone_means_to_start_over_and_to_look_for_what_vanished(lab: Lab) -> None:
    api = cut_short(lab, SYNC.replace("PAGINATION", NUMBERED))
    api.ids = [2, 3, 4, 5]
    api.broken = {3: 404}
    report = lab.run()
    assert (lab.requests[1], report.changes.missing) == ("GET /items?page=1", 8)
    assert (lab.run().changes.deleted, ids(lab)) == (8, [2, 3, 4, 5])


def test_r09_a_partition_that_went_on_keeps_its_records_and_the_others_delete(lab: Lab) -> None:
    lab.write(PLACES)
    api = lab.api = Shelf(*range(1, 12))
    lab.run()
    die_at_page(7, lab)  # `a` is read, and two pages of `b`
    api.ids.remove(1)
    die_at_page(3, lab)  # now `b` is read to its end, too
    lab.requests.clear()
    report = lab.run()
    assert (report.status, report.notes[0], lab.requests[0]) == ("incomplete", UNSURE, "GET /c?page=1")
    missing = "SELECT partition, misses FROM syncrun.missing ORDER BY 1"
    assert lab.rows(missing) == [('["c"]', 1)]  # in `a` it was seen
    lab.run()
    ones = "SELECT place FROM lab.items WHERE id = 1 ORDER BY 1"
    assert lab.rows(ones) == [("a",), ("b",)]
    assert (lab.run().notes, lab.rows(ones)) == ((), [])


@pytest.mark.parametrize(
    ("sync", "told"),
    [
        (SYNC.replace("PAGINATION", NUMBERED), "the read went on at a page that may have moved"),
        (SYNC.replace("PAGINATION", "{type: next_url, url: later}"), None),
    ],
)
def test_a_dry_run_says_that_a_read_which_goes_on_deletes_nothing(
    lab: Lab, sync: str, told: str | None
) -> None:
    api = cut_short(lab, sync)
    api.ids.remove(11)
    looked = lab.dry_run()
    whole = "what the complete read did not see"
    assert looked.deletes == (f"none for what was not seen: {told}" if told else whole)
    assert (UNSURE in looked.report.notes) is (told is not None)
    assert lab.run().changes == looked.preview.changes


# ── incremental syncs ──────────────────────────────────────────────────────────────────────────────


def test_the_next_run_reads_everything_again_to_find_what_vanished(lab: Lab) -> None:
    api = cut_short(lab, WEEKLY)
    api.ids.remove(1)
    report = lab.run()
    assert (report.status, report.mode, report.notes, report.changes.deleted) == (
        "incomplete",
        "full",
        (UNSURE,),
        0,
    )
    report = lab.run()
    assert (report.mode, report.changes.missing) == ("full", 1)
    assert lab.run().mode == "incremental"
    lab.clock.advance(days=7)
    assert lab.run().changes.deleted == 1


def test_a_sync_that_is_never_read_in_one_go_is_not_read_completely_each_time(lab: Lab) -> None:
    api = cut_short(lab, WEEKLY)
    assert lab.run().notes == (UNSURE,)
    api.broken = {3: 403}
    assert lab.run().status == "failed"
    api.broken = {}
    report = lab.run()
    assert (report.mode, report.notes) == ("full", (UNSURE,))
    assert lab.run().mode == "incremental"
    lab.clock.advance(days=7)
    assert (lab.run().mode, lab.run().mode) == ("full", "incremental")


# ── the cursor ─────────────────────────────────────────────────────────────────────────────────────

CHANGES = """
    syncs:
      items:
        request: {path: /items, params: {since: "${cursor}"}}
        pagination: {type: page, size: 2}
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
        incremental: {cursor: at}
"""
WAITS = (
    "the cursor waits for the next read: this one went on at page 3, and numbered pages shift when records go"
)


class Changes:
    """An API with pages of two of what has changed since a cursor, which can break at one of them."""

    def __init__(self, *times: int) -> None:
        self.times = list(times)
        self.broken: str | None = None

    def __call__(self, request: httpx.Request) -> Any:
        query = request.url.params
        if query["page"] == self.broken:
            return httpx.Response(403)
        since, after = int(query.get("since", 0)), (int(query["page"]) - 1) * 2
        found = [{"id": at, "at": at, "token": "t2"} for at in self.times if at >= since]
        return found[after:][:2]


def stop_at(page: str, lab: Lab, api: Changes, gone: int) -> None:
    """Let a run fail at a page, and a record go before the next one."""
    api.broken = page
    assert lab.run().status == "failed"
    api.broken = None
    api.times.remove(gone)
    lab.requests.clear()


def cursor(lab: Lab) -> Any:
    return lab.checkpoint()["cursor"]


@pytest.mark.parametrize("before", [[], [1]], ids=["the first read", "a later one"])
def test_r13_a_read_that_went_on_at_a_numbered_page_is_followed_by_one_from_the_same_cursor(
    lab: Lab, before: list[int]
) -> None:
    lab.write(CHANGES)
    api = lab.api = Changes(*before)
    lab.run()
    api.times = [2, 3, 4, 5, 6, 7]
    stop_at("3", lab, api, gone=2)  # 6 moves up to page 2
    report = lab.run()
    assert (report.status, report.notes, cursor(lab)) == (
        "incomplete",
        (WAITS,),
        before[0] if before else None,
    )
    assert 6 not in ids(lab)
    report = lab.run()
    assert (report.notes, cursor(lab), 6 in ids(lab)) == ((), 7, True)
    lab.run()
    assert lab.requests[-1] == "GET /items?since=7&page=2"


def test_r13_a_sync_that_is_never_read_in_one_go_gets_on_all_the_same(lab: Lab) -> None:
    lab.write(CHANGES)
    api = lab.api = Changes(1)
    lab.run()
    for gone in (2, 12, 22):
        api.times += range(gone, gone + 6)
        stop_at("3", lab, api, gone=gone)
        assert lab.run().notes == (WAITS,)
    # each moves it to the greatest that the read before had seen
    assert (cursor(lab), lab.checkpoint()["reached"]) == (17, 27)


def test_r13_a_response_token_waits_as_well(lab: Lab) -> None:
    lab.write(CHANGES.replace("{cursor: at}", "{token: '[0].token'}"))
    api = lab.api = Changes(*range(1, 7))
    stop_at("3", lab, api, gone=1)
    assert (lab.run().notes, cursor(lab)) == ((WAITS,), None)
    assert (lab.run().notes, cursor(lab)) == ((), "t2")


def test_r13_an_ascending_read_goes_on_from_where_it_stopped_once_more(lab: Lab) -> None:
    lab.write(CHANGES.replace("{cursor: at}", "{cursor: at, order: ascending}"))
    api = lab.api = Changes(*range(1, 9))
    stop_at("3", lab, api, gone=1)  # 5 moves up to page 2
    assert (lab.run(commit_rows=1).notes, cursor(lab)) == ((WAITS,), 2)  # the greatest of its first page
    report = lab.run()
    assert (report.mode, cursor(lab), ids(lab)) == ("full", 8, list(range(1, 9)))


def test_changed_only_reads_a_partition_again_that_may_lack_a_record(lab: Lab) -> None:
    lab.write("""
        syncs:
          places: {request: /places, pagination: none, key: id, fields: [id]}
          items:
            for_each: {sync: places, changed_only: true, on_error: fail}
            request: /items
            pagination: {type: page, size: 2}
            deletes: none
            key: id
            fields: {id: {path: id, type: integer}}
    """)
    api = Changes(*range(1, 7))
    lab.api = lambda request: [{"id": "a"}] if request.url.path == "/places" else api(request)
    lab.run("places")
    api.broken = "3"
    assert lab.run("items").status == "failed"
    api.broken = None
    api.times.remove(1)
    assert lab.run("items").changes.added == 1
    assert (lab.run("items").changes.added, lab.run("items").requests) == (1, 0)


def test_a_full_read_that_may_lack_a_record_is_followed_by_one_that_applies_a_new_mapping_to_all(
    lab: Lab,
) -> None:
    lab.write(CHANGES)
    api = lab.api = Changes(*range(1, 7))
    lab.run()
    lab.write(CHANGES.replace("at: {", "more: at, at: {"))
    api.broken = "3"
    lab.run(full=True)
    api.broken = None
    assert lab.run().mode == "full"
    report = lab.run()
    assert (report.mode, report.notes, {row["more"] for row in lab.live()}) == ("full", (), set(range(1, 7)))


# ── time windows ───────────────────────────────────────────────────────────────────────────────────

WINDOWS = """
    syncs:
      items:
        request: {path: /items, params: {from: "${window.start}"}}
        pagination: {type: page, size: 2}
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: timestamp}}
        incremental: {cursor: at, start: "2024-05-30", window: 1d, format: "%d"}
"""


class Days:
    """An API with pages of two for each day, of which one in the middle has many records."""

    def __init__(self) -> None:
        self.ids = {"30": [1], "31": [2, 3, 4, 5, 6, 7], "01": [8]}
        self.broken: set[str] = set()

    def __call__(self, request: httpx.Request) -> Any:
        day, page = request.url.params["from"], request.url.params["page"]
        if f"{day}/{page}" in self.broken:
            return httpx.Response(403)
        month = "06" if day == "01" else "05"
        found = [{"id": number, "at": f"2024-{month}-{day}T00:00:0{number}Z"} for number in self.ids[day]]
        return found[(int(page) - 1) * 2 :][:2]


@pytest.fixture
def days(lab: Lab) -> Days:
    """A lab whose run has failed at the third page of the second day, from which a record has gone since."""
    lab.write(WINDOWS)
    api = lab.api = Days()
    api.broken = {"31/3"}
    assert lab.run().status == "failed"
    api.ids["31"].remove(2)  # 6 moves up to page 2
    lab.requests.clear()
    return api


def read(lab: Lab) -> list[str]:
    """Return what was read since this was last asked for, as day/page."""
    found = [request.partition("?from=")[2].replace("&page=", "/") for request in lab.requests]
    lab.requests.clear()
    return found


def test_a_window_that_goes_on_at_a_numbered_page_is_read_once_more(lab: Lab, days: Days) -> None:
    days.broken = set()
    report = lab.run()
    assert read(lab) == ["31/3", "31/1", "31/2", "31/3", "01/1", "01/2"]
    assert (report.notes, ids(lab)) == ((), [1, 2, 3, 4, 5, 6, 7, 8])
    lab.run()
    assert read(lab)[0] == "01/1"


def test_a_window_is_not_read_more_than_twice(lab: Lab, days: Days) -> None:
    days.broken = {"31/2"}
    assert lab.run().status == "failed"
    assert read(lab) == ["31/3", "31/1", "31/2"]
    days.broken = set()
    assert lab.run().status == "ok"
    assert read(lab) == ["31/2", "31/3", "01/1", "01/2"]


def test_r17_a_window_that_ends_incomplete_is_the_last_that_is_read(lab: Lab) -> None:
    lab.write(WINDOWS.replace("size: 2}", "size: 2, max_pages: 2}"))
    lab.api = Days()
    report = lab.run()
    assert (report.status, report.message) == ("incomplete", "max_pages (2) reached, and more pages follow")
    assert (lab.checkpoint()["cursor"], ids(lab)) == ("2024-05-31T00:00:00.000000Z", [1, 2, 3, 4, 5])
