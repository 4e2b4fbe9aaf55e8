"""^C ends whatever is waited for: the database that somebody holds, a query that takes too long."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import duckdb
import pytest

from tests.project_folder import ProjectFolder


def test_waiting_for_the_database_can_be_interrupted(project: ProjectFolder) -> None:
    project.run("acme/items")
    with duckdb.connect(str(project.database)), project.started("run", "acme/items") as process:
        assert process.stderr is not None
        assert "which is held by" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 130


@pytest.mark.parametrize(
    "args", [["query", "FROM store.items"], ["list"], ["checkpoint", "show", "acme/items"]]
)
def test_looking_at_a_held_database_can_be_interrupted(project: ProjectFolder, args: list[str]) -> None:
    project.run("acme/items")
    with duckdb.connect(str(project.database)), project.started(*args) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"waiting for {project.database}, which is held by ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err.strip()) == (130, "", "")


def test_a_query_can_be_interrupted(project: ProjectFolder, tmp_path: Path) -> None:
    project.run("acme/items")
    fifo = tmp_path / "rows"
    os.mkfifo(fifo)
    endless = "(SELECT 1 FROM range(1000000000000) WHERE random() < 2)"
    sql = f"SELECT count(*) FROM {endless}, read_csv('{fifo}')"
    with project.started("query", "--allow-files", sql) as process:
        with fifo.open("w") as rows:  # opening waits until the query reads it
            rows.write("n\n1\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err.strip()) == (130, "", "")
