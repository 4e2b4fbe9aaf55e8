"""R24: an encrypted database: nothing of the records rests on disk as it is, and the key is never shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from syncrun.engine.job import Runtime
from syncrun.errors import StoreError
from syncrun.stores import memory_folder
from syncrun.stores.cipher import load_cipher
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.memory_folder import own_memory
from tests.api import Api
from tests.cli.conftest import CONNECTOR
from tests.project_folder import ProjectFolder

KEY = "correct horse 'battery' staple"
SECRET = "Ada Lovelace, 1 Analytical Way"
NEEDS_MODULE = pytest.mark.skipif(
    not load_cipher(duckdb.connect()), reason="DuckDB's module httpfs is not installed for this version"
)


@pytest.fixture(autouse=True)
def memory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the file system in memory."""
    folder = tmp_path_factory.mktemp("memory")
    monkeypatch.setattr(memory_folder, "_MEMORY", folder)
    return folder


@pytest.fixture
def locked(api: Api, tmp_path: Path) -> ProjectFolder:
    """A project whose database is encrypted, with a published copy."""
    api.clear()
    api.on("GET /items", json=[{"id": n, "name": f"{SECRET} {n}"} for n in range(2000)])
    folder = ProjectFolder(tmp_path, env={"DB_KEY": KEY})
    folder.write("connectors/store.yaml", CONNECTOR)
    folder.write_project(acme={"connector": "store", "config": {"url": api.url}})
    text = (folder.folder / "syncrun.yaml").read_text(encoding="utf-8")
    folder.write("syncrun.yaml", text + 'publish: read.duckdb\nencryption_key: "${env.DB_KEY}"\n')
    return folder


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


@NEEDS_MODULE
def test_r24_no_file_beside_the_project_shows_a_record_while_it_runs_or_after(
    locked: ProjectFolder, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Path] = []
    steps: list[str] = []

    def look(step: str) -> None:
        steps.append(step)
        shown.extend(path for path, content in contents(locked.folder) if SECRET.encode() in content)

    plain = DuckDBStore.__init__

    def watched(self: DuckDBStore, *args: object, **options: object) -> None:
        plain(self, *args, **{**options, "fault": look})  # type: ignore[arg-type]

    monkeypatch.setattr(DuckDBStore, "__init__", watched)
    locked.run("acme/items")
    look("after")
    assert (shown, steps[-2:]) == ([], ["committed", "after"])
    names = {path.name for path, _ in contents(locked.folder)}
    assert {"data.duckdb", "read.duckdb"} <= names
    assert [path for path, _ in contents(memory)] == []


@NEEDS_MODULE
def test_every_command_works_with_the_key(locked: ProjectFolder) -> None:
    locked.run("acme/items")
    assert locked.run("acme/items").counts("items") == (0, 0, 0, 2000)
    query = locked.syncrun("query", "SELECT count(*) AS n FROM store.items", "-f", "csv")
    assert (query.exit_code, query.stdout) == (0, "n\n2000\n")
    assert SECRET in locked.syncrun("records", "acme/items", "--limit", "1", "-f", "jsonl").stdout
    assert locked.syncrun("dryrun", "acme/items").exit_code == 0
    assert locked.syncrun("list").exit_code == 0


@NEEDS_MODULE
def test_a_wrong_key_is_told_and_never_shown(locked: ProjectFolder) -> None:
    locked.run("acme/items")
    locked._env["DB_KEY"] = "hunter2"
    done = locked.syncrun("query", "SELECT 1")
    assert (done.exit_code, done.stdout, done.stderr) == (
        1,
        "",
        (
            f"error: {locked.database}: the encryption key is not the one that it was written with\n"
            "  hint: check what `encryption_key` of the project reads\n"
        ),
    )


@NEEDS_MODULE
def test_an_encrypted_database_without_a_key_says_what_to_write(locked: ProjectFolder) -> None:
    locked.run("acme/items")
    text = (locked.folder / "syncrun.yaml").read_text(encoding="utf-8")
    locked.write("syncrun.yaml", text.replace('encryption_key: "${env.DB_KEY}"\n', ""))
    assert locked.syncrun("query", "SELECT 1").stderr == (
        f"error: {locked.database}: the database is encrypted, and the project has no key\n"
        '  hint: write `encryption_key: "${env.SYNCRUN_DB_KEY}"` in syncrun.yaml\n'
    )


def test_a_database_that_is_not_encrypted_is_not_taken_for_one(locked: ProjectFolder) -> None:
    with duckdb.connect(str(locked.database)) as db:
        db.execute("CREATE TABLE t (a INTEGER)")
    assert locked.syncrun("query", "SELECT 1").stderr == (
        f"error: {locked.database}: the database is not encrypted, and the project has a key\n"
        "  hint: move the file away and run again with --full, or take `encryption_key` out\n"
    )


def test_a_key_that_is_not_set_is_told_before_anything_is_fetched(locked: ProjectFolder, api: Api) -> None:
    del locked._env["DB_KEY"]
    done = locked.syncrun("run", "acme/items")
    assert (done.exit_code, done.stderr) == (
        2,
        (
            "error: the key of the database is not set: there is no variable DB_KEY\n"
            "  hint: set DB_KEY in the environment or in .env\n"
        ),
    )
    assert api.requests == []


def test_a_key_in_the_file_is_refused_and_not_shown(locked: ProjectFolder) -> None:
    text = (locked.folder / "syncrun.yaml").read_text(encoding="utf-8")
    locked.write("syncrun.yaml", text.replace("${env.DB_KEY}", "hunter2"))
    done = locked.syncrun("validate")
    assert "a key does not belong in this file" in done.stderr + done.stdout
    assert "hunter2" not in done.stderr + done.stdout


def test_without_the_module_nothing_is_written(
    locked: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncrun.stores.instances.load_cipher", lambda db: False)
    report = locked.run("acme/items", exit_code=1).reports["items"]
    assert (report["message"], report["hint"]) == (
        f"{locked.database}: DuckDB can write an encrypted database only with its module httpfs",
        "pip install 'syncrun[encryption]', or INSTALL httpfs in any DuckDB of the same version",
    )
    assert not locked.database.exists()


def test_runs_of_an_encrypted_database_stage_in_memory(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "data.duckdb", key=KEY)
    runtime = Runtime(store, tmp_path / "data.duckdb")
    assert runtime.staging_folder.parent == own_memory() == runtime.passing_folder
    assert own_memory().stat().st_mode & 0o777 == 0o700


def test_without_such_memory_an_encrypted_database_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_folder, "_MEMORY", tmp_path / "none")
    with pytest.raises(StoreError) as refused:
        own_memory()
    assert str(refused.value) == (
        f"an encrypted database needs a file system in memory for what runs stage: there is no {tmp_path}/none\n"
        "  hint: run on Linux, or take `encryption_key` out and keep the project on an encrypted disk"
    )
