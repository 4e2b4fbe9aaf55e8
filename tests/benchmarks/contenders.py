"""Those who do the same job: the command of each, and the files that it needs in its folder."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.benchmarks.project import write_project

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


class Contender(Protocol):
    """A way to do the job; modes are full, changes, cursor, members, small and help."""

    name: str
    modes: frozenset[str]

    def prepare(self, folder: Path, url: str, connections: int) -> None:
        """Write what the command needs into *folder*."""

    def command(self, mode: str, url: str, connections: int) -> list[str]:
        """Return the command that does the job in its folder."""

    def live(self, mode: str) -> str:
        """Return the SQL that counts the live records afterwards."""


@dataclass(frozen=True)
class Syncrun:
    """The project itself."""

    name: str = "syncrun"
    modes: frozenset[str] = frozenset({"full", "changes", "cursor", "members", "small", "help"})

    def prepare(self, folder: Path, url: str, connections: int) -> None:
        """Write the project folder."""
        write_project(folder, url, connections)

    def command(self, mode: str, url: str, connections: int) -> list[str]:
        """Return `syncrun run` of the mode's sync."""
        del url, connections
        if mode == "help":
            return [sys.executable, "-m", "syncrun", "--help"]
        targets = ["--all", "--jobs", "4"] if mode == "small" else [f"bench/{mode}"]
        return [sys.executable, "-m", "syncrun", "run", "--quiet", *targets]

    def live(self, mode: str) -> str:
        """Count the view of the sync."""
        return f"SELECT count(*) FROM {'small.kind_0' if mode == 'small' else f'bench.{mode}'}"


@dataclass(frozen=True)
class Expert:
    """The script written by hand."""

    name: str = "expert"
    modes: frozenset[str] = frozenset({"full", "changes", "cursor", "members", "small"})

    def prepare(self, folder: Path, url: str, connections: int) -> None:
        """Nothing is needed."""

    def command(self, mode: str, url: str, connections: int) -> list[str]:
        """Return the script's command."""
        return [sys.executable, str(HERE / "expert.py"), url, "data.duckdb", mode, str(connections)]

    def live(self, mode: str) -> str:
        """Count what is not deleted."""
        return f"SELECT count(*) FROM {'small_0' if mode == 'small' else 'contacts'} WHERE deleted_at IS NULL"


@dataclass(frozen=True)
class Dlt:
    """The rest_api source of dlt, run by the *python* of its own environment."""

    python: str
    name: str = "dlt"
    modes: frozenset[str] = frozenset({"full", "changes", "cursor", "members"})

    def prepare(self, folder: Path, url: str, connections: int) -> None:
        """Nothing is needed."""

    def command(self, mode: str, url: str, connections: int) -> list[str]:
        """Return the pipeline's command."""
        del connections
        return [self.python, str(HERE / "dlt_pipeline.py"), url, mode]

    def live(self, mode: str) -> str:
        """Count its table."""
        del mode
        return "SELECT count(*) FROM bench.contacts"


def environment() -> dict[str, str]:
    """Return the environment of all commands, in which the package of this source tree is found.

    Python may keep what it has compiled, as it does for people.
    """
    left_out = ("SYNCRUN_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**kept, "PYTHONPATH": os.pathsep.join((str(ROOT / "runner"), str(ROOT)))}


def has_dlt(python: str) -> bool:
    """Return whether *python* can run dlt."""
    return subprocess.run([python, "-c", "import dlt"], capture_output=True, check=False).returncode == 0


def count(folder: Path, sql: str) -> int:
    """Return the one number that *sql* gives; asked in a process of its own, which the figures do not see."""
    program = "import sys, duckdb; print(duckdb.connect('data.duckdb', read_only=True).execute(sys.argv[1]).fetchone()[0])"
    done = subprocess.run(
        [sys.executable, "-c", program, sql], cwd=folder, capture_output=True, text=True, check=True
    )
    return int(done.stdout)
