"""A column without a value has no type yet, whatever the table had to call it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab import Lab

FIELDS = """
syncs:
  items:
    request: /items
    pagination: none
    records: items
    key: id
    fields: {id: {path: id, type: integer}, value: value}
"""
OPEN = FIELDS.replace("    fields: {id: {path: id, type: integer}, value: value}\n", "")
VALUES: list[tuple[list[Any], str]] = [
    ([7, 8], "BIGINT"),
    ([1.5, 2], "DOUBLE"),
    ([True, False], "BOOLEAN"),
    ([{"a": 1}, [2]], "JSON"),
    ([2**70, 1], "DECIMAL(38,0)"),
    (["2024-05-01T00:00:00Z", "x"], "VARCHAR"),
    ([7, "x"], "VARCHAR"),
]


def records(*values: Any) -> dict[str, Any]:
    return {"items": [{"id": number, "value": value} for number, value in enumerate(values, start=1)]}


def kinds(lab: Lab, table: str = "items", column: str = "value") -> str:
    [(kind,)] = lab.rows(
        "SELECT data_type FROM duckdb_columns() WHERE schema_name = 'lab'"
        f" AND table_name = '{table}' AND column_name = '{column}'"
    )
    return str(kind)


@pytest.mark.parametrize("yaml", [FIELDS, OPEN], ids=["fields", "open"])
@pytest.mark.parametrize("first", [{"items": []}, records(None, None)], ids=["empty", "nulls"])
@pytest.mark.parametrize(("values", "kind"), VALUES, ids=[kind for _, kind in VALUES])
def test_r05_the_first_value_tells_the_type_whatever_came_before(
    lab: Lab, yaml: str, first: dict[str, Any], values: list[Any], kind: str
) -> None:
    lab.write(yaml)
    for answer in (first, first, records(*values), records(None, *values)):
        lab.api = lambda _, answer=answer: answer
        assert lab.run(accept_deletes=True).status == "ok"
    assert (kinds(lab), kinds(lab, "items__records")) == (kind, kind)

    (lab.folder / "fresh").mkdir()
    fresh = Lab(lab.folder / "fresh")
    fresh.write(yaml)
    fresh.api = lab.api
    fresh.run()
    assert lab.live() == fresh.live()


def test_r05_a_type_that_is_told_in_a_later_commit_of_the_same_run_holds(lab: Lab) -> None:
    pages = [records(None), records(None), {"items": [{"id": 2, "value": 5}]}, {"items": [{"id": 3}]}]

    def api(request: Any) -> Any:
        page = int(request.url.params["page"])
        return pages[page] if page < len(pages) else {"items": []}

    lab.api = lambda _: records(None)
    lab.write(FIELDS)
    lab.run()
    lab.write(FIELDS.replace("pagination: none", "pagination: {type: page, start: 1, concurrency: 1}"))
    lab.api = api
    assert lab.run(commit_rows=1, full=True).status == "ok"
    assert kinds(lab) == "BIGINT"


def test_r05_a_connection_whose_values_are_all_null_does_not_undo_the_type(lab: Lab) -> None:
    lab.write(FIELDS)
    lab.api = lambda _: records(None)
    lab.run()
    lab.run(connection="other")
    lab.api = lambda _: records(7)
    lab.run()
    lab.api = lambda _: records(None)
    lab.run(connection="other")
    assert kinds(lab) == "BIGINT"


def test_r05_text_stays_text_when_numbers_come(lab: Lab) -> None:
    lab.write(FIELDS)
    for values in (["x"], ["x", 7], ["x", 7, None], [None, 7, 1.50]):
        lab.api = lambda _, values=values: records(*values)
        lab.run(accept_deletes=True)
    assert kinds(lab) == "VARCHAR"  # a tombstone or a version still holds text
    assert [row["value"] for row in lab.live()] == [None, "7", "1.5"]


def test_r05_a_history_of_nothing_but_nulls_changes_its_type_too(lab: Lab) -> None:
    lab.write(FIELDS.replace("key: id", "key: id\n    history: true"))
    lab.api = lambda _: records(None)
    lab.run()
    lab.api = lambda _: records(7)
    assert lab.run().status == "ok"
    assert kinds(lab, "items__history") == "BIGINT"
    assert lab.rows("SELECT value FROM lab.items__history ORDER BY _seq") == [(None,), (7,)]


def test_a_dry_run_foresees_it(lab: Lab) -> None:
    lab.write(FIELDS)
    lab.api = lambda _: records(None)
    lab.run()
    lab.api = lambda _: records({"a": 1})
    found = lab.dry_run()
    assert found.report.status == "ok"
    assert [record.values["value"] for record in found.preview.records] == [{"a": 1}]
    assert lab.store.columns("lab", "items")[1].type.base == "string"
