from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from syncrun.errors import RunError
from tests.unit.transform.bench import columns_of, load, map_records, mapper_of


def test_every_member_with_a_value_is_a_column_in_the_order_found() -> None:
    result = map_records("key: id", {"id": 1, "b": None, "a": "x"}, {"c": True, "id": 2, "b": [1]})
    assert result.types == {"id": "integer", "a": "string", "c": "boolean", "b": "json"}
    assert list(result.types) == ["id", "a", "c", "b"]
    assert result.rows == [{"id": 1, "a": "x"}, {"id": 2, "b": [1], "c": True}]


@pytest.mark.parametrize(
    ("values", "kind", "rows"),
    [
        ([1, None, -1], "integer", [1, None, -1]),
        ([1, 2.5], "number", [1.0, 2.5]),
        ([1.0, 2.0], "number", [1.0, 2.0]),
        ([1, 2**63], "decimal(38,0)", [Decimal(1), Decimal(2**63)]),
        ([2**63, 1], "decimal(38,0)", [Decimal(2**63), Decimal(1)]),
        ([1, 10**40], "string", ["1", str(10**40)]),
        ([2**70, 0.5], "string", [str(2**70), "0.5"]),
        ([2**53 + 1, 0.5], "string", [str(2**53 + 1), "0.5"]),
        ([0.5, 2**53 + 1], "string", ["0.5", str(2**53 + 1)]),
        ([1, "a"], "string", ["1", "a"]),
        ([1.5, "a"], "string", ["1.5", "a"]),
        ([True, "a", 1], "string", ["true", "a", "1"]),
        ([True, None, False], "boolean", [True, None, False]),
        ([True, 1], "string", ["true", "1"]),
        (["a", {"b": 1}], "json", ['"a"', '{"b":1}']),
        ([1, [1]], "json", ["1", "[1]"]),
        ([{"b": 2, "a": 1}], "json", ['{"a":1,"b":2}']),
        ([math.nan, 1], "number", [math.nan, 1.0]),
        ([-math.inf, 1.5], "number", [-math.inf, 1.5]),
        ([1e22, 1e-7], "number", [1e22, 1e-7]),
        (["", 1], "string", ["", "1"]),
        (["a\0b", "\u2028", "😀"], "string", ["a\0b", "\u2028", "😀"]),
    ],
)
def test_types_widen_without_losing_data(
    tmp_path: Path, values: list[Any], kind: str, rows: list[Any]
) -> None:
    records = [{"v": value, "w": 0} for value in values]
    assert map_records("{}", *records).types["v"] == kind
    pages = [[record] for record in records]  # a column may widen in the middle of a file
    positions = list(map_records("{}", *records).types)
    loaded = [row[positions.index("v")] for row in load(tmp_path, "{}", *pages)]
    assert str(loaded) == str(rows)  # as text, so that NaN equals NaN


def test_known_columns_keep_their_place_and_widen() -> None:
    known = columns_of(id="integer", gone="date", v="integer")
    result = map_records("key: id", {"v": 1.5, "id": 1, "new": "a"}, known=known)
    assert result.types == {"id": "integer", "gone": "date", "v": "number", "new": "string"}
    assert result.mapper.model("acme", "things").open


def test_untyped_fields_are_inferred_in_their_place() -> None:
    text = "fields: {a: a, b: {path: b, type: date}, c: c}"
    result = map_records(text, {"a": 1}, {"a": 2.5, "b": "2024-05-01"}, known=columns_of(c="boolean"))
    assert result.types == {"a": "number", "b": "date", "c": "boolean"}
    assert [column.declared for column in result.mapper.columns] == [False, True, False]


def test_a_field_that_never_had_a_value_is_text() -> None:
    assert map_records("fields: {a: a, b: b}", {"a": 1}).types == {"a": "integer", "b": "string"}


def test_r05_widening_changes_no_hash() -> None:
    alone = map_records("{}", {"v": 7})
    assert map_records("{}", {"v": "a"}, {"v": 7}).hashes[1] == alone.hashes[0]
    assert map_records("{}", {"v": 7}, known=columns_of(v="string")).hashes == alone.hashes


@pytest.mark.parametrize("record", ["text", 5, None, [1]])
def test_only_objects_have_members(record: Any) -> None:
    result = map_records("key: id", record)
    assert (result.lines, len(result.rejected)) == ([], 1)
    assert result.reasons[0].startswith("expected an object, got ")


def test_the_key_and_the_cursor_name_members_as_received() -> None:
    text = "{key: _id, incremental: {cursor: _seq}}"
    result = map_records(text, {"_id": "a", "_seq": 5}, {"_id": None, "_seq": 9})
    assert result.ids == [("U", '["a"]')]
    assert result.reasons == ["key _id is null"]
    assert result.mapped.watermark == 9
    assert result.mapper.model("acme", "things").key == ("_id_",)


def test_r22_a_cursor_that_cannot_be_compared_sets_its_record_aside() -> None:
    text = "{key: id, incremental: {cursor: at, type: timestamp}}"
    result = map_records(text, {"id": 1, "at": "2024-05-01"}, {"id": 2, "at": "soon"}, {"id": 3, "at": None})
    assert result.ids == [("U", "[1]"), ("S", "[2]"), ("U", "[3]")]
    assert result.reasons == ["at: the cursor cannot be compared: expected a timestamp, got text 'soon'"]
    assert result.mapped.watermark == "2024-05-01T00:00:00.000000Z"


def test_hostile_member_names_become_columns() -> None:
    names = [
        "_id",
        "_id_",
        "_ID",
        "Name",
        "name",
        "NAME",
        "",
        "_unnamed",
        "a b",
        'a"b',
        "a\0b",
        "\ud800",
        "é",
        "rowid",
    ]
    result = map_records("{}", dict.fromkeys(names, 1))
    columns = list(result.types)
    assert len({column.casefold() for column in columns}) == len(names)
    assert not {column.casefold() for column in columns} & {"_id", "", "rowid"}
    assert len(result.row) == len(names)


def test_column_names_are_the_same_in_every_run_whatever_the_order() -> None:
    first = map_records("{}", {"ID": 1, "id": 2, "_id": 3, "": 4, "id_": 5})
    again = map_records("{}", {"id_": 5, "": 4, "_id": 3, "id": 2, "ID": 1}, known=first.mapper.columns)
    assert again.mapper.columns == first.mapper.columns
    assert again.row == first.row


def test_names_that_differ_only_in_case_keep_apart(tmp_path: Path) -> None:
    result = map_records("{}", {"name": "a", "Name": "b"})
    assert sorted(result.row.values()) == ["a", "b"]
    assert load(tmp_path, "{}", [{"name": "a", "Name": "b"}]) == [("a", "b")]


def test_more_members_than_a_table_should_have_is_an_error_with_a_way_out() -> None:
    with pytest.raises(RunError) as caught:
        map_records("{}", *({f"id-{n}": 1} for n in range(2001)))
    assert caught.value.message == "the records have more than 2000 different members, which are no columns"
    assert "fields" in caught.value.hint


def test_records_of_ever_new_shapes_are_fine() -> None:
    names = [f"m{n}" for n in range(12)]
    records = [{name: n for bit, name in enumerate(names) if n >> bit & 1} for n in range(1, 2**11)]
    assert map_records("{}", *records).mapped.rows == len(records)


def test_large_and_deep_values_arrive_intact(tmp_path: Path) -> None:
    deep: Any = "bottom"
    for _ in range(600):
        deep = {"a": [deep]}
    record = {"deep": deep, "long": "é" * 1_000_000, "odd": {"x\0y": ["\ud83d\ude00", 2**80, 1e-300]}}
    ((found, text, odd),) = load(tmp_path, "{}", [record])
    for _ in range(600):
        found = found.removeprefix('{"a":[').removesuffix("]}")
    assert found == '"bottom"'
    assert text == "é" * 1_000_000
    assert json.loads(odd) == {"x\0y": ["😀", 2**80, 1e-300]}


def test_lone_surrogates_become_the_replacement_character(tmp_path: Path) -> None:
    record = {"a": "x\ud800y", "b": {"\udfff": ["\ud83d"]}}
    assert load(tmp_path, "{}", [record]) == [("x\ufffdy", '{"\ufffd":["\ufffd"]}')]
    keyed = "{key: a, fields: {a: {path: a, type: string}, b: {path: b, type: json}}}"
    assert map_records(keyed, record).ids == [("U", '["x\ufffdy"]')]


def test_300_members(tmp_path: Path) -> None:
    record = {f"m{n:03}": n for n in range(300)}
    assert load(tmp_path, "key: m000", [record]) == [tuple(range(300))]


def test_values_that_only_a_hook_can_return() -> None:
    class Text(str):
        __slots__ = ()

    result = map_records("{}", {"a": Text("x"), "b": (1, 2), "c": Decimal("1.50"), "d": object()})
    assert result.reasons == ["d: expected a value, got a Python object"]
    fine = map_records("{}", {"a": Text("x"), "b": (1, 2), "c": Decimal("1.50")})
    assert fine.row == {"a": "x", "b": [1, 2], "c": "1.50"}


def test_without_fields_where_still_drops_and_partitions_share_columns() -> None:
    mapper = mapper_of("{key: id, where: ok}")
    first = mapper.bind("a", {}).map([{"id": 1, "ok": True, "x": 1}, {"id": 2}], 0)
    second = mapper.bind("b", {}).map([{"y": 1, "id": 3, "ok": True}], first.next_ordinal)
    assert [column.name for column in mapper.columns] == ["id", "ok", "x", "y"]
    assert [json.loads(line)["k"] for line in (first.text + second.text).splitlines()] == [
        "[1]",
        "[2]",
        "[3]",
    ]
