"""Stored values keep what they are, whatever type their column gets."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncrun.shapes import ColumnType
from syncrun.stores.types import column_type, fold, quote, sql_type
from syncrun.stores.widen import convert, is_kept, widest
from tests.unit.stores.desk import Desk, columns, put

VALUES: dict[str, list[Any]] = {
    "integer": [0, -1, 7, 2**53, -(2**53)],
    "decimal(38,0)": ["0", "18446744073709551616", "-99999999999999999999999999999999999999"],
    "decimal(10,2)": ["0.10", "-12345678.90"],
    "number": [0.1, -1.5, 1e300, 5e-324, 3.0, 123456789.123],
    "boolean": [True, False],
    "string": ["", "7", "true", "null", '"quoted"', '{"a": 1}', "2024-05-01", "a\u0000b", "é🚀"],
    "timestamp": ["2024-05-01T12:00:00.123456Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59+05:30"],
    "date": ["2024-02-29", "0001-01-01"],
    "time": ["00:00:00", "23:59:59.999999"],
    "json": [{"b": [1, None, {"c": "x"}]}, [], "text", "7", 7, 1.5, True, 12345678901234567890123],
    "string[]": [["a", None, ""], []],
    "integer[]": [[1, None, -(2**63)], []],
}
EXACT = {"integer": 2**53 + 1, "decimal(38,0)": "9007199254740993", "decimal(10,2)": "12345678.91"}


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def kinds(*names: str) -> list[ColumnType]:
    return [ColumnType.parse(name) for name in names]


def insert(db: duckdb.DuckDBPyConnection, kind: ColumnType, value: Any) -> None:
    """Insert *value* into table `t` with its column of type *kind*."""
    text = json.dumps(value, separators=(",", ":")) if kind.base == "json" or kind.is_list else str(value)
    cast = "CAST(CAST(? AS JSON) AS {})" if kind.is_list else "CAST(? AS {})"
    db.execute(f"INSERT INTO t SELECT {cast.format(sql_type(kind))}", [None if value is None else text])


@pytest.mark.parametrize(("old", "new"), list(itertools.permutations(VALUES, 2)))
def test_no_value_is_lost_in_the_wider_type(db: duckdb.DuckDBPyConnection, old: str, new: str) -> None:
    before, other = kinds(old, new)
    numbers = {before.base, other.base} <= {"integer", "decimal", "number"}
    for fits in (True, False):
        wider = widest([before, other], lambda fits=fits: fits)
        if numbers and fits and old == "decimal(38,0)" and wider.base == "number":
            continue  # these do not fit, and widest was told that they do
        db.execute(f"CREATE OR REPLACE TABLE t (c {sql_type(before)})")
        for value in [None, *VALUES[old]]:
            insert(db, before, value)
        kept = is_kept("c", before, wider)
        assert db.execute(f"SELECT c FROM t WHERE c IS NOT NULL AND NOT ({kept})").fetchall() == []
        db.execute(f"ALTER TABLE t ALTER c TYPE {sql_type(wider)} USING {convert('c', before, wider)}")
        count = db.execute("SELECT count(*), count(c), count(DISTINCT c) FROM t").fetchall()
        assert count == [(len(VALUES[old]) + 1, len(VALUES[old]), len(VALUES[old]))], str(wider)


@given(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4), st.booleans())
def test_the_wider_type_depends_on_no_order_and_holds_itself(names: list[str], fits: bool) -> None:
    result = widest(kinds(*names), lambda: fits)
    assert widest(kinds(*reversed(names)), lambda: fits) == result
    assert widest([result, *kinds(*names)], lambda: fits) in {result, widest([result], lambda: fits)} or (
        result.base == "decimal"
    )


@pytest.mark.parametrize(
    ("types", "fits", "expected"),
    [
        (["integer"], False, "integer"),
        (["integer", "decimal(38,0)"], True, "decimal(38,0)"),
        (["integer", "number"], True, "number"),
        (["integer", "number"], False, "string"),
        (["integer", "decimal(38,0)", "number"], True, "number"),
        (["integer", "number", "string"], True, "string"),
        (["integer", "number", "json"], False, "json"),
        (["integer", "number", "integer[]"], True, "json"),
        (["boolean", "integer"], True, "string"),
        (["timestamp", "string"], True, "string"),
        (["string", "json"], True, "json"),
    ],
)
def test_what_types_have_in_common(types: list[str], fits: bool, expected: str) -> None:
    assert str(widest(kinds(*types), lambda: fits)) == expected


def inferred(desk: Desk, *steps: tuple[str, Any]) -> list[tuple[str, Any]]:
    """Commit a value in each step; return the column's type and the texts of its values after each."""
    result = []
    for number, (kind, value) in enumerate(steps):
        model = replace(desk.model, columns=columns({"id": "integer", "v": kind}), inferred=True, open=True)
        desk.commit(put(number, v=value), model=model)
        [column] = [c for c in desk.store.columns("lab", "items") if c.name == "v"]
        values = [row[0] for row in desk.rows("SELECT CAST(v AS VARCHAR) FROM lab.items ORDER BY id")]
        result.append((str(column.type), values))
    return result


def test_an_inferred_column_widens_step_by_step(desk: Desk) -> None:
    big = "18446744073709551616"
    assert inferred(desk, ("integer", 7), ("decimal(38,0)", big), ("string", "x"), ("json", {"a": 1})) == [
        ("integer", ["7"]),
        ("decimal(38,0)", ["7", big]),
        ("string", ["7", big, "x"]),
        ("json", ['"7"', f'"{big}"', '"x"', '{"a":1}']),
    ]


def test_integers_and_numbers_meet_in_number(desk: Desk) -> None:
    steps = inferred(desk, ("integer", 2**53), ("number", 0.5), ("integer", 3))
    assert steps[-1] == ("number", ["9007199254740992.0", "0.5", "3.0"])


@pytest.mark.parametrize("kind", EXACT)
def test_stored_integers_that_no_double_holds_become_text_beside_numbers(desk: Desk, kind: str) -> None:
    steps = inferred(desk, (kind, EXACT[kind]), ("number", 0.5))
    expected = "number" if kind == "decimal(10,2)" else "string"
    assert steps[-1] == (expected, [str(EXACT[kind]), "0.5"])


def test_staged_integers_that_no_double_holds_turn_a_column_of_numbers_to_text(desk: Desk) -> None:
    steps = inferred(desk, ("number", 1.0), ("integer", 2**53 + 1), ("integer", 4))
    assert steps[-1] == ("string", ["1.0", "9007199254740993", "4"])


def test_narrower_values_arrive_in_the_form_of_the_wider_column(desk: Desk) -> None:
    steps = inferred(desk, ("json", [1]), ("string", "x"), ("integer", 7), ("boolean", True), ("number", 1.5))
    assert steps[-1] == ("json", ["[1]", '"x"', "7", "true", "1.5"])


def test_values_that_are_no_numbers_survive_as_json(desk: Desk) -> None:
    steps = inferred(desk, ("number", "NaN"), ("number", "-Infinity"), ("json", [1]))
    assert steps[-1] == ("json", ['"nan"', '"-inf"', "[1]"])


@pytest.mark.parametrize(
    ("old", "value", "new", "kept"),
    [
        ("string", "2024-05-01T00:00:00Z", "timestamp", "2024-05-01 00:00:00+00"),
        ("string", "2024-05-01T02:00:00.5+02:00", "timestamp", "2024-05-01 00:00:00.5+00"),
        ("string", "2024-05-01 02:00:00+0200", "timestamp", "2024-05-01 00:00:00+00"),
        ("string", "2024-05-01T00:00:00", "timestamp", None),
        ("string", "2024-05-01T00:00:00.1234567Z", "timestamp", None),
        ("string", "2024-13-01T00:00:00Z", "timestamp", None),
        ("string", "2024-05-01", "date", "2024-05-01"),
        ("string", "1.5", "number", "1.5"),
        ("string", "3", "number", "3.0"),
        ("string", "03", "number", None),
        ("string", "9223372036854775808", "integer", None),
        ("string", "true", "boolean", "true"),
        ("string", "yes", "boolean", None),
        ("string", '["a","b"]', "string[]", "[a, b]"),
        ("string", "a", "string[]", None),
        ("string", '{"a": 1}', "json", '"{\\"a\\": 1}"'),
        ("json", "text", "string", "text"),
        ("json", {"a": 1}, "string", '{"a":1}'),
        ("json", "7", "string", None),
        ("json", 7, "integer", "7"),
        ("json", 7.5, "integer", None),
        ("json", ["a", "b"], "string[]", "[a, b]"),
        ("json", "2024-05-01T00:00:00Z", "timestamp", "2024-05-01 00:00:00+00"),
        ("json", 7, "timestamp", None),
        ("number", 3.0, "integer", "3"),
        ("number", 3.5, "integer", None),
        ("number", 0.1, "decimal(10,2)", "0.10"),
        ("number", 0.125, "decimal(10,2)", None),
        ("integer", 2**53 + 1, "number", None),
        ("integer", 1, "boolean", "true"),
        ("integer", 2, "boolean", None),
        ("decimal(10,2)", "1.50", "decimal(12,3)", "1.500"),
        ("decimal(10,2)", "1.55", "decimal(10,1)", None),
        ("timestamp", "2024-05-01T00:00:00Z", "date", "2024-05-01"),
        ("timestamp", "2024-05-01T00:00:01Z", "date", None),
        ("date", "2024-05-01", "timestamp", "2024-05-01 00:00:00+00"),
        ("integer[]", [1, 2], "string[]", "[1, 2]"),
    ],
)
def test_an_explicit_type_takes_only_values_that_it_keeps(
    db: duckdb.DuckDBPyConnection, old: str, value: Any, new: str, kept: str | None
) -> None:
    before, after = kinds(old, new)
    db.execute(f"CREATE OR REPLACE TABLE t (c {sql_type(before)})")
    insert(db, before, value)
    shown = f"CAST({convert('c', before, after)} AS VARCHAR)"
    [(is_so, text)] = db.execute(f"SELECT {is_kept('c', before, after)}, {shown} FROM t").fetchall()
    assert is_so == (kept is not None)
    assert kept is None or text == kept


@pytest.mark.parametrize("name", [*VALUES, "decimal(18,3)[]", "json[]"])
def test_types_are_read_back_as_they_were_written(name: str) -> None:
    assert column_type(sql_type(ColumnType.parse(name))) == ColumnType.parse(name)


@pytest.mark.parametrize("sql", ["HUGEINT", "STRUCT(a INTEGER)", "VARCHAR[3]", "ENUM('a')"])
def test_foreign_types_are_named(sql: str) -> None:
    with pytest.raises(ValueError, match="no column type is stored as"):
        column_type(sql)


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_quoted_names_come_back_from_duckdb(name: str) -> None:
    assert duckdb.execute(f"SELECT 1 AS {quote(name)}").description[0][0] == name


def test_only_ascii_letters_fold() -> None:
    assert fold("ÄbC") == "Äbc"
    with duckdb.connect() as db:
        db.execute('CREATE TABLE t ("é" INTEGER, "É" INTEGER)')
