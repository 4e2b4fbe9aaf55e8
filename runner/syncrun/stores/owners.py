"""Whose staged lines and stored records a statement is about: one run's, or those of several in one go.

The statements of a merge are written once. `Owner` and `Owners` fill in the words that differ: a single run's
facts are parameters, those of several are in `temp.member`, a row each, which lines name by its number `n`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syncrun.stores.types import UNNEST_ROWS, bind_rows, quote_text
from syncrun.stores.values.commit import Commit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MEMBER = {
    "n": "INTEGER",
    "connection": "VARCHAR",
    "run": "VARCHAR",
    "at": "TIMESTAMPTZ",
    "since": "TIMESTAMPTZ",
    "sync": "VARCHAR",
    "at_once": "BOOLEAN",
}


@dataclass(frozen=True, slots=True)
class Owners:
    """The words: expressions for an owner's facts, and how lines and records are told to have the same one.

    *mine* is a condition on a stored record `r`, *same* goes on with a join of staged lines and stored
    records, *number* leads the columns of `temp.change`, *of_change* joins its rows with their owners.
    *given* are the parameters of *mine* and *connection*, *facts* those of *at* and *run*.
    """

    connection: str
    at: str
    run: str
    mine: str
    given: Mapping[str, Any]
    facts: Mapping[str, Any]
    same: str = ""
    number: str = ""
    of_change: str = ""


def one(commit: Commit) -> Owners:
    """Return the words for the run of *commit* alone."""
    mine = {"connection": commit.run.sync.connection}
    facts = {"at": commit.at, "run": commit.run.id}
    return Owners("$connection", "$at", "$run", "r._connection = $connection", mine, facts)


def several(connections: Collection[str]) -> Owners:
    """Return the words for runs of different *connections* that are in `temp.member`."""
    names = ", ".join(map(quote_text, connections))
    return Owners(
        "m.connection",
        "m.at",
        "m.run",
        f"r._connection IN ({names})",
        {},
        {},
        same=" AND stored.connection = staged.c",
        number="staged.n, ",
        of_change=" JOIN temp.member AS m ON m.n = c.n",
    )


def fill_members(db: DuckDBPyConnection, commits: Sequence[Commit]) -> None:
    """Make `temp.member` of the runs of *commits*, numbered as they come."""
    rows = [
        {
            "n": number,
            "connection": commit.run.sync.connection,
            "run": commit.run.id,
            "at": commit.at,
            "since": commit.run.started_at,
            "sync": commit.run.sync.sync,
            "at_once": commit.deletes is not None and commit.deletes.at_once,
        }
        for number, commit in enumerate(commits)
    ]
    db.execute(f"CREATE OR REPLACE TEMP TABLE member AS {UNNEST_ROWS}", bind_rows(rows, _MEMBER))
