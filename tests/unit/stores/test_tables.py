"""The table and the view of a model: what they look like, and how they follow the YAML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from syncrun.errors import StoreError
from syncrun.shapes import Column, ColumnType
from syncrun.stores.types import quote
from tests.lab import Lab
from tests.unit.stores.desk import START, Desk, columns, gone, put

SYSTEM = [
    ("_connection", "VARCHAR"),
    ("_id", "VARCHAR"),
    ("_partition", "VARCHAR"),
    ("_hash", "VARCHAR"),
    ("_seq", "BIGINT"),
    ("_action", "VARCHAR"),
    ("_first_seen_at", "TIMESTAMP WITH TIME ZONE"),
    ("_last_modified_at", "TIMESTAMP WITH TIME ZONE"),
    ("_deleted_at", "TIMESTAMP WITH TIME ZONE"),
    ("_pruned_at", "TIMESTAMP WITH TIME ZONE"),
    ("_run_id", "VARCHAR"),
]
SHOWN = ["_connection", "_first_seen_at", "_last_modified_at"]


def shape(desk: Desk, name: str) -> list[tuple[str, str]]:
    result = desk.store.query(f"SELECT * FROM lab.{name} LIMIT 0")
    list(result.rows)
    return list(zip(result.columns, result.types, strict=True))


def view(desk: Desk) -> list[str]:
    return [name for name, _ in shape(desk, "items") if name not in SHOWN]


# A column type, a value as it is staged, the type in DuckDB, and the text of what is stored.
STORED = [
    ("string", "x", "VARCHAR", "x"),
    ("integer", 2**63 - 1, "BIGINT", "9223372036854775807"),
    ("number", 0.1, "DOUBLE", "0.1"),
    ("decimal(10,2)", "12345678.90", "DECIMAL(10,2)", "12345678.90"),
    ("boolean", True, "BOOLEAN", "true"),
    ("timestamp", "2024-05-01T12:00:00.5+02:00", "TIMESTAMP WITH TIME ZONE", "2024-05-01 10:00:00.5+00"),
    ("date", "2024-05-01", "DATE", "2024-05-01"),
    ("time", "12:00:01", "TIME", "12:00:01"),
    ("json", {"b": [1, None], "a": 2**64}, "JSON", '{"b":[1,null],"a":18446744073709551616}'),
    ("string[]", ["x", None], "VARCHAR[]", '["x",null]'),
    ("decimal(38,0)[]", ["9" * 38], "DECIMAL(38,0)[]", f"[{'9' * 38}]"),
    ("json[]", [1, "x"], "JSON[]", '[1,"x"]'),
    ("date[]", ["2024-05-01"], "DATE[]", '["2024-05-01"]'),
]


def test_every_type_has_a_column(tmp_path: Path) -> None:
    types = {f"a {kind}": kind for kind, *_ in STORED}
    desk = Desk(tmp_path, types=types)
    desk.commit(put(1, **{f"a {kind}": value for kind, value, *_ in STORED}))
    fields = [(f"a {kind}", sql) for kind, _, sql, _ in STORED]
    assert shape(desk, "items__records") == fields + SYSTEM
    assert shape(desk, "items") == fields + [column for column in SYSTEM if column[0] in SHOWN]
    assert desk.store.columns("lab", "items") == columns(types)
    shown = [f"to_json({quote(name)})" if name.endswith("[]") else quote(name) for name in types]
    [row] = desk.rows(f"SELECT {', '.join(f'CAST({value} AS VARCHAR)' for value in shown)} FROM lab.items")
    assert row == tuple(text for *_, text in STORED)


def test_names_may_be_anything(tmp_path: Path) -> None:
    names = [
        "select",
        'a"b',
        "a.b",
        "a'b",
        "überraschung 🚀",
        " ",
        "x" * 255,
        "SELECT 1; --",
        "c0",
        "i",
        "rowid",
        "k",
    ]
    desk = Desk(tmp_path, types=dict.fromkeys(names, "string"))
    desk.model = replace(desk.model, connector='we"ird.select', name='a"b.c;')
    desk.sync = replace(desk.sync, connector='we"ird.select')
    desk.commit(put(1, **{name: name for name in names}))
    desk.commit(put(1, **{name: name + "!" for name in names}))
    desk.commit(
        put(2, **{name: name for name in names}), put(1, **{name: name + "!" for name in names}), gone(2)
    )
    [row] = desk.store.live('we"ird.select', 'a"b.c;', "acme")
    assert [row[name] for name in names] == [name + "!" for name in names]
    assert [column.name for column in desk.store.columns('we"ird.select', 'a"b.c;')] == names
    assert desk.store.partitions('we"ird.select', 'a"b.c;', "acme") == {""}


def test_three_hundred_columns_are_fine(tmp_path: Path) -> None:
    types = {f"field {n}": "string" for n in range(320)}
    desk = Desk(tmp_path, types=types)
    desk.commit(*(put(key, **{name: f"{key} {name}" for name in types}) for key in range(3)))
    assert len(view(desk)) == 320
    assert desk.rows('SELECT "field 319" FROM lab.items ORDER BY 1')[2] == ("2 field 319",)


@pytest.mark.parametrize("name", ["syncrun", "main", "TEMP", "information_schema"])
def test_reserved_schemas_are_refused(desk: Desk, name: str) -> None:
    with pytest.raises(StoreError) as caught:
        desk.commit(put(1), model=replace(desk.model, connector=name))
    assert caught.value.message == f"no connector can be named {name}: DuckDB or syncrun uses that schema"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["id", "_SEQ"], "lab.items: the column name _SEQ is reserved"),
        (["id", "ID"], "lab.items: two columns are named ID"),
    ],
)
def test_columns_that_cannot_be_are_refused(desk: Desk, names: list[str], message: str) -> None:
    with pytest.raises(StoreError) as caught:
        desk.commit(put(1), model=replace(desk.model, columns=columns(dict.fromkeys(names, "string"))))
    assert caught.value.message == message
    assert desk.store.columns("lab", "items") == ()


def test_a_database_may_be_named_like_its_connector(tmp_path: Path) -> None:
    from syncrun.stores.duckdb import DuckDBStore

    desk = Desk(tmp_path)
    for name in ("lab", "syncrun", "items", "temp"):
        store = DuckDBStore(tmp_path / f"{name}.duckdb")
        store.commit(desk.build([[put(1, name="one")]]))
        assert list(store.query("SELECT name FROM lab.items").rows) == [("one",)]
        assert list(store.query("SELECT model FROM syncrun.runs").rows) == [("items",)]


def test_a_view_works_under_every_name_of_its_database(desk: Desk) -> None:
    import duckdb

    desk.commit(put(1, name="one"))
    moved = desk.path.rename(desk.folder / "lab.duckdb")
    with duckdb.connect(str(moved), read_only=True) as db:
        assert db.execute("SELECT name FROM lab.lab.items").fetchall() == [("one",)]
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{moved}' AS other (READ_ONLY)")
        assert db.execute("SELECT name FROM other.lab.items").fetchall() == [("one",)]


def test_the_view_shows_fields_in_yaml_order_and_new_ones_where_they_belong(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    types = {"size": "number", "id": "integer", "tags": "json", "name": "string"}
    desk.commit(put(1, name="one", size=1.5, tags=["x"]), model=replace(desk.model, columns=columns(types)))
    assert view(desk) == ["size", "id", "tags", "name"]
    assert desk.rows("SELECT size, id, tags, name FROM lab.items") == [(1.5, 1, '["x"]', "one")]
    assert [column.name for column in desk.store.columns("lab", "items")] == ["id", "name", "size", "tags"]


def test_a_dropped_field_leaves_the_view_and_stays_in_the_table(desk: Desk) -> None:
    desk.commit(put(1, name="one"), put(2, name="two"))
    less = replace(desk.model, columns=columns({"id": "integer"}))
    desk.commit(put(1), put(2, name="two"), model=less)
    assert view(desk) == ["id"]
    assert desk.rows("SELECT id, name FROM lab.items__records ORDER BY id") == [(1, None), (2, "two")]
    desk.commit(put(1, name="again"))
    assert desk.live() == {1: "again", 2: "two"}


def test_a_field_that_changes_its_case_is_the_same_column(desk: Desk) -> None:
    desk.commit(put(1, name="one"))
    desk.commit(
        put(2, NAME="two"), model=replace(desk.model, columns=columns({"id": "integer", "NAME": "string"}))
    )
    assert view(desk) == ["id", "NAME"]
    assert desk.live() == {1: "one", 2: "two"}


def test_staged_columns_go_by_name_and_those_without_a_field_are_left_out(desk: Desk) -> None:
    files = [[put(1, name="one", old="x")]]
    desk.store.commit(desk.build(files, types={"old": "json", "name": "string", "id": "integer"}))
    assert desk.live() == {1: "one"}
    assert [column.name for column in desk.store.columns("lab", "items")] == ["id", "name"]


def test_an_inferred_table_grows_with_the_files(tmp_path: Path) -> None:
    desk = Desk(tmp_path, types={"id": "integer"})
    desk.model = replace(desk.model, inferred=True, open=True)
    desk.commit(put(1, a="x"), types={"id": "integer", "a": "string"})
    desk.commit(put(2, b=True), types={"id": "integer", "b": "boolean"})
    assert view(desk) == ["id", "a", "b"]
    desk.commit()
    assert view(desk) == ["id", "a", "b"]
    assert desk.rows(
        "SELECT * EXCLUDE (_connection, _first_seen_at, _last_modified_at) FROM lab.items ORDER BY id"
    ) == [
        (1, "x", None),
        (2, None, True),
    ]


def test_files_of_one_commit_may_have_different_columns(tmp_path: Path) -> None:
    desk = Desk(tmp_path, types={})
    desk.model = replace(desk.model, inferred=True, open=True)
    commit = desk.build([[put(1, a=1)], [put(2, b="x", a=2.5)]])
    staged = [desk.stage([put(1, a=1)], columns({"id": "integer", "a": "integer"}))]
    staged.append(
        desk.stage([put(2, b="x", a=2.5)], columns({"a": "number", "b": "string", "id": "integer"}))
    )
    desk.store.commit(replace(commit, staged=staged))
    assert desk.store.columns("lab", "items") == columns({"id": "integer", "a": "number", "b": "string"})
    assert desk.rows("SELECT id, a, b FROM lab.items ORDER BY id") == [(1, 1.0, None), (2, 2.5, "x")]


def test_inferred_fields_of_a_mapping_leave_the_view_when_the_yaml_drops_them(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.model = replace(desk.model, inferred=True)
    desk.commit(put(1, name="one"))
    desk.commit(put(1), model=replace(desk.model, columns=columns({"id": "integer"})))
    assert view(desk) == ["id"]


def test_a_declared_type_holds_beside_inferred_ones(desk: Desk) -> None:
    desk.commit(put(1, name="2024-05-01T00:00:00Z"))
    declared = (Column("id", ColumnType("integer")), Column("name", ColumnType("timestamp"), declared=True))
    desk.commit(
        put(2, name="2024-05-02T00:00:00Z"), model=replace(desk.model, columns=declared, inferred=True)
    )
    assert [str(column.type) for column in desk.store.columns("lab", "items")] == ["integer", "timestamp"]
    assert desk.rows("SELECT max(name) - min(name) = INTERVAL 1 DAY FROM lab.items") == [(True,)]


def test_a_type_that_changes_takes_the_stored_values_along_and_tombstones_too(desk: Desk) -> None:
    desk.commit(put(1, name="7"), put(2, name="-12"), put(3, name=None))
    desk.commit(gone(2))
    changed = replace(desk.model, columns=columns({"id": "string", "name": "integer"}))
    desk.commit(put(1, name="7"), model=changed)
    assert shape(desk, "items")[:2] == [("id", "VARCHAR"), ("name", "BIGINT")]
    assert desk.rows("SELECT id, name FROM lab.items__records ORDER BY 1") == [
        ("1", 7),
        ("2", -12),
        ("3", None),
    ]


def test_a_type_change_that_would_lose_values_is_refused_with_an_example(desk: Desk) -> None:
    desk.commit(put(1, name="7"), put(2, name="seven"), put(3, name="007"))
    before = desk.rows("SELECT * FROM lab.items__records ORDER BY _seq")
    with pytest.raises(StoreError) as caught:
        desk.commit(
            put(4, name=4), model=replace(desk.model, columns=columns({"id": "integer", "name": "integer"}))
        )
    assert str(caught.value) == (
        "lab.items: column name: of the stored values, 2 cannot change from string to integer without loss,"
        " such as 007\n  hint: keep the type string, or give the field a new name"
    )
    assert desk.rows("SELECT * FROM lab.items__records ORDER BY _seq") == before


def test_staged_values_that_their_column_cannot_hold_are_refused(desk: Desk) -> None:
    types = {"id": "string", "name": "string"}
    with pytest.raises(StoreError) as caught:
        desk.store.commit(desk.build([[put("x", name="one")]], types=types))
    assert caught.value.message == (
        "lab.items: column id: of the staged values, 1 cannot change from string to integer without loss,"
        " such as x"
    )
    desk.store.commit(desk.build([[put("12", name="one")]], types=types))
    assert desk.live() == {12: "one"}


def test_a_table_in_the_place_of_the_view_is_left_alone(desk: Desk) -> None:
    import duckdb

    with duckdb.connect(str(desk.path)) as db:
        db.execute("CREATE SCHEMA lab; CREATE TABLE lab.items AS SELECT 1 AS mine")
    with pytest.raises(StoreError, match=r"lab\.items is a table that syncrun did not make"):
        desk.commit(put(1))
    assert desk.rows("SELECT mine FROM lab.items") == [(1,)]


def test_raw_may_be_switched_on_later(desk: Desk) -> None:
    desk.commit(put(1))
    desk.commit(put(2, raw=[1]), model=replace(desk.model, raw=True))
    desk.commit(put(3))
    assert desk.rows("SELECT _raw FROM lab.items__records ORDER BY _seq") == [(None,), ("[1]",), (None,)]


def test_live_records_are_json_values_oldest_change_first(tmp_path: Path) -> None:
    types = {
        "id": "integer",
        "at": "timestamp",
        "on": "date",
        "price": "decimal(30,2)",
        "tags": "json",
        "days": "date[]",
    }
    desk = Desk(tmp_path, types=types)
    lines = [
        put(
            1,
            at="2024-05-01T00:00:00.5Z",
            on="2024-05-01",
            price="12.50",
            tags={"a": [1]},
            days=["2024-05-01", None],
        ),
        put(2, price="1234567890123456789012345678.01", tags="x"),
        put(3, price="12345678901234567890123.00"),
    ]
    desk.commit(*lines)
    desk.commit(put(1, **{**lines[0]["fields"], "on": "2024-05-02"}), gone(4))
    nothing = dict.fromkeys(("at", "on", "price", "tags", "days"))
    first = {
        "id": 1,
        "at": "2024-05-01T00:00:00.500000Z",
        "on": "2024-05-02",
        "price": 12.5,
        "tags": {"a": [1]},
    }
    assert list(desk.store.live("lab", "items", "acme")) == [
        {**nothing, "id": 2, "price": "1234567890123456789012345678.01", "tags": "x", "_id": "2", "_seq": 2},
        {**nothing, "id": 3, "price": 12345678901234567890123, "_id": "3", "_seq": 3},
        {**first, "days": ["2024-05-01", None], "_id": "1", "_seq": 4},
    ]
    assert [row["id"] for row in desk.store.live("lab", "items", "acme", since_seq=2)] == [3, 1]
    assert list(desk.store.live("lab", "items", "globex")) == []


def test_live_records_belong_to_one_moment_and_leave_the_file_free(desk: Desk) -> None:
    desk.commit(*(put(n, name="old") for n in range(5_000)))
    records = desk.store.live("lab", "items", "acme")
    assert next(records)["name"] == "old"
    desk.commit(*(put(n, name="new") for n in range(5_000)))
    assert {record["name"] for record in records} == {"old"}
    assert desk.rows("SELECT min(_first_seen_at) = ? FROM lab.items", START) == [(False,)]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "xlsx", "items"])
@pytest.mark.parametrize("there", [False, True], ids=["", "beside a file of that name"])
def test_models_may_be_called_as_kinds_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, *, there: bool
) -> None:
    """DuckDB takes `"lab"."csv"` for a file where there is no such table."""
    monkeypatch.chdir(tmp_path)
    if there:
        (tmp_path / f"lab.{kind}").write_text("a,b\n1,2\n", encoding="utf-8")
        (tmp_path / f"{kind}.items").write_text("a,b\n1,2\n", encoding="utf-8")
    lab = Lab(tmp_path)
    for connector, sync in (("lab", kind), (kind, "items")):
        lab.write(
            f"connector: {connector}\nversion: 1.0.0\nbase_url: https://api.test\nsyncs:\n"
            f"  {sync}: {{request: /, pagination: none, key: id, history: true, fields: {{id: id}}}}\n"
        )
        lab.api = lambda _: [{"id": 1}]
        assert lab.dry_run().report.status == "ok"
        assert [lab.run().status for _ in range(2)] == ["ok", "ok"]
        assert lab.live() == [{"id": 1}]
        assert lab.rows(f"SELECT id FROM {connector}.{sync}") == [(1,)]
        assert lab.feed() == [(1, "ADDED")]
