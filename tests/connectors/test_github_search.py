"""The GitHub search connector: slices of time, halved where a query has more results than GitHub gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.connectors.replay import Answer, Replay, counts


def search(folder: Path, **config: Any) -> Replay:
    return Replay("github_search", folder, query="org:acme-labs", start="2024-05-20", **config)


def query(start: str, end: str, page: int = 1) -> str:
    return f"/search/issues?q=org:acme-labs updated:{start}..{end}&sort=updated&order=asc&per_page=100&page={page}"


def found(*numbers: int, total: int) -> dict[str, Any]:
    at = "2024-05-21T00:00:00Z"
    return {"total_count": total, "items": [{"id": n, "number": n, "updated_at": at} for n in numbers]}


def test_what_a_search_finds_is_read_and_later_only_what_changed(tmp_path: Path) -> None:
    api = search(tmp_path)
    first = api.run("issues", Answer(query("2024-05-20T00:00:00Z", "2024-06-01T12:00:04Z"), "issues.1.json"))
    assert (first.status, counts(first)) == ("ok", (2, 0, 0, 0))
    assert api.rows("SELECT repository, number, is_pull_request FROM github_search.issues ORDER BY id") == [
        {"repository": "acme-labs/anvil", "number": 12, "is_pull_request": False},
        {"repository": "acme-labs/tunnel", "number": 3, "is_pull_request": True},
    ]


def test_a_slice_with_more_results_than_github_gives_is_halved(tmp_path: Path) -> None:
    api = search(tmp_path)
    whole = ("2024-05-20T00:00:00Z", "2024-06-01T12:00:04Z")
    middle = "2024-05-26T06:00:02Z"
    pages = [
        Answer(query(*whole, page), found(*range(page * 100 - 99, page * 100 + 1), total=1100))
        for page in range(1, 11)
    ]
    halves = [
        Answer(query(whole[0], middle), found(1, total=1)),
        Answer(query(middle, whole[1]), found(2000, total=1)),
    ]
    report = api.run("issues", *pages, *halves)
    assert (report.status, report.changes.added) == ("ok", 1001)


def test_a_wrong_query_is_told_in_githubs_words(tmp_path: Path) -> None:
    api = search(tmp_path)
    wrong = Answer(
        query("2024-05-20T00:00:00Z", "2024-06-01T12:00:04Z"), {"message": "Validation Failed"}, status=422
    )
    report = api.run("issues", wrong)
    assert (report.status, report.message.rpartition(": 422: ")[2]) == ("failed", "Validation Failed")
