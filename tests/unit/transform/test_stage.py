from __future__ import annotations

import stat
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest

from syncrun.transform.stage import Staging
from tests.unit.transform.bench import columns_of, load, mapper_of, read_staged

ALL = """
    key: id
    fields:
      id: {path: id, type: integer}
      name: {path: name, type: string}
      score: {path: score, type: number}
      price: {path: price, type: "decimal(10,2)"}
      ok: {path: ok, type: boolean}
      at: {path: at, type: timestamp}
      day: {path: day, type: date}
      hour: {path: hour, type: time}
      extra: {path: extra, type: json}
      tags: {path: tags, type: "string[]"}
      times: {path: times, type: "timestamp[]"}
      prices: {path: prices, type: "decimal(4,1)[]"}
"""


def test_every_type_arrives_in_duckdb(tmp_path: Path) -> None:
    full = {
        "id": "9223372036854775807",
        "name": "a\0'\"\\\n\u2028😀",
        "score": 1e-7,
        "price": 12.3,
        "ok": "true",
        "at": "2024-05-01T12:00:00.123456+02:00",
        "day": "2024-05-01",
        "hour": "23:59:59.5",
        "extra": {"b": [1, None, "x\0"], "a": 2**70},
        "tags": ["a", None, 1],
        "times": ["2024-05-01", None],
        "prices": ["1.5", 2],
    }
    edge = {
        "id": 2,
        "score": "-Infinity",
        "at": "0001-01-01",
        "day": "9999-12-31",
        "extra": "text",
        "tags": [],
    }
    assert load(tmp_path, ALL, [full], [edge, {"id": 3}]) == [
        (
            2**63 - 1,
            "a\0'\"\\\n\u2028😀",
            1e-7,
            Decimal("12.30"),
            True,
            datetime(2024, 5, 1, 10, 0, 0, 123456, UTC),
            date(2024, 5, 1),
            time(23, 59, 59, 500000),
            '{"a":1180591620717411303424,"b":[1,null,"x\\u0000"]}',
            ["a", None, "1"],
            [datetime(2024, 5, 1, tzinfo=UTC), None],
            [Decimal("1.5"), Decimal("2.0")],
        ),
        (
            2,
            None,
            float("-inf"),
            None,
            None,
            datetime(1, 1, 1, tzinfo=UTC),
            date(9999, 12, 31),
            None,
            '"text"',
            [],
            None,
            None,
        ),
        (3, *(None,) * 11),
    ]


def test_files_are_sealed_in_order_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    mapper = mapper_of("{key: id, fields: {id: {path: id, type: integer}}}")
    bound = mapper.bind("", {})
    staging = Staging(tmp_path / "run")
    staging.write(bound.map([{"id": 1}, {"id": None}], 0), mapper.columns)
    assert (staging.rows, staging.rejected) == (1, 1)
    staged, rejected = staging.seal()
    assert (staging.rows, staging.rejected, staging.bytes) == (0, 0, 0)
    staging.write(bound.map([{"id": 2}, {"id": 3}], 2), mapper.columns)
    staged_too, rejected_too = staging.seal()
    files = [file.path.name for file in (*staged, *staged_too, *rejected, *rejected_too)]
    assert files == ["rows-000001.jsonl", "rows-000002.jsonl", "rejected-000001.jsonl"]
    assert [file.rows for file in (*staged, *staged_too, *rejected)] == [1, 2, 1]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "run").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    assert read_staged(staged_too[0]) == [(2,), (3,)]


def test_bytes_are_those_of_the_files(tmp_path: Path) -> None:
    mapper = mapper_of("{key: id, fields: {id: {path: id, type: integer}}}")
    staging = Staging(tmp_path)
    staging.write(mapper.bind("", {}).map([{"id": 1}, {}], 0), mapper.columns)
    counted = staging.bytes
    staging.seal()
    assert counted == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_nothing_written_seals_to_nothing(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "run")
    mapper = mapper_of("fields: {id: id}")
    staging.write(mapper.bind("", {}).map([], 0), mapper.columns)
    assert staging.seal() == ([], [])
    assert not (tmp_path / "run").exists()


def test_columns_that_grow_stay_in_one_file(tmp_path: Path) -> None:
    mapper = mapper_of("key: id")
    bound = mapper.bind("", {})
    staging = Staging(tmp_path)
    for ordinal, record in enumerate(
        [{"id": 1, "v": 1}, {"id": 2, "v": "x"}, {"id": 3, "v": True, "w": {"a": 1}}]
    ):
        staging.write(bound.map([record], ordinal), mapper.columns)
    (file,), _ = staging.seal()
    assert [(c.name, str(c.type)) for c in file.columns] == [
        ("id", "integer"),
        ("v", "string"),
        ("w", "json"),
    ]
    assert read_staged(file) == [(1, "1", None), (2, "x", None), (3, "true", '{"a":1}')]


def test_columns_that_move_begin_another_file(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    bound = mapper_of("fields: {a: a}").bind("", {})
    staging.write(bound.map([{"a": 1}], 0), columns_of(a="integer"))
    staging.write(bound.map([{"a": 1}], 1), columns_of(b="integer"))
    assert staging.rows == 2
    staged, _ = staging.seal()
    assert [[column.name for column in file.columns] for file in staged] == [["a"], ["b"]]
    assert [file.path.name for file in staged] == ["rows-000001.jsonl", "rows-000002.jsonl"]


@pytest.mark.parametrize("sealed", [True, False])
def test_discarding_removes_what_was_written_and_nothing_else(tmp_path: Path, sealed: bool) -> None:
    other = tmp_path / "rows-000007.jsonl"
    other.write_text("kept")
    mapper = mapper_of("{key: id, fields: {id: id}}")
    staging = Staging(tmp_path)
    staging.write(mapper.bind("", {}).map([{"id": 1}, {}], 0), mapper.columns)
    if sealed:
        (file,), _ = staging.seal()
        assert file.path.name == "rows-000008.jsonl"
    staging.discard()
    assert list(tmp_path.iterdir()) == [other]
    assert (staging.rows, staging.bytes) == (0, 0)


def test_discarding_everything_removes_the_folder(tmp_path: Path) -> None:
    mapper = mapper_of("fields: {id: id}")
    staging = Staging(tmp_path / "run")
    staging.write(mapper.bind("", {}).map([{"id": 1}], 0), mapper.columns)
    staging.discard()
    assert not (tmp_path / "run").exists()
