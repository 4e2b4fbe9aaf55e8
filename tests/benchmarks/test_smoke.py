"""That the benchmarks measure what they say: the counts, never the times."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.benchmarks.__main__ import serving
from tests.benchmarks.contenders import Contender, Expert, Syncrun
from tests.benchmarks.contest import Contest
from tests.benchmarks.workloads import WORKLOADS


@pytest.mark.parametrize("contender", [Syncrun(), Expert()], ids=["syncrun", "expert"])
def test_a_second_full_read_finds_what_the_api_changed(tmp_path: Path, contender: Contender) -> None:
    (second,) = (workload for workload in WORKLOADS if workload.name == "W2")
    with serving() as url:
        contest = Contest(tmp_path, url, second, 1000, [contender], keep=True)
        (figures,) = contest.run(1)[contender.name]
    assert figures.cpu > 0
    with duckdb.connect(str(tmp_path / "run" / "data.duckdb"), read_only=True) as db:
        changes = {
            "syncrun": "SELECT added, updated, deleted, unchanged FROM syncrun.runs ORDER BY started_at DESC",
            "expert": "SELECT 5, count(*) FILTER (updated_at > '2024-06-30'), count(deleted_at), 985 FROM contacts",
        }
        assert db.execute(changes[contender.name]).fetchone() == (5, 10, 5, 985)
