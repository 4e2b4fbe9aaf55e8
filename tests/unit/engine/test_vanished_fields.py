"""A field that had values and is null in every record of a complete read is noted: it may be renamed."""

from __future__ import annotations

import pytest

from syncrun.engine.batch import run_all
from syncrun.engine.job import Options
from tests.lab import ITEMS, Lab, items

TOLD = "name is null in every record now, and had values before: the API may have renamed it"


def renamed(*names: str) -> list[dict[str, object]]:
    return [{"id": record["id"], "full_name": record["name"]} for record in items(*names)]


@pytest.mark.parametrize("commit_rows", [250_000, 1])
def test_a_field_that_vanished_from_all_records_is_noted_once(lab: Lab, commit_rows: int) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a", "b", "c")
    assert lab.run(commit_rows=commit_rows).notes == ()
    lab.api = lambda _: renamed("a", "b", "c")
    report = lab.run(commit_rows=commit_rows)
    assert (report.status, report.notes) == ("ok", (TOLD,))
    assert lab.run(commit_rows=commit_rows).notes == ()  # it is known by now


def test_a_field_that_some_record_still_has_is_not(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a", "b", "c")
    lab.run()
    lab.api = lambda _: [*renamed("a", "b"), *items("a", "b", "c")[2:]]
    assert lab.run().notes == ()


def test_other_connections_do_not_count(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = lambda _: items("a", "b", "c")
    lab.run()
    lab.run(connection="other")
    lab.api = lambda _: renamed("a", "b", "c")
    assert lab.run().notes == (TOLD,)


def test_it_is_noted_of_runs_that_commit_together(lab: Lab) -> None:
    lab.write(ITEMS)
    names = [f"c{number}" for number in range(9)]
    jobs = [lab._job("items", name, None) for name in names]
    lab.api = lambda _: items("a", "b")
    run_all(jobs, Options(lock_timeout=5.0), lab._runtime())
    lab.api = lambda _: renamed("a", "b")
    reports = run_all(jobs, Options(lock_timeout=5.0), lab._runtime())
    assert [report.notes for report in reports] == [(TOLD,)] * 9
