from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.transform.bench import map_records, mapper_of

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
RECORDS = st.dictionaries(st.text(max_size=8), JSON, max_size=6)
KEYED = "{key: [a, b], fields: {a: {path: a, type: string}, b: {path: b, type: string}}}"


def hash_of(text: str, record: Any) -> str:
    (digest,) = map_records(text, record).hashes
    return digest


@pytest.mark.parametrize("value", [7, "7", 7.0, " 7", "7.0"])
def test_r04_the_key_is_typed(value: Any) -> None:
    assert map_records("{key: id, fields: {id: {path: id, type: integer}}}", {"id": value}).ids == [
        ("U", "[7]")
    ]


def test_r04_an_untyped_key_is_what_was_received() -> None:
    ids = [
        key for _, key in map_records("{key: id, fields: {id: id}}", {"id": 7}, {"id": 7.0}, {"id": "7"}).ids
    ]
    assert ids == ["[7]", "[7]", '["7"]']
    ids = [key for _, key in map_records("key: id", {"id": 7}, {"id": 7.0}, {"id": "7"}).ids]
    assert ids == ["[7]", "[7]", '["7"]']


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_r04_composite_keys_never_collide(first: tuple[str, str], second: tuple[str, str]) -> None:
    records = [{"a": a, "b": b} for a, b in (first, second)]
    one, two = (key for _, key in map_records(KEYED, *records).ids)
    assert (one == two) == (first == second)


@given(RECORDS)
def test_r04_a_dropped_or_rejected_record_has_the_id_it_has_when_mapped(record: dict[str, Any]) -> None:
    record["id"] = record.pop("a", 1)
    for text in ("{key: id, fields: {id: id}", "{key: id"):
        mapped = map_records(text + "}", record)
        dropped = map_records(text + ", where: '`false`'}", record)
        assert [key for _, key in dropped.ids] == [key for _, key in mapped.ids if mapped.rows]


@given(RECORDS, st.randoms(use_true_random=False))
def test_r05_the_hash_ignores_order_nulls_and_escapes(record: dict[str, Any], random: Any) -> None:
    def shuffle(value: Any) -> Any:
        if isinstance(value, dict):
            members = list(value.items())
            random.shuffle(members)
            return {name: shuffle(member) for name, member in members}
        return [shuffle(element) for element in value] if isinstance(value, list) else value

    other = {**shuffle(record), "\0absent": None}
    for rewritten in (json.loads(json.dumps(other)), json.loads(json.dumps(other, ensure_ascii=False))):
        assert hash_of("{}", rewritten) == hash_of("{}", record)


@given(JSON, JSON)
def test_r05_different_content_has_different_hashes(first: Any, second: Any) -> None:
    text = "fields: {v: {path: v, type: json}}"
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (hash_of(text, {"v": first}) == hash_of(text, {"v": second})) == same


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("{path: v, type: number}", [7, 7.0, "7", "7.00", "7e0"]),
        ("{path: v, type: number}", [0, 0.0, -0.0, "-0"]),
        ("{path: v, type: number}", [1e22, "1e22", 10**22]),
        ("{path: v, type: integer}", [7, 7.0, "7"]),
        ("{path: v, type: 'decimal(10,2)'}", [7, 7.0, "7.00"]),
        ("{path: v, type: boolean}", [True, "true", 1]),
        ("{path: v, type: timestamp}", ["2024-05-01T10:00:00Z", "2024-05-01T12:00:00.000+02:00"]),
        ("{path: v, type: json}", [{"a": 1, "b": 2}, {"b": 2, "a": 1}]),
        ("v", [7, 7.0]),
        ("v", [0, -0.0]),
        ("{path: v, type: integer}", [None, ""]),
    ],
)
def test_r05_equal_values_of_a_field_hash_alike(field: str, values: list[Any]) -> None:
    text = f"fields: {{v: {field}, w: w}}"
    assert len({hash_of(text, {"v": value, "w": 1}) for value in values}) == 1


@pytest.mark.parametrize("text", ["fields: {v: v}", "{}"])
def test_r05_values_without_a_type_differ_when_their_json_does(text: str) -> None:
    values = [
        7,
        7.5,
        "7",
        True,
        "true",
        [7],
        {"v": 7},
        2**70,
        float(2**70),
        str(2**70),
        1e-7,
        "1e-07",
        1e22,
        "1e+22",
    ]
    assert len({hash_of(text, {"v": value}) for value in values}) == len(values)


def test_r05_volatile_fields_are_left_out() -> None:
    text = "fields: {a: a, seen: {path: seen, hash: false}}"
    assert hash_of(text, {"a": 1, "seen": 1}) == hash_of(text, {"a": 1, "seen": 2})
    assert hash_of(text, {"a": 1, "seen": 1}) != hash_of(text, {"a": 2, "seen": 1})
    assert [column.hashed for column in mapper_of(text).columns] == [True, False]


def test_r05_a_new_field_without_value_and_another_order_change_nothing() -> None:
    record = {"a": 1, "b": "x"}
    assert hash_of("fields: {a: a, b: b}", record) == hash_of("fields: {c: c, b: b, a: a}", record)


def test_r05_hashes_do_not_change_between_versions() -> None:
    text = """
        key: id
        fields:
          id: {path: id, type: integer}
          n: {path: n, type: number}
          at: {path: at, type: timestamp}
          tags: {path: tags, type: "string[]"}
          extra: {path: extra, type: json}
          name: name
    """
    record = {
        "id": "1",
        "n": 1e22,
        "at": "2024-05-01T12:00:00+02:00",
        "tags": ["é"],
        "extra": {"b": 1, "a": [1.5, None]},
        "name": "\U0001f600",
    }
    assert hash_of(text, record) == "921436613d4d2d6ef6617dedfd3002fe"


def test_r05_hashes_do_not_depend_on_the_process() -> None:
    program = (
        "from tests.unit.transform.bench import map_records; "
        "print(map_records('{}', {'a': 1, 'b': {'y': 1, 'x': 2}}).hashes[0])"
    )
    run = [sys.executable, "-c", program]
    root = Path(__file__).parents[3]
    paths = os.pathsep.join([str(root), *(p for p in sys.path if p)])
    digests = {
        subprocess.run(
            run,
            env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {hash_of("{}", {"b": {"x": 2, "y": 1}, "a": 1}).encode() + b"\n"}


def test_records_without_key_are_identified_by_content_and_occurrence() -> None:
    mapper = mapper_of("fields: {n: {path: n, type: integer}}")
    bound = mapper.bind("", {})
    lines = [json.loads(line) for line in bound.map([{"n": 1}, {"n": "1"}, {"n": 2}], 0).text.splitlines()]
    lines += [json.loads(line) for line in bound.map([{"n": 1}], 3).text.splitlines()]
    one, two = lines[0]["h"], lines[2]["h"]
    assert [line["k"] for line in lines] == [f"{one}#1", f"{one}#2", f"{two}#1", f"{one}#3"]


def test_r09_records_without_key_have_ids_of_their_partition() -> None:
    mapper = mapper_of("fields: {n: n}")
    ids = [
        json.loads(mapper.bind(p, {}).map([{"n": 1}], 0).text.splitlines()[0])["k"]
        for p in ("eu", "us", "eu")
    ]
    assert len(set(ids)) == 3
    assert [key.rpartition("#")[2] for key in ids] == ["1", "1", "2"]
    again = mapper_of("fields: {n: n}")
    assert json.loads(again.bind("us", {}).map([{"n": 1}], 0).text.splitlines()[0])["k"] == ids[1]
