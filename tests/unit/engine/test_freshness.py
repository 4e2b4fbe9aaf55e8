"""How fresh a table is: as old as the read that filled it began; one that took several runs is due at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncrun.config.schedule import Schedule
from syncrun.engine.agenda import history_of
from syncrun.engine.schedule import Standing, standing
from syncrun.stores.values.ids import SyncId
from tests.lab import Lab
from tests.unit.engine.test_progress import Keyset, Killed, item, killed_at
from tests.unit.engine.test_shifting_pages import Shelf

SYNC = """
    syncs:
      items:
        request: /items
        records: items
        pagination: PAGINATION
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
"""
BY_TOKEN, NUMBERED = "{type: next_url, url: later}", "{type: page, size: 3}"
HOURLY = Schedule(every=timedelta(hours=1))
ITEMS = SyncId("acme", "lab", "items")


def stands(lab: Lab) -> Standing:
    """Return how the sync stands just after its last run."""
    history = history_of(ITEMS, lab.store.agenda())
    assert history.last is not None
    return standing(ITEMS, HOURLY, history, history.last + timedelta(seconds=30))


def fresh(lab: Lab) -> Any:
    return lab.store.agenda().fresh.get(ITEMS)


@pytest.fixture(params=["fails", "is killed"])
def stopped(request: pytest.FixtureRequest, lab: Lab) -> Lab:
    """A lab whose read stopped at its third page two days ago."""
    lab.api = api = Shelf(*range(1, 13))

    def stop(pagination: str, more: str = "", **options: Any) -> None:
        lab.write(SYNC.replace("PAGINATION", pagination) + more)
        report = lab.run(**options)
        assert report.status == "ok"
        lab.clock.advance(hours=1)
        if request.param == "fails":
            api.broken = {3: 403}
            assert lab.run(full=True).status == "failed"
            api.broken = {}
        else:
            with pytest.raises(Killed):
                lab.run(full=True, commit_rows=1, fault=killed_at("committed", 2))
        lab.clock.advance(days=2, minutes=30)

    lab.begin = stop  # type: ignore[attr-defined]
    return lab


INCREMENTAL = "        incremental: {cursor: at}\n"


@pytest.mark.parametrize("pagination", [BY_TOKEN, NUMBERED])
@pytest.mark.parametrize(
    "more",
    [
        "",
        "        deletes: none\n",
        INCREMENTAL,
        INCREMENTAL + "        deletes: {snapshot: {every: 7d}}\n",
    ],
)
def test_a_read_that_took_two_runs_is_as_fresh_as_its_first_page_and_due_at_once(
    stopped: Lab, pagination: str, more: str
) -> None:
    stopped.begin(pagination, more)  # type: ignore[attr-defined]
    began = stopped.clock.time - timedelta(days=2, minutes=30)
    report = stopped.run()
    if pagination == BY_TOKEN:
        assert report.status == "ok"
        assert began - timedelta(minutes=5) < fresh(stopped) < began
    else:  # records may have moved up to pages that were read before
        assert (report.status, report.message.partition(":")[0]) == ("incomplete", "records may be missing")
        assert fresh(stopped) < began - timedelta(minutes=30)  # of the read before
    assert stands(stopped).state == "due"

    before = len(stopped.requests)
    report = stopped.run()
    assert report.status == "ok"
    if pagination == NUMBERED:
        assert (report.mode, stopped.requests[before]) == ("full", "GET /items?page=1")
    assert fresh(stopped) > began + timedelta(days=1)
    assert stands(stopped).state == "scheduled"


def test_r07_a_complete_read_that_was_asked_for_and_went_on_is_followed_by_another(lab: Lab) -> None:
    """Also where nothing but `--full` reads everything."""
    lab.write(SYNC.replace("PAGINATION", NUMBERED) + INCREMENTAL)
    lab.api = api = Shelf(*range(1, 13))
    lab.run()
    assert lab.run().mode == "full"  # the cursor is reached with the second read
    assert lab.run().mode == "incremental"
    api.broken = {3: 403}
    lab.run(full=True)
    api.broken = {}
    assert lab.run().status == "incomplete"
    assert [lab.run().mode, lab.run().mode] == ["full", "incremental"]


def test_a_run_that_reads_all_by_itself_is_as_fresh_as_its_start(lab: Lab) -> None:
    lab.write(SYNC.replace("PAGINATION", NUMBERED))
    lab.api = Shelf(1, 2, 3)
    lab.clock.advance(minutes=30)
    report = lab.run()
    assert (fresh(lab), stands(lab).state) == (report.started_at, "scheduled")


def test_a_partition_that_fails_each_time_does_not_make_its_sync_due_each_minute(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            for_each: {values: [a, b]}
            request: "/${parent}"
            records: items
            pagination: {type: cursor, token: next, into: params.after}
            key: [place, id]
            fields: {place: "${parent}", id: {path: id, type: integer}}
    """)
    whole, broken = (Keyset(*(item(n) for n in range(1, 6))) for _ in range(2))
    broken.broken_after, broken.status = 2, 403
    lab.api = lambda request: (broken if request.url.path == "/b" else whole)(request)
    lab.clock.advance(minutes=30)
    for _ in range(3):
        assert lab.run().status == "incomplete"
        assert stands(lab).state == "scheduled"
