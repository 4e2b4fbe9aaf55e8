"""`incremental.cap`: windows with more records than an API gives for one query are read again in halves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.lab import Lab

SEARCH = """
    syncs:
      deals:
        request: {path: /search, params: {from: "${window.start}", to: "${window.end}"}}
        records: results
        pagination: {type: page, size: 2}
        incremental: {cursor: at, start: "2024-05-30", window: 4d, cap: 4}
        key: id
        fields: {id: id, at: {path: at, type: timestamp}}
"""


def deals(*times: str) -> list[dict[str, Any]]:
    return [{"id": number, "at": f"2024-05-{at}Z"} for number, at in enumerate(times, 1)]


def capped(records: list[dict[str, Any]], cap: int = 4) -> Callable[[httpx.Request], Any]:
    """An API that silently gives at most *cap* of the records in a window, two a page."""

    def api(request: httpx.Request) -> Any:
        query = request.url.params
        found = [r for r in records if query["from"] <= r["at"] < query["to"]]
        page = int(query["page"])
        return {"results": found[:cap][(page - 1) * 2 : page * 2], "total": len(found)}

    return api


SPREAD = deals(*(f"31T{hour:02}:00:00" for hour in range(0, 20, 2)))


def test_a_window_that_reaches_the_cap_is_read_again_in_halves(lab: Lab) -> None:
    lab.write(SEARCH)
    lab.api = capped(SPREAD)
    report = lab.run()
    assert (report.status, len(lab.live())) == ("ok", 10)
    windows = list(dict.fromkeys(request.partition("&page")[0] for request in lab.requests))
    assert windows[:3] == [
        "GET /search?from=2024-05-30T00:00:00Z&to=2024-06-01T12:00:04Z",
        "GET /search?from=2024-05-30T00:00:00Z&to=2024-05-31T06:00:02Z",
        "GET /search?from=2024-05-30T00:00:00Z&to=2024-05-30T15:00:01Z",
    ]
    assert lab.checkpoint()["cursor"] == "2024-05-31T18:00:00.000000Z"


def test_a_window_below_the_cap_is_read_once(lab: Lab) -> None:
    lab.write(SEARCH)
    lab.api = capped(SPREAD[:3])
    assert lab.run().requests == 2


def test_r07_a_window_that_cannot_be_split_is_never_a_silent_loss(lab: Lab) -> None:
    lab.write(SEARCH.replace("cap: 4}", "cap: 4, min_window: 1h}\n        deletes: {snapshot: {every: 7d}}"))
    lab.api = capped(deals(*["31T01:00:00"] * 6))
    report = lab.run()
    assert report.status == "incomplete"
    assert report.message.endswith("has 4 records or more, the API gives no more, and it cannot be split")
    assert report.message.startswith("the window 2024-05-31T0")
    assert report.changes.deleted == 0
    before = lab.checkpoint()["cursor"]
    assert before is not None
    assert before <= "2024-05-31T01:00:00.000000Z"


def test_days_are_not_split_for_an_api_that_knows_only_days(lab: Lab) -> None:
    lab.write(SEARCH.replace("cap: 4}", 'cap: 4, format: "%Y-%m-%d"}'))
    lab.api = capped(deals(*["31T01:00:00"] * 6))
    report = lab.run()
    assert (report.status, report.message) == (
        "incomplete",
        "the window 2024-05-31 to 2024-06-01 has 4 records or more, the API gives no more, and it cannot be split",
    )


@pytest.mark.parametrize("broken", range(3, 12))
def test_a_run_that_stops_between_halves_goes_on_there(lab: Lab, broken: int) -> None:
    lab.write(SEARCH + "        retry: {attempts: 1}\n")
    whole = capped(SPREAD)
    lab.api = lambda request: httpx.Response(500) if len(lab.requests) >= broken else whole(request)
    assert lab.run(commit_rows=2).status == "failed"
    first = set(lab.requests[: broken - 1])
    before, lab.api = len(lab.requests), whole
    assert lab.run().status == "ok"
    assert len(lab.live()) == 10
    again = [request for request in lab.requests[before:] if request in first]
    assert len(again) <= 2, again  # at most the pages of the half that was being read


def test_r07_records_before_the_stop_count_towards_the_cap(lab: Lab) -> None:
    lab.write(SEARCH + "        retry: {attempts: 1}\n")
    whole = capped(deals(*(f"31T{hour:02}:00:00" for hour in range(12, 22, 2))))
    lab.api = lambda request: httpx.Response(500) if request.url.params["page"] == "2" else whole(request)
    assert lab.run().status == "failed"  # with two of the four records that the API gives
    lab.api = whole
    assert (lab.run().status, len(lab.live())) == ("ok", 5)


def test_no_page_past_the_cap_is_asked_for_although_the_total_promises_it(lab: Lab) -> None:
    lab.write(SEARCH.replace("size: 2}", "size: 2, total: total}"))
    lab.api = capped(SPREAD)
    assert lab.run().changes.added == 10
    assert max(int(request.rpartition("=")[2]) for request in lab.requests) == 2


# ── searches without windows ───────────────────────────────────────────────────────────────────────

LATEST = """
    syncs:
      deals:
        request: {path: /search, params: {since: "${cursor}"}}
        records: results
        pagination: {type: page, size: 2}
        incremental: {cursor: at, order: ascending, cap: 4}
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: timestamp}}
"""
TIED = LATEST.replace("cap: 4}", "cap: 4, tie_break: id}").replace(
    '"${cursor}"}', '"${cursor}", beyond: "${cursor_tie}"}'
)
MANY = deals(*(f"31T{hour:02}:00:00" for hour in range(10)))
ONE_SECOND = deals(*["31T01:00:00"] * 11)


def ordered(records: list[dict[str, Any]], cap: int = 4) -> Callable[[httpx.Request], Any]:
    """An API that silently gives at most *cap* records from a time on, or after an id within that time."""

    def api(request: httpx.Request) -> Any:
        query = request.url.params
        since, beyond, page = query.get("since", ""), int(query.get("beyond", 0)), int(query["page"])
        found = [r for r in records if r["at"] > since or (r["at"] == since and r["id"] > beyond)]
        found.sort(key=lambda r: (r["at"], r["id"]))
        return {"results": found[:cap][(page - 1) * 2 : page * 2]}

    return api


def test_a_search_that_gives_no_more_is_followed_by_another_from_its_last_record(lab: Lab) -> None:
    lab.write(LATEST)
    lab.api = ordered(MANY)
    report = lab.run()
    assert (report.status, len(lab.live())) == ("ok", 10)
    assert list(dict.fromkeys(request.partition("page=")[0] for request in lab.requests)) == [
        "GET /search?",
        "GET /search?since=2024-05-31T03:00:00Z&",
        "GET /search?since=2024-05-31T06:00:00Z&",
        "GET /search?since=2024-05-31T09:00:00Z&",
    ]
    assert lab.checkpoint()["cursor"] == "2024-05-31T09:00:00.000000Z"
    assert "resume" not in lab.checkpoint()


def test_r31_more_changes_within_lookback_than_a_search_gives_are_all_read(lab: Lab) -> None:
    lab.write(LATEST.replace("cap: 4}", "cap: 4, lookback: 1d}"))
    records = MANY[:3]
    lab.api = ordered(records)
    lab.run()
    records += [dict(deal, id=deal["id"] + 100) for deal in MANY]
    report = lab.run()
    assert (report.status, len(lab.live())) == ("ok", 13)


@pytest.mark.parametrize("run", range(2))
def test_r31_more_records_of_one_time_than_a_search_gives_are_never_a_silent_loss(lab: Lab, run: int) -> None:
    lab.write(LATEST)
    lab.api = ordered(ONE_SECOND)
    for _ in range(run):
        lab.run()
    report = lab.run()
    assert (report.status, report.message) == (
        "incomplete",
        "the search gave 4 records, and gives no more, although more than that have the cursor 2024-05-31T01:00:00Z",
    )
    assert "tie_break: id" in report.hint


def test_r31_tie_break_goes_on_within_records_of_one_time(lab: Lab) -> None:
    lab.write(TIED)
    lab.api = ordered(ONE_SECOND)
    report = lab.run()
    assert (report.status, len(lab.live())) == ("ok", 11)
    assert lab.requests[-2:] == [
        "GET /search?since=2024-05-31T01:00:00Z&beyond=8&page=1",
        "GET /search?since=2024-05-31T01:00:00Z&beyond=8&page=2",
    ]
    lab.requests.clear()
    assert lab.run().status == "ok"
    assert (
        lab.requests[0] == "GET /search?since=2024-05-31T01:00:00Z&page=1"
    )  # from the first of that time on


def test_r31_a_search_that_is_not_ordered_by_the_cursor_cannot_be_gone_on_with(lab: Lab) -> None:
    lab.write(LATEST.replace("order: ascending, ", ""))
    lab.api = ordered(MANY)
    report = lab.run()
    assert (report.status, report.message, lab.checkpoint()["cursor"]) == (
        "incomplete",
        "the search gave 4 records, and gives no more; others may follow",
        None,
    )
    assert "order: ascending" in report.hint


@pytest.mark.parametrize("yaml", [LATEST, TIED], ids=["times", "ties"])
@pytest.mark.parametrize("broken", range(2, 7))
def test_a_search_that_is_cut_short_is_gone_on_with(lab: Lab, yaml: str, broken: int) -> None:
    records = MANY if yaml is LATEST else ONE_SECOND
    lab.write(yaml + "        retry: {attempts: 1}\n")
    whole = ordered(records)
    lab.api = lambda request: httpx.Response(500) if len(lab.requests) >= broken else whole(request)
    assert lab.run(commit_rows=2).status == "failed"
    lab.api = whole
    for _ in range(2):
        report = lab.run()
    assert (report.status, len(lab.live())) == ("ok", len(records))


def test_a_search_deletes_what_none_of_its_parts_gave(lab: Lab) -> None:
    lab.write(LATEST + "        deletes: {snapshot: {every: 7d}}\n")
    records = [*MANY]
    lab.api = ordered(records)
    lab.run()
    del records[5]
    lab.clock.advance(days=8)
    assert (
        lab.run().changes.missing == 1
    )  # its pages are numbered: the next complete read has to miss it, too
    lab.clock.advance(days=8)
    assert lab.run().changes.deleted == 1
