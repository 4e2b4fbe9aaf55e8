"""`syncrun query`: rows in the format that the next program wants."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from io import StringIO
from pathlib import Path

import duckdb
import pytest

from tests.project_folder import ProjectFolder, clean_environment

ROWS = "SELECT id, name FROM store.items ORDER BY id"
TYPES = """SELECT 1::HUGEINT AS big, 1.50::DECIMAL(9,2) AS price, TIMESTAMPTZ '2024-05-01 12:00:00+02' AS at,
NULL AS none, [1, 2] AS list, {'a': 'é'} AS part, '{"x": [1]}'::JSON AS doc, true AS yes, 'a,"b"' AS text"""


@pytest.fixture
def filled(project: ProjectFolder) -> ProjectFolder:
    project.run("acme/items")
    return project


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("table", "id   name\n─────────\n 1   one \n 2   two \n"),
        ("csv", "id,name\n1,one\n2,two\n"),
        ("json", '[\n {"id": 1, "name": "one"},\n {"id": 2, "name": "two"}\n]\n'),
        ("jsonl", '{"id": 1, "name": "one"}\n{"id": 2, "name": "two"}\n'),
    ],
)
def test_rows_in_each_format(filled: ProjectFolder, form: str, text: str) -> None:
    done = filled.syncrun("query", ROWS, "--format", form)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == text
    if form == "table":
        assert filled.syncrun("query", ROWS).stdout == text


def test_values_of_every_kind(filled: ProjectFolder) -> None:
    assert filled.syncrun("query", TYPES, "-f", "csv").stdout.splitlines()[1] == (
        '1,1.50,2024-05-01T10:00:00Z,,"[1, 2]","{""a"": ""é""}","{""x"": [1]}",true,"a,""b"""'
    )
    [row] = json.loads(filled.syncrun("query", TYPES, "-f", "json").stdout)
    assert row["doc"] == {"x": [1]}
    assert (row["none"], row["list"], row["part"], row["yes"]) == (None, [1, 2], {"a": "é"}, True)


def test_markup_in_a_value_is_text(filled: ProjectFolder) -> None:
    assert "[red]x[/red]" in filled.syncrun("query", "SELECT '[red]x[/red]' AS a").stdout


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out.jsonl", "out.parquet"])
def test_the_name_of_the_output_says_the_format(filled: ProjectFolder, name: str) -> None:
    done = filled.syncrun("query", ROWS + "; -- all of them", "-o", name)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    path = filled.folder / name
    read = {"csv": "read_csv", "parquet": "read_parquet"}.get(path.suffix[1:], "read_json")
    assert duckdb.execute(f"SELECT id, name FROM {read}('{path}')").fetchall() == [(1, "one"), (2, "two")]


def test_parquet_keeps_the_types(filled: ProjectFolder) -> None:
    filled.syncrun("query", "SELECT * FROM store.items", "--format", "parquet", "--output", "items")
    types = duckdb.execute(f"DESCRIBE SELECT * FROM read_parquet('{filled.folder}/items')").fetchall()
    assert [(name, kind) for name, kind, *_ in types] == [
        ("id", "BIGINT"),
        ("name", "VARCHAR"),
        ("_connection", "VARCHAR"),
        ("_first_seen_at", "TIMESTAMP WITH TIME ZONE"),
        ("_last_modified_at", "TIMESTAMP WITH TIME ZONE"),
    ]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_query_that_fails_half_way_leaves_the_file_that_was_there(filled: ProjectFolder, name: str) -> None:
    path = filled.write(name, "before")
    sql = "SELECT CASE WHEN i < 100000 THEN '1' ELSE 'x' END::INTEGER AS n FROM range(200000) r(i)"
    assert filled.syncrun("query", sql, "-o", name).exit_code == 1
    assert path.read_text() == "before"
    assert not [p for p in filled.folder.iterdir() if p.name.startswith(".")]


def test_an_output_that_cannot_be_written_is_told(filled: ProjectFolder) -> None:
    done = filled.syncrun("query", ROWS, "-o", "nowhere/out.csv")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: there is no folder nowhere\n  hint: create it, or name another file\n",
    )
    done = filled.syncrun("query", ROWS, "-o", "connectors")
    assert done.exit_code == 2
    assert "File 'connectors' is a directory" in done.stderr


def test_sql_comes_from_standard_input_and_from_files(
    filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.write("q.sql", f"\ufeff-- all of them\n{ROWS};\n")
    expected = "id,name\n1,one\n2,two\n"
    assert filled.syncrun("query", "--file", "q.sql", "-f", "csv").stdout == expected
    assert filled.syncrun("query", "@q.sql", "-f", "csv").stdout == expected
    monkeypatch.setattr("sys.stdin", StringIO(ROWS))
    assert filled.syncrun("query", "-", "-f", "csv").stdout == expected


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "there is no SQL"),
        (["SELECT 1", "--file", "q.sql"], "the SQL and --file both say what to ask"),
        (["@nowhere.sql"], "cannot read nowhere.sql: No such file or directory"),
        (["--file", "bytes.sql"], "cannot read bytes.sql: it is not UTF-8 text"),
        (["@empty.sql"], "the SQL is empty"),
    ],
)
def test_sql_that_cannot_be_had_is_told(filled: ProjectFolder, args: list[str], message: str) -> None:
    filled.write("q.sql", ROWS)
    filled.write("empty.sql", " \n")
    (filled.folder / "bytes.sql").write_bytes(b"SELECT '\xff'")
    done = filled.syncrun("query", *args)
    assert (done.exit_code, done.stderr.splitlines()[0]) == (2, f"error: {message}")


def test_files_are_read_only_when_that_is_allowed(filled: ProjectFolder) -> None:
    filled.write("prices.csv", "id,price\n1,5\n")
    sql = f"SELECT name, price FROM store.items JOIN read_csv('{filled.folder}/prices.csv') USING (id)"
    done = filled.syncrun("query", sql, "-f", "csv")
    assert (done.exit_code, done.stderr) == (
        1,
        (
            f"error: a query reads nothing but the database, and not {filled.folder}/prices.csv\n"
            "  hint: syncrun query --allow-files lets it read files\n"
        ),
    )
    assert filled.syncrun("query", sql, "-f", "csv", "--allow-files").stdout == "name,price\none,5\n"
    assert filled.syncrun("query", sql, "-o", "x.parquet", "--allow-files").exit_code == 0


@pytest.mark.parametrize("command", [["query", ROWS], ["records", "acme/items"]])
@pytest.mark.parametrize(
    "name", ["data.duckdb", "./data.duckdb", "data.duckdb.wal", "link", "other.db", "lite"]
)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_no_output_takes_the_place_of_a_database(
    filled: ProjectFolder, command: list[str], name: str, form: str
) -> None:
    (filled.folder / "link").symlink_to("data.duckdb")
    duckdb.connect(str(filled.folder / "other.db")).close()
    with closing(sqlite3.connect(filled.folder / "lite")) as lite:
        lite.execute("CREATE TABLE t (a)")
    before = {path: path.read_bytes() for path in filled.folder.iterdir() if path.is_file()}
    done = filled.syncrun(*command, "-f", form, "-o", name)
    assert done.exit_code == 2
    assert "is not replaced\n  hint: name another file" in done.stderr
    assert {path: path.read_bytes() for path in filled.folder.iterdir() if path.is_file()} == before


def test_no_cursor_file_takes_the_place_of_a_database(filled: ProjectFolder) -> None:
    done = filled.syncrun("records", "acme/items", "--cursor-file", "data.duckdb")
    assert done.exit_code == 2
    assert filled.syncrun("query", ROWS).exit_code == 0


def syncrun(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `$syncrun` is the command."""
    command = f"syncrun() {{ '{sys.executable}' -m syncrun \"$@\"; }}; set -o pipefail; {script}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("form", ["csv", "table"])
def test_a_reader_that_goes_away_is_no_error(filled: ProjectFolder, form: str) -> None:
    done = syncrun(filled.folder, f"syncrun query 'FROM range(300000) t(n)' -f {form} | head -n 2")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told(filled: ProjectFolder) -> None:
    for target in ("> /dev/full", "-o /dev/full"):
        done = syncrun(filled.folder, f"syncrun query 'FROM range(9) t(n)' {target}")
        assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_pipes_and_devices_can_be_written(filled: ProjectFolder) -> None:
    done = syncrun(filled.folder, f"syncrun query '{ROWS}' -f csv -o /dev/stdout | cat")
    assert done.stdout == "id,name\n1,one\n2,two\n"
    assert filled.syncrun("query", ROWS, "-f", "csv", "-o", "-").stdout == done.stdout
