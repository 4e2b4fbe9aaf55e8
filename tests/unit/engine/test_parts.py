"""`merge: true`: records whose members come in several answers of one run."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from syncrun.config.load import check_connector
from tests.lab import Lab

PEOPLE = """
syncs:
  people:
    for_each: {values: [names, mails], as: part}
    request: "/people/${part}"
    pagination: {type: cursor, token: next, into: params.after}
    records: people
    key: id
    merge: true
    fields: {id: {path: id, type: integer}, name: name, mail: mail, at: {path: at, type: integer}}
"""
NAMES = [{"id": 1, "name": "Ada", "at": 5}, {"id": 2, "name": "Ben", "at": 6}]
MAILS = [{"id": 2, "mail": "ben@x.test"}, {"id": 1, "mail": "ada@x.test", "name": None}]


def serve(lab: Lab, names: list[dict[str, Any]], mails: list[dict[str, Any]]) -> None:
    """Let the API give one record a page."""
    lists = {"/people/names": names, "/people/mails": mails}

    def api(request: httpx.Request) -> Any:
        found, place = lists[request.url.path], int(request.url.params.get("after", 0))
        return {"people": found[place : place + 1], "next": place + 1 if place + 1 < len(found) else None}

    lab.api = api


def people(lab: Lab) -> list[tuple[Any, ...]]:
    return lab.rows('SELECT id, name, mail, "at" FROM lab.people ORDER BY id')


WHOLE = [(1, "Ada", "ada@x.test", 5), (2, "Ben", "ben@x.test", 6)]


def test_parts_of_several_pages_and_partitions_become_one_record(lab: Lab) -> None:
    lab.write(PEOPLE)
    serve(lab, NAMES, MAILS)
    report = lab.run(commit_rows=1)
    assert (report.status, report.changes.added, report.changes.updated) == ("ok", 2, 0)
    assert people(lab) == WHOLE


def test_a_second_read_of_the_same_parts_changes_nothing(lab: Lab) -> None:
    lab.write(PEOPLE)
    serve(lab, NAMES, MAILS)
    lab.run()
    serve(lab, list(reversed(NAMES)), MAILS)
    report = lab.run(commit_rows=1)
    assert (report.changes.added, report.changes.updated, report.changes.unchanged) == (0, 0, 2)
    serve(lab, [{**NAMES[0], "name": "Eve"}, NAMES[1]], MAILS)
    assert lab.run().changes.updated == 1
    assert people(lab)[0] == (1, "Eve", "ada@x.test", 5)


def test_a_later_part_counts_more_where_both_have_a_value(lab: Lab) -> None:
    lab.write(PEOPLE)
    serve(lab, NAMES, [{"id": 1, "name": "Adele", "mail": "a@x.test"}])
    lab.run()
    assert people(lab) == [(1, "Adele", "a@x.test", 5), (2, "Ben", None, 6)]


@pytest.mark.parametrize("limit", [None, 1])
def test_r07_a_read_that_lacks_parts_takes_nothing_away(lab: Lab, limit: int | None) -> None:
    lab.write(PEOPLE)
    serve(lab, NAMES, MAILS)
    lab.run()
    whole = lab.api
    if limit is None:
        lab.api = lambda r: httpx.Response(403) if "mails" in r.url.path else whole(r)
    report = lab.run(limit=limit)
    assert report.status == ("ok" if limit else "incomplete")
    assert "nothing was committed: records come in parts, and not all were read" in report.notes
    assert people(lab) == WHOLE
    lab.api = whole
    assert lab.run().status == "ok"


def test_merge_needs_a_key() -> None:
    text = "connector: lab\nbase_url: https://api.test\nsyncs: {items: {request: /items, merge: true}}\n"
    problems = check_connector(text, file="lab.yaml")
    assert "merge needs a key, by which the parts of a record are found" in [p.message for p in problems]
