"""What an API says of requests that are left: all wait, told at once, never longer than `retry.max_wait`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from syncrun.http.rate_limit import silent_until
from tests.lab import Lab

PAGES = """
    connector: lab
    base_url: https://api.test
    rate_limit: {remaining_header: X-Left, reset_header: X-Reset}
    syncs:
      items:
        request: /items
        pagination: {type: cursor, token: next, into: params.after}
        records: items
        key: id
        fields: [id]
"""
TEN_YEARS = str(10 * 365 * 86_400)


def used_up(request: httpx.Request) -> httpx.Response:
    """Two pages, and after each none are left for ten years."""
    last = "after" in request.url.params
    body: dict[str, Any] = {"items": [{"id": 2 if last else 1}], "next": None if last else "x"}
    return httpx.Response(200, json=body, headers={"X-Left": "0", "X-Reset": TEN_YEARS})


@pytest.mark.parametrize(("retry", "wait"), [("", 300), ("    retry: {max_wait: 20s}\n", 20)])
def test_r20_a_limit_of_ten_years_holds_requests_no_longer_than_max_wait(
    tmp_path: Path, retry: str, wait: int
) -> None:
    lab = Lab(tmp_path, f"{PAGES}{retry}", used_up)
    report = lab.run()
    told = "the API says that no requests are left: waiting "
    assert (report.status, report.records) == ("ok", 2)
    assert wait - 5 <= max(lab.clock.slept) <= wait
    assert [note for note in report.notes if note.startswith(told)]
    assert [event.details["reason"][: len(told)] for event in lab.events if event.name == "waiting"] == [told]


def test_until_when_nothing_is_asked_can_be_seen_in_between(tmp_path: Path) -> None:
    lab = Lab(tmp_path, PAGES, used_up)
    lab.run()
    until = silent_until(tmp_path / "lab.duckdb.locks" / "acme.lab.rate")
    assert 0 < until - lab.clock.monotonic() <= 300
    assert silent_until(tmp_path / "lab.duckdb") == silent_until(tmp_path / "none") == 0


def test_who_is_asking_is_asked_at_once(tmp_path: Path) -> None:
    """A log-in and `check` are not what the limit is about, and a person may wait for them."""
    lab = Lab(tmp_path, PAGES + "    check: {request: /me, expect: id}\n", used_up)
    lab.proves_who_asks = False
    lab.run()
    waits: dict[str, int] = {}

    def api(request: httpx.Request) -> dict[str, Any]:
        waits[request.url.path] = len(lab.clock.slept)
        return {"id": 1, "items": [], "next": None}

    lab.api, lab.proves_who_asks = api, True
    lab.clock.slept.clear()
    assert lab.run().status in ("ok", "incomplete")
    assert waits == {"/me": 0, "/items": 1}
