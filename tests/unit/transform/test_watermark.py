from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.transform.bench import map_records, mapper_of

TIME = ", type: timestamp"
NOON = "2024-05-01T12:00:00.000000Z"
MIDNIGHT = "-05-01T00:00:00.000000Z"


def timed(kind: str, options: str = "") -> str:
    return f"""
        key: id
        incremental: {{cursor: at{options}}}
        fields: {{id: id, at: {{path: at{kind}}}}}
    """


@pytest.mark.parametrize(
    ("text", "values", "watermark", "kind"),
    [
        (timed(TIME), ["2024-05-01T13:00:00+02:00", "2024-05-01T12:00:00Z"], NOON, "timestamp"),
        (timed(TIME), ["2024-05-01T11:59:59.999999Z", "2024-05-01T12:00:00Z"], NOON, "timestamp"),
        (timed(TIME + ", timezone: Europe/Berlin"), ["2024-05-01 14:00"], NOON, "timestamp"),
        (timed(TIME + ", format: epoch"), [1714564800, 0], NOON, "timestamp"),
        (timed(TIME), ["9024-05-01", "2024-05-01"], "9024" + MIDNIGHT, "timestamp"),
        (timed(", type: date"), ["2024-05-01", "2023-12-31"], "2024-05-01", "date"),
        (timed(", type: integer"), ["10", 9], 10, "integer"),
        (timed(", type: string"), ["10", "9"], "9", "string"),
        (timed(", type: number"), [1.5, 10, "2"], 10.0, "number"),
        (timed(", type: number"), [1.5, "NaN"], 1.5, "number"),
        (timed(", type: 'decimal(12,2)'"), ["9.50", "10.25"], 10.25, "decimal"),
        (timed(", type: integer", TIME + ", format: epoch"), [1714564800], NOON, "timestamp"),
        (timed(", type: string", ", type: integer"), ["10", "9"], 10, "integer"),
        (timed(""), ["2024-05-01T14:00:00+02:00", "2024-05-01"], NOON, "timestamp"),
        (timed(""), [5, 70], 70, "integer"),
        (timed(""), ["5", "70"], 70, "integer"),
        (timed(""), ["20240501", "20240430"], 20240501, "integer"),
        (timed(""), ["b", "a"], "b", "string"),
        (timed(""), [None, "", "b"], "b", "string"),
        (timed(TIME), [None], None, "timestamp"),
        (timed(""), [], None, None),
    ],
)
def test_r13_the_watermark_is_the_greatest_value_in_one_comparable_form(
    text: str, values: list[Any], watermark: Any, kind: str | None
) -> None:
    result = map_records(text, *({"id": n, "at": value} for n, value in enumerate(values)), {"id": 99})
    assert result.rejected == []
    reader = result.mapper.rows.reader
    assert reader is not None
    assert (result.mapped.watermark, reader.kind) == (watermark, kind)


def test_r13_a_value_that_cannot_be_compared_sets_its_record_aside() -> None:
    for text in (
        timed(TIME),
        timed("", TIME),
        timed(TIME) + "    on_invalid: 'null'",
    ):
        result = map_records(text, {"id": 1, "at": "2024-05-01"}, {"id": 2, "at": "soon"})
        assert result.ids == [("U", "[1]"), ("S", "[2]")]
        assert result.mapped.watermark == "2024-05-01T00:00:00.000000Z"


def test_r14_the_maximum_is_over_all_records_also_dropped_deleted_and_bad_ones() -> None:
    text = """
        key: id
        where: "!drop"
        deletes: {flag: gone}
        incremental: {cursor: at}
        fields: {id: id, at: {path: at, type: integer}, n: {path: n, type: integer}}
    """
    for greatest in ({"drop": True}, {"gone": True}, {"n": "bad"}, {"id": None}):
        records = [{"id": 1, "at": 1}, {"id": 2, "at": 9, **greatest}, {"id": 3, "at": 5}]
        result = map_records(text, *records)
        assert result.mapped.watermark == 9
        assert (result.mapped.progress.least, result.mapped.progress.ascending) == (1, False)


def test_a_page_tells_whether_it_is_in_order() -> None:
    text = timed(", type: integer")
    assert map_records(
        text, {"id": 1, "at": 1}, {"id": 2, "at": None}, {"id": 3, "at": 1}
    ).mapped.progress.ascending
    assert not map_records(text, {"id": 1, "at": 2}, {"id": 2, "at": 1}).mapped.progress.ascending
    assert map_records(text).mapped.progress.greatest is None


def test_a_watermark_of_decimals_is_never_above_the_true_value() -> None:
    result = map_records(timed(", type: 'decimal(38,20)'"), {"id": 1, "at": "0.1"})
    assert result.mapped.watermark is not None
    assert float(result.mapped.watermark) <= 0.1
    assert result.mapped.watermark == pytest.approx(0.1)


def test_a_masked_cursor_still_counts() -> None:
    result = map_records(timed(", type: integer, mask: redact"), {"id": 1, "at": 5})
    assert (result.mapped.watermark, result.row["at"]) == (5, "[masked]")


def test_records_from_before_the_cursor_are_only_seen() -> None:
    mapper = mapper_of(timed(", type: date", ", filter: client"))
    bound = mapper.bind("", {}, since="2024-05-02")
    days = ["2024-05-01", "2024-05-02", "2024-05-03", None]
    mapped = bound.map([{"id": n, "at": day} for n, day in enumerate(days)], 0)
    lines = [json.loads(line) for line in mapped.text.splitlines()]
    assert [(line["a"], line["k"]) for line in lines] == [
        ("S", "[0]"),
        ("U", "[1]"),
        ("U", "[2]"),
        ("U", "[3]"),
    ]
    assert (mapped.rows, mapped.unmoved, mapped.watermark) == (3, 1, "2024-05-03")


def test_a_saved_cursor_of_another_kind_filters_nothing() -> None:
    bound = mapper_of(timed(", type: integer")).bind("", {}, since="2024-05-02")
    assert bound.map([{"id": 1, "at": 1}], 0).rows == 1


def test_the_cursor_of_records_of_any_partition_is_a_constant_too() -> None:
    text = "{incremental: {cursor: day}, fields: {day: {path: '${window.start}', type: date}, n: n}}"
    result = map_records(text, {"n": 1}, context={"window": {"start": "2024-05-01"}})
    assert result.mapped.watermark == "2024-05-01"
