"""A project folder as a user has it: files written by hand, `syncrun` run in it, the database queried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import yaml

import syncrun
from syncrun import cli
from syncrun.engine.outside import Outside

COUNTS = ("added", "updated", "deleted", "unchanged")


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """What `--json` wrote, one object an event."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def reports(self) -> dict[str, dict[str, Any]]:
        """The `run_finished` event of every sync, by the sync's name."""
        return {event["sync"]: event for event in self.events if event["event"] == "run_finished"}

    def counts(self, sync: str) -> tuple[int, int, int, int]:
        """How many records a sync's run added, updated, deleted, and found unchanged."""
        report = self.reports[sync]
        added, updated, deleted, unchanged = (report[name] for name in COUNTS)
        return added, updated, deleted, unchanged


class ProjectFolder:
    """A folder with `syncrun.yaml`, and the commands that are run in it."""

    def __init__(self, folder: Path, *, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._env = {**clean_environment(), "XDG_CACHE_HOME": str(folder / ".cache"), **(env or {})}

    @property
    def database(self) -> Path:
        """The database file of the project; DuckDB's catalog has its name, so it is named like no schema."""
        return self.folder / "data.duckdb"

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def write_project(self, **connections: Mapping[str, Any]) -> None:
        """Write `syncrun.yaml` with these connections."""
        self.write(
            "syncrun.yaml", yaml.safe_dump({"database": self.database.name, "connections": connections})
        )

    def syncrun(self, *args: str, outside: Outside | None = None) -> Outcome:
        """Run one command in the folder, as its process would; the process itself is left out for speed."""
        out, err = StringIO(), StringIO()
        with (
            chdir(self.folder),
            patch.dict(os.environ, self._env, clear=True),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            exit_code = cli.execute(list(args), outside)
        return Outcome(int(exit_code), out.getvalue(), err.getvalue())

    @contextmanager
    def started(self, *args: str) -> Iterator[subprocess.Popen[str]]:
        """Run one command in a process of its own; it is killed should the block leave it running."""
        process = subprocess.Popen(
            [sys.executable, "-m", "syncrun", *args],
            cwd=self.folder,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def run(self, *args: str, exit_code: int = 0) -> Outcome:
        """Run `syncrun run --json`, and check how it ends."""
        outcome = self.syncrun("run", "--json", *args)
        assert outcome.exit_code == exit_code, f"exit {outcome.exit_code}\n{outcome.stdout}\n{outcome.stderr}"
        assert outcome.events[-1]["event"] == "finished", outcome.stdout
        return outcome

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Query the database file as any client would."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def records(self, relation: str, *, order: str) -> list[dict[str, Any]]:
        """Return the live records of `connector.model`, without the columns that syncrun adds."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            cursor = connection.execute(f"SELECT * FROM {relation} ORDER BY {order}")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return [{name: row[name] for name in names if not name.startswith("_")} for row in rows]


def clean_environment() -> dict[str, str]:
    """Return the environment without settings of syncrun, finding the syncrun that the tests import."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SYNCRUN_")}
    return {**kept, "PYTHONPATH": str(Path(syncrun.__file__).parents[1]), "NO_COLOR": "1"}
