"""What a run relies on: the database that it began with, and the project that its connection is of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Basis:
    """A state of a database: its identity, and the number and the mark of its newest commit (0: none yet)."""

    identity: str
    commit: int = 0
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of the project that a connection is of, and the database file that it names."""

    project: str
    file: str
